//! Step: one batch of stochastic gradient descent on an MLP with softmax cross-entropy, in integers.
//!
//! Forward as in [`super::mlp`]. Softmax: with z the logits and m their row maximum, e = exp-table(clamp(z − m, −2¹², 0)),
//! S = Σe and p = (e·2⁸ + S/2) div S. Error: δ = p − onehot·2⁸. Backward: the gradient of W is inputᵀ·δ, the error of the
//! layer below is rescale₁₂(δ·Wᵀ) where its pre-activation is positive. Update: θ ← clamp(θ − rescale(g, s)) where the
//! shift s turns the batch sum at the gradient's scale into weights: 2⁻ʳ·(1/batch) for rate 2⁻ʳ.

use super::Mlp;
use super::mlp::Layer;
use crate::exact::{Builder, Comparison, Interval, Op, Program, ProgramError, Table, Tensor, ValueId, fixed};
use serde::{Deserialize, Serialize};

/// How a model is stepped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Training {
    /// Batches of one turn (4 by default).
    pub steps: u32,
    /// Rows of a batch, a power of two (32 by default).
    pub batch: u32,
    /// The learning rate is 2 to minus this (2 by default).
    pub rate_shift: u32,
}

impl Default for Training {
    fn default() -> Self {
        Self { steps: 4, batch: 32, rate_shift: 2 }
    }
}

impl Training {
    /// The rows that all steps of a turn draw together.
    pub fn rows(&self) -> u32 {
        self.steps.saturating_mul(self.batch)
    }

    /// The shift that turns a batch sum of gradients with `bits` fractional bits into a change of weights.
    fn shift(self, bits: u32) -> Result<u32, ProgramError> {
        if !self.batch.is_power_of_two() {
            return Err(ProgramError::Argument("the batch is not a power of two"));
        }
        // Biases' errors carry 8 bits, fewer than weights: their gradients are scaled up before, see `descend`.
        bits.checked_sub(fixed::WEIGHT_BITS)
            .and_then(|shift| shift.checked_add(self.batch.ilog2()))
            .and_then(|shift| shift.checked_add(self.rate_shift))
            .filter(|shift| (1..=40).contains(shift))
            .ok_or(ProgramError::Argument("the learning rate is out of range"))
    }
}

/// Inputs: parameters `[p]`, features `[rows, features]`, labels `[rows]`, drawn row indices `[steps·batch]`.
/// Output: the parameters after all steps `[p]`.
///
/// # Errors
/// A batch that is no power of two, no rows, or more than a program may hold.
pub fn sgd(mlp: &Mlp, rows: u32, training: Training) -> Result<Program, ProgramError> {
    let mut b = Builder::new();
    let flat = b.input(&[mlp.parameters()], Mlp::weight_interval())?;
    let x = b.input(&[rows, mlp.features()], Mlp::feature_interval())?;
    let labels = b.input(&[rows], mlp.label_interval())?;
    let index = b.input(&[training.rows()], index_interval(rows)?)?;
    let after = steps(&mut b, mlp, flat, (x, labels, index), training)?;
    b.output(after);
    b.build()
}

pub(super) fn index_interval(rows: u32) -> Result<Interval, ProgramError> {
    Interval::new(0, i64::from(rows).saturating_sub(1)).ok_or(ProgramError::Argument("no rows"))
}

/// All steps of a turn over the rows drawn by `index`; `(features, labels, index)` as in [`sgd`].
pub(super) fn steps(
    b: &mut Builder,
    mlp: &Mlp,
    mut flat: ValueId,
    (x, labels, index): (ValueId, ValueId, ValueId),
    training: Training,
) -> Result<ValueId, ProgramError> {
    for step in 0..training.steps {
        let batch = b.slice(index, step.saturating_mul(training.batch), &[training.batch])?;
        let x = b.gather(x, batch)?;
        let labels = b.gather(labels, batch)?;
        flat = descend(b, mlp, flat, x, labels, training)?;
    }
    Ok(flat)
}

