//! Metric: how many rows a model classifies rightly.

use super::{Mlp, inference::logits};
use crate::exact::{Builder, Comparison, Op, Program, ProgramError, ValueId};

/// Inputs: parameters `[p]`, features `[rows, features]`, labels `[rows]`, drawn row indices `[drawn]`.
/// Output: the number of drawn rows whose class is the label, a scalar.
///
/// # Errors
/// No rows, or more than a program may hold.
pub fn accuracy(mlp: &Mlp, rows: u32, drawn: u32) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let flat = b.input(&[mlp.parameters()], Mlp::weight_interval())?;
    let x = b.input(&[rows, mlp.features()], Mlp::feature_interval())?;
    let labels = b.input(&[rows], mlp.label_interval())?;
    let index = b.input(&[drawn], super::step::index_interval(rows)?)?;
    let x = b.gather(x, index)?;
    let labels = b.gather(labels, index)?;
    let right = correct(&mut b, mlp, flat, x, labels)?;
    b.output(right);
    b.build()
}

/// The number of rows classified rightly.
pub(super) fn correct(
    b: &mut Builder,
    mlp: &Mlp,
    flat: ValueId,
    x: ValueId,
    labels: ValueId,
) -> Result<ValueId, ProgramError> {
    let logits = logits(b, mlp, flat, x)?;
    let classes = b.op(Op::Argmax(logits))?;
    let right = b.compare(classes, Comparison::Equal, labels)?;
    b.sum(right, 0)
}
