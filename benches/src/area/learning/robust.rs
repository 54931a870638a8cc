//! Robust merging: what a merge costs one thread, and how far the rules are from ByzFL's.
//!
//! The vectors are random, as in ByzFL's own comparison. A rule's cost is that of the whole merge: its inputs are looked at
//! for numbers that are not finite, shares are counted, the merged parameters written.

use super::{Options, attempt};
use crate::{Failure, cost::cpu_per_call, peer, reading::Reading};
use bitneuron::core::{self, Layout, NodeId, Params, Seed, Weight};
use bitneuron::learning::merge::{Distances, Faults, NearestNeighbours, WeightedMean, named};
use bitneuron::learning::{self, Contribution};
use rand::RngExt as _;
use std::sync::Arc;

#[path = "../../../../crates/learning/tests/fixtures/byzfl.rs"]
mod byzfl;

/// A row of the bars, the rule, and the name that the peer's script gives it.
const ROWS: [(&str, &str, &str); 4] = [
    ("krum_n50_d1e5", "krum:f=10", "krum"),
    ("trimmed_mean_n50_d1e5", "trimmed:f=10", "trimmed_mean"),
    ("median_n50_d1e5", "median", "median"),
    ("geometric_median_n50_d1e5", "geomed", "geometric_median"),
];

/// The row of mixing alone, which is no rule yet.
const NNM: (&str, &str) = ("nnm_n50_d1e5", "nnm");

/// Rules without a bar, at n = 50 and d = 10⁵.
const EXTRAS: [(&str, &str); 10] = [
    ("mean_n50_d1e5", "mean"),
    ("meamed_n50_d1e5", "meamed:f=10"),
    ("multikrum_n50_d1e5", "multikrum:f=10"),
    ("bulyan_n50_d1e5", "bulyan:f=10"),
    ("mda_n50_d1e5", "mda:f=10"),
    ("cclip_n50_d1e5", "cclip"),
    ("caf_n50_d1e5", "caf:f=10"),
    ("clipgossip_n50_d1e5", "clipgossip:f=10"),
    ("nnm_mean_n50_d1e5", "nnm:f=10+mean"),
    ("nnm_trimmed_n50_d1e5", "nnm:f=10+trimmed:f=10"),
];

/// Rules without a bar, at n = 20 and d = 10⁶.
const LONG: [(&str, &str); 4] = [
    ("krum_n20_d1e6", "krum:f=4"),
    ("trimmed_mean_n20_d1e6", "trimmed:f=4"),
    ("median_n20_d1e6", "median"),
    ("geometric_median_n20_d1e6", "geomed"),
];

pub(super) fn measure(options: Options) -> Vec<Reading> {
    let mut readings = attempt("distances_n50_d1e5", short);
    readings.extend(attempt("krum_n20_d1e6", long));
    readings.extend(attempt("byzfl_max_difference", difference));
    if options.peers {
        let ours = readings.clone();
        readings.extend(attempt("byzfl", || beside(&ours)));
    }
    readings
}

/// So many vectors; the first is the own one.
fn vectors(count: usize, length: u32) -> Result<Vec<Params>, Failure> {
    let layout = Arc::new(Layout::of(&[("w", &[length])])?);
    let mut rng = Seed::from_number(1).rng();
    let mut draw = || (0..length).map(|_| rng.random::<f32>() - 0.5).collect::<Vec<f32>>();
    (0..count).map(|_| Ok(Params::new(draw(), layout.clone())?)).collect()
}

fn voices(vectors: &[Params]) -> Vec<Contribution<'_>> {
    let voice =
        |(number, value)| Contribution { from: NodeId([number; 32]), weight: Weight(1), age: 1, value };
    (0u8..).zip(vectors).map(voice).collect()
}

/// CPU milliseconds of one merge.
fn cost(rule: &str, vectors: &[Params]) -> Result<f64, Failure> {
    let rule = named(rule)?;
    let voices = voices(vectors);
    let (own, peers) = voices.split_first().ok_or("nobody")?;
    rule.merge(own, peers)?;
    Ok(1e3 * cpu_per_call(|| rule.merge(own, peers)))
}

/// CPU milliseconds of mixing each voice with its nearest.
fn mixing(faults: usize, vectors: &[Params]) -> Result<f64, Failure> {
    let rule = NearestNeighbours { rule: WeightedMean, faults: Faults::Number(faults) };
    let voices = voices(vectors);
    let (own, peers) = voices.split_first().ok_or("nobody")?;
    rule.mixed(own, peers)?;
    Ok(1e3 * cpu_per_call(|| rule.mixed(own, peers)))
}

fn short() -> Result<Vec<Reading>, Failure> {
    let vectors = vectors(50, 100_000)?;
    let slices: Vec<&[f32]> = vectors.iter().map(Params::values).collect();
    let mut readings =
        vec![Reading::row("distances_n50_d1e5", 1e3 * cpu_per_call(|| Distances::of(&slices)))];
    readings.push(Reading::row(NNM.0, mixing(10, &vectors)?));
    for (row, rule, _) in ROWS {
        readings.push(Reading::row(row, cost(rule, &vectors)?));
    }
    for (name, rule) in EXTRAS {
        readings.push(Reading::extra(name, "ms", cost(rule, &vectors)?));
    }
    Ok(readings)
}

fn long() -> Result<Vec<Reading>, Failure> {
    let vectors = vectors(20, 1_000_000)?;
    let slices: Vec<&[f32]> = vectors.iter().map(Params::values).collect();
    let distances = 1e3 * cpu_per_call(|| Distances::of(&slices));
    let mut readings = vec![
        Reading::extra("distances_n20_d1e6", "ms", distances),
        Reading::extra("nnm_n20_d1e6", "ms", mixing(4, &vectors)?),
    ];
    for (name, rule) in LONG {
        readings.push(Reading::extra(name, "ms", cost(rule, &vectors)?));
    }
    Ok(readings)
}

fn difference() -> Result<Vec<Reading>, Failure> {
    let differences = byzfl::differences()?;
    let count = differences.len();
    let largest = differences.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).ok_or("an empty fixture")?;
    Ok(vec![
        Reading::row("byzfl_max_difference", largest.1).note(format!("{} of {count} outcomes", largest.0)),
    ])
}

/// ByzFL's cost of each row beside ours.
fn beside(ours: &[Reading]) -> Result<Vec<Reading>, Failure> {
    let peer = peer::script("learning", &["byzfl".into(), "speed".into()])?;
    let ratio = |(row, name): (&str, &str)| {
        let ours = ours.iter().find(|reading| reading.name == row).and_then(|reading| reading.value)?;
        let theirs = peer["cpu_ms"][name].as_f64()?;
        let note = format!("{row}: {theirs:.0} ms there, {ours:.1} ms here");
        Some(Reading::extra("byzfl_cpu_ratio", "ratio", theirs / ours).note(note))
    };
    let rows = ROWS.into_iter().map(|(row, _, name)| (row, name));
    Ok(rows.chain([NNM]).filter_map(ratio).collect())
}
