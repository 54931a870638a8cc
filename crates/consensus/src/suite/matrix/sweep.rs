//! Many cases on several threads, in rows; and the hunt for a planted bug.

use super::{
    super::{Violation, bugs::Bug, engine::Promises},
    adversary::Adversary,
    case::Case,
    run::{Outcome, run},
    shrink::shrink,
};
use crate::ConsensusEngine;
use bitneuron_core::{ChainId, Keypair};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Makes an engine, on any thread.
pub type SyncMake = dyn Fn(Keypair, ChainId) -> Box<dyn ConsensusEngine> + Sync;

/// Plays cases on so many threads; outcomes come in the order of the cases, whatever the number of threads.
/// `progress` is told how many are done.
pub fn play(
    cases: &[Case],
    make: &SyncMake,
    promises: Promises,
    threads: usize,
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Outcome> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let outcomes = Mutex::new(vec![Outcome::default(); cases.len()]);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some((at, case)) = take(cases, &next) {
                    let outcome = run(case, make, promises);
                    if let Some(place) = outcomes.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at) {
                        *place = outcome;
                    }
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn take<'a>(cases: &'a [Case], next: &AtomicUsize) -> Option<(usize, &'a Case)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    cases.get(at).map(|case| (at, case))
}

/// All runs against one adversary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The adversary.
    pub adversary: Adversary,
    /// How many runs.
    pub runs: u64,
    /// Heights that honest nodes decided.
    pub decided: u64,
    /// Runs in which the chain forked.
    pub forks: u64,
    /// Double votes and double proposals.
    pub misdeeds: u64,
    /// How many of these were proven.
    pub proven: u64,
    /// Evidence against honest nodes.
    pub slandered: u64,
    /// The runs in which a law did not hold.
    pub violations: Vec<(Case, Violation)>,
}

/// One row for each adversary among the cases.
pub fn rows(cases: &[Case], outcomes: &[Outcome]) -> Vec<Row> {
    let row = |adversary| {
        let pairs = cases.iter().zip(outcomes).filter(move |(case, _)| case.adversary == adversary);
        let sum = |of: fn(&Outcome) -> u64| -> u64 { pairs.clone().map(|(_, outcome)| of(outcome)).sum() };
        Row {
            adversary,
            runs: sum(|_| 1),
            decided: sum(|outcome| outcome.decided),
            forks: sum(|outcome| u64::from(outcome.forked)),
            misdeeds: sum(|outcome| outcome.misdeeds),
            proven: sum(|outcome| outcome.proven),
            slandered: sum(|outcome| outcome.slandered),
            violations: pairs
                .clone()
                .filter_map(|(case, outcome)| Some((case.clone(), outcome.violation.clone()?)))
                .collect(),
        }
    };
    Adversary::ALL.into_iter().map(row).filter(|row| row.runs > 0).collect()
}

/// How a planted bug was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// How many cases it took.
    pub tried: u64,
    /// The law that it breaks.
    pub violation: Violation,
    /// The case that shows it.
    pub case: Case,
}

/// The first drawn case that fails with a bug planted and holds without it, and how many were tried; `None` if there is none
/// in `seeds` seeds.
pub fn find(bug: Bug, make: &SyncMake, seeds: u64) -> Option<Find> {
    let adversaries = Adversary::ALL.into_iter().filter(|adversary| !adversary.forks());
    let cases = (0..seeds).flat_map(|seed| {
        adversaries.clone().map(move |adversary| Case { bug: Some(bug), ..Case::drawn(adversary, seed) })
    });
    (1..).zip(cases).find_map(|(tried, case)| {
        let violation = run(&case, make, Promises::ALL).violation?;
        let sound = Case { bug: None, ..case.clone() };
        let holds = run(&sound, make, Promises::ALL).violation.is_none();
        holds.then_some(Find { tried, violation, case })
    })
}

/// As [`find`], and then the least case that breaks the same law.
pub fn hunt(bug: Bug, make: &SyncMake, seeds: u64) -> Option<Find> {
    let found = find(bug, make, seeds)?;
    let law = |case: &Case| run(case, make, Promises::ALL).violation;
    let case =
        shrink(&found.case, |case| law(case).is_some_and(|violation| violation.law == found.violation.law));
    let violation = law(&case).unwrap_or(found.violation);
    Some(Find { tried: found.tried, violation, case })
}
