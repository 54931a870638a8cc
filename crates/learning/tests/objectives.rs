//! Models of every kind keep the laws of objectives or of classifiers, and learn what they are for.

use bitneuron_compress::factor::TrainEmbedding;
use bitneuron_core::{Dataset, Params, Seed};
use bitneuron_learning::data::{Blobs, Purchases, Rating, Ratings, Spirals, Taste};
use bitneuron_learning::model::{
    self, AutoEncoder, Convolution, Embedding, KMeans, Layer, LinearSvm, Lloyd, Loss, MaskAware,
    MatrixFactorisation, Mlp, Model, ModelError, SoftmaxRegression, TwoTower,
};
use bitneuron_learning::optim::{self, Descent, Objective, Session, Step};
use bitneuron_learning::{Batch, Update, UpdateError, eval, suite};
use std::sync::Arc;

#[test]
fn classifiers_of_every_kind_keep_the_laws() {
    let cnn = model::named("cnn:3x3x2-3c3s2-3").expect("known");
    assert_eq!((cnn.inputs(), cnn.outputs()), (18, 3));
    let models: [(&str, &dyn Model); 6] = [
        ("one versus rest", &LinearSvm::new(4, 3, Loss::OneVersusRest).expect("small")),
        ("Crammer and Singer", &LinearSvm::new(4, 3, Loss::Margin).expect("small")),
        (
            "a support vector machine by its name for softmax",
            &LinearSvm::new(4, 3, Loss::CrossEntropy).expect("small"),
        ),
        ("convolutions", cnn.as_ref()),
        ("gaps", &MaskAware::new(Mlp::new(&[6, 5, 3]).expect("small")).expect("even")),
        ("a shared model", &cnn),
    ];
    for (name, model) in models {
        suite::model(model).unwrap_or_else(|broken| panic!("{name}: {broken}"));
    }
    assert!(MaskAware::new(SoftmaxRegression::new(3, 2).expect("small")).is_err(), "an odd number of inputs");
}

#[test]
fn gaps_have_no_slope_and_their_place_no_value() {
    let model = MaskAware::new(Mlp::new(&[6, 5, 3]).expect("small")).expect("even");
    let params = model.init(Seed::from_number(1));
    let x = [0.4, f32::NAN, 0.2];
    let mut slopes = [9.0; 3];
    model.input_gradient(params.values(), &Batch::new(&x, &[1]), &mut slopes).expect("fits");
    assert!(
        slopes[1].to_bits() == 0 && slopes[0].abs() > 0.0 && slopes.iter().all(|slope| slope.is_finite())
    );
    // As the inner model sees it.
    let (mut outer, mut inner) = ([0.0; 3], [0.0; 3]);
    model.scores(params.values(), &x, &mut outer).expect("fits");
    model.inner().scores(params.values(), &[0.4, 0.0, 0.2, 1.0, 0.0, 1.0], &mut inner).expect("fits");
    assert_eq!(outer.map(f32::to_bits), inner.map(f32::to_bits));
}

#[test]
fn convolutions_learn_what_is_where() {
    // Whether the bright column of an image stands left or right of the middle, at any height and with noise.
    let draw = |seed: u64| {
        use rand::RngExt as _;
        let mut rng = Seed::from_number(seed).rng();
        let labels: Vec<u32> = (0..200).map(|row| row % 2).collect();
        let mut features = Vec::new();
        for label in &labels {
            let column = 4 * *label as usize + rng.random_range(0..4);
            let noise: Vec<f32> = (0..64).map(|_| 0.5 * rng.random::<f32>()).collect();
            features.extend(
                noise
                    .iter()
                    .enumerate()
                    .map(|(at, noise)| if at % 8 == column { 0.5 + noise } else { *noise }),
            );
        }
        Dataset::new(ndarray::Array2::from_shape_vec((200, 64), features).expect("64"), labels).expect("fits")
    };
    let convolution = Convolution::new([8, 8, 1], 4, 3, 2).expect("small");
    assert_eq!(convolution.output(), [4, 4, 4]);
    let layers = vec![Layer::Convolution(convolution), Layer::Dense { inputs: 64, outputs: 2 }];
    let model: Arc<dyn Model> = Arc::new(Mlp::of(layers).expect("widths meet"));
    let mut params = model.init(Seed::from_number(1));
    let mut adam = optim::named("adam:rate=0.01,batch=20,epochs=15", &model).expect("known");
    adam.update(&mut params, &draw(1), 0, Seed::from_number(1)).expect("converges");
    let accuracy = eval::accuracy(model.as_ref(), params.values(), &draw(2)).expect("fits");
    assert!(accuracy > 0.95, "{accuracy}");
    let layers = vec![Layer::Convolution(convolution), Layer::Dense { inputs: 63, outputs: 2 }];
    assert!(matches!(Mlp::of(layers), Err(ModelError::Widths(_))));
}

