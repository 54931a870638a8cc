//! Layers of a program under construction: their values, the forward pass and the gradients.

use super::training::Training;
use super::{Net, Train};
use crate::exact::{Builder, Interval, Op, ProgramError, ValueId, fixed};

/// The parameters of one layer, as values.
pub(super) enum Layer {
    /// A matrix `[in, out]` and a bias `[out]`.
    Dense {
        /// The matrix.
        weight: ValueId,
        /// The bias.
        bias: ValueId,
    },
    /// A tensor-train matrix and a bias `[out]`.
    Train {
        /// The sizes.
        train: Train,
        /// The cores.
        cores: Vec<ValueId>,
        /// The bias.
        bias: ValueId,
    },
}

/// Values of one forward pass.
pub(super) struct Forward {
    /// What each layer's contractions read; for a dense layer its input `[batch, in]` alone.
    pub(super) tapes: Vec<Vec<ValueId>>,
    /// The pre-activation of each hidden layer `[batch, out]`.
    pub(super) before: Vec<ValueId>,
    /// The logits `[batch, classes]`.
    pub(super) logits: ValueId,
}

/// The gradient step of one layer.
pub(super) struct Gradients {
    /// A change for each of [`Layer::parameters`], in their order.
    pub(super) changes: Vec<ValueId>,
    /// The error that [`Layer::below`] goes on from.
    error: ValueId,
}

impl Layer {
    /// The parameters in the order of the flat buffer.
    pub(super) fn parameters(&self) -> Vec<ValueId> {
        match self {
            Self::Dense { weight, bias } => vec![*weight, *bias],
            Self::Train { cores, bias, .. } => cores.iter().copied().chain(std::iter::once(*bias)).collect(),
        }
    }

    /// `x·W + b·2⁸` with 20 fractional bits, and the tape.
    fn apply(&self, b: &mut Builder, x: ValueId) -> Result<(ValueId, Vec<ValueId>), ProgramError> {
        let (product, tape, bias) = match self {
            Self::Dense { weight, bias } => (b.einsum("bi,io->bo", x, *weight)?, vec![x], bias),
            Self::Train { train, cores, bias } => {
                let batch = batch(b, x)?;
                let (product, tape) = train.forward(b, cores, x, batch)?;
                (product, tape, bias)
            }
        };
        let bias = b.scale(*bias, fixed::ONE)?;
        Ok((b.add(product, bias)?, tape))
    }

    /// The changes that `error` `[batch, out]` asks for.
    pub(super) fn gradients(
        &self,
        b: &mut Builder,
        tape: &[ValueId],
        error: ValueId,
        training: Training,
    ) -> Result<Gradients, ProgramError> {
        let shift = training.shift(2 * fixed::ACTIVATION_BITS)?;
        let (mut changes, error_after) = match (self, tape) {
            (Self::Dense { .. }, [input]) => {
                let gradient = b.einsum("bi,bo->io", *input, error)?;
                (vec![b.rescale(gradient, shift)?], error)
            }
            (Self::Train { train, cores, .. }, tape) => {
                let batch = batch(b, error)?;
                let (gradients, error) = train.gradients(b, cores, tape, error, batch)?;
                let changes: Result<Vec<_>, _> =
                    gradients.into_iter().map(|gradient| b.rescale(gradient, shift)).collect();
                (changes?, error)
            }
            _ => return Err(ProgramError::Argument("a layer without its input")),
        };
        let total = b.sum(error, 0)?;
        let total = b.scale(total, fixed::ONE)?;
        changes.push(b.rescale(total, shift)?);
        Ok(Gradients { changes, error: error_after })
    }

    /// The error of the layer's input, `[batch, in]` with 8 fractional bits.
    pub(super) fn below(&self, b: &mut Builder, gradients: &Gradients) -> Result<ValueId, ProgramError> {
        let error = gradients.error;
        let back = match self {
            Self::Dense { weight, .. } => b.einsum("bo,io->bi", error, *weight)?,
            Self::Train { train, cores, .. } => {
                let last = cores.last().copied().ok_or(ProgramError::Argument("a train without cores"))?;
                let batch = batch(b, error)?;
                train.below(b, last, error, batch)?
            }
        };
        let back = b.rescale(back, fixed::WEIGHT_BITS)?;
        bounded(b, back)
    }
}

/// The first size.
fn batch(b: &Builder, value: ValueId) -> Result<u32, ProgramError> {
    b.shape(value)?.first().copied().ok_or(ProgramError::Argument("not a batch"))
}

/// An error kept within ±2¹² ([`fixed::ERROR_LIMIT`]) where its operands would let it leave ±2¹⁵ ([`fixed::ERROR_ROOM`]), so
/// that accumulators stay small in nets of any depth and width, and narrow nets pay nothing for it.
pub(super) fn bounded(b: &mut Builder, error: ValueId) -> Result<ValueId, ProgramError> {
    let limit = Interval::symmetric(fixed::ERROR_LIMIT);
    if Interval::symmetric(fixed::ERROR_ROOM).covers(b.interval(error)?) {
        Ok(error)
    } else {
        b.clamp(error, limit)
    }
}

impl Net {
    /// The layers cut out of the flat parameters.
    pub(super) fn layers(&self, b: &mut Builder, flat: ValueId) -> Result<Vec<Layer>, ProgramError> {
        let mut start = 0u32;
        let mut cut = |b: &mut Builder, shape: &[u32]| {
            let part = b.slice(flat, start, shape)?;
            start = start.saturating_add(shape.iter().fold(1, |count, size| count.saturating_mul(*size)));
            Ok::<_, ProgramError>(part)
        };
        let layer = |linear: &super::Linear| {
            Ok(match linear {
                super::Linear::Dense { from, to } => {
                    Layer::Dense { weight: cut(b, &[*from, *to])?, bias: cut(b, &[*to])? }
                }
                super::Linear::Train(train) => {
                    let cores = train.cores().iter().map(|shape| cut(b, shape)).collect::<Result<_, _>>()?;
                    Layer::Train { train: train.clone(), cores, bias: cut(b, &[train.to()])? }
                }
            })
        };
        self.linears().iter().map(layer).collect()
    }

    /// The forward pass over `x [batch, features]`:
    /// `z = clamp(rescale₁₂(x·W + b·2⁸))`, `h = relu(z)`; hidden values are kept within ±2¹⁰, logits within ±2¹².
    pub(super) fn forward(b: &mut Builder, layers: &[Layer], x: ValueId) -> Result<Forward, ProgramError> {
        let mut forward = Forward { tapes: Vec::new(), before: Vec::new(), logits: x };
        let mut input = x;
        for (at, layer) in layers.iter().enumerate() {
            let (sum, tape) = layer.apply(b, input)?;
            let z = b.rescale(sum, fixed::WEIGHT_BITS)?;
            forward.tapes.push(tape);
            if at.saturating_add(1) == layers.len() {
                forward.logits = b.clamp(z, Interval::symmetric(fixed::LOGIT_LIMIT))?;
            } else {
                let kept = b.clamp(z, Interval::symmetric(fixed::HIDDEN_LIMIT))?;
                forward.before.push(kept);
                input = b.op(Op::Relu(kept))?;
            }
        }
        Ok(forward)
    }
}
