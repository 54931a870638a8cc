//! Every rule by name keeps the laws of updates; each does what its formula says, computed apart; and planted faults show.

use bitneuron_core::{Dataset, Layout, Params, Seed};
use bitneuron_learning::model::{self, LinearSvm, Loss, Mlp, Model, ModelError, SoftmaxRegression};
use bitneuron_learning::named::NameError;
use bitneuron_learning::optim::{self, Reweight};
use bitneuron_learning::optim::{
    Clipped, Controlled, Decay, Descent, Gaussian, Measure, Noise as _, Noisy, Objective, Proximal, Rate,
    Risk, Scaffold, Scene, Session, Step,
};
use bitneuron_learning::suite::{self, ObjectiveLaw, Problem};
use bitneuron_learning::{Batch, Sgd, Update, UpdateError, eval};
use std::sync::{Arc, LazyLock};

fn softmax() -> Arc<dyn Model> {
    Arc::new(SoftmaxRegression::new(6, 3).expect("small"))
}

#[test]
fn every_rule_by_name_keeps_the_laws() {
    let model = softmax();
    for name in [
        "sgd:rate=0.3,batch=8",
        "sgd:rate=0.1,batch=8,momentum=0.9,nesterov=1,over=10,floor=0.2",
        "adam:rate=0.05,batch=8",
        "adam:rate=0.05,batch=8,decay=0.01",
        "sgd:rate=0.3,batch=8+prox:mu=0.5+decay:lambda=0.001",
        "sgd:rate=0.3,batch=8+private:norm=0.5",
        "sgd:rate=0.3,batch=8,epochs=3+private:norm=1,noise=0.05",
        "sgd:rate=0.3,batch=8+fgsm:radius=0.02",
        "sgd:rate=0.3,batch=8+pgd:radius=0.02,steps=3",
        "sgd:rate=0.3,batch=8+trades:radius=0.02,steps=3,beta=1",
        "sgd:rate=0.3,batch=8+group-dro:rate=0.1,adjustment=0.1",
        "sgd:rate=0.3,batch=8,epochs=4+cvar:share=0.7,trim=0.05",
        "sgd:rate=0.3,batch=8+tilted:temperature=2",
        "sgd:rate=0.3,batch=8+chi2:radius=0.2",
    ] {
        let mut update = optim::named(name, &model).unwrap_or_else(|error| panic!("{name}: {error}"));
        suite::update(&mut update, model.as_ref()).unwrap_or_else(|broken| panic!("{name}: {broken}"));
    }
    for name in ["svm:6-3", "svm-margin:6-3"] {
        let model = model::named(name).expect("known");
        let mut update = optim::named("pegasos:lambda=0.1,batch=4,epochs=20", &model).expect("known");
        suite::update(&mut update, model.as_ref()).unwrap_or_else(|broken| panic!("{name}: {broken}"));
    }
    let model = model::named("mask-aware+softmax:6-3").expect("known");
    let mut update = optim::named("sgd:rate=0.3,batch=8+missing:most=0.3", &model).expect("known");
    suite::update(&mut update, model.as_ref()).expect("gaps");
}

