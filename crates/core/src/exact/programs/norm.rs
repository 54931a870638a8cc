//! Norm: the squared length of an update, and updates that are bounded.

use super::Net;
use crate::exact::{Builder, Einsum, Interval, Op, Program, ProgramError, ValueId};
use serde::{Deserialize, Serialize};

/// Inputs: parameters before and after, `[p]` each. Output: `Σ (after − before)²` at 24 fractional bits, a scalar.
///
/// # Errors
/// More parameters than a program may hold.
pub fn norm(parameters: u32) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let before = b.input(&[parameters], Net::weight_interval())?;
    let after = b.input(&[parameters], Net::weight_interval())?;
    let delta = b.sub(after, before)?;
    let squared = squared(&mut b, delta, "n,n->")?;
    b.output(squared);
    b.build()
}

/// How far an update may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bound {
    /// The largest ‖Δ‖² = B², at 24 fractional bits.
    pub square: u64,
    /// The largest absolute change of one parameter, at 12 fractional bits.
    pub reach: u32,
}

/// Inputs: parameters before and after, `[p]` each. No output: the program runs to its end only if every coordinate of
/// Δ = after − before lies within ±reach and `Σ Δ²` is at most `square`.
///
/// # Errors
/// More parameters than a program may hold.
pub fn bounded(parameters: u32, bound: Bound) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let before = b.input(&[parameters], Net::weight_interval())?;
    let after = b.input(&[parameters], Net::weight_interval())?;
    let farthest = Net::weight_interval().magnitude().saturating_mul(2);
    let reach = i64::try_from(u64::from(bound.reach).min(farthest)).unwrap_or(0);
    let delta = b.op_within(Op::Sub(after, before), Interval::symmetric(reach))?;
    let spec = Einsum::parse("n,n->").ok_or_else(|| ProgramError::Einsum("n,n->".into()))?;
    // Nothing is longer than this, so a larger bound says nothing more.
    let longest = reach.saturating_mul(reach).saturating_mul(i64::from(parameters));
    let square = i64::try_from(bound.square).unwrap_or(i64::MAX).min(longest);
    b.op_within(Op::Einsum { spec, a: delta, b: delta }, Interval { lo: 0, hi: square })?;
    b.build()
}

/// `Σ Δ²` over the dimensions that `spec` drops.
pub(super) fn squared(b: &mut Builder, delta: ValueId, spec: &str) -> Result<ValueId, ProgramError> {
    b.einsum(spec, delta, delta)
}
