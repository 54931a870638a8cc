//! What contributions are worth: signs, orders, efficiency, and how each score is farmed.

use bitneuron_core::{Dataset, NodeId, Params, Seed, Weight};
use bitneuron_learning::data::{self, SplitRule};
use bitneuron_learning::eval;
use bitneuron_learning::merge::{Contribution, Merge, MergeError, WeightedMean};
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::value::{
    FirstOrder, Hidden, LeaveOneOut, LossDifference, Picked, Shapley, Unique, Value, ValueError,
};
use bitneuron_learning::{Sgd, Update};
use rand::{RngExt as _, seq::SliceRandom as _};
use std::sync::Arc;

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

/// How a seller comes by its model.
#[derive(Clone, Copy)]
enum Conduct {
    Honest(usize),
    Flipper(usize),
    Noise,
    SignFlip(usize),
    Parent,
}

struct Scene {
    model: Arc<dyn Model>,
    parent: Params,
    train: Dataset,
    hidden: Dataset,
    report: Dataset,
    seed: Seed,
}

impl Scene {
    /// A parent that has learned a little, hidden rows, and rows to judge the judge.
    fn new(seed: u64) -> Self {
        let digits = data::digits(include_bytes!("../../../data/digits.csv.gz")).expect("the digits");
        let seed = Seed::from_number(seed);
        let rule = SplitRule { report: 500, metric: 256, public: 0 };
        let split = rule.split(&digits, seed).expect("splits");
        let model: Arc<dyn Model> = Arc::new(SoftmaxRegression::new(64, 10).expect("small"));
        let mut scene = Self {
            parent: model.init(seed),
            model,
            train: split.private,
            hidden: split.metric,
            report: split.report,
            seed,
        };
        scene.parent = scene.trained(&scene.rows(60, seed));
        scene
    }

    fn hidden(&self) -> Hidden<'_> {
        Hidden { model: self.model.as_ref(), data: &self.hidden }
    }

    /// So many rows out of all.
    fn rows(&self, count: usize, seed: Seed) -> Dataset {
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        order.shuffle(&mut seed.derive("rows").rng());
        self.train.select(&order[..count.min(order.len())])
    }

    /// The parent after some passes over rows.
    fn trained(&self, data: &Dataset) -> Params {
        let mut params = self.parent.clone();
        let mut sgd = Sgd::new(Arc::clone(&self.model), 0.03, 8).with_epochs(2);
        sgd.update(&mut params, data, 0, self.seed).expect("trains");
        params
    }

    fn entered(&self, conduct: Conduct, seed: Seed) -> Params {
        let moved = |to: &Params, by: f32| {
            let mut params = self.parent.clone();
            for (value, to) in params.values_mut().iter_mut().zip(to.values()) {
                *value += by * (to - *value);
            }
            params
        };
        match conduct {
            Conduct::Honest(rows) => self.trained(&self.rows(rows, seed)),
            Conduct::Flipper(rows) => {
                let rows = self.rows(rows, seed);
                let labels = rows.labels().iter().map(|label| (label + 1) % 10).collect();
                self.trained(&Dataset::new(rows.features().clone(), labels).expect("fits"))
            }
            Conduct::Noise => Self::noisy(&self.parent, 3.0, seed),
            Conduct::SignFlip(rows) => moved(&self.trained(&self.rows(rows, seed)), -1.0),
            Conduct::Parent => self.parent.clone(),
        }
    }

    /// A model moved by noise of this length.
    fn noisy(model: &Params, length: f32, seed: Seed) -> Params {
        let mut rng = seed.derive("noise").rng();
        let noise: Vec<f32> = model.values().iter().map(|_| rng.random::<f32>() - 0.5).collect();
        let norm = noise.iter().map(|x| x * x).sum::<f32>().sqrt();
        let mut params = model.clone();
        params.values_mut().iter_mut().zip(&noise).for_each(|(value, x)| *value += length * x / norm);
        params
    }

    fn step(&self, model: &Params) -> f32 {
        let pairs = model.values().iter().zip(self.parent.values());
        pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
    }

    fn values(&self, value: &dyn Value, models: &[Params]) -> Vec<f64> {
        let own = Contribution { from: id(0), weight: Weight(1), age: 0, value: &self.parent };
        let peers: Vec<Contribution<'_>> = (1u8..)
            .zip(models)
            .map(|(from, value)| Contribution { from: id(from), weight: Weight(1), age: 0, value })
            .collect();
        value.values(&self.hidden(), &own, &peers).expect("scores")
    }
}

