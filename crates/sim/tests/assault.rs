//! Whole networks whose users attack what is learned, and what merging, choosing rows and healing are worth there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_role::ProofSystem;
use bitneuron_sim::report::Report;
use bitneuron_sim::scenario::{Adversaries, Defence, Scenario};

fn small() -> Scenario {
    Scenario { validators: 4, users: 12, rounds: 6, adversaries: Adversaries::NONE, ..Scenario::default() }
}

fn with(merge: &str, attack: &str) -> Scenario {
    Scenario { merge: merge.parse().unwrap(), attack: Some(attack.parse().unwrap()), ..small() }
}

fn play(scenario: &Scenario) -> Report {
    let report = scenario.run(&mut |_| {}).unwrap();
    assert_eq!(report.blocks.certified, report.blocks.height, "every block is certified");
    assert_eq!(report.supply.actual, report.supply.expected);
    report
}

#[test]
fn rules_that_are_voted_on_stand_where_the_mean_falls() {
    let honest = play(&small()).accuracy.validators_mean;
    let undefended = Scenario { without: Some(Defence::Filter), ..with("filtered", "signflip:scale=3:0.34") };
    let fallen = play(&undefended);
    assert!(fallen.accuracy.validators_mean < honest - 0.3, "{:?}", fallen.accuracy);
    assert_eq!(fallen.assault.unwrap().dropped, 0);
    for merge in ["filtered:radius=5", "median", "trimmed:f=0.4", "clipgossip:f=0.4"] {
        let report = play(&with(merge, "signflip:scale=3:0.34"));
        assert!(report.accuracy.validators_mean > honest - 0.2, "{merge}: {:?}", report.accuracy);
        let assault = report.assault.unwrap();
        assert!(assault.users == 4 && assault.inputs >= 16, "they are bought: {assault:?}");
        assert!(report.proofs.turns + 2 >= 4 * 6, "their turns are proved: {:?}", report.proofs);
        assert_eq!(report.proofs.refuted, 0, "{merge}");
    }
}

#[test]
fn robust_turns_are_proved_and_not_only_replayed() {
    for prover in [ProofSystem::Optimistic, ProofSystem::Sumcheck] {
        if prover.built().is_err() {
            continue;
        }
        for merge in ["trimmed:f=0.25", "clipgossip:f=0.25"] {
            let report = play(&Scenario { prover, rounds: 2, ..with(merge, "ipm:0.25") });
            assert!(
                report.proofs.turns >= 4 && report.proofs.refuted == 0,
                "{prover} {merge}: {:?}",
                report.proofs
            );
        }
    }
}

#[test]
fn who_chooses_its_rows_withstands_a_flood() {
    let flooded = with("filtered:radius=5", "flood:times=3:0.25");
    let chosen =
        Scenario { select: Some("cap+low-loss:keep=0.6,warm-up=2".parse().unwrap()), ..flooded.clone() };
    let (bare, chosen) = (play(&flooded).accuracy, play(&chosen).accuracy);
    assert!(chosen.users_mean > bare.users_mean + 0.1, "{bare:?} {chosen:?}");
}

#[test]
fn what_is_no_model_is_refuted_and_earns_nothing() {
    let report = play(&with("filtered:radius=5", "infinity:0.25"));
    let liars: Vec<_> = report.adversaries.iter().filter(|node| node.conduct.contains("attacks")).collect();
    assert_eq!(liars.len(), 3);
    assert!(liars.iter().all(|liar| liar.caught > 0 && liar.earned.0 == 0), "{liars:?}");
}

#[test]
fn healing_wins_back_what_noise_took() {
    let healing = play(&Scenario { heal: true, ..small() }).healing.unwrap();
    assert!(healing.noise.bare < healing.clean.bare - 0.1, "{healing:?}");
    assert!(healing.noise.recovered(&healing.clean) > 0.3, "{healing:?}");
    assert!(healing.clean.healed > healing.clean.bare - 0.03, "{healing:?}");
    assert!(play(&small()).healing.is_none());
}

#[test]
fn a_seed_is_a_seed_for_colluders_too() {
    let scenario = Scenario { rounds: 3, heal: true, ..with("median", "alie:z=1.5:0.25") };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| play(&scenario))
    };
    assert_eq!(with(1), with(2), "whatever the number of threads");
}
