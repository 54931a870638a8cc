//! Gossip learning in the lab: it learns, it is the same every time, and it bears loss, churn and odd sizes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::{Sgd, data::Table, model::SoftmaxRegression, partition::PartitionError};
use bitneuron_sim::{
    Chance, Churn, Link, Stream,
    lab::{GossipLab, LabError, LabReport, Rows, Topology},
};
use std::{fmt::Write as _, sync::Arc, time::Duration};

const SEED: Seed = Seed([5; 32]);

/// Rows of small random numbers, of which the one at the place of the label is raised.
fn data(rows: usize, features: usize, classes: usize, number: u64) -> Dataset {
    let mut stream = Stream::new(&SEED, "rows", number);
    let mut text = String::new();
    for row in 0..rows {
        let label = row % classes;
        for place in 0..features {
            let raised = if place % classes == label { 10 } else { 0 };
            write!(text, "{},", stream.below(6) + raised).unwrap();
        }
        writeln!(text, "{label}").unwrap();
    }
    Table { features, classes: classes as u32, full_scale: 16, rows }.parse(&text).unwrap()
}

fn lab(features: usize, classes: usize) -> GossipLab {
    let model = Arc::new(SoftmaxRegression::new(features, classes).unwrap());
    GossipLab { nodes: 20, topology: Topology::RandomRegular(5), rounds: 30, ..GossipLab::new(model) }
}

fn run(lab: &GossipLab) -> LabReport {
    lab.run(&data(120, 12, 4, 1), &data(200, 12, 4, 2), SEED).unwrap()
}

#[test]
fn it_learns_nearly_what_one_place_learns() {
    let lab = lab(12, 4);
    let report = run(&lab);
    let ceiling = lab.ceiling(&data(120, 12, 4, 1), &data(200, 12, 4, 2), 30, SEED).unwrap();
    assert!(ceiling > 0.9, "{ceiling}");
    assert!(report.accuracy() > ceiling - 0.05, "{} under {ceiling}", report.accuracy());
    assert!(report.rounds[0].accuracy.mean < report.accuracy(), "nothing was learned after the first round");
    assert_eq!(report.offences, 0);
}

#[test]
fn every_node_sends_one_model_a_round_and_every_byte_is_counted() {
    let report = run(&lab(12, 4));
    assert_eq!(report.rounds.len(), 30);
    for round in &report.rounds {
        assert_eq!(round.messages, 20 * round.round);
        // The header of a packet, two parts with their lengths, 52 parameters, the age.
        assert_eq!(round.bytes, round.messages * (43 + 2 * 4 + 4 * 52 + 8));
    }
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_another() {
    let lab = GossipLab { trace: true, ..lab(12, 4) };
    let (train, test) = (data(120, 12, 4, 1), data(200, 12, 4, 2));
    let first = lab.run(&train, &test, SEED).unwrap();
    assert!(first.trace.is_some());
    assert_eq!(first, lab.run(&train, &test, SEED).unwrap());
    assert_ne!(first.trace, lab.run(&train, &test, SEED.derive("other")).unwrap().trace);
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    // Large enough for merges to be split over threads.
    let lab = GossipLab { nodes: 4, rounds: 3, judged: 4, trace: true, ..lab(8_192, 8) };
    let (train, test) = (data(16, 8_192, 8, 1), data(16, 8_192, 8, 2));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| lab.run(&train, &test, SEED).unwrap())
    };
    assert_eq!(with(1), with(2));
}

#[test]
fn loss_and_churn_slow_it_down_but_do_not_stop_it() {
    let calm = lab(12, 4);
    let link = Link { loss: Chance::percent(30), duplicate: Chance::percent(5), ..calm.link };
    let churn = Some(Churn::new(Duration::from_millis(500), Duration::from_millis(500)));
    let rough = GossipLab { link, churn, ..calm.clone() };
    let report = run(&rough);
    assert!(report.tally.lost > 50 && report.tally.missed > 50, "{:?}", report.tally);
    assert!(report.tally.delivered < run(&calm).tally.delivered);
    assert!(report.accuracy() > 0.8, "{}", report.accuracy());
}

#[test]
fn skewed_rows_hold_fewer_labels() {
    let entropy = |rows| run(&GossipLab { rows, ..lab(12, 4) }).label_entropy;
    let (even, skewed, shards) =
        (entropy(Rows::Iid), entropy(Rows::Dirichlet(0.1)), entropy(Rows::Shards(1)));
    assert!(even > 1.5 && skewed < 1.0 && shards < 0.5, "{even} {skewed} {shards}");
}

#[test]
fn a_network_of_one_and_one_larger_than_its_data_play_too() {
    let one = run(&GossipLab { nodes: 1, ..lab(12, 4) });
    assert_eq!((one.messages(), one.rounds.len()), (0, 30));
    // It has all rows, so it learns what one place learns.
    assert!(one.accuracy() > 0.9, "{}", one.accuracy());
    let crowd = run(&GossipLab { nodes: 300, ..lab(12, 4) });
    assert_eq!(crowd.messages(), 300 * 30);
    assert!(crowd.accuracy() > 0.7, "{}", crowd.accuracy());
}

#[test]
fn what_makes_no_network_is_refused() {
    let (train, test) = (data(120, 12, 4, 1), data(200, 12, 4, 2));
    let refused = |lab: &GossipLab| lab.run(&train, &test, SEED).unwrap_err();
    assert!(matches!(refused(&GossipLab { nodes: 0, ..lab(12, 4) }), LabError::Setting("nodes")));
    assert!(matches!(
        refused(&GossipLab { period: Duration::ZERO, ..lab(12, 4) }),
        LabError::Setting("period")
    ));
    let shards = GossipLab { rows: Rows::Shards(7), ..lab(12, 4) };
    assert!(matches!(refused(&shards), LabError::Partition(PartitionError::TooFewRows { needed: 140, .. })));
    assert!(matches!(refused(&lab(11, 4)), LabError::Peer { .. } | LabError::Model(_)));
    let stuck = lab(12, 4);
    let stuck = GossipLab { ..stuck.clone().with_update(Sgd::new(stuck.model, 0.5, 0)) };
    assert!(matches!(refused(&stuck), LabError::Peer { .. }));
}