#[test]
fn names_that_mean_nothing_are_refused_with_what_exists() {
    let model = softmax();
    let refused = |name: &str| optim::named(name, &model).map(|_| ()).expect_err(name);
    assert!(
        matches!(refused("sdg"), NameError::Unknown { name, known, .. } if name == "sdg" && known.contains("pegasos"))
    );
    assert!(matches!(refused(""), NameError::Unknown { .. }));
    assert!(matches!(refused("prox"), NameError::Unknown { .. }), "a part is no rule");
    assert!(
        matches!(refused("sgd:speed=1"), NameError::Key { key, known, .. } if key == "speed" && known.contains("rate"))
    );
    for name in [
        "sgd:rate=fast",
        "sgd:rate=-1",
        "sgd:rate=NaN",
        "sgd:batch=0",
        "sgd:momentum=1",
        "sgd+cvar:share=0",
        "sgd:rate",
    ] {
        assert!(matches!(refused(name), NameError::Value { .. }), "{name}");
    }
    for name in ["sgd+cvar+tilted", "sgd+trades+pgd", "sgd+pgd+trades", "sgd+private+group-dro"] {
        assert!(matches!(refused(name), NameError::Together(..)), "{name}");
    }
    for name in [
        "mlp:64",
        "mlp:64-x-10",
        "mlp:64-0-10",
        "softmax:1-2-3",
        "cnn:8x8-10",
        "cnn:8x8x1-8c3-5-4c3-2",
        "cnn:8x8x1-8c2-10",
        "mlp",
    ] {
        assert!(model::named(name).is_err(), "{name}");
    }
    let long = format!("mlp:{}", "9-".repeat(1_000));
    assert!(matches!(model::named(&long).map(|_| ()), Err(NameError::Long(2004))));
    assert!(matches!(model::named("mlp:4-2").map(|model| model.layout().len()), Ok(10)));
}

/// `½·mean ‖θ − c‖²` over points c.
struct Bowl(Arc<Layout>);

static BOWL: LazyLock<Arc<Bowl>> =
    LazyLock::new(|| Arc::new(Bowl(Arc::new(Layout::of(&[("x", &[2])]).expect("small")))));

impl Objective<Vec<[f32; 2]>> for Bowl {
    fn layout(&self) -> &Arc<Layout> {
        &self.0
    }

    fn cases(&self, data: &Vec<[f32; 2]>) -> Result<usize, ModelError> {
        Ok(data.len())
    }

    fn loss(&self, params: &[f32], data: &Vec<[f32; 2]>) -> Result<f64, ModelError> {
        let all: Vec<usize> = (0..data.len()).collect();
        let mut rng = Seed::default().rng();
        self.gradient(params, data, &all, &mut Session::new(&mut rng), &mut [0.0; 2])
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Vec<[f32; 2]>,
        chosen: &[usize],
        _: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        for found in [params.len(), gradient.len()] {
            if found != 2 {
                return Err(ModelError::Length { what: "values", found, expected: 2 });
            }
        }
        gradient.fill(0.0);
        let points: Vec<&[f32; 2]> = chosen.iter().filter_map(|at| data.get(*at)).collect();
        let mut loss = 0.0;
        for point in &points {
            for ((slope, value), centre) in gradient.iter_mut().zip(params).zip(*point) {
                let away = value - centre;
                *slope += away / points.len() as f32;
                loss += 0.5 * f64::from(away * away) / points.len() as f64;
            }
        }
        Ok(loss)
    }
}

/// A bowl with a fault.
struct Wrong(fn(&mut f64, &mut [f32], usize));
impl Objective<Vec<[f32; 2]>> for Wrong {
    fn layout(&self) -> &Arc<Layout> {
        BOWL.layout()
    }

    fn cases(&self, data: &Vec<[f32; 2]>) -> Result<usize, ModelError> {
        BOWL.cases(data)
    }

    fn loss(&self, params: &[f32], data: &Vec<[f32; 2]>) -> Result<f64, ModelError> {
        BOWL.loss(params, data)
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Vec<[f32; 2]>,
        chosen: &[usize],
        session: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        let mut loss = BOWL.gradient(params, data, chosen, session, gradient)?;
        (self.0)(&mut loss, gradient, chosen.len());
        Ok(loss)
    }
}

