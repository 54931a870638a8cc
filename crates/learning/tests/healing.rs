//! Healing: the closed form's laws, the adjoints, missing features, gates, control, and how much comes back on the digits.
#![allow(clippy::float_cmp, reason = "the same bits are meant")]

use bitneuron_core::{Dataset, Digest, Params, Seed};
use bitneuron_learning::data::{self, SplitRule};
use bitneuron_learning::eval;
use bitneuron_learning::heal::{
    AutoEncoder, Block, Control, HealError, Healed, LinearManifold, Manifold, Mixing, MixtureManifold,
    Training, states,
};
use bitneuron_learning::model::{Batch, Mlp, Model, ModelError, Passed, SoftmaxRegression, Staged};
use bitneuron_learning::suite;
use bitneuron_learning::{Sgd, Update};
use ndarray::Array2;
use proptest::{prelude::*, test_runner::RngSeed};
use std::collections::BTreeMap;
use std::sync::Arc;

const WIDTH: usize = 6;

fn normal(rng: &mut impl rand::Rng) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

/// Rows near a plane of two dimensions.
fn clean(seed: u64) -> Vec<f32> {
    let mut rng = Seed::from_number(seed).derive("clean").rng();
    let axes: Vec<f32> = (0..2 * WIDTH).map(|_| normal(&mut rng)).collect();
    (0..200)
        .flat_map(|_| {
            let (a, b) = (normal(&mut rng), 0.5 * normal(&mut rng));
            let row: Vec<f32> = (0..WIDTH)
                .map(|at| 1.0 + a * axes[at] + b * axes[WIDTH + at] + 0.02 * normal(&mut rng))
                .collect();
            row
        })
        .collect()
}

fn linear(energy: f64) -> LinearManifold {
    LinearManifold::fit(&clean(1), WIDTH, energy).expect("fits")
}

fn projected(manifold: &dyn Manifold, x: &[f32]) -> Vec<f32> {
    let mut onto = vec![0.0; x.len()];
    manifold.project(x, &mut onto).expect("fits");
    onto
}

fn healed(manifold: &LinearManifold, cost: f32, x: &[f32]) -> Vec<f32> {
    let mut states = x.to_vec();
    let block = Block::new(Arc::new(manifold.clone()), cost).expect("sound");
    assert_eq!(block.heal(&mut states).expect("fits"), [0]);
    states
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
}

/// The same cases in every run.
fn fixed(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(fixed(128))]
    /// c → ∞ is the identity, c = 0 a projection, what lies on the manifold stays, nothing moves away from the mean, and
    /// the closed form is the minimum of the cost.
    #[test]
    fn the_closed_form(x in prop::collection::vec(-3.0f32..3.0, WIDTH), cost in 0.0f32..5.0, energy in 0.3f64..1.0) {
        let manifold = linear(energy);
        let mean = manifold.mean();
        prop_assert!(distance(&healed(&manifold, 1e9, &x), &x) < 1e-4);
        let once = healed(&manifold, 0.0, &x);
        prop_assert!(distance(&healed(&manifold, 0.0, &once), &once) < 1e-4);
        prop_assert!(distance(&healed(&manifold, cost, &once), &once) < 1e-4);
        let moved = healed(&manifold, cost, &x);
        prop_assert!(distance(&moved, mean) <= distance(&x, mean) + 1e-4);
        let price = |y: &[f32]| {
            let off = distance(y, &projected(&manifold, y));
            0.5 * off * off + 0.5 * cost * distance(y, &x).powi(2)
        };
        for at in 0..WIDTH {
            for step in [-0.05, 0.05] {
                let mut other = moved.clone();
                other[at] += step;
                prop_assert!(price(&moved) <= price(&other) + 1e-4);
            }
        }
    }

    /// What is missing is filled in from the plane; what is there stays to the bit.
    #[test]
    fn missing_features_are_solved_for(row in 0usize..200, mask in prop::collection::vec(any::<bool>(), WIDTH)) {
        let (rows, manifold) = (clean(1), linear(0.98));
        let truth = &rows[row * WIDTH..(row + 1) * WIDTH];
        let mut torn: Vec<f32> = truth.iter().zip(&mask).map(|(x, known)| if *known { *x } else { f32::NAN }).collect();
        let completed = manifold.complete(&mut torn).expect("solves");
        prop_assert_eq!(completed, usize::from(mask.contains(&false)));
        let known = mask.iter().filter(|known| **known).count();
        for ((x, truth), known) in torn.iter().zip(truth).zip(&mask) {
            prop_assert!(x.is_finite());
            prop_assert!(!known || x.to_bits() == truth.to_bits());
        }
        // Three coordinates settle a plane; two may lie badly.
        prop_assert!(known < 4 || distance(&torn, truth) < 0.5, "{torn:?} {truth:?}");
        if known == 0 {
            prop_assert!(distance(&torn, manifold.mean()) < 1e-4);
        }
    }
}

