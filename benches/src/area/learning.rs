//! Learning: gossip in the simulator. The set-up is [`GossipLab`]'s default, which is GossipPy's.
//!
//! The cost is that of the whole rehearsal: spreading rows, building nodes, all messages through the public machines and
//! the world, and judging ten nodes after each round.

mod defences;

use super::{Options, attempt};
use crate::{
    Failure,
    cost::{cpu_of, median_of},
    peer,
    reading::Reading,
};
use bitneuron::{
    core::{Dataset, Seed},
    learning::model::SoftmaxRegression,
    sim::{
        digits,
        lab::{GossipLab, LabReport},
    },
};
use std::sync::Arc;

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
    readings.extend(defences::measure());
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
