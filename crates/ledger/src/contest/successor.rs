//! The next parent: what the next candidates are measured against.
//!
//! The best candidates are merged by the goal's own rule, which drops what is far and clamps the rest, from the parent on and with
//! equal shares. The next parent is that merge or the best candidate, whichever is better on the rows of this contest; and the
//! parent stays unless somebody was better by more than η. So a parent never gets worse on hidden rows, whoever has the best score
//! on public ones: nothing is gained by spoiling what others are measured against, and a copy of the last winner is at
//! best as good as the parent.

use super::score::{Tests, gains, middle_mean};
use crate::Refused;
use bitneuron_core::Share;
use bitneuron_core::exact::programs::merge::{merge, shares};
use bitneuron_core::exact::{ExactParams, compute};
use bitneuron_core::goal::Goal;
use std::cmp::Reverse;

/// A candidate on its way to be merged.
#[derive(Debug, Clone, Copy)]
pub struct Ranked<'a> {
    /// Its integers.
    pub model: &'a ExactParams,
    /// Its score.
    pub score: i64,
    /// The mean of the middle third of its improvements.
    pub gain: i64,
}

/// The next parent; `None` when the parent stays. `candidates` are the first of their kinds, in the order in which they were
/// entered; at most `most` of them are merged.
///
/// # Errors
/// Models that are not the goal's, or too many.
pub fn successor(
    goal: &Goal,
    tests: &Tests,
    (parent, base): (&ExactParams, &[i64]),
    candidates: &[Ranked<'_>],
    most: usize,
) -> Result<Option<ExactParams>, Refused> {
    let mut best: Vec<&Ranked<'_>> = candidates.iter().filter(|candidate| candidate.score > 0).collect();
    // A stable sort: ties go to who was entered first.
    best.sort_by_key(|candidate| Reverse(candidate.score));
    best.truncate(most);
    let Some(top) = best.first() else { return Ok(None) };
    let merged = merge_all(goal, parent, &best)?;
    let gain = middle_mean(&gains(base, &tests.losses(&merged)?));
    Ok(Some(if gain >= top.gain { merged } else { top.model.clone() }))
}

fn merge_all(goal: &Goal, parent: &ExactParams, best: &[&Ranked<'_>]) -> Result<ExactParams, Refused> {
    let peers = u32::try_from(best.len()).unwrap_or(u32::MAX);
    let program = merge(goal.net.parameters(), peers, goal.merge)?;
    let parts = Share::divide(&vec![1; best.len()]);
    let mut inputs = vec![parent.tensor()];
    inputs.extend(best.iter().map(|candidate| candidate.model.tensor()));
    inputs.push(shares(&parts));
    let outputs = compute(&program, &inputs).map_err(|_| super::ContestFault::Model)?;
    let merged = outputs.first().ok_or(super::ContestFault::Model)?;
    let merged = ExactParams::from_tensor(merged, parent.layout().clone());
    merged.map_err(|_| super::ContestFault::Model.into())
}
