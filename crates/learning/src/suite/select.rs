//! The laws of selection.

use super::{Violation, demand};
use crate::select::{Rows, Select};
use bitneuron_core::{Dataset, Seed};
use ndarray::Array2;
use rand::RngExt as _;
use std::fmt;

/// A law of [`Selection`](crate::select::Selection).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectLaw {
    /// Equal rows from a fresh start give equal choices.
    Replay,
    /// Only rows out of those offered are chosen, and of many some.
    Subset,
    /// No loss, be it infinite or no number, is preferred to a lower one of the same group and class.
    Losses,
}

impl fmt::Display for SelectLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

type Verdict = Result<(), Violation<SelectLaw>>;

/// Judges a rule on rows of two classes, two features and five contributors, one of whom floods.
///
/// # Errors
/// The first law found broken.
pub fn select(rule: &dyn Select) -> Verdict {
    for number in 0..16 {
        let seed = Seed::from_number(number);
        let data = crowd(seed);
        let mut rng = seed.derive("losses").rng();
        let mut losses: Vec<f32> = (0..data.len()).map(|_| 3.0 * rng.random::<f32>()).collect();
        let offered: Vec<usize> = (0..data.len()).filter(|_| rng.random_bool(0.8)).collect();
        let first = run(rule, &data, &losses, &offered, seed)?;
        demand(first == run(rule, &data, &losses, &offered, seed)?, SelectLaw::Replay, || {
            "one seed gave two choices".into()
        })?;
        let known = |chosen: &Vec<usize>| chosen.iter().all(|row| offered.binary_search(row).is_ok());
        demand(first.iter().all(known), SelectLaw::Subset, || {
            "a row was chosen that was not offered".into()
        })?;
        demand(first.iter().all(|chosen| !chosen.is_empty()), SelectLaw::Subset, || {
            "of many rows none was chosen".into()
        })?;
        for (row, loss) in losses.iter_mut().enumerate().filter(|(row, _)| row % 3 == 0) {
            *loss = [f32::NAN, -f32::NAN, f32::INFINITY][row % 9 / 3];
        }
        let second = run(rule, &data, &losses, &offered, seed)?;
        unpreferred(&data, &losses, &offered, &second)?;
    }
    Ok(())
}

/// The choices of some epochs, from a fresh start.
fn run(
    rule: &dyn Select,
    data: &Dataset,
    losses: &[f32],
    offered: &[usize],
    seed: Seed,
) -> Result<Vec<Vec<usize>>, Violation<SelectLaw>> {
    let mut selection = rule.begin();
    let choose = |epoch| {
        let seed = seed.derive_number("epoch", epoch);
        let rows = Rows { data, losses, epoch: 40 * epoch, seed };
        selection.choose(&rows, offered.to_vec()).map_err(|error| Violation {
            law: SelectLaw::Subset,
            why: format!("sound rows were refused: {error}"),
        })
    };
    (0..4).map(choose).collect()
}

/// Within one group and class what is no number is not chosen more often than what is.
fn unpreferred(data: &Dataset, losses: &[f32], offered: &[usize], choices: &[Vec<usize>]) -> Verdict {
    let count = |finite: bool, chosen: &dyn Fn(usize) -> usize| {
        let rows = offered.iter().filter(|row| losses[**row].is_finite() == finite);
        let (rows, taken) = rows.fold((0, 0), |(rows, taken), row| (rows + 1, taken + chosen(*row)));
        taken as f64 / f64::from(rows.max(1))
    };
    for chosen in choices {
        let times = |row: usize| chosen.iter().filter(|other| **other == row).count();
        let (bad, good) = (count(false, &times), count(true, &times));
        // A rule that draws at random may come out a little either way.
        demand(bad <= good + 0.15, SelectLaw::Losses, || {
            format!(
                "of {} rows a share of {bad} was chosen that has no loss, and {good} of others",
                data.len()
            )
        })?;
    }
    Ok(())
}

/// Four contributors with 40 rows each, and one with 240.
fn crowd(seed: Seed) -> Dataset {
    let mut rng = seed.derive("crowd").rng();
    let groups: Vec<u32> = (0..400).map(|row| (row / 40).min(4)).collect();
    let labels = (0..400).map(|_| u32::from(rng.random_bool(0.5))).collect();
    let features = Array2::from_shape_fn((400, 2), |_| rng.random::<f32>() - 0.5);
    Dataset::grouped(features, labels, groups).unwrap_or_else(|_| unreachable!("one label for each row"))
}
