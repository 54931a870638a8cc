//! Choosing rows: the laws, floods and false labels on the digits, fairness on people who differ.

use bitneuron_core::{Dataset, NodeId, Params, Seed, Weight};
use bitneuron_learning::data::{self, SplitRule};
use bitneuron_learning::eval;
use bitneuron_learning::fairness::{Fairness, fairness};
use bitneuron_learning::merge::{Concatenate, Contribution, Merge as _, OWN_GROUP};
use bitneuron_learning::model::{Model, SoftmaxRegression};
use bitneuron_learning::optim::Annealed;
use bitneuron_learning::select::{
    Attribute, Cap, FairRobust, GroupCap, LowLoss, Notion, Rows, Select, SelectError, Selection, Selective,
    named,
};
use bitneuron_learning::suite::{self, SelectLaw};
use bitneuron_learning::{Sgd, Update};
use ndarray::{Array2, Axis, concatenate};
use proptest::{prelude::*, test_runner::RngSeed};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

fn rules(rules: Vec<Arc<dyn Select>>) -> Arc<dyn Select> {
    Arc::new(rules)
}

fn odds() -> FairRobust {
    FairRobust::new(Notion::EqualisedOdds, Attribute::Group(1))
}

#[test]
fn every_rule_keeps_the_laws() {
    suite::select(&GroupCap::default()).expect("cap");
    suite::select(&GroupCap { cap: Cap::Count(7), exempt: Some(4) }).expect("count");
    suite::select(&LowLoss::default()).expect("low loss");
    let both = rules(vec![Arc::new(GroupCap::default()), Arc::new(LowLoss::default())]);
    suite::select(both.as_ref()).expect("both");
    for notion in [Notion::EqualOpportunity, Notion::EqualisedOdds, Notion::DemographicParity] {
        for attribute in [Attribute::Group(4), Attribute::Above { column: 1, limit: 0.1 }] {
            suite::select(&FairRobust { warm_up: 1, ..FairRobust::new(notion, attribute) }).expect("fair");
        }
    }
}

/// Takes the rows of highest loss.
#[derive(Clone)]
struct HighLoss;

impl Selection for HighLoss {
    fn choose(&mut self, rows: &Rows<'_>, mut among: Vec<usize>) -> Result<Vec<usize>, SelectError> {
        among.sort_by(|a, b| rows.loss(*b).total_cmp(&rows.loss(*a)));
        among.truncate(among.len() / 2);
        Ok(among)
    }
}

/// Takes row 0, whether it is offered or not.
#[derive(Clone)]
struct First;

impl Selection for First {
    fn choose(&mut self, _: &Rows<'_>, _: Vec<usize>) -> Result<Vec<usize>, SelectError> {
        Ok(vec![0])
    }
}

/// Takes another row at every call.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Selection for Counting {
    fn choose(&mut self, _: &Rows<'_>, among: Vec<usize>) -> Result<Vec<usize>, SelectError> {
        let call = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(vec![among[call % among.len()]])
    }
}

#[test]
fn the_laws_catch_who_breaks_them() {
    let broken = |rule: &dyn Select| suite::select(rule).expect_err("broken").law;
    assert_eq!(broken(&HighLoss), SelectLaw::Losses);
    assert_eq!(broken(&First), SelectLaw::Subset);
    assert_eq!(broken(&Counting::default()), SelectLaw::Replay);
}

fn selective(model: &Arc<dyn Model>, select: Arc<dyn Select>, epochs: u32) -> Selective<Sgd> {
    Selective { model: Arc::clone(model), update: Sgd::new(Arc::clone(model), 0.1, 32), select, epochs }
}

#[test]
fn a_selective_update_keeps_the_laws_of_updates() {
    let model: Arc<dyn Model> = Arc::new(SoftmaxRegression::new(5, 3).expect("small"));
    for rule in ["cap", "low-loss:warm-up=0", "cap:count=20+low-loss:keep=0.8"] {
        let mut update = selective(&model, named(rule).expect("known"), 4);
        suite::update(&mut update, model.as_ref()).unwrap_or_else(|broken| panic!("{rule}: {broken}"));
    }
}