/// With more energy the rank grows and the residual falls, of known states and of new ones.
#[test]
fn the_residual_shrinks_with_the_rank() {
    let scene = Scene::new(1);
    let (known, new) = (features(&scene.train), features(&scene.report));
    for t in [0, 1] {
        let of = |rows: &[f32]| states(scene.model.as_ref(), scene.params.values(), rows, t).expect("fits");
        let (known, new) = (of(&known), of(&new));
        let mut last = (0, f32::INFINITY, f32::INFINITY);
        for energy in [0.3, 0.6, 0.8, 0.9, 0.95, 0.99, 1.0] {
            let manifold = LinearManifold::fit(&known, 64, energy).expect("fits");
            let residual = |rows: &[f32]| distance(rows, &projected(&manifold, rows));
            let now = (manifold.rank(), residual(&known), residual(&new));
            assert!(now.0 > last.0 && now.1 < last.1 && now.2 < last.2, "{energy}: {now:?} after {last:?}");
            last = now;
        }
    }
}

/// Finite differences of `⟨adjoint, f(x)⟩`.
fn check_pull(x: &[f32], adjoint: &[f32], pulled: &[f32], f: &dyn Fn(&[f32]) -> Vec<f32>, tolerance: f32) {
    let step = 1e-2f32;
    for at in 0..x.len() {
        let value = |by: f32| -> f64 {
            let mut moved = x.to_vec();
            moved[at] += by;
            f(&moved).iter().zip(adjoint).map(|(y, p)| f64::from(y * p)).sum()
        };
        let slope = ((value(step) - value(-step)) / (2.0 * f64::from(step))) as f32;
        assert!(
            (slope - pulled[at]).abs() < tolerance * (1.0 + slope.abs()),
            "{at}: {slope} and {}",
            pulled[at]
        );
    }
}

#[test]
fn adjoints_agree_with_finite_differences() {
    let x = [0.3, -0.4, 1.2, 0.8, 0.1, 1.5];
    let adjoint = [1.0, -0.5, 0.25, 2.0, -1.0, 0.5];
    let encoder = AutoEncoder::fit(
        &clean(2),
        WIDTH,
        Training { epochs: 5, hidden: 9, ..Training::default() },
        Seed::default(),
    );
    let encoder = encoder.expect("trains");
    let manifolds: [&dyn Manifold; 2] = [&linear(0.9), &encoder];
    for manifold in manifolds {
        let mut pulled = [0.0; WIDTH];
        manifold.pull(&x, &adjoint, &mut pulled).expect("fits");
        check_pull(&x, &adjoint, &pulled, &|x| projected(manifold, x), 0.03);
    }
    // With much caution the noise of a state moves nothing, and the slope is that of the weights and parts.
    let mixing = Mixing { parts: 5, caution: 30.0, ..Mixing::default() };
    let mixture = MixtureManifold::fit(&clean(1), WIDTH, mixing, Seed::default()).expect("fits");
    let inside = &clean(1)[..WIDTH];
    let mut pulled = [0.0; WIDTH];
    mixture.pull(inside, &adjoint, &mut pulled).expect("fits");
    check_pull(inside, &adjoint, &pulled, &|x| projected(&mixture, x), 0.03);
    let net = Mlp::new(&[WIDTH, 8, 4]).expect("small");
    let soft = SoftmaxRegression::new(WIDTH, 4).expect("small");
    let models: [&dyn Staged; 2] = [&net, &soft];
    for model in models {
        let params: Vec<f32> = net_params(model);
        let next = |t: usize, x: &[f32]| {
            let mut next = vec![0.0; model.widths()[t + 1]];
            model.stage(&params, t, x, &mut next).expect("fits");
            next
        };
        let mut state = x.to_vec();
        for t in 0..model.widths().len() - 1 {
            let output = next(t, &state);
            let adjoint = &[1.0, -0.5, 0.25, 2.0, -1.0, 0.5, 0.7, -0.3][..output.len()];
            let (mut below, mut gradient) = (vec![0.0; state.len()], vec![0.0; params.len()]);
            let passed = Passed { input: &state, output: &output, adjoint };
            model.pull(&params, t, passed, Some(&mut gradient), &mut below).expect("fits");
            check_pull(&state, adjoint, &below, &|x| next(t, x), 0.02);
            let by_params = |params: &[f32]| {
                let mut next = vec![0.0; output.len()];
                model.stage(params, t, &state, &mut next).expect("fits");
                next
            };
            check_pull(&params, adjoint, &gradient, &by_params, 0.02);
            state = output;
        }
        let mut scores = vec![0.0; model.outputs()];
        model.scores(&params, &x, &mut scores).expect("fits");
        assert_eq!(state, scores, "stages make the scores to the bit");
    }
}

