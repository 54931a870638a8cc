//! What a candidate is worth on hidden rows.
//!
//! With L_s(θ) the mean cross-entropy of shard s in micro-nats ([`bitneuron_core::exact::nats`]), exact integers:
//!
//! ```text
//! Δ_s = L_s(parent) − L_s(θ)        s = max(0, ⌊mean of the middle third of the sorted Δ⌋ − η)
//! ```
//!
//! A third is cut away on either side, so shards that are wrong or known to somebody decide nothing as long as they are fewer.
//! Nothing is paid for what may be chance: η ([`super::ContestParams::margin`]).

use super::fault::ContestFault;
use crate::Refused;
use bitneuron_core::exact::{ExactData, ExactParams, Program, Tensor, compute, nats};
use bitneuron_core::goal::Goal;

/// Opened shards, to score models on.
#[derive(Debug, Clone)]
pub struct Tests {
    /// All rows, one shard after the other.
    features: Tensor,
    labels: Vec<i64>,
    program: Program,
    shards: usize,
    classes: usize,
}

impl Tests {
    /// Shards of as many rows each.
    ///
    /// # Errors
    /// No rows, shards of different sizes or other rows than the goal's, or more than a program may hold.
    pub fn new(goal: &Goal, shards: &[ExactData]) -> Result<Self, Refused> {
        let rows = shards.iter().map(ExactData::rows).max().unwrap_or(0);
        if rows == 0 || shards.iter().any(|shard| shard.rows() != rows) {
            return Err(ContestFault::Rows.into());
        }
        let features = shards.iter().flat_map(|shard| shard.features().data()).copied().collect();
        let labels: Vec<i64> = shards.iter().flat_map(|shard| shard.labels().data()).copied().collect();
        let count = u32::try_from(labels.len()).unwrap_or(u32::MAX);
        let features =
            Tensor::new(&[count, goal.net.features()], features).map_err(|_| ContestFault::Rows)?;
        let (program, classes) = (goal.inference_program(count)?, goal.net.outputs() as usize);
        Ok(Self { features, labels, program, shards: shards.len(), classes })
    }

    /// The losses of a model on the shards, in micro-nats.
    ///
    /// # Errors
    /// Another model than the goal's, or a label that is no class.
    pub fn losses(&self, model: &ExactParams) -> Result<Vec<i64>, Refused> {
        let outputs = compute(&self.program, &[model.tensor(), self.features.clone()]);
        let outputs = outputs.map_err(|_| ContestFault::Model)?;
        let logits = outputs.get(1).ok_or(ContestFault::Model)?;
        let rows = self.labels.len().checked_div(self.shards).unwrap_or(0);
        let shards = logits.data().chunks_exact(rows.saturating_mul(self.classes).max(1));
        let losses = shards.zip(self.labels.chunks_exact(rows.max(1)));
        let losses = losses.map(|(logits, labels)| nats::mean(logits, self.classes, labels));
        losses.collect::<Option<_>>().ok_or_else(|| ContestFault::Rows.into())
    }
}

/// The mean of the middle third of these, rounded down; 0 of none.
pub fn middle_mean(values: &[i64]) -> i64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let cut = sorted.len() / 3;
    let middle = sorted.get(cut..sorted.len().saturating_sub(cut)).unwrap_or_default();
    let sum = middle.iter().fold(0i128, |sum, value| sum.saturating_add(i128::from(*value)));
    let count = i128::try_from(middle.len()).unwrap_or(i128::MAX);
    sum.checked_div_euclid(count).and_then(|mean| i64::try_from(mean).ok()).unwrap_or(0)
}

/// By how much each loss is less than the parent's.
pub(super) fn gains(base: &[i64], losses: &[i64]) -> Vec<i64> {
    base.iter().zip(losses).map(|(base, loss)| base.saturating_sub(*loss)).collect()
}

/// The score of a candidate with these improvements.
pub fn score(gains: &[i64], margin: u32) -> i64 {
    middle_mean(gains).saturating_sub(i64::from(margin)).max(0)
}