#[test]
fn text_names_rules_or_is_refused() {
    for good in [
        "cap",
        "low-loss",
        "low-loss,cap",
        "low-loss+cap",
        "cap:count=5",
        "cap:share=2, low-loss:keep=0.6,warm-up=0",
    ] {
        assert!(named(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        ",",
        "cap,",
        "best",
        "keep=0.5",
        "cap:0",
        "cap:share=0.5",
        "cap:share=nan",
        "cap:count=0",
        "low-loss:keep=0",
        "low-loss:keep=1.1",
        "low-loss:keep=nan",
        "low-loss:warm-up=-1",
        "low-loss:cap=2",
        "cap:keep=0.5",
        "cap:share=2,count=5",
        "low-loss:keep=0.5,keep=0.6",
    ] {
        assert!(named(bad).is_err(), "{bad}");
    }
    let told = |text: &str| named(text).err().expect(text).to_string();
    assert_eq!(told("best"), "there is no selection \"best\"; there are cap, low-loss");
    assert!(told("low-loss:keep=0").contains("above 0 to 1"), "{}", told("low-loss:keep=0"));
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
    /// A bound is kept exactly, small groups stay whole, the exempt one as well.
    #[test]
    fn a_cap_takes_no_more_and_no_less(
        groups in prop::collection::vec(0u32..6, 1..120), count in 0usize..30, share in 1.0f64..3.0, by_share: bool, exempt in 0u32..8,
    ) {
        let data = Dataset::grouped(Array2::zeros((groups.len(), 1)), vec![0; groups.len()], groups.clone()).expect("fits");
        let losses = vec![1.0; groups.len()];
        let cap = if by_share { Cap::Share(share) } else { Cap::Count(count) };
        let rows = Rows { data: &data, losses: &losses, epoch: 0, seed: Seed::from_number(3) };
        let chosen = GroupCap { cap, exempt: Some(exempt) }.choose(&rows, (0..groups.len()).collect()).expect("chooses");
        let size = |group: u32| groups.iter().filter(|own| **own == group).count();
        let mut sizes: Vec<usize> = (0..6).filter(|group| *group != exempt).map(size).filter(|size| *size > 0).collect();
        sizes.sort_unstable();
        let median = sizes.get(sizes.len().saturating_sub(1) / 2).copied().unwrap_or(0);
        let most = if by_share { (median as f64 * share).floor() as usize } else { count };
        for group in 0..6 {
            let taken = chosen.iter().filter(|row| groups[**row] == group).count();
            prop_assert_eq!(taken, if group == exempt { size(group) } else { size(group).min(most) });
        }
        prop_assert!(chosen.is_sorted_by(|a, b| a < b));
    }

    /// Against a plain sort, class by class; over the warm-up the share falls.
    #[test]
    fn low_loss_has_an_oracle(
        rows in prop::collection::vec((0.0f32..4.0, 0u32..3), 1..80), keep in 0.01f64..=1.0, epoch in 0u64..8,
    ) {
        let (losses, labels): (Vec<f32>, Vec<u32>) = rows.into_iter().unzip();
        let data = Dataset::new(Array2::zeros((losses.len(), 1)), labels.clone()).expect("fits");
        let rows = Rows { data: &data, losses: &losses, epoch, seed: Seed::default() };
        let chosen = LowLoss { keep, warm_up: 4 }.choose(&rows, (0..losses.len()).collect()).expect("chooses");
        let share = if epoch < 4 { 1.0 - (1.0 - keep) * epoch as f64 / 4.0 } else { keep };
        let mut expected = Vec::new();
        for class in 0..3 {
            let mut order: Vec<usize> = (0..losses.len()).filter(|row| labels[*row] == class).collect();
            order.sort_by(|a, b| losses[*a].total_cmp(&losses[*b]));
            order.truncate((share * order.len() as f64).ceil() as usize);
            expected.extend(order);
        }
        expected.sort_unstable();
        prop_assert_eq!(chosen, expected);
    }
}

#[test]
fn settings_without_sense_are_refused() {
    let data = Dataset::new(Array2::zeros((3, 1)), vec![0, 1, 2]).expect("fits");
    let rows = Rows { data: &data, losses: &[0.0; 3], epoch: 50, seed: Seed::default() };
    let of = |rule: &dyn Select| rule.begin().choose(&rows, vec![0, 1, 2]).expect_err("refused");
    let setting = |error| matches!(error, SelectError::Setting(_));
    assert!(setting(of(&GroupCap { cap: Cap::Share(0.9), exempt: None })));
    assert!(setting(of(&GroupCap { cap: Cap::Share(f64::NAN), exempt: None })));
    assert!(setting(of(&LowLoss { keep: 0.0, warm_up: 0 })));
    assert!(setting(of(&LowLoss { keep: f64::NAN, warm_up: 0 })));
    assert!(setting(of(&FairRobust { rate: f64::NAN, ..odds() })));
    assert_eq!(of(&odds()), SelectError::NotBinary(2));
}

const EPOCHS: u32 = 60;

/// Rows of ten contributors, and rows to report on.
struct Scene {
    model: Arc<dyn Model>,
    train: Dataset,
    report: Dataset,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let digits = data::digits(include_bytes!("../../../data/digits.csv.gz")).expect("the digits");
        let rule = SplitRule { report: 360, metric: 0, public: 0 };
        let split = rule.split(&digits, Seed::from_number(seed)).expect("splits");
        let train = split.private;
        let groups = (0..train.len() as u32).map(|row| 1 + row % 10).collect();
        let train =
            Dataset::grouped(train.features().clone(), train.labels().to_vec(), groups).expect("fits");
        let model = Arc::new(SoftmaxRegression::new(64, 10).expect("small"));
        Self { model, train, report: split.report }
    }

    fn accuracy(&self, data: &Dataset, rule: &str) -> f64 {
        let mut params = self.model.init(Seed::default());
        let select: Arc<dyn Select> =
            if rule.is_empty() { rules(vec![]) } else { named(rule).expect("known") };
        let sgd = Annealed::new(Sgd::new(Arc::clone(&self.model), 0.5, 32), EPOCHS.into(), 0.02);
        let mut update = Selective { model: Arc::clone(&self.model), update: sgd, select, epochs: EPOCHS };
        update.update(&mut params, data, 0, Seed::from_number(1)).expect("trains");
        self.judge(&params)
    }

    fn judge(&self, params: &Params) -> f64 {
        eval::accuracy(self.model.as_ref(), params.values(), &self.report).expect("fits")
    }
}

/// The same rows, a part of them called another class at random.
fn flipped(data: &Dataset, part: f64, seed: u64) -> Dataset {
    let mut rng = Seed::from_number(seed).derive("flips").rng();
    let label = |label: &u32| {
        if rng.random_bool(part) { (label + rng.random_range(1..10)) % 10 } else { *label }
    };
    let labels = data.labels().iter().map(label).collect();
    Dataset::grouped(data.features().clone(), labels, data.groups().to_vec()).expect("fits")
}

/// Rows of one contributor on top of others.
fn flooded(data: &Dataset, flood: &Dataset, group: u32) -> Dataset {
    let features =
        concatenate(Axis(0), &[data.features().view(), flood.features().view()]).expect("one width");
    let groups = [data.groups().to_vec(), vec![group; flood.len()]].concat();
    Dataset::grouped(features, [data.labels(), flood.labels()].concat(), groups).expect("fits")
}

/// So many times all rows, each called the next class.
fn fakes(data: &Dataset, times: usize) -> Dataset {
    let rows: Vec<usize> = (0..times).flat_map(|_| 0..data.len()).collect();
    let fakes = data.select(&rows);
    let labels = fakes.labels().iter().map(|label| (label + 1) % 10).collect();
    Dataset::new(fakes.features().clone(), labels).expect("fits")
}

#[test]
fn low_loss_withstands_false_labels() {
    let scene = Scene::new(1);
    let clean = scene.accuracy(&scene.train, "");
    let false_labels = flipped(&scene.train, 0.4, 1);
    let bare = scene.accuracy(&false_labels, "");
    let chosen = scene.accuracy(&false_labels, "low-loss:keep=0.6,warm-up=10");
    println!("clean {clean:.3}, 40 % flipped {bare:.3}, low loss {chosen:.3}");
    assert!(
        bare < clean - 0.04 && chosen >= clean - 0.025 && chosen > bare + 0.02,
        "{clean} {bare} {chosen}"
    );
}

/// The cap is what stops a flood; low loss alone prefers it.
#[test]
fn a_cap_withstands_a_flood_that_low_loss_alone_does_not() {
    let scene = Scene::new(1);
    let clean = scene.accuracy(&scene.train, "");
    let flood = flooded(&scene.train, &fakes(&scene.train, 3), 11);
    let [bare, low, cap] = ["", "low-loss:keep=0.25,warm-up=2", "cap+low-loss:keep=0.9,warm-up=2"]
        .map(|rule| scene.accuracy(&flood, rule));
    println!("clean {clean:.3}, flood {bare:.3}, low loss {low:.3}, cap first {cap:.3}");
    assert!(bare < 0.5 && low < 0.5 && cap >= clean - 0.02, "{clean} {bare} {low} {cap}");
}

fn of(from: u8, data: &Dataset) -> Contribution<'_, Dataset> {
    Contribution { from: NodeId([from; 32]), weight: Weight(1), age: 0, value: data }
}

