//! Perceptrons whose layers are factors are models like any other: laws, layouts, the wire, the exact nets.

use bitneuron_compress::factor::{CpLinear, TrainLinear};
use bitneuron_compress::rank::{Annealing, Shrinkage, prune};
use bitneuron_compress::{Compressor, Limits, Uniform};
use bitneuron_core::exact::programs::{Linear as ExactLinear, Net, Train, inference::inference};
use bitneuron_core::exact::{Tensor, compute};
use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::model::{Layer, Mlp, Model, ModelError};
use bitneuron_learning::optim::{Adam, Shrinking};
use bitneuron_learning::{Update as _, UpdateError, suite};
use ndarray::Array2;
use std::sync::Arc;

fn ttm(inputs: &[usize], outputs: &[usize], rank: usize) -> Layer {
    let ranks = vec![rank; inputs.len() - 1];
    Layer::Factored(Arc::new(TrainLinear::interleaved(inputs, outputs, &ranks).expect("small")))
}

fn mixed() -> Mlp {
    let line = TrainLinear::in_line(&[2, 3], &[2, 3], &[2, 3, 2]).expect("small");
    let cp = CpLinear::new(&[2, 3], &[4], 3).expect("small");
    let layers = vec![
        ttm(&[2, 2], &[2, 3], 3),
        Layer::Factored(Arc::new(line)),
        Layer::Dense { inputs: 6, outputs: 6 },
        Layer::Factored(Arc::new(cp)),
    ];
    Mlp::of(layers).expect("widths meet")
}

#[test]
fn factored_models_obey_the_laws() {
    suite::model(&mixed()).expect("all kinds of layers");
    suite::model(&Mlp::of(vec![ttm(&[2, 3], &[2, 2], 2)]).expect("one layer")).expect("one layer");
}

#[test]
fn the_layout_names_every_factor() {
    let model = mixed();
    let layout = model.layout();
    let names: Vec<&str> = layout.entries().iter().map(|entry| entry.name.as_str()).collect();
    let expected = [
        "w1.1", "w1.2", "b1", "w2.1", "w2.2", "w2.3", "w2.4", "b2", "w3", "b3", "w4.1", "w4.2", "w4.3", "b4",
    ];
    assert_eq!(names, expected);
    assert_eq!(layout.entries()[1].shape, [3, 2, 3, 1]);
    let params = model.init(Seed::from_number(1));
    assert_eq!(params, model.init(Seed::from_number(1)));
    assert_ne!(params, model.init(Seed::from_number(2)));
    assert!(params.view("b2").expect("named").iter().all(|bias| *bias == 0.0));
    // A factored model goes over the wire like any other.
    let codec = Uniform::new(8).expect("in range");
    let packet = codec.compress(&params, Seed::default()).expect("finite");
    let back = codec.decompress(&packet, layout, Limits::of(layout)).expect("own packet");
    assert_eq!(back.layout(), layout);
}

#[test]
fn layers_that_make_no_network_are_refused() {
    let dense = |inputs, outputs| Layer::Dense { inputs, outputs };
    for layers in [
        vec![],
        vec![dense(3, 4), dense(5, 2)],
        vec![ttm(&[2, 2], &[2, 2], 1), dense(5, 2)],
        vec![dense(3, 0)],
    ] {
        assert!(matches!(Mlp::of(layers), Err(ModelError::Widths(_))));
    }
    let model = mixed();
    let bonds = model.bonds();
    assert_eq!(bonds.iter().map(|bond| bond.rank).collect::<Vec<_>>(), [3, 2, 3, 2, 3]);
    for ranks in [&[1, 1, 1, 1][..], &[1; 6], &[1, 1, 0, 1, 1]] {
        assert!(model.with_ranks(ranks).is_err(), "{ranks:?}");
    }
}

#[test]
fn cutting_an_unused_index_leaves_the_scores() {
    let model = mixed();
    let mut params = model.init(Seed::from_number(3));
    let bonds = model.bonds();
    // The last index of every bond is of no use.
    let keep: Vec<Vec<bool>> =
        bonds.iter().map(|bond| (0..bond.rank).map(|at| at + 1 < bond.rank).collect()).collect();
    for bond in &bonds {
        for slices in &bond.slices {
            let factor = &mut params.values_mut()[slices.at.clone()];
            let last = factor.chunks_mut(slices.inner).skip(bond.rank - 1).step_by(bond.rank);
            last.for_each(|entries| entries.fill(0.0));
        }
    }
    let ranks: Vec<usize> = bonds.iter().map(|bond| bond.rank - 1).collect();
    let less = model.with_ranks(&ranks).expect("positive");
    let cut = prune(&bonds, &keep, params.values());
    assert_eq!(cut.len(), less.layout().len());
    let x = [0.3, -0.2, 0.9, 0.4];
    let (mut before, mut after) = ([0.0; 4], [0.0; 4]);
    model.scores(params.values(), &x, &mut before).expect("fits");
    less.scores(&cut, &x, &mut after).expect("fits");
    assert!(before.iter().zip(after).all(|(a, b)| (a - b).abs() < 1e-5), "{before:?} {after:?}");
}

/// Points of a plane in four features, three classes by angle.
fn rows(count: usize, seed: u64) -> Dataset {
    use rand::RngExt as _;
    let mut rng = Seed::from_number(seed).rng();
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (a, b) = (2.0 * rng.random::<f32>() - 1.0, 2.0 * rng.random::<f32>() - 1.0);
        features.extend([a, b, a * b, a - b]);
        labels.push(((b.atan2(a) + std::f32::consts::PI) / std::f32::consts::TAU * 2.999) as u32);
    }
    Dataset::new(Array2::from_shape_vec((count, 4), features).expect("four"), labels).expect("fits")
}