#[test]
fn an_objective_of_ones_own_is_judged_and_trained() {
    let data = vec![[1.0, 2.0], [3.0, -2.0]];
    suite::objective(BOWL.as_ref(), &[0.5, 0.25], &data).expect("a sound objective");
    let mut params = Params::zeros(Arc::clone(&BOWL.0));
    let mut descent = Descent::new(Arc::clone(&*BOWL) as Arc<dyn Objective<_>>, 0.5, 2).with_epochs(30);
    let progress = descent.update(&mut params, &data, 0, Seed::default()).expect("converges");
    assert!(params.values().iter().zip([2.0, 0.0]).all(|(found, mean)| (found - mean).abs() < 1e-4));
    assert!(progress.loss_after < progress.loss_before && progress.samples == 60);

    for (fault, law) in [
        ((|loss, _, _| *loss *= 2.0) as fn(&mut f64, &mut [f32], usize), ObjectiveLaw::Agreement),
        (|_, slopes, _| slopes[1] += 0.1, ObjectiveLaw::Gradient),
        (|loss, _, cases| *loss += (cases / 3) as f64, ObjectiveLaw::Refusal),
    ] {
        let broken = suite::objective(&Wrong(fault), &[0.5, 0.25], &data).expect_err("wrong");
        assert_eq!(broken.law, law);
    }
}

/// From (0, 0) on the bowl around (1, −2): `each` gets a coordinate, its slope, the number of the step and that of the
/// coordinate.
fn by_hand(count: i32, mut each: impl FnMut(&mut f64, f64, i32, usize)) -> [f64; 2] {
    let mut theta = [0.0, 0.0];
    for number in 1..=count {
        for (at, (value, centre)) in theta.iter_mut().zip([1.0, -2.0]).enumerate() {
            let slope = *value - centre;
            each(value, slope, number, at);
        }
    }
    theta
}

#[test]
fn steps_by_hand() {
    // One point, so each epoch is one step on g = θ − c.
    let data = vec![[1.0f32, -2.0]];
    let run = |step, count, rate| {
        let mut params = Params::zeros(Arc::clone(&BOWL.0));
        let objective = Arc::clone(&*BOWL) as Arc<dyn Objective<_>>;
        let mut descent = Descent::new(objective, rate, 1).with_step(step).with_epochs(count);
        descent.update(&mut params, &data, 0, Seed::default()).expect("converges");
        [0, 1].map(|at| f64::from(params.values()[at]))
    };
    let close = |a: [f64; 2], b: [f64; 2]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
    let mut v = [0.0f64; 2];
    let nesterov = by_hand(7, |value, slope, _, at| {
        v[at] = 0.8 * v[at] + slope;
        *value -= 0.1 * (slope + 0.8 * v[at]);
    });
    assert!(close(run(Step::Nesterov(0.8), 7, 0.1), nesterov));
    assert!(!close(run(Step::Momentum(0.8), 7, 0.1), nesterov));
    let adam = |decay: f64| {
        let (mut m, mut s) = ([0.0f64; 2], [0.0f64; 2]);
        by_hand(9, |value, slope, number, at| {
            m[at] = 0.9 * m[at] + 0.1 * slope;
            s[at] = 0.999 * s[at] + 0.001 * slope * slope;
            let (mean, square) = (m[at] / (1.0 - 0.9f64.powi(number)), s[at] / (1.0 - 0.999f64.powi(number)));
            *value = *value * (1.0 - 0.05 * decay) - 0.05 * mean / (square.sqrt() + 1e-8);
        })
    };
    assert!(close(run(Step::Adam, 9, 0.05), adam(0.0)));
    assert!(close(run(Step::AdamW(0.3), 9, 0.05), adam(0.3)));
    assert!(!close(run(Step::AdamW(0.3), 9, 0.05), adam(0.0)));
}

#[test]
fn settings_without_sense_are_refused() {
    let data = vec![[1.0f32, -2.0]];
    let plain = Descent::new(Arc::clone(&*BOWL) as Arc<dyn Objective<_>>, 0.1, 1);
    for mut descent in [
        plain.clone().with_rate(Rate::Constant(-1.0)),
        plain.clone().with_rate(Rate::Falling { from: 0.1, over: 3, floor: f32::NAN }),
        plain.clone().with_rate(Rate::Pegasos { lambda: 0.0 }),
        plain.clone().with_step(Step::Nesterov(1.0)),
        plain.clone().with_step(Step::AdamW(f32::INFINITY)),
        Descent { batch: 0, ..plain.clone() },
    ] {
        let mut params = Params::zeros(Arc::clone(&BOWL.0));
        let refused = descent.update(&mut params, &data, 0, Seed::default());
        assert!(matches!(refused, Err(UpdateError::Setting(_))), "{descent:?}");
        assert!(params.values().iter().all(|value| value.to_bits() == 0));
    }
}