/// A million fakes in a thousand deliveries: line 6 holds a bounded part of them, and what it holds moves little.
#[test]
fn a_million_fakes_of_one_group_move_nothing() {
    let scene = Scene::new(2);
    let size = scene.train.len() / 10;
    let join = Concatenate {
        per_contributor: size,
        rows: 4_000,
        classes: 10,
        range: (0.0, 1.0),
        key: Seed::from_number(9),
    };
    let shares: Vec<Dataset> = (1..=10)
        .map(|group| {
            let rows: Vec<usize> =
                (0..scene.train.len()).filter(|row| scene.train.groups()[*row] == group).collect();
            scene.train.select(&rows)
        })
        .collect();
    let own = Dataset::grouped(
        shares[0].features().clone(),
        shares[0].labels().to_vec(),
        vec![OWN_GROUP; shares[0].len()],
    )
    .expect("fits");
    let honest: Vec<Contribution<'_, Dataset>> =
        (2u8..).zip(&shares[1..]).map(|(from, data)| of(from, data)).collect();
    let clean = join.merge(&of(1, &own), &honest).expect("merges").value;
    let thousand = fakes(&scene.train, 1).select(&(0..1_000).collect::<Vec<_>>());
    let mut held = clean.clone();
    for _ in 0..1_000 {
        held = join.merge(&of(1, &held), &[of(99, &thousand)]).expect("merges").value;
        assert!(held.len() <= clean.len() + size);
    }
    assert_eq!(held.len(), clean.len() + size);
    let rule = "cap+low-loss:keep=0.9,warm-up=2";
    let [before, after] = [&clean, &held].map(|data| scene.accuracy(data, rule));
    println!("clean {before:.3}, with what is left of a million fakes {after:.3}");
    assert!(after >= before - 0.01, "{before} {after}");

    // The same number at once, as losses and groups alone.
    let groups = (0..1_010_000).map(|row: u32| if row < 10_000 { row / 1_000 } else { 10 }).collect();
    let data = Dataset::grouped(Array2::zeros((1_010_000, 0)), vec![0; 1_010_000], groups).expect("fits");
    let losses = vec![0.0; data.len()];
    let rows = Rows { data: &data, losses: &losses, epoch: 9, seed: Seed::default() };
    let chosen = GroupCap::default().choose(&rows, (0..data.len()).collect()).expect("chooses");
    assert_eq!(chosen.len(), 10_000 + 1_250);
}

