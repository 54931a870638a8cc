//! Consensus: heights in CPU time, finality in one-way delays, the safety matrix and the planted bugs.

use super::{attempt, ledger};
use crate::{
    Failure,
    cost::{cpu_of, median_of},
    reading::Reading,
};
use bitneuron::consensus::suite::{
    bugs::Bug,
    engine::Promises,
    matrix::{Adversary, Case, find, play, rows, run},
    network::{Network, Plan},
};
use bitneuron::consensus::{ConsensusEngine, Malachite, Timeouts};
use bitneuron::core::{ChainId, Keypair};
use std::time::Duration;

/// Seeds for each of nineteen adversaries and none: 10,000 runs.
const SEEDS: u64 = 500;
/// In how many seeds a planted bug must be found.
const HUNT: u64 = 200;
/// Runs of the equivocator whose double votes are counted.
const EQUIVOCATORS: u64 = 40;
/// How long a network may take, in virtual time.
const PATIENCE: Duration = Duration::from_mins(10);

fn engine(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(Malachite::new(key, chain, Timeouts::default()))
}

pub(super) fn measure() -> Vec<Reading> {
    let mut readings = Vec::new();
    for (name, nodes, heights, ratio, prototype) in [
        ("heights_per_cpu_second_n4", 4, 200, "heights_to_prototype_n4", 355.0),
        ("heights_per_cpu_second_n16", 16, 20, "heights_to_prototype_n16", 24.0),
        ("heights_per_cpu_second_n64", 64, 3, "heights_to_prototype_n64", 1.6),
    ] {
        readings.extend(attempt(name, || {
            let rate = median_of(|| rate(nodes, heights))?;
            Ok(vec![
                Reading::row(name, rate).note(format!("{nodes} voters in one thread, {heights} heights")),
                Reading::extra(ratio, "times", rate / prototype).note(format!(
                    "{prototype} heights a CPU second on another machine, without batches and memories of verdicts"
                )),
            ])
        }));
    }
    readings.extend(attempt("heights_per_cpu_second_n128", || {
        Ok(vec![Reading::extra("heights_per_cpu_second_n128", "1/s", rate(128, 1)?).note("one sample")])
    }));
    readings.extend(attempt("finality_hops", finality));
    readings.extend(attempt("double_votes_proven", double_votes));
    readings.extend(attempt("seeds_times_scenarios", || Ok(matrix())));
    readings.extend(attempt("planted_bugs_caught", || Ok(planted())));
    readings.extend(attempt("recover_10000_blocks", ledger::recovery));
    readings
}

/// Heights that so many voters decide in a CPU second, all of them in one thread, every signature checked.
fn rate(nodes: usize, heights: u64) -> Result<f64, Failure> {
    let weights = (0..nodes as u64).map(|place| [36, 30, 20, 14][place as usize % 4]).collect();
    let mut network = Network::new(Plan { weights, ..Plan::new(1, heights) }, &engine);
    let (done, seconds) = cpu_of(|| network.run(heights, PATIENCE));
    if done { Ok(heights as f64 / seconds) } else { Err("the network stalled".into()) }
}

/// One-way delays of a height in which nothing goes wrong; building and judging take no time.
fn finality() -> Result<Vec<Reading>, Failure> {
    let (hop, heights) = (Duration::from_millis(50), 50);
    let plan = Plan { delay: (hop, hop), work: Duration::ZERO, ..Plan::new(1, heights) };
    let mut network = Network::new(plan, &engine);
    if !network.run(heights, PATIENCE) {
        return Err("the network stalled".into());
    }
    // All nodes have decided; the last does so when the last precommit reaches it.
    let hops = network.now.0 as f64 / hop.as_micros() as f64 / heights as f64;
    Ok(vec![Reading::row("finality_hops", hops).note(format!("{heights} heights, 4 voters"))])
}

fn double_votes() -> Result<Vec<Reading>, Failure> {
    let (mut misdeeds, mut proven) = (0, 0);
    for seed in 0..EQUIVOCATORS {
        let case = Case { heights: 20, ..Case::fair(Adversary::Split, seed) };
        let outcome = run(&case, &engine, Promises::ALL);
        if let Some(violation) = outcome.violation {
            return Err(violation.to_string().into());
        }
        (misdeeds, proven) = (misdeeds + outcome.misdeeds, proven + outcome.proven);
    }
    let share = proven as f64 / misdeeds as f64;
    let note = format!("{proven} of {misdeeds}, {EQUIVOCATORS} runs of 20 heights");
    Ok(vec![Reading::row("double_votes_proven", share).note(note)])
}

fn matrix() -> Vec<Reading> {
    let cases: Vec<Case> =
        (0..SEEDS).flat_map(|seed| Adversary::ALL.map(|adversary| Case::drawn(adversary, seed))).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let rows = rows(&cases, &play(&cases, &engine, Promises::ALL, threads, &|_| ()));
    let violations: Vec<_> = rows.iter().flat_map(|row| &row.violations).collect();
    let slandered: u64 = rows.iter().map(|row| row.slandered).sum();
    let forks: u64 = rows.iter().map(|row| row.forks).sum();
    let first = violations.first().map_or(String::new(), |(case, why)| format!("{why}: {case}"));
    vec![
        Reading::row("seeds_times_scenarios", cases.len() as f64),
        Reading::row("violations", violations.len() as f64).note(first),
        Reading::row("honest_slashed", slandered as f64),
        Reading::extra("forks_charged_to_a_third", "count", forks as f64)
            .note("by more than a third of the weight, each blamed on more than a third"),
    ]
}

fn planted() -> Vec<Reading> {
    let missed: Vec<&str> =
        Bug::ALL.into_iter().filter(|bug| find(*bug, &engine, HUNT).is_none()).map(Bug::name).collect();
    let caught = 1.0 - missed.len() as f64 / Bug::ALL.len() as f64;
    let note = format!(
        "of {} bugs{}{}",
        Bug::ALL.len(),
        if missed.is_empty() { "" } else { ", not " },
        missed.join(", ")
    );
    vec![Reading::row("planted_bugs_caught", caught).note(note)]
}