#[test]
fn rates_follow_the_round() {
    let falling = Rate::Falling { from: 0.4, over: 4, floor: 0.25 };
    for (round, rate) in [(0, 0.4f32), (2, 0.25), (4, 0.1), (u64::MAX, 0.1)] {
        assert!((falling.at(round, 10, 3) - rate).abs() < 1e-6);
    }
    let pegasos = Rate::Pegasos { lambda: 0.1 };
    assert!((pegasos.at(0, 5, 0) - 10.0).abs() < 1e-5 && (pegasos.at(3, 5, 2) - 10.0 / 18.0).abs() < 1e-5);
    assert!(pegasos.at(u64::MAX, u64::MAX, u64::MAX) > 0.0);
}

fn clusters(model: &dyn Model, seed: u64) -> Dataset {
    Problem::<Params, Dataset>::data(model, Seed::from_number(seed))
}

#[test]
fn a_descent_is_sgd_and_a_proximal_one_stays_nearer() {
    let model = softmax();
    let data = clusters(model.as_ref(), 1);
    let run = |update: &mut dyn Update| {
        let mut params = model.init(Seed::default());
        update.update(&mut params, &data, 0, Seed::from_number(5)).expect("converges");
        params
    };
    let plain = run(&mut Sgd::new(Arc::clone(&model), 0.3, 5).with_momentum(0.5).with_epochs(4));
    let descent = Descent::of(Arc::clone(&model), 0.3, 5).with_step(Step::Momentum(0.5)).with_epochs(4);
    assert_eq!(run(&mut descent.clone()), plain);
    assert_eq!(run(&mut descent.clone().with_measure(Measure::Running)), plain);
    let length = |params: &Params| params.values().iter().map(|value| value * value).sum::<f32>().sqrt();
    let pulled: Vec<f32> =
        [0.0, 0.3, 3.0].map(|mu| length(&run(&mut descent.clone().corrected(Proximal { mu })))).to_vec();
    assert!(pulled.is_sorted_by(|a, b| a > b) && pulled[2] < 0.5 * pulled[0], "{pulled:?}");
    // Zero is where it begins, so a pull to the start is decay here.
    let decayed = run(&mut descent.clone().corrected(Decay { lambda: 0.3 }));
    assert_eq!(decayed, run(&mut descent.corrected(Proximal { mu: 0.3 })));
}

#[test]
fn pegasos_learns_tumours() {
    let all = bitneuron_learning::data::breast_cancer(include_bytes!("../../../data/breast_cancer.csv.gz"));
    let all = all.expect("the file of the workspace");
    assert_eq!((all.len(), all.features().ncols(), all.classes()), (569, 30, 2));
    assert_eq!(all.labels().iter().filter(|label| **label == 0).count(), 212, "malignant");
    let split = bitneuron_learning::data::SplitRule { report: 114, metric: 0, public: 0 };
    let split = split.split(&all, Seed::from_number(1)).expect("enough");
    let scale = bitneuron_learning::data::Standard::of(&split.private);
    let (train, report) = (scale.apply(&split.private).expect("30"), scale.apply(&split.report).expect("30"));
    let model: Arc<dyn Model> = Arc::new(LinearSvm::new(30, 2, Loss::Margin).expect("small"));
    let mut pegasos = optim::named("pegasos:lambda=0.01,batch=1", &model).expect("known");
    let mut params = model.init(Seed::default());
    for round in 0..20 {
        pegasos.update(&mut params, &train, round, Seed::from_number(round)).expect("converges");
    }
    let accuracy = eval::accuracy(model.as_ref(), params.values(), &report).expect("fits");
    assert!(accuracy > 0.95, "{accuracy}");
}

