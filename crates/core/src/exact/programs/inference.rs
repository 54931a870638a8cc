//! Inference: the class of each row.

use super::Mlp;
use crate::exact::{Builder, Op, Program, ProgramError, ValueId};

/// Inputs: parameters `[p]`, features `[rows, features]`. Outputs: the classes `[rows]` (ties to the lowest) and the logits
/// `[rows, classes]` with 8 fractional bits.
///
/// # Errors
/// More rows than a program may hold.
pub fn inference(mlp: &Mlp, rows: u32) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let flat = b.input(&[mlp.parameters()], Mlp::weight_interval())?;
    let x = b.input(&[rows, mlp.features()], Mlp::feature_interval())?;
    let logits = logits(&mut b, mlp, flat, x)?;
    let classes = b.op(Op::Argmax(logits))?;
    b.output(classes);
    b.output(logits);
    b.build()
}

pub(super) fn logits(b: &mut Builder, mlp: &Mlp, flat: ValueId, x: ValueId) -> Result<ValueId, ProgramError> {
    let layers = mlp.layers(b, flat)?;
    Ok(Mlp::forward(b, &layers, x)?.logits)
}