/// Parameters where the laws are judged: not at a corner of the function.
fn place(params: &Params) -> Vec<f32> {
    params
        .values()
        .iter()
        .enumerate()
        .map(|(at, value)| value + 0.05 * ((at * 7 % 11) as f32 / 11.0 - 0.4))
        .collect()
}

fn blobs(rows: usize, features: usize, distance: f32, part: &str) -> Dataset {
    Blobs { rows, features, classes: 3, distance }.draw(Seed::from_number(4), part)
}

#[test]
fn what_is_no_classifier_keeps_the_laws_of_objectives() {
    let data = blobs(6, 4, 2.0, "judged");
    let encoder = AutoEncoder::new(&[4, 5, 2]).expect("small");
    suite::objective(&encoder, &place(&encoder.init(Seed::from_number(1))), &data).expect("an auto-encoder");
    let centres = KMeans::new(2, 4).expect("small");
    let start = centres.spread(&data, Seed::from_number(1)).expect("rows");
    suite::objective(&centres, &place(&start), &data).expect("k-means");

    let (known, _) =
        Taste { users: 5, items: 8, dimensions: 2, each: 5, noise: 0.1 }.draw(Seed::from_number(2));
    let factors = MatrixFactorisation::new(8, 2, 0.2).expect("small");
    suite::objective(&factors, &place(&factors.init(Seed::from_number(3))), &known)
        .expect("factors of items");

    let mut purchases = Purchases::default();
    for (history, item, bought) in
        [(&[0u32, 3, 3][..], 5, true), (&[1], 2, false), (&[], 4, true), (&[5, 2], 0, false), (&[7], 7, true)]
    {
        purchases.push(history, item, bought);
    }
    let train = TrainEmbedding::new(&[2, 2, 2], &[2, 1, 2], &[2, 2]).expect("small");
    for table in [Embedding::Dense { rows: 8, width: 4 }, Embedding::Train(train)] {
        let towers = TwoTower::new(table, 3).expect("small");
        // Rows of size one half: near zero the loss is flat.
        let at: Vec<f32> =
            place(&towers.init(Seed::from_number(1))).iter().map(|value| 1.5 * value).collect();
        suite::objective(&towers, &at, &purchases).unwrap_or_else(|broken| panic!("{towers:?}: {broken}"));
    }
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let narrow = blobs(6, 3, 2.0, "narrow");
    let mut rng = Seed::default().rng();
    let mut session = Session::new(&mut rng);
    let encoder = AutoEncoder::new(&[4, 2]).expect("small");
    assert!(encoder.cases(&narrow).is_err() && encoder.loss(&[0.0; 22], &narrow).is_err());
    assert!(encoder.gradient(&[0.0; 22], &narrow, &[0, 1], &mut session, &mut [0.0; 22]).is_err());
    let centres = KMeans::new(2, 4).expect("small");
    assert!(centres.cases(&narrow).is_err() && centres.spread(&narrow, Seed::default()).is_err());
    assert!(centres.gradient(&[0.0; 8], &narrow, &[0], &mut session, &mut [0.0; 8]).is_err());
    assert!(centres.spread(&blobs(0, 4, 2.0, "none"), Seed::default()).is_err());
    let factors = MatrixFactorisation::new(3, 2, 0.1).expect("small");
    let ratings = Ratings { users: vec![vec![Rating { item: 3, value: 1.0 }]] };
    assert!(matches!(factors.cases(&ratings), Err(ModelError::Label { label: 3, classes: 3 })));
    assert!(factors.loss(&[0.1; 9], &ratings).is_err());
    let endless = Ratings { users: vec![vec![Rating { item: 0, value: f32::INFINITY }]] };
    assert!(matches!(factors.loss(&[0.1; 9], &endless), Err(ModelError::NotFinite)));
    let towers = TwoTower::new(Embedding::Dense { rows: 3, width: 2 }, 2).expect("small");
    let mut purchases = Purchases::default();
    purchases.push(&[3], 0, true);
    assert!(towers.cases(&purchases).is_err() && towers.scores(&[0.1; 14], &purchases).is_err());
    for wrong in [AutoEncoder::new(&[4]), AutoEncoder::new(&[4, 0]), AutoEncoder::new(&[])] {
        assert!(wrong.is_err());
    }
    assert!(KMeans::new(0, 3).is_err() && KMeans::new(1 << 20, 1 << 20).is_err());
    assert!(MatrixFactorisation::new(3, 2, 0.0).is_err() && MatrixFactorisation::new(3, 0, 0.1).is_err());
    assert!(TwoTower::new(Embedding::Dense { rows: 3, width: 2 }, 0).is_err());
}

