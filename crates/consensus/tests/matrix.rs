//! A small part of the safety matrix, and every planted bug. The whole of it: `--example safety_matrix`.

use bitneuron_consensus::{
    ConsensusEngine, Malachite, OneShot, Timeouts,
    suite::{
        Law,
        bugs::Bug,
        engine::{Promises, check_promised},
        matrix::{Adversary, Case, Find, Row, SyncMake, find, hunt, play, rows, run},
    },
};
use bitneuron_core::{ChainId, Keypair};
use std::sync::LazyLock;

fn engine(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(Malachite::new(key, chain, Timeouts::default()))
}

fn one_shot(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(OneShot::new(key, chain, Timeouts::default()))
}

/// What the smallest engine promises: no fork, and no more.
const SAFE: Promises = Promises { live: false, rounds: false };

fn sweep(seeds: u64, make: &SyncMake, promises: Promises) -> Vec<Row> {
    let all = |seed| Adversary::ALL.map(|adversary| Case::drawn(adversary, seed));
    let cases: Vec<Case> = (0..seeds).flat_map(all).collect();
    let rows = rows(&cases, &play(&cases, make, promises, 2, &|_| ()));
    let violations = rows.iter().flat_map(|row| &row.violations);
    let shown: Vec<String> = violations.map(|(case, why)| format!("{case}: {why}")).collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
    assert!(rows.iter().all(|row| (row.runs, row.slandered) == (seeds, 0)));
    rows
}

#[test]
fn every_law_holds_against_every_adversary() {
    let rows = sweep(4, &engine, Promises::ALL);
    assert_eq!(rows.len(), Adversary::ALL.len());
    for row in rows {
        assert_eq!(row.misdeeds > 0, row.adversary.votes_twice(), "{row:?}");
        assert_eq!(row.forks > 0, row.adversary.forks(), "{row:?}");
        assert!(row.decided > 0, "{row:?}");
    }
}

/// What the example prints, without it: `MATRIX_SEEDS` says how many seeds for each adversary.
#[test]
#[ignore = "takes minutes: 10,000 runs"]
fn the_whole_matrix_holds() {
    let seeds = std::env::var("MATRIX_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(500);
    for row in sweep(seeds, &engine, Promises::ALL) {
        let Row { adversary, runs, decided, forks, misdeeds, proven, slandered, .. } = row;
        let name = adversary.name();
        println!("{name:12} {runs:6} {decided:8} {forks:6} {misdeeds:8} {proven:8} {slandered:4}");
    }
}

/// What is found of each planted bug, looked for once.
static FOUND: LazyLock<Vec<(Bug, Option<Find>)>> =
    LazyLock::new(|| Bug::ALL.map(|bug| (bug, find(bug, &engine, 40))).into());

fn found(bug: Bug) -> Option<&'static Find> {
    FOUND.iter().find(|(other, _)| *other == bug).and_then(|(_, found)| found.as_ref())
}

#[test]
fn every_planted_bug_is_found() {
    for bug in Bug::ALL {
        assert!(found(bug).is_some(), "{bug}: {}", bug.what());
    }
}

#[test]
fn bugs_break_the_laws_that_they_should() {
    let law = |bug| found(bug).map(|find| find.violation.law);
    // Too small a quorum decides what none would, or locks on what none was for.
    assert!(matches!(law(Bug::Quorum), Some(Law::Certified | Law::Faithful)));
    assert_eq!(law(Bug::Verdict), Some(Law::Validity));
    assert_eq!(law(Bug::Parent), Some(Law::Chain));
    assert_eq!(law(Bug::Timers), Some(Law::Liveness));
    assert_eq!(law(Bug::Evidence), Some(Law::Accountability));
    assert_eq!(law(Bug::Bytes), Some(Law::Totality));
    assert_eq!(law(Bug::Lock), Some(Law::Faithful));
}

#[test]
fn a_failing_case_is_shrunk_and_its_line_replays_it() {
    let found = found(Bug::Verdict).expect("found");
    let least = hunt(Bug::Verdict, &engine, 40).expect("found");
    assert!(least.case.nodes <= found.case.nodes && least.case.heights <= found.case.heights);
    assert!(least.case.is_fair(), "the weather does not matter: {}", least.case);
    let case: Case = least.case.to_string().parse().expect("a line");
    assert_eq!(run(&case, &engine, Promises::ALL).violation, Some(least.violation));
}

/// A case that once got stuck: one voter had heard another's prevote only in a proof for the round that it was in.
#[test]
fn a_storm_that_leaves_a_vote_in_a_proof_alone_is_survived() {
    let line = "adversary=garbler nodes=5 heights=1 loss=171 strays=152 seed=144";
    let case: Case = line.parse().expect("a line");
    assert_eq!(run(&case, &engine, Promises::ALL).violation, None);
}

#[test]
fn a_case_is_a_case_on_any_number_of_threads() {
    let cases: Vec<Case> = (0..4).map(|seed| Case::drawn(Adversary::Split, seed)).collect();
    let [once, twice] = [1, 3].map(|threads| play(&cases, &engine, Promises::ALL, threads, &|_| ()));
    assert_eq!(once, twice);
}

#[test]
fn split_double_votes_are_proven() {
    let outcomes = (0..4).map(|seed| {
        let case = Case { heights: 20, ..Case::fair(Adversary::Split, seed) };
        let outcome = run(&case, &engine, Promises::ALL);
        assert_eq!(outcome.violation, None);
        (outcome.misdeeds, outcome.proven)
    });
    let (misdeeds, proven) = outcomes.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(misdeeds >= 100 && proven * 100 >= misdeeds * 95, "{proven} of {misdeeds}");
}

#[test]
fn the_smallest_engine_keeps_what_it_promises() {
    assert_eq!(check_promised(&one_shot, SAFE), Ok(()));
    let rows = sweep(3, &one_shot, SAFE);
    assert!(rows.iter().all(|row| row.decided > 0));
}

#[test]
fn the_smallest_engine_promises_no_progress() {
    let stuck = (0..20).find(|seed| {
        let case = Case { heights: 10, ..Case::fair(Adversary::Twins, *seed) };
        let violation = run(&case, &one_shot, Promises { live: true, rounds: false }).violation;
        violation.is_some_and(|violation| violation.law == Law::Liveness)
    });
    assert!(stuck.is_some(), "two blocks of one proposer split the votes for good");
}
