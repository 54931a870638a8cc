//! Losses in integers: their value over rows and their error at the outputs.

use super::training::Loss;
use crate::exact::{Builder, Comparison, Interval, Op, ProgramError, Table, Tensor, ValueId, fixed};

/// The most classes of a measured cross-entropy, which bounds the table of logarithms.
const MAX_CLASSES: u32 = 256;
/// Fractional bits of the sum of exponentials that the logarithm is taken of.
const SUM_BITS: u32 = 8;

/// The error δ at the outputs, `[rows, outputs]` with 8 fractional bits; `compared` is `(logits, targets)` and `size` is
/// `(rows, outputs)`. Errors of squared losses are kept within ±2¹⁰, so that beyond ±4 the loss grows linearly (Huber 1964).
pub(super) fn error(
    b: &mut Builder,
    loss: Loss,
    compared: (ValueId, ValueId),
    size: (u32, u32),
) -> Result<ValueId, ProgramError> {
    match loss {
        Loss::CrossEntropy => softmax_error(b, compared, size),
        Loss::OneHot | Loss::Squared => {
            let distance = distance(b, loss, compared, size)?;
            b.clamp(distance, Interval::symmetric(fixed::HIDDEN_LIMIT))
        }
    }
}

/// The loss summed over all rows, a scalar: with 8 fractional bits for cross-entropy, with 16 the squared distances.
pub(super) fn value(
    b: &mut Builder,
    loss: Loss,
    compared: (ValueId, ValueId),
    size: (u32, u32),
) -> Result<ValueId, ProgramError> {
    match loss {
        Loss::CrossEntropy => cross_entropy(b, compared, size),
        Loss::OneHot | Loss::Squared => {
            let distance = distance(b, loss, compared, size)?;
            b.einsum("bo,bo->", distance, distance)
        }
    }
}

/// z − target, `[rows, outputs]`.
fn distance(
    b: &mut Builder,
    loss: Loss,
    (logits, targets): (ValueId, ValueId),
    (rows, outputs): (u32, u32),
) -> Result<ValueId, ProgramError> {
    let target = if loss == Loss::Squared {
        targets
    } else {
        let onehot = onehot(b, targets, rows, outputs)?;
        b.scale(onehot, fixed::ONE)?
    };
    b.sub(logits, target)
}

/// 1 at the class of each row, else 0, `[rows, classes]`.
fn onehot(b: &mut Builder, labels: ValueId, rows: u32, classes: u32) -> Result<ValueId, ProgramError> {
    let classes = Tensor::vector((0..i64::from(classes)).collect());
    let classes = b.constant(classes)?;
    let labels = b.reshape(labels, &[rows, 1])?;
    b.compare(labels, Comparison::Equal, classes)
}

/// Parts of a softmax over the last dimension.
struct Softmax {
    /// z − max z, `[rows, classes]`, from −2¹² to 0.
    below: ValueId,
    /// Its exponentials with 12 fractional bits.
    exponentials: ValueId,
    /// Their sums, `[rows]`.
    sum: ValueId,
}

fn softmax(b: &mut Builder, logits: ValueId, (rows, classes): (u32, u32)) -> Result<Softmax, ProgramError> {
    let greatest = b.op(Op::RowMax(logits))?;
    let greatest = b.reshape(greatest, &[rows, 1])?;
    let below = b.sub(logits, greatest)?;
    let below = b.clamp(below, Interval { lo: -fixed::LOGIT_LIMIT, hi: 0 })?;
    let table = Table { first: -fixed::LOGIT_LIMIT, values: fixed::exponentials().to_vec() };
    let exponentials = b.lookup(below, &table)?;
    // One of them is e⁰, so the sum is at least 2¹²: what makes the division sound.
    let one = 1i64 << fixed::EXP_BITS;
    let most = one.saturating_mul(i64::from(classes));
    let sum = b.op_within(Op::Sum { a: exponentials, axis: 1 }, Interval { lo: one, hi: most })?;
    Ok(Softmax { below, exponentials, sum })
}

/// `softmax(logits) − onehot(labels)`, `[rows, classes]` with 8 fractional bits.
fn softmax_error(
    b: &mut Builder,
    (logits, labels): (ValueId, ValueId),
    (rows, classes): (u32, u32),
) -> Result<ValueId, ProgramError> {
    let Softmax { exponentials, sum, .. } = softmax(b, logits, (rows, classes))?;
    let sum = b.reshape(sum, &[rows, 1])?;
    let scaled = b.scale(exponentials, fixed::ONE)?;
    // e ≤ S, so the quotient is at most one, which the analysis cannot know.
    let probability = b.op_within(Op::Divide { a: scaled, by: sum }, Interval { lo: 0, hi: fixed::ONE })?;
    let onehot = onehot(b, labels, rows, classes)?;
    // Each quotient is at most half a unit from its real number, and those sum to one; so errors are below one and a bit,
    // which keeps all that follows ten times narrower than what the analysis knows.
    let slack = i64::from(classes / 2);
    let most = fixed::ONE.saturating_mul(i64::from(classes)).min(fixed::ONE.saturating_add(slack));
    let about_one = Interval { lo: fixed::ONE.saturating_sub(slack).max(0), hi: most };
    let total = b.op_within(Op::Sum { a: probability, axis: 1 }, about_one)?;
    let target = b.einsum("bc,b->bc", onehot, total)?;
    b.sub(probability, target)
}

/// `Σ_rows ln S − (z_label − max z)`, with S rounded to 8 fractional bits before the logarithm.
fn cross_entropy(
    b: &mut Builder,
    (logits, labels): (ValueId, ValueId),
    (rows, classes): (u32, u32),
) -> Result<ValueId, ProgramError> {
    if classes > MAX_CLASSES {
        return Err(ProgramError::TooLarge {
            what: "classes of a cross-entropy",
            limit: MAX_CLASSES as usize,
        });
    }
    let Softmax { below, sum, .. } = softmax(b, logits, (rows, classes))?;
    let sum = b.rescale(sum, fixed::EXP_BITS.saturating_sub(SUM_BITS))?;
    let table = Table { first: fixed::ONE, values: fixed::logarithms(classes << SUM_BITS) };
    let logarithm = b.lookup(sum, &table)?;
    let onehot = onehot(b, labels, rows, classes)?;
    let least = Interval { lo: -fixed::LOGIT_LIMIT, hi: 0 };
    let spec =
        crate::exact::Einsum::parse("bc,bc->b").ok_or_else(|| ProgramError::Einsum("bc,bc->b".into()))?;
    // At most one class is the label, which the analysis cannot know.
    let own = b.op_within(Op::Einsum { spec, a: onehot, b: below }, least)?;
    let loss = b.sub(logarithm, own)?;
    b.sum(loss, 0)
}