fn mean() -> Arc<dyn Merge> {
    Arc::new(WeightedMean)
}

fn shapley(permutations: u32, tolerance: f64) -> Shapley {
    Shapley { merge: mean(), permutations, tolerance, seed: Seed::from_number(1) }
}

/// In at least 95 of 100 cases the score tells help from harm as the rows do that nobody has seen.
#[test]
fn signs_are_right() {
    let (mut right, mut all) = ([0; 2], 0);
    for seed in 1..=8 {
        let scene = Scene::new(seed);
        let conducts = [20, 40, 80, 160].map(Conduct::Honest).into_iter();
        let hostile = [Conduct::Flipper(80), Conduct::Noise, Conduct::SignFlip(80), Conduct::Flipper(20)];
        let models: Vec<Params> = (0u64..)
            .zip(conducts.chain(hostile))
            .map(|(at, conduct)| scene.entered(conduct, scene.seed.derive_number("seller", at)))
            .collect();
        let judge = Hidden { model: scene.model.as_ref(), data: &scene.report };
        let before = judge.loss(scene.parent.values()).expect("fits");
        let truth: Vec<f64> =
            models.iter().map(|model| before - judge.loss(model.values()).expect("fits")).collect();
        for (right, score) in right.iter_mut().zip([&LossDifference as &dyn Value, &FirstOrder]) {
            let scores = scene.values(score, &models);
            *right +=
                scores.iter().zip(&truth).filter(|(score, truth)| (**score > 0.0) == (**truth > 0.0)).count();
        }
        all += truth.len();
    }
    println!("of {all} signs right: by the loss {}, to first order {}", right[0], right[1]);
    assert!(right[0] * 100 >= 95 * all, "{right:?} of {all}");
    assert!(right[1] * 100 >= 80 * all, "{right:?} of {all}");
}

#[test]
fn the_parent_is_worth_nothing_and_shapley_divides_the_whole_gain() {
    let scene = Scene::new(1);
    let models: Vec<Params> =
        [Conduct::Honest(40), Conduct::Honest(120), Conduct::Parent, Conduct::Flipper(60)]
            .into_iter()
            .zip(0u64..)
            .map(|(conduct, at)| scene.entered(conduct, Seed::from_number(at)))
            .collect();
    let scores: [&dyn Value; 2] = [&LossDifference, &FirstOrder];
    for score in scores {
        let values = scene.values(score, &models);
        assert!(values[2].abs() < 1e-9 && values[1] > values[0] && values[0] > 0.0, "{values:?}");
    }
    assert!(scene.values(&LossDifference, &models)[3] < 0.0);
    let own = Contribution { from: id(0), weight: Weight(1), age: 0, value: &scene.parent };
    let peers: Vec<Contribution<'_>> = (1u8..)
        .zip(&models)
        .map(|(from, value)| Contribution { from: id(from), weight: Weight(1), age: 0, value })
        .collect();
    let merged = WeightedMean.merge(&own, &peers).expect("merges");
    let gain = scene.hidden().loss(scene.parent.values()).expect("fits")
        - scene.hidden().loss(merged.value.values()).expect("fits");
    // Any number of orders is efficient; against all 24 orders a sample comes near.
    let few = scene.values(&shapley(3, 0.0), &models);
    assert!((few.iter().sum::<f64>() - gain).abs() < 1e-9, "{few:?} {gain}");
    let exact = exact_shapley(&scene, &own, &peers);
    let many = scene.values(&shapley(600, 0.0), &models);
    let far = many.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(
        far < 0.1 * exact.iter().fold(0.0, |most: f64, value| most.max(value.abs())),
        "{many:?} {exact:?}"
    );
    // Where an order is cut short what is left out is small.
    let cut = scene.values(&shapley(600, 0.05), &models);
    let far = cut.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(
        far < 0.2 * exact.iter().fold(0.0, |most: f64, value| most.max(value.abs())),
        "{cut:?} {exact:?}"
    );
}

