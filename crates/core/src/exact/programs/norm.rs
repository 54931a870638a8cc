//! Norm: the squared length of an update.

use super::Mlp;
use crate::exact::{Builder, Program, ProgramError, ValueId};

/// Inputs: parameters before and after, `[p]` each. Output: `Σ (after − before)²` at 24 fractional bits, a scalar.
///
/// # Errors
/// More parameters than a program may hold.
pub fn norm(parameters: u32) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let before = b.input(&[parameters], Mlp::weight_interval())?;
    let after = b.input(&[parameters], Mlp::weight_interval())?;
    let delta = b.sub(after, before)?;
    let squared = squared(&mut b, delta, "n,n->")?;
    b.output(squared);
    b.build()
}

/// `Σ Δ²` over the dimensions that `spec` drops.
pub(super) fn squared(b: &mut Builder, delta: ValueId, spec: &str) -> Result<ValueId, ProgramError> {
    b.einsum(spec, delta, delta)
}