#[test]
fn adam_learns_and_keeps_the_laws_of_updates() {
    let model = Arc::new(
        Mlp::of(vec![ttm(&[2, 2], &[4, 4], 4), Layer::Dense { inputs: 16, outputs: 3 }])
            .expect("widths meet"),
    );
    let data = rows(300, 1);
    let mut params = model.init(Seed::from_number(1));
    let start = params.clone();
    let mut adam = Adam::new(model.clone(), 0.01, 32).with_epochs(30);
    let progress = adam.update(&mut params, &data, 0, Seed::from_number(2)).expect("converges");
    assert!(progress.loss_after < 0.5 * progress.loss_before && progress.samples == 9000, "{progress:?}");
    let mut again = start.clone();
    adam.update(&mut again, &data, 5, Seed::from_number(2)).expect("converges");
    assert_eq!(again, params, "an update is a function of its arguments");
    for (mut wrong, data) in [
        (Adam { rate: f32::NAN, ..adam.clone() }, data.clone()),
        (Adam { batch: 0, ..adam.clone() }, data.clone()),
        (adam.clone(), data.select(&[])),
        (Adam { rate: 1e30, ..adam.clone() }, data.clone()),
    ] {
        let mut params = start.clone();
        assert!(wrong.update(&mut params, &data, 0, Seed::default()).is_err());
        assert_eq!(params, start, "refusal is free");
    }
}

#[test]
fn ranks_shrink_while_a_model_learns() {
    let model = Mlp::of(vec![ttm(&[2, 2], &[8, 8], 8), ttm(&[8, 8], &[1, 3], 8)]).expect("widths meet");
    let (data, report) = (rows(400, 1), rows(400, 2));
    let seed = Seed::from_number(4);
    let start = model.init(seed);
    let rules = Shrinking {
        ranks: Shrinkage {
            weight: 2e-3,
            annealing: Annealing { start: 3.0, over: 15.0 },
            ..Shrinkage::default()
        },
        rate: 5e-3,
        batch: 40,
        epochs: 60,
        settle: Some((Arc::new(Uniform::new(6).expect("in range")), 10)),
    };
    let shrunk = rules.run(&model, &start, &data, seed).expect("converges");
    assert!(shrunk.params.values().len() * 2 < start.values().len(), "{:?}", shrunk.model.bonds());
    assert_eq!(shrunk.params.layout(), shrunk.model.layout());
    let accuracy =
        bitneuron_learning::eval::accuracy(&shrunk.model, shrunk.params.values(), &report).expect("fits");
    assert!(accuracy > 0.9, "{accuracy}");
    // What is handed back has been through the codec already.
    let codec = Uniform::new(6).expect("in range");
    let packet = codec.compress(&shrunk.params, seed).expect("finite");
    let limits = Limits::of(shrunk.params.layout());
    let back = codec.decompress(&packet, shrunk.params.layout(), limits).expect("own packet");
    assert!(back.values().iter().zip(shrunk.params.values()).all(|(a, b)| (a - b).abs() < 1e-4));
    let again = rules.run(&model, &start, &data, seed).expect("converges");
    assert_eq!(again.params, shrunk.params);
    let other = Mlp::new(&[4, 3]).expect("small").init(seed);
    assert!(matches!(rules.run(&model, &other, &data, seed), Err(UpdateError::Layout)));
    // With a target it stops there.
    let target = bitneuron_compress::rank::parameters(&model.bonds(), &[4, 4]);
    let stopped =
        Shrinking { ranks: Shrinkage { target: Some(target), ..rules.ranks }, settle: None, ..rules };
    let found = stopped.run(&model, &start, &data, seed).expect("converges").params.values().len();
    assert!(found > shrunk.params.values().len() && found <= target + 64 + 3 + 3 * 8 * 8, "{found}");
}

/// The same cores in the same order: what users train in `f32` is what validators step in integers.
#[test]
fn an_exact_net_and_its_f32_form_are_one_model() {
    let train = |inputs: &[u32], outputs: &[u32], ranks: &[u32]| {
        ExactLinear::Train(Train::new(inputs, outputs, ranks).expect("sizes"))
    };
    for linears in [
        vec![train(&[2, 3, 2], &[3, 2, 2], &[3, 2]), ExactLinear::Dense { from: 12, to: 3 }],
        vec![ExactLinear::Dense { from: 12, to: 4 }, train(&[2, 2], &[3, 1], &[2])],
        vec![train(&[3, 4], &[3, 3], &[4]), train(&[3, 3], &[1, 3], &[3])],
    ] {
        let net = Net::new(linears).expect("widths meet");
        let model = Mlp::try_from(&net).expect("the same sizes");
        assert_eq!(*model.layout(), net.layout());
        let params = net.init(Seed::from_number(5));
        let features: Vec<i64> = (0..8 * 12).map(|at| (at * 37) % 256).collect();
        let x: Vec<f32> = features.iter().map(|value| *value as f32 / 256.0).collect();
        let mut scores = vec![0.0; 8 * 3];
        model.scores(params.to_params().values(), &x, &mut scores).expect("fits");
        let inputs = [params.tensor(), Tensor::new(&[8, 12], features).expect("fits")];
        let outputs = compute(&inference(&net, 8).expect("small"), &inputs).expect("within the intervals");
        for (exact, score) in outputs[1].data().iter().zip(scores) {
            // Values between contractions have 8 fractional bits.
            assert!((*exact as f32 / 256.0 - score).abs() < 0.05, "{net}: {exact} {score}");
        }
    }
}