/// Two Gaussians, with an attribute that follows a turned copy of them: Zafar, Valera, Gomez Rodriguez and Gummadi, *Fairness
/// constraints* (AISTATS 2017), which fair learning is tried on. A tenth of the labels is false.
fn people(rows: usize, false_labels: f64, seed: u64) -> Dataset {
    let mut rng = Seed::from_number(seed).derive("people").rng();
    let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let density = |x: [f64; 2], [mx, my]: [f64; 2], [a, b, d]: [f64; 3]| {
        let (det, u, v) = (a * d - b * b, x[0] - mx, x[1] - my);
        (-0.5 * (d * u * u - 2.0 * b * u * v + a * v * v) / det).exp() / det.sqrt()
    };
    let (mut features, mut labels, mut draws) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..rows {
        let y = (row % 2) as u32;
        let (mean, [a, b, d]) = if y == 1 { (2.0, [5.0, 1.0, 5.0]) } else { (-2.0, [10.0, 1.0, 3.0f64]) };
        let (u, v) = (normal(), normal());
        let l = f64::sqrt(a);
        let x = [mean + l * u, mean + b / l * u + (d - b * b / a).sqrt() * v];
        let (sin, cos) = std::f64::consts::FRAC_PI_4.sin_cos();
        let turned = [cos * x[0] - sin * x[1], sin * x[0] + cos * x[1]];
        let p1 = density(turned, [2.0, 2.0], [5.0, 1.0, 5.0]);
        let p0 = density(turned, [-2.0, -2.0], [10.0, 1.0, 3.0]);
        features.extend(x.map(|x| x as f32 / 4.0));
        labels.push(y);
        draws.push(p1 / (p1 + p0));
    }
    let groups: Vec<u32> = draws.iter().map(|p| u32::from(rng.random_bool(*p))).collect();
    for label in &mut labels {
        if rng.random_bool(false_labels) {
            *label = 1 - *label;
        }
    }
    let features = Array2::from_shape_vec((rows, 2), features).expect("fits");
    let z = Array2::from_shape_fn((rows, 1), |(row, _)| groups[row] as f32);
    let features = concatenate(Axis(1), &[features.view(), z.view()]).expect("one height");
    Dataset::grouped(features, labels, groups).expect("fits")
}