#[test]
fn an_auto_encoder_tells_what_is_unlike() {
    // Points near a plane of ten dimensions.
    let plane = Blobs { rows: 300, features: 2, classes: 1, distance: 0.0 };
    let rows = |part: &str| {
        let flat = plane.draw(Seed::from_number(1), part);
        let wide = ndarray::Array2::from_shape_fn((300, 10), |(row, column)| {
            let (a, b) = (flat.features()[[row, 0]], flat.features()[[row, 1]]);
            0.3 * (a * (column as f32).cos() + b * (column as f32 * 1.7).sin())
        });
        Dataset::new(wide, vec![0; 300]).expect("fits")
    };
    let model = Arc::new(AutoEncoder::new(&[10, 16, 2]).expect("small"));
    let mut params = model.init(Seed::from_number(2));
    let mut adam = Descent::new(model.clone(), 0.005, 20).with_step(Step::Adam).with_epochs(40);
    let progress = adam.update(&mut params, &rows("train"), 0, Seed::from_number(1)).expect("converges");
    assert!(progress.loss_after < 0.1 * progress.loss_before, "{progress:?}");
    let report = rows("report");
    let mean = |data: &Dataset| model.loss(params.values(), data).expect("fits");
    let beside = Dataset::new(report.features().mapv(|value| value) + 0.5, vec![0; 300]).expect("fits");
    assert!(mean(&beside) > 3.0 * mean(&report), "{} {}", mean(&beside), mean(&report));
}

#[test]
fn centres_find_the_clouds_by_both_ways() {
    let data = blobs(300, 4, 12.0, "train");
    let model = KMeans::new(3, 4).expect("small");
    let start = model.spread(&data, Seed::from_number(1)).expect("rows");
    let mut by_lloyd = start.clone();
    let mut lloyd = Lloyd::new(model.clone(), 10);
    let progress = lloyd.update(&mut by_lloyd, &data, 0, Seed::default()).expect("finite");
    assert!(progress.loss_after <= progress.loss_before && progress.samples == 3_000);
    let mut by_descent = start;
    let mut descent = Descent::new(Arc::new(model.clone()), 0.5, 30).with_epochs(10);
    descent.update(&mut by_descent, &data, 0, Seed::from_number(1)).expect("finite");
    for centres in [&by_lloyd, &by_descent] {
        let of = model.assign(centres.values(), &data).expect("fits");
        // Rows share a centre just if they share a cloud.
        for (a, b) in (0..30).flat_map(|a| (0..30).map(move |b| (a, b))) {
            assert_eq!(of[a] == of[b], data.labels()[a] == data.labels()[b]);
        }
    }
    let mut wrong = Params::zeros(Arc::clone(KMeans::new(2, 4).expect("small").layout()));
    assert!(matches!(lloyd.update(&mut wrong, &data, 0, Seed::default()), Err(UpdateError::Layout)));
    let mut centres = by_lloyd.clone();
    let endless = Dataset::new(ndarray::Array2::from_elem((2, 4), f32::NAN), vec![0; 2]).expect("fits");
    assert!(matches!(
        lloyd.update(&mut centres, &endless, 0, Seed::default()),
        Err(UpdateError::Diverged { .. })
    ));
    assert_eq!(centres, by_lloyd);
}