/// Parameters without zeros, so that no slope is that of a kink.
fn net_params(model: &dyn Staged) -> Vec<f32> {
    let mut rng = Seed::from_number(4).rng();
    (0..model.layout().len()).map(|_| 0.4 * normal(&mut rng)).collect()
}

#[test]
fn what_does_not_fit_is_refused() {
    let rows = clean(1);
    assert_eq!(
        LinearManifold::fit(&rows[1..], WIDTH, 0.9),
        Err(HealError::Width { found: 1_199, width: WIDTH })
    );
    assert_eq!(LinearManifold::fit(&[], 0, 0.9), Err(HealError::Width { found: 0, width: 0 }));
    assert_eq!(LinearManifold::fit(&rows[..WIDTH], WIDTH, 0.9), Err(HealError::TooFew(1)));
    assert_eq!(LinearManifold::fit(&rows, WIDTH, 0.0), Err(HealError::Setting("energy")));
    assert_eq!(LinearManifold::fit(&[f32::NAN; 12], WIDTH, 0.5), Err(HealError::NotFinite));
    let mixing = Mixing { parts: 0, ..Mixing::default() };
    assert_eq!(
        MixtureManifold::fit(&rows, WIDTH, mixing, Seed::default()),
        Err(HealError::Setting("mixing"))
    );
    assert!(
        AutoEncoder::fit(&rows, WIDTH, Training { batch: 0, ..Training::default() }, Seed::default())
            .is_err()
    );
    let manifold: Arc<dyn Manifold> = Arc::new(linear(0.9));
    assert!(Block::new(Arc::clone(&manifold), f32::INFINITY).is_err());
    let block = Block::new(Arc::clone(&manifold), 0.0).expect("sound");
    assert!(block.clone().gated(&rows, 1.5).is_err());
    assert!(matches!(block.heal(&mut [0.0; WIDTH + 1]), Err(ModelError::Length { .. })));
    let model: Arc<dyn Staged> = Arc::new(Mlp::new(&[WIDTH, 8, 4]).expect("small"));
    let mut healed = Healed::new(model);
    assert!(matches!(healed.attach(1, block.clone()), Err(HealError::NoState(1))), "another width");
    assert!(matches!(healed.attach(7, block), Err(HealError::NoState(7))));
    assert!(healed.scores(&[0.0; 3], &[0.0; WIDTH], &mut [0.0; 4]).is_err());
    assert!(linear(0.9).complete(&mut [0.0; WIDTH + 1]).is_err());
    // States that are no numbers panic nowhere.
    let mixture =
        MixtureManifold::fit(&rows, WIDTH, Mixing { parts: 5, ..Mixing::default() }, Seed::default());
    let mixture = mixture.expect("fits");
    for bad in [f32::NAN, f32::INFINITY, f32::MAX, -f32::MAX] {
        for manifold in [&linear(0.9) as &dyn Manifold, &mixture] {
            let mut onto = [0.0; WIDTH];
            manifold.project(&[bad; WIDTH], &mut onto).expect("no panic");
            manifold.pull(&[bad; WIDTH], &[bad; WIDTH], &mut onto).expect("no panic");
        }
        let mut torn = [bad, 1.0, 1.0, bad, 1.0, 1.0];
        linear(0.9).complete(&mut torn).expect("no panic");
    }
}