fn descend(
    b: &mut Builder,
    mlp: &Mlp,
    flat: ValueId,
    x: ValueId,
    labels: ValueId,
    training: Training,
) -> Result<ValueId, ProgramError> {
    let layers = mlp.layers(b, flat)?;
    let forward = Mlp::forward(b, &layers, x)?;
    let mut error = softmax_error(b, mlp, forward.logits, labels, training.batch)?;
    let mut parts = Vec::new();
    for at in (0..layers.len()).rev() {
        let (Some(Layer { weight, bias }), Some(input)) = (layers.get(at), forward.inputs.get(at)) else {
            break;
        };
        let gradient = b.einsum("bi,bo->io", *input, error)?;
        let change = b.rescale(gradient, training.shift(2 * fixed::ACTIVATION_BITS)?)?;
        let total = b.sum(error, 0)?;
        let total = b.scale(total, fixed::ONE)?;
        let drift = b.rescale(total, training.shift(2 * fixed::ACTIVATION_BITS)?)?;
        parts.push(moved(b, *bias, drift)?);
        parts.push(moved(b, *weight, change)?);
        if let Some(before) = at.checked_sub(1).and_then(|below| forward.before.get(below)) {
            let back = b.einsum("bo,io->bi", error, *weight)?;
            let back = b.rescale(back, fixed::WEIGHT_BITS)?;
            // The derivative of relu(clamp(z)): nothing flows where the activation is 0 or at its limit.
            let back = b.mask(back, *before)?;
            let limit = b.constant(Tensor::scalar(fixed::HIDDEN_LIMIT))?;
            let room = b.sub(limit, *before)?;
            error = b.mask(back, room)?;
        }
    }
    parts.reverse();
    b.concat(&parts)
}

fn moved(b: &mut Builder, parameter: ValueId, change: ValueId) -> Result<ValueId, ProgramError> {
    let moved = b.sub(parameter, change)?;
    b.clamp(moved, Mlp::weight_interval())
}

/// `softmax(logits) − onehot(labels)`, `[batch, classes]` with 8 fractional bits.
fn softmax_error(
    b: &mut Builder,
    mlp: &Mlp,
    logits: ValueId,
    labels: ValueId,
    batch: u32,
) -> Result<ValueId, ProgramError> {
    let greatest = b.op(Op::RowMax(logits))?;
    let greatest = b.reshape(greatest, &[batch, 1])?;
    let below = b.sub(logits, greatest)?;
    let below = b.clamp(below, Interval { lo: -fixed::LOGIT_LIMIT, hi: 0 })?;
    let table = Table { first: -fixed::LOGIT_LIMIT, values: fixed::exponentials().to_vec() };
    let exponentials = b.lookup(below, &table)?;
    // One of them is e⁰, so the sum is at least 2¹²: what makes the division sound.
    let one = 1i64 << fixed::EXP_BITS;
    let most = one.saturating_mul(i64::from(mlp.classes()));
    let sum = b.op_within(Op::Sum { a: exponentials, axis: 1 }, Interval { lo: one, hi: most })?;
    let sum = b.reshape(sum, &[batch, 1])?;
    let scaled = b.scale(exponentials, fixed::ONE)?;
    // e ≤ S, so the quotient is at most one, which the analysis cannot know.
    let probability = b.op_within(Op::Divide { a: scaled, by: sum }, Interval { lo: 0, hi: fixed::ONE })?;

    let classes = Tensor::vector((0..i64::from(mlp.classes())).collect());
    let classes = b.constant(classes)?;
    let labels = b.reshape(labels, &[batch, 1])?;
    let onehot = b.compare(labels, Comparison::Equal, classes)?;
    let total = b.sum(probability, 1)?;
    let target = b.einsum("bc,b->bc", onehot, total)?;
    b.sub(probability, target)
}