#[test]
fn factors_of_items_know_what_users_like() {
    let taste = Taste { users: 300, items: 60, dimensions: 3, each: 25, noise: 0.1 };
    let (known, hidden) = taste.draw(Seed::from_number(1));
    assert!(
        known.users.iter().zip(&hidden.users).all(|(known, hidden)| known.len() == 20 && hidden.len() == 5)
    );
    let model = Arc::new(MatrixFactorisation::new(60, 3, 0.3).expect("small"));
    let mut params = model.init(Seed::from_number(2));
    let flat = MatrixFactorisation::new(60, 1, 1e6).expect("small");
    let average =
        flat.error(&Params::zeros(Arc::clone(flat.layout())).into_values(), &known, &hidden).expect("fits");
    let mut adam = Descent::new(model.clone(), 0.03, 30).with_step(Step::Adam).with_epochs(40);
    let progress = adam.update(&mut params, &known, 0, Seed::from_number(3)).expect("converges");
    let error = model.error(params.values(), &known, &hidden).expect("fits");
    println!("root mean squared error {error}, without factors {average}, noise 0.1: {progress:?}");
    assert!(error < 0.3 && error < 0.3 * average, "{error} {average}");
    // Items are what is sent: a user that was never seen is served by them.
    let (newcomers, theirs) = taste.draw(Seed::from_number(1));
    assert_eq!((&newcomers, &theirs), (&known, &hidden));
    let user = model.profile(params.values(), &known.users[0]).expect("fits");
    let rating = hidden.users[0][0];
    let told = model.predict(params.values(), &user, rating.item).expect("fits");
    assert!((told - rating.value).abs() < 1.0, "{told} {}", rating.value);
    assert!(model.predict(params.values(), &user, 60).is_err());
}

#[test]
fn towers_learn_from_a_train_of_cores() {
    // Items of 4·4·4; users buy what shares the first digit with their history.
    let draw = |seed: u64| {
        use rand::RngExt as _;
        let mut rng = Seed::from_number(seed).rng();
        let mut cases = Purchases::default();
        for case in 0..2_000 {
            let kind = rng.random_range(0..4u32);
            let mut like = |kind: u32| 16 * kind + rng.random_range(0..16u32);
            let history: Vec<u32> = (0..5).map(|_| like(kind)).collect();
            let bought = case % 2 == 0;
            let item = like(if bought { kind } else { (kind + 1 + case / 2 % 3) % 4 });
            cases.push(&history, item, bought);
        }
        cases
    };
    let table = TrainEmbedding::new(&[4, 4, 4], &[2, 2, 2], &[3, 3]).expect("small");
    let model = Arc::new(TwoTower::new(Embedding::Train(table), 6).expect("small"));
    let mut params = model.init(Seed::from_number(1));
    assert_eq!(model.layout().entries()[0].name, "table.1");
    let before = model.auc(params.values(), &draw(2)).expect("fits");
    let mut adam = Descent::new(model.clone(), 0.02, 50).with_step(Step::Adam).with_epochs(8);
    adam.update(&mut params, &draw(1), 0, Seed::from_number(1)).expect("converges");
    let after = model.auc(params.values(), &draw(2)).expect("fits");
    assert!((before - 0.5).abs() < 0.2 && after > 0.95, "{before} {after}");
    let mut tied = Purchases::default();
    [true, false].into_iter().for_each(|bought| tied.push(&[1], 1, bought));
    assert!((model.auc(params.values(), &tied).expect("fits") - 0.5).abs() < 1e-12);
}

#[test]
fn sets_of_a_seed_are_the_same_and_as_hard_as_said() {
    let spirals = Spirals { rows: 400, classes: 2, turns: 1.25, noise: 0.02 };
    assert_eq!(spirals.draw(Seed::from_number(1)), spirals.draw(Seed::from_number(1)));
    let accuracy = |name: &str, update: &str| {
        let model = model::named(name).expect("known");
        let mut params = model.init(Seed::from_number(1));
        let mut update = optim::named(update, &model).expect("known");
        update
            .update(&mut params, &spirals.draw(Seed::from_number(1)), 0, Seed::from_number(1))
            .expect("converges");
        eval::accuracy(model.as_ref(), params.values(), &spirals.draw(Seed::from_number(2))).expect("fits")
    };
    let (flat, deep) = (
        accuracy("softmax:2-2", "adam:rate=0.02,epochs=40"),
        accuracy("mlp:2-32-32-2", "adam:rate=0.01,epochs=120"),
    );
    assert!(flat < 0.75 && deep > 0.95, "{flat} {deep}");
    let (near, far) = (blobs(600, 4, 1.0, "a"), blobs(600, 4, 1.0, "b"));
    assert_ne!(near, far);
    assert!(blobs(0, 4, 1.0, "none").is_empty());
}
