//! Filter: what is far is dropped, what is left is clamped, and the weighted mean of that is taken.
//!
//! With Δ_j = θ_j − θ and the squared distances d_j = ‖Δ_j‖², an input stays when d_j ≤ r²·median(d) (the lower median,
//! so that a minority cannot move it past an honest input); each coordinate of Δ_j is clamped to ±c; then
//! θ' = θ + rescale₁₆(Σ_j α_j·clamp(Δ_j)) over the inputs that stay. The share of a dropped input falls to the own model.

use super::{Net, norm::squared};
use crate::exact::{Builder, Comparison, Interval, Op, ProgramError, ValueId};
use serde::{Deserialize, Serialize};

/// What is far, and how far what is not may move a coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Filter {
    /// Drop inputs farther than this many median distances (2 by default).
    pub ratio: u8,
    /// Clamp each coordinate of Δ to ± this, in units of 2⁻¹² (410 by default, that is ±0.1).
    pub clamp: u16,
}

impl Default for Filter {
    fn default() -> Self {
        Self { ratio: 2, clamp: 410 }
    }
}

/// The merged parameters and the 0/1 vector of inputs that stayed.
pub(super) fn filtered(
    b: &mut Builder,
    own: ValueId,
    models: &[ValueId],
    shares: ValueId,
    filter: Filter,
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
    let bound = b.scale(median, i64::from(filter.ratio).saturating_mul(i64::from(filter.ratio)))?;
    let kept = b.compare(distances, Comparison::AtMost, bound)?;

    let weights = b.einsum("k,k->k", shares, kept)?;
    let clamped = b.clamp(delta, Interval::symmetric(i64::from(filter.clamp)))?;
    let sum = b.einsum("k,kn->n", weights, clamped)?;
    let mean = b.rescale(sum, 16)?;
    let moved = b.add(own, mean)?;
    let merged = b.clamp(moved, Net::weight_interval())?;
    Ok((merged, kept))
}