/// A gate lets pass what is as near as clean states are, and what is no number is strange.
#[test]
fn a_gate_lets_clean_states_pass() {
    let rows = clean(1);
    let block = Block::new(Arc::new(linear(0.9)), 0.0).expect("sound").gated(&rows, 0.9).expect("gates");
    assert_eq!(block.strange(&rows).expect("fits").len(), 20);
    let mut far = rows.clone();
    far.iter_mut().step_by(WIDTH).for_each(|x| *x += 3.0);
    assert_eq!(block.strange(&far).expect("fits").len(), 200);
    assert_eq!(block.strange(&[f32::NAN; WIDTH]).expect("fits"), [0]);
}

/// A healed model is a model, gradients and all, where its function is smooth.
#[test]
fn a_healed_model_keeps_the_laws_of_models() {
    let model: Arc<dyn Staged> = Arc::new(Mlp::new(&[WIDTH, WIDTH, 4]).expect("small"));
    let mut healed = Healed::new(model);
    healed.attach(0, Block::new(Arc::new(linear(0.9)), 0.3).expect("sound")).expect("fits");
    healed.attach(1, Block::new(Arc::new(linear(0.8)), 0.1).expect("sound")).expect("fits");
    suite::model(&healed).expect("a model");
}

/// Steering ends no worse than the blocks by themselves, and on two layers better.
#[test]
fn control_lowers_the_cost() {
    let model = Mlp::new(&[WIDTH, WIDTH, 4]).expect("small");
    let params = net_params(&model);
    let rows = clean(1);
    let hidden = states(&model, &params, &rows, 1).expect("fits");
    let hidden = LinearManifold::fit(&hidden, WIDTH, 0.8).expect("fits");
    let block = |manifold: LinearManifold| Block::new(Arc::new(manifold), 0.5).expect("sound");
    let blocks = BTreeMap::from([(0, block(linear(0.8))), (1, block(hidden))]);
    let mut rng = Seed::from_number(5).rng();
    let noisy: Vec<f32> = rows.iter().map(|x| x + 0.5 * normal(&mut rng)).collect();
    let steered = Control::default().steer(&model, &params, &blocks, &noisy).expect("steers");
    assert!(steered.before.iter().zip(&steered.after).all(|(before, after)| after <= before));
    let sum = |costs: &[f32]| costs.iter().sum::<f32>();
    let better = steered.before.iter().zip(&steered.after).filter(|(before, after)| after < before).count();
    println!("cost {} after {}, {better} of 200 rows better", sum(&steered.after), sum(&steered.before));
    assert!(better > 180 && sum(&steered.after) < 0.999 * sum(&steered.before));
    let none =
        Control { outer: 0, ..Control::default() }.steer(&model, &params, &blocks, &noisy).expect("steers");
    let mut greedy = Healed::new(Arc::new(model));
    for (t, block) in blocks {
        greedy.attach(t, block).expect("fits");
    }
    let mut scores = vec![0.0; none.scores.len()];
    greedy.scores(&params, &noisy, &mut scores).expect("fits");
    assert!(distance(&none.scores, &scores) < 1e-3, "without turns it is what the blocks do");
}

/// What a node would serve under.
fn digest(params: &Params) -> Digest {
    let bytes: Vec<u8> = params.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    Digest::of("served parameters", &bytes)
}

struct Scene {
    model: Arc<Mlp>,
    params: Params,
    train: Dataset,
    report: Dataset,
}

fn features(data: &Dataset) -> Vec<f32> {
    data.features().iter().copied().collect()
}

impl Scene {
    fn new(seed: u64) -> Self {
        let digits = data::digits(include_bytes!("../../../data/digits.csv.gz")).expect("the digits");
        let rule = SplitRule { report: 360, metric: 0, public: 0 };
        let split = rule.split(&digits, Seed::from_number(seed)).expect("splits");
        let model = Arc::new(Mlp::new(&[64, 64, 10]).expect("small"));
        let mut params = model.init(Seed::from_number(seed));
        let mut update = Sgd::new(model.clone(), 0.05, 32).with_momentum(0.9).with_epochs(40);
        update.update(&mut params, &split.private, 0, Seed::from_number(seed)).expect("trains");
        Self { model, params, train: split.private, report: split.report }
    }

    fn accuracy(&self, model: &dyn Model, rows: &[f32]) -> f64 {
        let features = Array2::from_shape_vec((rows.len() / 64, 64), rows.to_vec()).expect("fits");
        let data = Dataset::new(features, self.report.labels().to_vec()).expect("fits");
        eval::accuracy(model, self.params.values(), &data).expect("fits")
    }

    fn noisy(&self, size: f32) -> Vec<f32> {
        let mut rng = Seed::from_number(6).rng();
        features(&self.report).iter().map(|x| x + size * normal(&mut rng)).collect()
    }

