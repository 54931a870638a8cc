//! Merge: the filtered, clamped, weighted mean of models, and the plain weighted mean.
//!
//! With Δ_j = θ_j − θ and the squared distances d_j = ‖Δ_j‖², an input stays when d_j ≤ r²·median(d) (the lower median,
//! so that a minority cannot move it past an honest input); each coordinate of Δ_j is clamped to ±c; then
//! θ' = θ + rescale₁₆(Σ_j α_j·clamp(Δ_j)) over the inputs that stay. Shares α_j are in units of 2⁻¹⁶ and sum, with the own
//! share, to 2¹⁶; the share of a dropped input falls to the own model.
//!
//! The plain mean is θ' = rescale₁₆(Σ_j α_j·θ_j) over all models, the own one among them, for shares of together 2¹⁶.

use super::{Net, norm::squared};
use crate::exact::{Builder, Comparison, Interval, Op, Program, ProgramError, Tensor, ValueId};
use serde::{Deserialize, Serialize};

/// The parameters of the default merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MergeRule {
    /// Drop inputs farther than this many median distances (2 by default).
    pub ratio: u8,
    /// Clamp each coordinate of Δ to ± this, in units of 2⁻¹² (410 by default, that is ±0.1).
    pub clamp: u16,
}

impl Default for MergeRule {
    fn default() -> Self {
        Self { ratio: 2, clamp: 410 }
    }
}

/// Inputs: own parameters `[p]`, then `peers` models `[p]` each, then the peers' shares `[peers]`.
/// Outputs: the merged parameters `[p]` and which peers stayed, `[peers]` of 0 or 1.
///
/// # Errors
/// No peer, or more than a program may hold.
pub fn merge(parameters: u32, peers: u32, rule: MergeRule) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let own = b.input(&[parameters], Net::weight_interval())?;
    let models =
        (0..peers).map(|_| b.input(&[parameters], Net::weight_interval())).collect::<Result<Vec<_>, _>>()?;
    let shares = b.input(&[peers], share_interval())?;
    let (merged, kept) = merged(&mut b, own, &models, shares, rule)?;
    b.output(merged);
    b.output(kept);
    b.build()
}

/// Inputs: `models` models `[p]` each, then their shares `[models]`. Output: their weighted mean `[p]`.
///
/// The shares are public and whoever states a mean checks that they sum to at most 2¹⁶: then the mean of models is a
/// model, and running on others fails.
///
/// # Errors
/// No model, or more than a program may hold.
pub fn mean(parameters: u32, models: u32) -> Result<Program, ProgramError> {
    if models == 0 {
        return Err(ProgramError::Argument("nothing to merge"));
    }
    let mut b = Builder::new();
    let inputs =
        (0..models).map(|_| b.input(&[parameters], Net::weight_interval())).collect::<Result<Vec<_>, _>>()?;
    let shares = b.input(&[models], share_interval())?;
    let stacked = b.concat(&inputs)?;
    let stacked = b.reshape(stacked, &[models, parameters])?;
    let sum = b.einsum("k,kn->n", shares, stacked)?;
    let mean = b.op_within(Op::Rescale { a: sum, bits: 16 }, Net::weight_interval())?;
    b.output(mean);
    b.build()
}

pub(super) fn share_interval() -> Interval {
    Interval { lo: 0, hi: 1 << 16 }
}

/// The merged parameters and the 0/1 vector of inputs that stayed.
pub(super) fn merged(
    b: &mut Builder,
    own: ValueId,
    models: &[ValueId],
    shares: ValueId,
    rule: MergeRule,
) -> Result<(ValueId, ValueId), ProgramError> {
    let peers = u32::try_from(models.len()).map_err(|_| ProgramError::Argument("too many models"))?;
    let middle = peers.checked_sub(1).ok_or(ProgramError::Argument("nothing to merge"))? / 2;
    let [parameters] = b.shape(own)?[..] else { return Err(ProgramError::Argument("parameters are flat")) };
    let stacked = b.concat(models)?;
    let stacked = b.reshape(stacked, &[peers, parameters])?;
    let delta = b.sub(stacked, own)?;

    let distances = squared(b, delta, "kn,kn->k")?;
    let ordered = b.op(Op::Order(distances))?;
    let median = b.slice(ordered, middle, &[1])?;
    let bound = b.scale(median, i64::from(rule.ratio).saturating_mul(i64::from(rule.ratio)))?;
    let kept = b.compare(distances, Comparison::AtMost, bound)?;

    let weights = b.einsum("k,k->k", shares, kept)?;
    let clamped = b.clamp(delta, Interval::symmetric(i64::from(rule.clamp)))?;
    let sum = b.einsum("k,kn->n", weights, clamped)?;
    let mean = b.rescale(sum, 16)?;
    let moved = b.add(own, mean)?;
    let merged = b.clamp(moved, Net::weight_interval())?;
    Ok((merged, kept))
}

/// The shares as a program input.
pub fn shares(shares: &[crate::Share]) -> Tensor {
    Tensor::vector(shares.iter().map(|share| i64::from(share.0)).collect())
}