/// By the formula over all subsets.
fn exact_shapley(scene: &Scene, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Vec<f64> {
    let count = peers.len();
    let loss = |members: usize| {
        let chosen: Vec<Contribution<'_>> =
            (0..count).filter(|at| members >> at & 1 == 1).map(|at| peers[at]).collect();
        let merged = WeightedMean.merge(own, &chosen).expect("merges");
        scene.hidden().loss(merged.value.values()).expect("fits")
    };
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    (0..count)
        .map(|at| {
            (0..1usize << count)
                .filter(|members| members >> at & 1 == 0)
                .map(|members| {
                    let size = members.count_ones() as usize;
                    let weight = factorial(size) * factorial(count - size - 1) / factorial(count);
                    weight * (loss(members) - loss(members | 1 << at))
                })
                .sum()
        })
        .collect()
}

/// Ten honest sellers; the share of all positive scores that one of them has by its one model, by that model under five
/// names, by five noisy copies, and by five models of a fifth of its rows each.
fn farmed(scene: &Scene, score: &dyn Value) -> [f64; 4] {
    let of =
        |rows: usize, at: u64| scene.entered(Conduct::Honest(rows), scene.seed.derive_number("seller", at));
    let others: Vec<Params> = (1..10).map(|at| of(100, at)).collect();
    let own = of(100, 0);
    let share = |models: &[Params]| {
        let values = scene.values(score, &[others.clone(), models.to_vec()].concat());
        let paid: Vec<f64> = values.iter().map(|value| value.max(0.0)).collect();
        paid[9..].iter().sum::<f64>() / paid.iter().sum::<f64>().max(f64::MIN_POSITIVE)
    };
    let length = 0.3 * scene.step(&own);
    let noisy: Vec<Params> = (0..5).map(|at| Scene::noisy(&own, length, Seed::from_number(at))).collect();
    let rows = scene.rows(100, scene.seed.derive_number("seller", 0));
    let parts: Vec<Params> = (0..5)
        .map(|part| scene.trained(&rows.select(&(20 * part..20 * part + 20).collect::<Vec<_>>())))
        .collect();
    [share(std::slice::from_ref(&own)), share(&vec![own.clone(); 5]), share(&noisy), share(&parts)]
}

/// The table of the docs: which score is farmed how, and what uniqueness takes from it.
#[test]
fn every_score_is_farmed_and_uniqueness_takes_most_of_it() {
    let scenes: Vec<Scene> = (1..=6).map(Scene::new).collect();
    // How many times what one model earns.
    let farm = |name: &str, score: &dyn Value| {
        let mut shares = [0.0; 4];
        for found in scenes.iter().map(|scene| farmed(scene, score)) {
            shares.iter_mut().zip(found).for_each(|(sum, share)| *sum += share / scenes.len() as f64);
        }
        let [one, gains @ ..] = shares;
        let gains = gains.map(|share| share / one);
        println!(
            "{name:28} one {one:5.3}  copies {:5.2}  noisy {:5.2}  split {:5.2}",
            gains[0], gains[1], gains[2]
        );
        gains
    };
    let loss = farm("loss difference", &LossDifference);
    let first = farm("first order", &FirstOrder);
    farm("leave one out", &LeaveOneOut(mean()));
    farm("Shapley", &shapley(20, 0.0));
    let unique = farm("loss difference, unique", &Unique::new(LossDifference));
    farm("first order, unique", &Unique::new(FirstOrder));
    assert!(loss[0] > 3.0 && first[0] > 3.0, "copies pay: {loss:?} {first:?}");
    assert!(unique[0] < 1.2, "exact copies share: {unique:?}");
    assert!(unique[1] < 0.85 * loss[1], "{unique:?} {loss:?}");
}

/// A buyer with a few hidden rows keeps its merge whole among sellers of whom most are hostile.
#[test]
fn a_buyer_that_picks_is_not_harmed() {
    let scene = Scene::new(3);
    let conducts = [60, 90, 120].map(Conduct::Honest).into_iter();
    let hostile = [Conduct::Flipper(150), Conduct::SignFlip(150), Conduct::Noise, Conduct::Flipper(80)];
    let models: Vec<Params> = (0u64..)
        .zip(conducts.chain(hostile))
        .map(|(at, conduct)| scene.entered(conduct, Seed::from_number(at)))
        .collect();
    let own = Contribution { from: id(0), weight: Weight(1), age: 0, value: &scene.parent };
    let peers: Vec<Contribution<'_>> = (1u8..)
        .zip(&models)
        .map(|(from, value)| Contribution { from: id(from), weight: Weight(1), age: 3, value })
        .collect();
    let judge =
        |params: &Params| eval::accuracy(scene.model.as_ref(), params.values(), &scene.report).expect("fits");
    let picked = Picked {
        value: LossDifference,
        merge: WeightedMean,
        model: Arc::clone(&scene.model),
        hidden: Arc::new(scene.hidden.clone()),
    };
    let merged = picked.merge(&own, &peers).expect("merges");
    let bare = WeightedMean.merge(&own, &peers).expect("merges");
    println!(
        "parent {:.3}, all merged {:.3}, picked {:.3}",
        judge(&scene.parent),
        judge(&bare.value),
        judge(&merged.value)
    );
    assert!(merged.influence[..3].iter().all(|share| share.0 > 0));
    assert!(merged.influence[3..].iter().all(|share| share.0 == 0));
    assert_eq!(merged.influence.iter().map(|share| share.0).sum::<u32>() + merged.own.0, 1 << 16);
    assert!(judge(&merged.value) > judge(&scene.parent) && judge(&merged.value) > judge(&bare.value));
}

#[test]
fn what_does_not_fit_is_refused() {
    let scene = Scene::new(1);
    let own = Contribution { from: id(1), weight: Weight(1), age: 0, value: &scene.parent };
    let mut broken = scene.parent.clone();
    broken.values_mut()[3] = f32::NAN;
    let scores: [&dyn Value; 5] =
        [&LossDifference, &FirstOrder, &LeaveOneOut(mean()), &shapley(2, 0.0), &Unique::new(LossDifference)];
    for score in scores {
        let of = |peer| Contribution { from: id(2), weight: Weight(1), age: 0, value: peer };
        let refused = score.values(&scene.hidden(), &own, &[of(&broken)]);
        assert!(matches!(refused, Err(ValueError::Merge(MergeError::OutOfRange(who))) if who == id(2)));
        let none = scene.hidden.select(&[]);
        let hidden = Hidden { model: scene.model.as_ref(), data: &none };
        assert!(matches!(score.values(&hidden, &own, &[of(&scene.parent)]), Err(ValueError::Empty)));
        assert!(score.values(&scene.hidden(), &own, &[]).expect("nobody").is_empty());
    }
    let peers = [Contribution { from: id(2), weight: Weight(1), age: 0, value: &scene.parent }];
    for score in [shapley(0, 0.0), shapley(1, f64::NAN)] {
        assert!(matches!(score.values(&scene.hidden(), &own, &peers), Err(ValueError::Setting(_))));
    }
}
