//! The same network under different proof systems: what it learns, and what whoever lies about a turn gets for it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::Amount;
use bitneuron_role::ProofSystem;
use bitneuron_sim::report::Report;
use bitneuron_sim::scenario::{Adversaries, Defence, Scenario, ScenarioError};

fn small(prover: ProofSystem) -> Scenario {
    Scenario {
        validators: 4,
        users: 8,
        rounds: 8,
        adversaries: Adversaries::NONE,
        prover,
        ..Scenario::default()
    }
}

fn play(scenario: &Scenario) -> Report {
    let report = scenario.run(&mut |_| ()).unwrap();
    assert_eq!(report.supply.actual, Amount::SUPPLY);
    assert_eq!(report.history.len() as u64, scenario.rounds);
    assert_eq!(report.blocks.certified, report.blocks.height, "every block is certified");
    let proofs = report.proofs;
    if scenario.prover == ProofSystem::Optimistic && scenario.without != Some(Defence::Proofs) {
        assert_eq!(proofs.pending, proofs.turns + proofs.reversed, "every turn settles or is taken back");
    } else {
        assert_eq!((proofs.pending, proofs.audited, proofs.reversed), (0, 0, 0));
    }
    report
}

/// How the misbehaving validator fared, and how many of its turns settled.
fn fate(report: &Report) -> (u64, Amount, u64) {
    let adversary = &report.adversaries[0];
    let turns = report.validators.last().unwrap().turns;
    for honest in report.validators.iter().rev().skip(1) {
        assert_eq!(honest.slashed, Amount::ZERO, "no honest validator is ever slashed");
        assert!(honest.turns > 0);
    }
    (adversary.caught, adversary.lost, turns)
}

const BOTH: [ProofSystem; 2] = [ProofSystem::Replay, ProofSystem::Optimistic];

#[test]
fn an_optimistic_network_learns_as_a_replaying_one_does() {
    let [replay, optimistic] = BOTH.map(|prover| play(&small(prover)));
    assert_eq!((optimistic.proofs.pending, optimistic.proofs.turns), (32, 32));
    assert_eq!((optimistic.proofs.audited, optimistic.proofs.answered), (32, 32));
    assert_eq!(optimistic.deals.settled, optimistic.deals.made);
    assert_eq!(optimistic.slashed, Amount::ZERO);
    let (learned, bar) = (optimistic.accuracy.validators_mean, replay.accuracy.validators_mean - 0.05);
    assert!(learned >= bar, "{learned} against {bar}");
}

#[test]
fn an_optimistic_seed_is_a_seed() {
    let adversaries = Adversaries { truants: 1, ..Adversaries::default() };
    let scenario = Scenario { validators: 7, rounds: 4, adversaries, ..small(ProofSystem::Optimistic) };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| play(&scenario))
    };
    assert_eq!(with(1), with(2), "whatever the number of threads");
}

#[test]
fn a_forged_step_is_slashed_as_long_as_proofs_are_checked_and_audited() {
    for (prover, without) in BOTH.into_iter().zip([Defence::Proofs, Defence::Audits]) {
        let adversaries = Adversaries { forgers: 1, ..Adversaries::NONE };
        let scenario = Scenario { rounds: 4, adversaries, ..small(prover) };
        let (caught, lost, turns) = fate(&play(&scenario));
        assert_eq!(turns, 0, "no forged head counts");
        assert!(caught >= 1 && lost >= Amount::tokens(20), "caught {caught}, lost {lost}");
        let careless = Scenario { without: Some(without), ..scenario };
        let (caught, lost, turns) = fate(&play(&careless));
        assert_eq!((caught, lost), (0, Amount::ZERO));
        assert!(turns >= 3, "who believes everything follows the forger: {turns}");
    }
}

#[test]
fn a_forged_metric_is_slashed_as_long_as_proofs_are_checked_and_audited() {
    for (prover, without) in BOTH.into_iter().zip([Defence::Proofs, Defence::Audits]) {
        let adversaries = Adversaries { boasters: 1, ..Adversaries::NONE };
        let scenario = Scenario { rounds: 4, adversaries, ..small(prover) };
        let (caught, lost, turns) = fate(&play(&scenario));
        assert_eq!(turns, 0);
        assert!(caught >= 1 && lost >= Amount::tokens(20), "caught {caught}, lost {lost}");
        let (caught, lost, turns) = fate(&play(&Scenario { without: Some(without), ..scenario }));
        assert_eq!((caught, lost), (0, Amount::ZERO));
        assert!(turns >= 3, "who believes everything counts the boasts: {turns}");
    }
}

