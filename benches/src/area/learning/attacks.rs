//! Learning: the default rule under attack, on a random regular graph.
//!
//! A quarter of forty nodes lies. Liars speak last in every round and pool what they saw of the honest nodes. What counts is the
//! worst attack, beside the plain mean where everybody is honest.

use super::attempt;
use crate::{Failure, reading::Reading};
use bitneuron::sim::lab::{Cell, Experiment, Lab, Results};

/// At least eight are asked for.
const ATTACKS: [&str; 11] = [
    "signflip:scale=2",
    "ipm:strength=2",
    "ipm-optimal",
    "alie:z=1.5",
    "alie-optimal",
    "mimic",
    "dissensus:strength=1",
    "gauss:sigma=10",
    "huge",
    "labelflip",
    "backdoor:boost=2,target=0",
];
const SEEDS: u64 = 3;

pub(super) fn measure() -> Vec<Reading> {
    attempt("default_rule_25pct_attackers_gap", gap)
}

fn played(merge: &str, attacks: &[&str]) -> Result<Results, Failure> {
    let experiment = Experiment::new("The default rule under attack")
        .with("merge", [merge])?
        .with("attack", attacks)?
        .with("topology", ["regular:20"])?
        .with("liars", ["0.25"])?
        .with_seeds(1..=SEEDS);
    Ok(Lab::new().play(&experiment)?)
}

fn gap() -> Result<Vec<Reading>, Failure> {
    let clean = played("mean", &["none"])?;
    let clean = clean.cells().first().map(|cell| cell.accuracy().mean).ok_or("nothing was played")?;
    let attacked = played("default", &ATTACKS)?;
    let cells = attacked.cells();
    let accuracy = |cell: &Cell<'_>| cell.accuracy().mean;
    let worst =
        cells.iter().min_by(|a, b| accuracy(a).total_cmp(&accuracy(b))).ok_or("nothing was played")?;
    let note = format!("worst of {} attacks: {}, {SEEDS} seeds", ATTACKS.len(), worst.get("attack"));
    Ok(vec![
        Reading::row("default_rule_25pct_attackers_gap", 100.0 * (clean - accuracy(worst))).note(note),
        Reading::extra("default_rule_clean_accuracy", "fraction", clean).note("the mean, nobody attacks"),
    ])
}