    /// The fast gradient sign method against a model.
    fn attacked(&self, model: &dyn Model, size: f32) -> Vec<f32> {
        let rows = features(&self.report);
        let mut gradient = vec![0.0; rows.len()];
        model
            .input_gradient(self.params.values(), &Batch::new(&rows, self.report.labels()), &mut gradient)
            .expect("fits");
        rows.iter().zip(&gradient).map(|(x, slope)| x + size * slope.signum()).collect()
    }

    /// Projected gradient steps against a model, from a random start within the same bound.
    fn steps_against(&self, model: &dyn Model, size: f32) -> Vec<f32> {
        let clean = features(&self.report);
        let mut rng = Seed::from_number(8).rng();
        let mut rows: Vec<f32> = clean.iter().map(|x| x + size * (2.0 * rng.random::<f32>() - 1.0)).collect();
        let mut gradient = vec![0.0; rows.len()];
        for _ in 0..10 {
            let batch = Batch::new(&rows, self.report.labels());
            model.input_gradient(self.params.values(), &batch, &mut gradient).expect("fits");
            for ((x, slope), from) in rows.iter_mut().zip(&gradient).zip(&clean) {
                *x = (*x + 0.25 * size * slope.signum()).clamp(from - size, from + size);
            }
        }
        rows
    }

    /// So many features of a hundred missing.
    fn torn(&self, percent: u32, with: f32) -> Vec<f32> {
        let mut rng = Seed::from_number(7).rng();
        let missing = |x: &f32| if rng.random_ratio(percent, 100) { with } else { *x };
        features(&self.report).iter().map(missing).collect()
    }
}

/// The bars of the design: half of what noise took, a third of what the attack took, at one and a half points.
#[test]
fn a_healed_model_wins_back_what_noise_and_attacks_took() {
    let scene = Scene::new(1);
    let bare: Arc<dyn Staged> = scene.model.clone();
    let digest = digest(&scene.params);
    let mut healed = Healed::fit(bare, &scene.train, Seed::from_number(1)).expect("fits");
    let [clean, noisy, attacked] =
        [features(&scene.report), scene.noisy(0.4), scene.attacked(scene.model.as_ref(), 0.1)];
    let all = |model: &dyn Model| [&clean, &noisy, &attacked].map(|rows| scene.accuracy(model, rows));
    let (before, after) = (all(scene.model.as_ref()), all(&healed));
    println!("bare {before:.3?}, healed {after:.3?}");
    let back = |at: usize| (after[at] - before[at]) / (before[0] - before[at]);
    assert!(back(1) >= 0.5 && back(2) >= 0.35 && after[0] >= before[0] - 0.015, "{before:?} {after:?}");
    // The weights are what they were, and without the block the model is, too.
    assert_eq!(self::digest(&scene.params), digest);
    let block = healed.detach(0).expect("there was one");
    assert_eq!(all(&healed), before);
    healed.attach(0, block).expect("fits");
    assert_eq!(all(&healed), after);
    // Who knows the block attacks the block: ten small steps, beginning where the gate is shut.
    let adaptive = scene.accuracy(&healed, &scene.steps_against(&healed, 0.1));
    let bare = scene.accuracy(scene.model.as_ref(), &scene.steps_against(scene.model.as_ref(), 0.1));
    println!("against ten steps that know of it {adaptive:.3}, and without a block {bare:.3}");
    assert!(adaptive < after[2], "an attack that knows more does more harm");
}

/// Features that are known to be missing are solved for, which is better than zeros and means.
#[test]
fn missing_pixels_cost_little() {
    let scene = Scene::new(2);
    let healed = Healed::fit(scene.model.clone(), &scene.train, Seed::from_number(1)).expect("fits");
    let clean = scene.accuracy(scene.model.as_ref(), &features(&scene.report));
    let zero = scene.accuracy(scene.model.as_ref(), &scene.torn(40, 0.0));
    let solved = scene.accuracy(&healed, &scene.torn(40, f32::NAN));
    println!("clean {clean:.3}, 40 % missing as zeros {zero:.3}, solved for {solved:.3}");
    assert!(solved > zero + 0.1 && solved > clean - 0.1, "{clean} {zero} {solved}");
    assert!(scene.accuracy(&healed, &scene.torn(100, f32::NAN)) < 0.2, "of nothing nothing is known");
}
