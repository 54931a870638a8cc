//! Learning: gossip in the simulator. The set-up is [`GossipLab`]'s default, which is GossipPy's.
//!
//! The cost is that of the whole rehearsal: spreading rows, building nodes, all messages through the public machines and
//! the world, and judging ten nodes after each round.
//!
//! What is learned after convergence is Algorithm 1 to the letter, pushed to one neighbour a round and merged by the plain mean;
//! only the learning rate falls from round to round, since a constant one keeps the last batches of the last node visible.

use super::{Options, attempt};
use crate::{
    Failure,
    cost::{cpu_of, median_of},
    peer,
    reading::Reading,
};
use bitneuron::{
    core::{Dataset, Seed},
    learning::{
        Model, Sgd,
        gossip::Flow,
        model::{Mlp, SoftmaxRegression},
        optim::{Annealed, Measure},
    },
    sim::{
        Chance, Churn, Link, digits,
        lab::{GossipLab, LabReport, Rows},
    },
};
use std::{sync::Arc, time::Duration};

/// Seeds that accuracies are means of.
const SEEDS: u64 = 3;

pub(super) fn measure(options: Options) -> Vec<Reading> {
    let mut readings = attempt("gossip_us_per_message", small);
    if let [Reading { value: None, note, .. }] = readings.as_slice() {
        let why = note.clone();
        readings.push(Reading::missing("gossip_digits_accuracy_50_rounds", why));
    }
    let ours = readings.first().and_then(|reading| reading.value);
    readings.extend(attempt("gossip_vs_gossippy", || against_gossippy(ours, options)));
    readings
        .extend(attempt("gossip_10000_nodes_10_rounds", || large("gossip_10000_nodes_10_rounds", 10_000)));
    readings
        .extend(attempt("gossip_100000_nodes_10_rounds", || large("gossip_100000_nodes_10_rounds", 100_000)));
    readings.extend(attempt("digits_softmax_100_nodes", softmax));
    readings.extend(attempt("digits_mlp_100_nodes", || mlp("digits_mlp_100_nodes", Rows::Iid)));
    readings.extend(attempt("digits_mlp_dirichlet05_gap", || {
        mlp("digits_mlp_dirichlet05_gap", Rows::Dirichlet(0.5))
    }));
    readings.extend(attempt("digits_hostile_preset", hostile));
    readings.extend(attempt("token_account_bytes", tokens));
    readings
}

/// The default lab and the rows it plays on.
struct Scene {
    lab: GossipLab,
    train: Dataset,
    report: Dataset,
}

impl Scene {
    fn new() -> Result<Self, Failure> {
        let (train, report) = digits::halves(Seed::from_number(42))?;
        Ok(Self { lab: GossipLab::new(Arc::new(SoftmaxRegression::new(64, 10)?)), train, report })
    }

    /// The report and its CPU seconds.
    fn run(&self, seed: u64) -> Result<(LabReport, f64), Failure> {
        let (report, seconds) = cpu_of(|| self.lab.run(&self.train, &self.report, Seed::from_number(seed)));
        Ok((report?, seconds))
    }
}

fn small() -> Result<Vec<Reading>, Failure> {
    let scene = Scene::new()?;
    let mut seed = 0;
    let mut accuracies = Vec::new();
    let cost = median_of(|| {
        // Ten rehearsals, since one takes but a few ticks of the kernel's count.
        let mut cost = 0.0;
        for _ in 0..10 {
            seed += 1;
            let (report, seconds) = scene.run(seed)?;
            accuracies.push(report.accuracy());
            cost += 1e6 * seconds / report.messages() as f64 / 10.0;
        }
        Ok(cost)
    })?;
    let accuracy = accuracies.iter().sum::<f64>() / accuracies.len() as f64;
    let ceiling = scene.lab.ceiling(&scene.train, &scene.report, 50, Seed::from_number(1))?;
    let note = format!("mean of {} seeds", accuracies.len());
    Ok(vec![
        Reading::row("gossip_us_per_message", cost),
        Reading::row("gossip_digits_accuracy_50_rounds", accuracy).note(note),
        Reading::extra("gossip_digits_centralised", "fraction", ceiling)
            .note("50 epochs on all rows in one place"),
    ])
}

fn large(name: &'static str, nodes: u32) -> Result<Vec<Reading>, Failure> {
    let scene = Scene::new()?;
    let scene = Scene { lab: GossipLab { nodes, rounds: 10, ..scene.lab }, ..scene };
    let mut seed = 0;
    let seconds = median_of(|| {
        seed += 1;
        Ok(scene.run(seed)?.1)
    })?;
    Ok(vec![Reading::row(name, seconds)])
}

/// A lab whose rate falls from `rate` to a hundredth of it over as many updates as a node makes, and that judges everybody.
fn settling(model: Arc<dyn Model>, rate: f32, rounds: u64, updates: u64) -> GossipLab {
    let sgd = Sgd::new(Arc::clone(&model), rate, 8).with_measure(Measure::Running);
    let lab = GossipLab { rounds, judged: 100, ..GossipLab::new(model) };
    lab.with_update(Annealed::new(sgd, updates, 0.01))
}