#[test]
fn control_variates_keep_the_laws() {
    let model = softmax();
    let scaffold = Scaffold::new(Descent::of(Arc::clone(&model), 0.3, 8), 1.0).expect("small");
    assert_eq!(scaffold.layout().len(), 2 * model.layout().len());
    let controlled = Controlled::new(model.clone(), &scaffold);
    suite::model(&controlled).expect("a model");
    suite::update(&mut scaffold.clone(), &controlled as &dyn Model).expect("SCAFFOLD");
    let recipe = optim::recipe("scaffold:share=0.5+sgd:rate=0.3,batch=8", &model).expect("known");
    suite::update(&mut recipe.update.clone(), recipe.model.as_ref()).expect("SCAFFOLD by name");
    assert!(matches!(optim::named("scaffold+sgd", &model), Err(NameError::Larger { .. })));
    let refused = |text: &str| optim::recipe(text, &model).map(|_| ()).expect_err(text);
    assert!(matches!(refused("scaffold"), NameError::Unfinished { .. }));
    assert!(matches!(refused("scaffold:share=2+sgd"), NameError::Value { .. }));
    assert!(matches!(refused("scaffold+scaffold+sgd"), NameError::Unknown { .. }));
    assert!(matches!(refused("sgd+scaffold"), NameError::Unknown { .. }));
    let plain = optim::recipe("sgd", &model).expect("known");
    assert_eq!(plain.model.layout(), model.layout());
}

/// Two nodes with classes of their own and many local steps: averages of plain SGD end beside the optimum of all rows, those
/// of SCAFFOLD at it.
#[test]
fn control_variates_undo_the_drift_of_uneven_nodes() {
    let model = softmax();
    let all = clusters(model.as_ref(), 3);
    let rows = |keep: &dyn Fn(u32) -> bool| {
        let rows: Vec<usize> = (0..all.len()).filter(|row| keep(all.labels()[*row])).collect();
        all.select(&rows)
    };
    let nodes = [rows(&|label| label == 0), rows(&|label| label != 0)];
    let local = Descent::of(Arc::clone(&model), 0.05, 4).with_epochs(5).corrected(Decay { lambda: 0.05 });
    // The optimum of the mean of both nodes' losses.
    let objective = |params: &Params| {
        let loss = |data| eval::mean_loss(model.as_ref(), params.values(), data).expect("fits");
        let square: f64 = params.values().iter().map(|value| f64::from(*value).powi(2)).sum();
        0.5 * (loss(&nodes[0]) + loss(&nodes[1])) + 0.025 * square
    };
    let average = |a: &Params, b: &Params| {
        let mean = a.values().iter().zip(b.values()).map(|(a, b)| 0.5 * (a + b)).collect();
        Params::new(mean, Arc::clone(a.layout())).expect("one layout")
    };
    let rounds = |update: &mut dyn Update, start: Params, count: u64| {
        (0..count).fold(start, |params, round| {
            let seed = Seed::from_number(round);
            let [a, b] = [0, 1].map(|node| {
                let mut own = params.clone();
                update.update(&mut own, &nodes[node], round, seed).expect("converges");
                own
            });
            average(&a, &b)
        })
    };
    let mut whole = local.clone().with_epochs(1).with_rate(Rate::Constant(0.3));
    whole.batch = 1_000;
    let optimum = objective(&rounds(&mut whole, model.init(Seed::default()), 400));
    let plain = objective(&rounds(&mut local.clone(), model.init(Seed::default()), 150)) - optimum;
    let scaffold = Scaffold::new(local, 1.0).expect("small");
    let start = scaffold.start(&model.init(Seed::default()));
    let end = rounds(&mut scaffold.clone(), start, 150);
    let controlled = objective(&scaffold.model(&end)) - optimum;
    println!("above the optimum {optimum}: plain {plain}, with control variates {controlled}");
    assert!(plain > 3e-3 && controlled < 0.2 * plain, "plain {plain}, with control variates {controlled}");
}

