//! The safety matrix: adversaries × weather × seeds, every law of the consensus engine checked in each run; then the planted
//! bugs, each of which must be found.
//!
//! ```text
//! cargo run --release -p bitneuron-examples --example safety_matrix
//! ```
//!
//! Arguments: `--seeds N` for each adversary (500; all of them together make 10,000 runs), `--first N` for the first seed,
//! `--threads N`, `--json` for one JSON object, `--no-bugs`, and `--replay "LINE"` for one case, as the lines of this program
//! name them. It fails when a law does not hold or a bug is not found.
#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use bitneuron::consensus::suite::{
    bugs::Bug,
    engine::Promises,
    matrix::{Adversary, Case, Find, Row, hunt, play, rows, run, shrink},
};
use bitneuron::consensus::{ConsensusEngine, Malachite, Timeouts};
use bitneuron::core::{ChainId, Keypair};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Plays the consensus engine against its adversaries.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seeds for each of the adversaries.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Threads; as many as the machine has, if not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Leave the planted bugs out.
    #[arg(long)]
    no_bugs: bool,
    /// Play one case, as a line of this program names it.
    #[arg(long, value_name = "LINE")]
    replay: Option<Case>,
}

/// In how many seeds a planted bug must be found.
const HUNT: u64 = 200;

fn engine(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(Malachite::new(key, chain, Timeouts::default()))
}

/// A bar on standard error; none where that is no terminal.
fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}");
    ProgressBar::new(length)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}

fn replay(case: &Case) -> ExitCode {
    let outcome = run(case, &engine, Promises::ALL);
    println!("{case}\n{outcome:#?}");
    if outcome.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn matrix(arguments: &Arguments) -> Vec<Row> {
    let seeds = arguments.first..arguments.first + arguments.seeds;
    let cases: Vec<Case> =
        seeds.flat_map(|seed| Adversary::ALL.map(|adversary| Case::drawn(adversary, seed))).collect();
    let threads = arguments.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
    let bar = bar(cases.len() as u64, "matrix");
    let progress = |done: usize| bar.set_position(done as u64);
    let outcomes = play(&cases, &engine, Promises::ALL, threads.unwrap_or(1), &progress);
    bar.finish_and_clear();
    rows(&cases, &outcomes)
}

fn bugs() -> Vec<(Bug, Option<Find>)> {
    let bar = bar(Bug::ALL.len() as u64, "bugs");
    let found = Bug::ALL.map(|bug| {
        let find = hunt(bug, &engine, HUNT);
        bar.inc(1);
        (bug, find)
    });
    bar.finish_and_clear();
    found.into()
}

/// The least case that breaks the same law as this one.
fn least(case: &Case, law: bitneuron::consensus::suite::Law) -> Case {
    let fails = |case: &Case| {
        run(case, &engine, Promises::ALL).violation.is_some_and(|violation| violation.law == law)
    };
    shrink(case, fails)
}

fn told(rows: &[Row], bugs: &[(Bug, Option<Find>)]) -> Value {
    let row = |row: &Row| {
        json!({
            "adversary": row.adversary.name(), "runs": row.runs, "decided": row.decided, "forks": row.forks,
            "misdeeds": row.misdeeds, "proven": row.proven, "slandered": row.slandered,
            "violations": row.violations.iter().map(|(case, why)| {
                json!({"case": case.to_string(), "why": why.to_string()})
            }).collect::<Vec<_>>(),
        })
    };
    let bug = |(bug, find): &(Bug, Option<Find>)| {
        let find = find.as_ref();
        json!({
            "bug": bug.name(), "what": bug.what(), "caught": find.is_some(),
            "cases": find.map(|find| find.tried), "law": find.map(|find| format!("{:?}", find.violation.law)),
            "least": find.map(|find| find.case.to_string()),
        })
    };
    let runs: u64 = rows.iter().map(|row| row.runs).sum();
    let violations: usize = rows.iter().map(|row| row.violations.len()).sum();
    json!({
        "runs": runs, "violations": violations,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "bugs": bugs.iter().map(bug).collect::<Vec<_>>(),
    })
}

fn print_rows(rows: &[Row]) {
    println!("adversary      runs  heights  forks  misdeeds  proven  slandered  violations");
    for row in rows {
        println!(
            "{:12} {:6} {:8} {:6} {:9} {:7} {:10} {:11}",
            row.adversary.name(),
            row.runs,
            row.decided,
            row.forks,
            row.misdeeds,
            row.proven,
            row.slandered,
            row.violations.len()
        );
    }
    let runs: u64 = rows.iter().map(|row| row.runs).sum();
    let violations: usize = rows.iter().map(|row| row.violations.len()).sum();
    println!("\n{runs} runs, {violations} violations");
    for (case, violation) in rows.iter().flat_map(|row| &row.violations).take(10) {
        println!("  {violation}\n    {case}\n    least: {}", least(case, violation.law));
    }
}

fn print_bugs(bugs: &[(Bug, Option<Find>)]) {
    println!("\nplanted bug     cases  law             least case that shows it");
    for (bug, find) in bugs {
        match find {
            Some(Find { tried, violation, case }) => {
                println!("{:14} {tried:6}  {:14}  {case}", bug.name(), format!("{:?}", violation.law));
            }
            None => println!("{:14}      -  not found: {}", bug.name(), bug.what()),
        }
    }
    let found = bugs.iter().filter(|(_, find)| find.is_some()).count();
    println!("\n{found} of {} planted bugs are found", bugs.len());
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(case) = &arguments.replay {
        return replay(case);
    }
    let rows = matrix(&arguments);
    if !arguments.json {
        print_rows(&rows);
    }
    let bugs = if arguments.no_bugs { Vec::new() } else { bugs() };
    if arguments.json {
        println!("{}", told(&rows, &bugs));
    } else if !arguments.no_bugs {
        print_bugs(&bugs);
    }
    let holds = rows.iter().all(|row| row.violations.is_empty());
    if holds && bugs.iter().all(|(_, find)| find.is_some()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