#[test]
fn who_shows_the_proof_of_another_is_refused_and_slashed() {
    for prover in BOTH {
        let adversaries = Adversaries { copycats: 1, ..Adversaries::NONE };
        let scenario = Scenario { rounds: 4, adversaries, ..small(prover) };
        let report = play(&scenario);
        let (caught, lost, turns) = fate(&report);
        // Its first proof may be its own, when nobody was faster.
        assert!(turns <= 1 && caught >= 1, "{prover}: caught {caught}, {turns} turns");
        assert!(lost >= Amount::tokens(20), "lost {lost}");
        let careless = play(&Scenario { without: Some(Defence::Proofs), ..scenario });
        let (caught, _, turns) = fate(&careless);
        assert_eq!((caught, turns), (0, 4));
    }
}

#[test]
fn who_answers_no_audit_loses_its_turns_and_stake() {
    let adversaries = Adversaries { truants: 1, ..Adversaries::NONE };
    let scenario = Scenario { rounds: 4, adversaries, ..small(ProofSystem::Optimistic) };
    let report = play(&scenario);
    let (caught, lost, turns) = fate(&report);
    assert_eq!(turns, 0);
    // Two percent of at least 20,000 tokens, once for all lies of an epoch, and then it sits in jail.
    assert!(caught >= 1 && lost >= Amount::tokens(400), "caught {caught}, lost {lost}");
    assert!(report.proofs.reversed >= caught);
    let (caught, lost, turns) = fate(&play(&Scenario { without: Some(Defence::Audits), ..scenario.clone() }));
    assert_eq!((caught, lost, turns), (0, Amount::ZERO, 4));
    // Replays are never audited, so there is nothing to answer.
    let replay = Scenario { prover: ProofSystem::Replay, ..scenario };
    assert_eq!(fate(&play(&replay)), (0, Amount::ZERO, 4));
}

/// A network whose audited turns are proved as a whole.
fn escalating(system: ProofSystem, adversaries: Adversaries) -> Scenario {
    Scenario { escalate: Some(system), rounds: 4, adversaries, ..small(ProofSystem::Optimistic) }
}

/// What answers audits in this build.
const ANSWERS: &[ProofSystem] = if cfg!(feature = "sumcheck") {
    &[ProofSystem::Replay, ProofSystem::Sumcheck]
} else {
    &[ProofSystem::Replay]
};

#[test]
fn a_whole_proof_answers_an_audit() {
    for system in ANSWERS {
        let report = play(&escalating(*system, Adversaries::NONE));
        let proofs = report.proofs;
        assert_eq!((proofs.pending, proofs.audited, proofs.answered), (16, 16, 16), "{system}");
        assert_eq!((proofs.turns, proofs.reversed), (16, 0), "{system}: every turn settles");
        assert_eq!(report.slashed, Amount::ZERO);
    }
}

#[test]
fn who_forged_has_no_proof_to_answer_with() {
    for system in ANSWERS {
        for adversaries in [
            Adversaries { forgers: 1, ..Adversaries::NONE },
            Adversaries { boasters: 1, ..Adversaries::NONE },
            Adversaries { truants: 1, ..Adversaries::NONE },
        ] {
            let report = play(&escalating(*system, adversaries));
            let (caught, lost, turns) = fate(&report);
            assert_eq!(turns, 0, "{system}: no turn of {adversaries} settles");
            assert!(caught >= 1 && lost >= Amount::tokens(200), "{system}: caught {caught}, lost {lost}");
            assert!(report.proofs.reversed >= caught && report.proofs.turns >= 9);
        }
    }
}

#[test]
fn what_is_not_built_or_makes_no_sense_says_so() {
    let setting = |scenario: &Scenario| match scenario.validate() {
        Err(ScenarioError::Setting(text)) => text,
        other => format!("{other:?}"),
    };
    let sumcheck = escalating(ProofSystem::Sumcheck, Adversaries::NONE);
    let built = cfg!(feature = "sumcheck");
    for scenario in [&small(ProofSystem::Sumcheck), &sumcheck] {
        assert_eq!(setting(scenario).contains("built without"), !built);
    }
    let pointless =
        Scenario { prover: ProofSystem::Replay, ..escalating(ProofSystem::Replay, Adversaries::NONE) };
    assert!(setting(&pointless).contains("optimistic turns"));
    let circular = escalating(ProofSystem::Optimistic, Adversaries::NONE);
    assert!(setting(&circular).contains("at once"));
}