#[test]
fn clipped_gradients_are_the_mean_of_clipped_rows() {
    let model: Arc<dyn Model> = Arc::new(Mlp::new(&[6, 5, 3]).expect("small"));
    let params = model.init(Seed::from_number(2));
    let mut data = clusters(model.as_ref(), 4);
    // One row that pulls as hard as it can.
    let mut features = data.features().clone();
    features.row_mut(3).fill(50.0);
    data = Dataset::new(features, data.labels().to_vec()).expect("fits");
    let chosen: Vec<usize> = (0..8).collect();
    let norm = 0.7f32;
    let mut expected = vec![0.0f64; params.values().len()];
    let mut lengths = Vec::new();
    for row in &chosen {
        let one = data.select(&[*row]);
        let batch = Batch::new(one.features().as_slice().expect("rows"), one.labels());
        let mut slopes = vec![0.0; params.values().len()];
        model.loss_and_gradient(params.values(), &batch, &mut slopes).expect("fits");
        let length = slopes.iter().map(|slope| f64::from(*slope).powi(2)).sum::<f64>().sqrt();
        let shrink = (f64::from(norm) / length).min(1.0) / 8.0;
        expected.iter_mut().zip(&slopes).for_each(|(sum, slope)| *sum += shrink * f64::from(*slope));
        lengths.push(length);
    }
    assert!(lengths.iter().any(|length| *length > 10.0) && lengths.iter().any(|length| *length < 0.7 * 3.0));
    let risk = Risk::new(Arc::clone(&model)).reweighted(Clipped { norm });
    let mut found = vec![0.0; expected.len()];
    let mut rng = Seed::default().rng();
    risk.gradient(params.values(), &data, &chosen, &mut Session::new(&mut rng), &mut found).expect("fits");
    assert!(found.iter().zip(&expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5));
}

#[test]
fn noise_has_the_deviation_it_says() {
    let mut values = vec![0.0; 20_000];
    Gaussian.add(0.5, &mut Seed::from_number(1).rng(), &mut values);
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32;
    assert!(mean.abs() < 0.02 && (variance - 0.25).abs() < 0.02, "{mean} {variance}");
    // On a mean of four rows clipped to 2 with multiplier 3: 3·2/4.
    let data = vec![[0.0f32, 0.0]; 4];
    let objective = Arc::clone(&*BOWL) as Arc<dyn Objective<_>>;
    let noisy = Noisy { norm: 2.0, multiplier: 3.0, source: Arc::new(Gaussian) };
    let mut descent = Descent::new(objective, 1.0, 4).corrected(noisy);
    let squares: f32 = (0..2_000)
        .map(|seed| {
            let mut params = Params::zeros(Arc::clone(&BOWL.0));
            descent.update(&mut params, &data, 0, Seed::from_number(seed)).expect("finite");
            params.values().iter().map(|value| value * value).sum::<f32>()
        })
        .sum();
    assert!((squares / 4_000.0 - 2.25).abs() < 0.2, "{}", squares / 4_000.0);
}

/// Weights that are no numbers are seen as divergence, and nothing is left behind.
#[test]
fn weights_without_sense_leave_no_trace() {
    #[derive(Debug)]
    struct Nonsense;
    impl Reweight for Nonsense {
        fn reweight(
            &self,
            _: &Scene<'_>,
            _: &mut std::collections::BTreeMap<u32, f64>,
            weights: &mut [f32],
        ) -> Result<(), ModelError> {
            weights.fill(f32::NAN);
            Ok(())
        }
    }
    let model = softmax();
    let mut params = model.init(Seed::default());
    let data = clusters(model.as_ref(), 1);
    let mut descent = Descent::new(Arc::new(Risk::new(Arc::clone(&model)).reweighted(Nonsense)), 0.1, 8);
    let refused = descent.update(&mut params, &data, 0, Seed::default());
    assert!(matches!(refused, Err(UpdateError::Diverged { step: 0 })));
    assert_eq!(params, model.init(Seed::default()));
}