/// The mean accuracy over seeds, and the worst node of all.
fn accuracy(lab: &GossipLab) -> Result<(f64, f64), Failure> {
    let (train, report) = digits::halves(Seed::from_number(42))?;
    let (mut sum, mut worst) = (0.0, 1.0_f64);
    for seed in 1..=SEEDS {
        let outcome = lab.run(&train, &report, Seed::from_number(seed))?;
        sum += outcome.accuracy();
        worst = outcome.rounds.last().map_or(worst, |last| worst.min(last.accuracy.worst));
    }
    Ok((sum / SEEDS as f64, worst))
}

fn told(worst: f64, rounds: u64) -> String {
    format!("mean of {SEEDS} seeds and 100 nodes after {rounds} rounds; worst node {worst:.4}")
}

fn softmax() -> Result<Vec<Reading>, Failure> {
    let lab = settling(Arc::new(SoftmaxRegression::new(64, 10)?), 1.0, 300, 300);
    let (mean, worst) = accuracy(&lab)?;
    Ok(vec![Reading::row("digits_softmax_100_nodes", mean).note(told(worst, 300))])
}

/// A perceptron; with skewed rows what it lacks of a centralised one, in points.
fn mlp(row: &'static str, rows: Rows) -> Result<Vec<Reading>, Failure> {
    let rounds = 400;
    let lab = GossipLab { rows, ..settling(Arc::new(Mlp::new(&[64, 64, 10])?), 0.5, rounds, rounds) };
    let (mean, worst) = accuracy(&lab)?;
    if rows == Rows::Iid {
        return Ok(vec![Reading::row(row, mean).note(told(worst, rounds))]);
    }
    let (train, report) = digits::halves(Seed::from_number(42))?;
    let central = (1..=SEEDS)
        .map(|seed| lab.ceiling(&train, &report, 100, Seed::from_number(seed)))
        .sum::<Result<f64, _>>()?
        / SEEDS as f64;
    let note = format!("{central:.4} centralised, {mean:.4} gossip; {}", told(worst, rounds));
    Ok(vec![Reading::row(row, 100.0 * (central - mean)).note(note)])
}

/// One in five is there at any time, a tenth of what is sent gets lost, and everything takes up to a tenth of a period.
fn hostile() -> Result<Vec<Reading>, Failure> {
    let rounds = 1_000;
    let lab = settling(Arc::new(SoftmaxRegression::new(64, 10)?), 1.0, rounds, 180);
    let link = Link { loss: Chance::percent(10), ..lab.link };
    let churn = Some(Churn::independent(Duration::from_millis(1), Chance::percent(20)));
    let (mean, worst) = accuracy(&GossipLab { link, churn, ..lab })?;
    Ok(vec![Reading::row("digits_hostile_preset", mean).note(told(worst, rounds))])
}

/// The bytes that a randomised token account needs to an accuracy, as a part of those that a steady sender needs.
fn tokens() -> Result<Vec<Reading>, Failure> {
    const GOAL: f64 = 0.85;
    let scene = Scene::new()?;
    let bytes = |flow| -> Result<f64, Failure> {
        let mut lab = GossipLab { rounds: 100, judged: 100, ..scene.lab.clone() };
        lab.manner.flow = flow;
        let mut sum = 0.0;
        for seed in 1..=SEEDS {
            let report = lab.run(&scene.train, &scene.report, Seed::from_number(seed))?;
            sum += report.reached(GOAL).ok_or("never as good")?.bytes as f64;
        }
        Ok(sum)
    };
    let ratio = bytes(Flow::Randomised { reactivity: 10, capacity: 20 })? / bytes(Flow::Proactive)?;
    let note = format!("to a mean accuracy of {GOAL}; randomised account, A = 10, C = 20");
    Ok(vec![Reading::extra("token_account_bytes", "ratio", ratio).note(note)])
}

fn against_gossippy(ours: Option<f64>, options: Options) -> Result<Vec<Reading>, Failure> {
    if !options.peers {
        return Err("needs --peers".into());
    }
    let ours = ours.ok_or("ours is not known")?;
    let peer = peer::script("learning", &[])?;
    let number = |field: &'static str| peer.get(field).and_then(serde_json::Value::as_f64).ok_or(field);
    let (cost, accuracy) = (number("cpu_us_per_message")?, number("accuracy")?);
    let note = format!("{}, median of {} runs", peer["peer"].as_str().unwrap_or("peer"), number("runs")?);
    Ok(vec![
        Reading::row("gossip_vs_gossippy", cost / ours).note(note),
        Reading::extra("gossippy_us_per_message", "us", cost),
        Reading::extra("gossippy_accuracy_50_rounds", "fraction", accuracy),
    ])
}