/// The gap falls as more fairness is asked for, at a small price.
#[test]
fn fairness_is_bought_by_the_step() {
    let (train, report) = (people(2_000, 0.1, 1), people(2_000, 0.0, 2));
    let model: Arc<dyn Model> = Arc::new(SoftmaxRegression::new(3, 2).expect("small"));
    let judged = |keep: f64, rate: f64| -> (f64, Fairness) {
        let rule = Arc::new(FairRobust { keep, rate, warm_up: 5, ..odds() });
        let mut params = model.init(Seed::default());
        let mut update = selective(&model, rule, 100);
        update.update(&mut params, &train, 0, Seed::from_number(1)).expect("trains");
        let accuracy = eval::accuracy(model.as_ref(), params.values(), &report).expect("fits");
        (accuracy, fairness(model.as_ref(), params.values(), &report, report.groups()).expect("fits"))
    };
    let gaps = |keep: f64, rates: [f64; 3]| {
        let found = rates.map(|rate| judged(keep, rate));
        println!("keep {keep}: {found:.3?}");
        assert!(found[2].0 > found[0].0 - 0.05, "at a small price: {found:?}");
        found.map(|(_, fairness)| fairness.equalised_odds)
    };
    let whole = gaps(1.0, [0.0, 0.001, 0.005]);
    assert!(whole[1] < 0.8 * whole[0] && whole[2] < 0.4 * whole[0], "{whole:?}");
    let robust = gaps(0.9, [0.0, 0.002, 0.005]);
    assert!(robust[1] < robust[0] && robust[2] < 0.8 * robust[0], "{robust:?}");
}

/// λ goes where it must: up for the group that is served worse, and by the notion that is asked for.
#[test]
fn lambda_follows_the_losses() {
    let labels = vec![0, 0, 1, 1, 0, 0, 1, 1];
    let groups = vec![0, 1, 0, 1, 0, 1, 0, 1];
    let data = Dataset::grouped(Array2::zeros((8, 1)), labels, groups).expect("fits");
    let after = |notion, losses: [f32; 4]| {
        let rule =
            FairRobust { warm_up: 0, rate: 0.1, keep: 1.0, ..FairRobust::new(notion, Attribute::Group(1)) };
        let mut selection = rule.start();
        let losses = [losses, losses].concat();
        let rows = Rows { data: &data, losses: &losses, epoch: 0, seed: Seed::default() };
        selection.choose(&rows, (0..8).collect()).expect("chooses");
        selection.lambda().expect("chosen").map(|lambda| (lambda * 10.0).round() as i32)
    };
    // Losses of (y, z) = (0, 0), (0, 1), (1, 0), (1, 1).
    assert_eq!(after(Notion::EqualOpportunity, [0.1, 0.9, 0.1, 0.5]), [5, 6]);
    assert_eq!(after(Notion::EqualOpportunity, [0.1, 0.9, 0.5, 0.1]), [5, 4]);
    assert_eq!(after(Notion::EqualisedOdds, [0.1, 0.9, 0.1, 0.5]), [6, 5]);
    assert_eq!(after(Notion::EqualisedOdds, [0.9, 0.1, 0.1, 0.5]), [4, 5]);
    assert_eq!(after(Notion::EqualisedOdds, [0.3, 0.3, 0.5, 0.1]), [5, 4]);
    // Class 0 of z = 1 is named 1 less often than that of z = 0: fewer rows are wanted that teach so.
    assert_eq!(after(Notion::DemographicParity, [0.9, 0.1, 0.3, 0.3]), [4, 5]);
}
