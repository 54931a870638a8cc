//! Merge: the rules that validators may vote on, and the plain weighted mean.
//!
//! Shares α_j are in units of 2⁻¹⁶ and sum, with the own share, to 2¹⁶. The plain mean is θ' = rescale₁₆(Σ_j α_j·θ_j) over all
//! models, the own one among them, for shares of together 2¹⁶.

use super::Net;
use super::filter::{Filter, filtered};
use super::robust::{Voices, clipped_by, heard, trimmed_by};
use crate::Share;
use crate::exact::{Builder, Interval, Op, Program, ProgramError, Tensor, ValueId};
use serde::{Deserialize, Serialize};

/// How a validator merges: what a goal names, in whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MergeRule {
    /// What is far is dropped, the rest clamped, and the weighted mean taken.
    Filtered(Filter),
    /// The mean of each coordinate without the outermost mass of so much at either end.
    Trimmed {
        /// The share of all mass that may lie; a half leaves the median.
        liars: Share,
    },
    /// A step toward each model that is no longer than the distance of the farthest that may be honest.
    Clipped {
        /// The share of the peers that may lie, rounded down.
        liars: Share,
    },
}

impl Default for MergeRule {
    /// The filter, with its defaults.
    fn default() -> Self {
        Self::Filtered(Filter::default())
    }
}

impl MergeRule {
    /// The median of each coordinate.
    pub const MEDIAN: Self = Self::Trimmed { liars: Share(Share::ONE.0 / 2) };
}

/// Inputs: own parameters `[p]`, then `peers` models `[p]` each, then the peers' shares `[peers]`, together at most 2¹⁶.
/// Outputs: the merged parameters `[p]` and which peers have a part in them, `[peers]` of 0 or 1.
///
/// # Errors
/// No peer, or more than a program may hold.
pub fn merge(parameters: u32, peers: u32, rule: MergeRule) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let (own, models, shares) = inputs(&mut b, parameters, peers)?;
    let (merged, kept) = merged(&mut b, own, &models, shares, rule)?;
    b.output(merged);
    b.output(kept);
    b.build()
}

/// Own parameters, the peers' models and their shares.
pub(super) fn inputs(
    b: &mut Builder,
    parameters: u32,
    peers: u32,
) -> Result<(ValueId, Vec<ValueId>, ValueId), ProgramError> {
    let own = b.input(&[parameters], Net::weight_interval())?;
    let models =
        (0..peers).map(|_| b.input(&[parameters], Net::weight_interval())).collect::<Result<Vec<_>, _>>()?;
    Ok((own, models, b.input(&[peers], share_interval())?))
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

/// The merged parameters and the 0/1 vector of inputs that have a part in them.
pub(super) fn merged(
    b: &mut Builder,
    own: ValueId,
    models: &[ValueId],
    shares: ValueId,
    rule: MergeRule,
) -> Result<(ValueId, ValueId), ProgramError> {
    match rule {
        MergeRule::Filtered(filter) => filtered(b, own, models, shares, filter),
        MergeRule::Trimmed { liars } => {
            let voices = Voices::new(b, own, models, shares)?;
            let merged = trimmed_by(b, &voices, liars)?;
            Ok((merged, heard(b, shares)?))
        }
        MergeRule::Clipped { liars } => {
            let voices = Voices::new(b, own, models, shares)?;
            let (merged, pulls) = clipped_by(b, &voices, liars)?;
            Ok((merged, heard(b, pulls)?))
        }
    }
}

/// The shares as a program input.
pub fn shares(shares: &[crate::Share]) -> Tensor {
    Tensor::vector(shares.iter().map(|share| i64::from(share.0)).collect())
}
