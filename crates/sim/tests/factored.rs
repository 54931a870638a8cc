//! Networks whose matrices are factors, and networks that sell differences: what they learn, send and prove.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_role::ProofSystem;
use bitneuron_sim::report::Report;
use bitneuron_sim::scenario::{Adversaries, Codec, Model, Scenario};

fn small() -> Scenario {
    Scenario { validators: 4, users: 8, rounds: 6, adversaries: Adversaries::NONE, ..Scenario::default() }
}

fn play(scenario: &Scenario) -> Report {
    let report = scenario.run(&mut |_| {}).unwrap();
    assert_eq!(report.blocks.certified, report.blocks.height, "every block is certified");
    assert_eq!(report.supply.actual, report.supply.expected);
    report
}

/// What an honest network of [`small`] does, whatever it learns and however it packs.
fn thrives(report: &Report) {
    let models = u64::from(report.setting.users) * report.rounds;
    let deals = &report.deals;
    assert!(
        deals.made + 2 >= models && deals.settled == deals.made,
        "nearly every model is sold, and paid: {deals:?}"
    );
    let turns = u64::from(report.setting.validators) * report.rounds;
    assert_eq!(report.proofs.refuted, 0);
    // Where proving takes long, the last ones come too late.
    assert!(report.proofs.turns + 4 >= turns, "nearly every turn is proved: {:?}", report.proofs);
    let (first, last) = (&report.history[0], report.history.last().unwrap());
    assert!(last.validators_mean > first.validators_mean + 0.15, "{:?}", report.accuracy);
}

#[test]
fn factors_are_trained_sent_merged_and_proved_under_every_proof_system() {
    for (prover, rounds) in
        [(ProofSystem::Replay, 6), (ProofSystem::Optimistic, 4), (ProofSystem::Sumcheck, 2)]
    {
        if prover.built().is_err() {
            continue;
        }
        let report = play(&Scenario { model: Model::TtmMlp(4), prover, rounds, ..small() });
        thrives(&report);
        let setting = &report.setting;
        assert_eq!(
            (setting.net.as_str(), setting.parameters, setting.whole_parameters),
            ("64~64~10", 810, 4_810)
        );
        assert!(report.bytes.dense_equivalent > 20 * report.bytes.sold, "{:?}", report.bytes);
        assert!(report.accuracy.whole_centralised.is_some_and(|whole| whole > 0.9), "{:?}", report.accuracy);
    }
}

#[test]
fn differences_are_sold_in_every_codec() {
    let codec = |text: &str| text.parse::<Codec>().unwrap();
    let dense = play(&Scenario { compressor: Codec::Dense, ..small() });
    let over = dense.bytes.sold as f64 / dense.bytes.sold_dense as f64;
    assert!((1.0..1.02).contains(&over), "headers alone: {over}");
    for (compressor, fewer) in
        [("stc:50", 40), ("delta+ecsq:300", 6), ("delta+uniform:4", 6), ("delta+tt:300", 3)]
    {
        let report = play(&Scenario { compressor: codec(compressor), ..small() });
        thrives(&report);
        let bytes = report.bytes;
        assert!(bytes.sold_dense > fewer * bytes.sold, "{compressor}: {bytes:?}");
    }
}

#[test]
fn sellers_of_differences_that_lie_lose_their_bonds_and_silent_buyers_pay() {
    let adversaries = Adversaries { liars: 1, swappers: 1, flippers: 1, silent: 1, ..Adversaries::NONE };
    let compressor: Codec = "stc:20".parse().unwrap();
    let report = play(&Scenario { compressor, adversaries, ..small() });
    let caught = |conduct: &str| {
        report.adversaries.iter().find(|node| node.conduct.contains(conduct)).map(|node| node.caught).unwrap()
    };
    assert_eq!((caught("score"), caught("bytes")), (6, 6), "once a round");
    assert_eq!(report.deals.refuted, 12);
    // What the silent buyer does not confirm is posted, beside the model that it starts from.
    assert!(report.deals.settled + report.deals.refuted >= report.deals.made - 2, "{:?}", report.deals);
}

#[test]
fn a_seed_is_a_seed_for_factors_and_differences_too() {
    let compressor: Codec = "stc:50".parse().unwrap();
    let scenario = Scenario { model: Model::TtmMlp(3), compressor, rounds: 3, ..small() };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| play(&scenario))
    };
    assert_eq!(with(1), with(2), "whatever the number of threads");
}
