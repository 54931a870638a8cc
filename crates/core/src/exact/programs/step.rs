//! Step: stochastic gradient descent on a net, in integers.
//!
//! Forward as in [`super::net`]. The error δ of the last layer, with 8 fractional bits, is that of the [`Loss`]; softmax with
//! z the logits and m their row maximum is e = exp-table(clamp(z − m, −2¹², 0)), S = Σe, p = (e·2⁸ + S/2) div S.
//! Backward: the gradient of W is inputᵀ·δ, the error of the layer below is rescale₁₂(δ·Wᵀ) where its pre-activation is
//! positive and below its limit. A batch sum of gradients becomes a change of weights by a rescale that also divides by the
//! batch and takes the rate 2⁻ʳ; what follows, momentum and decay, says [`Training`].

use super::Net;
use super::layer::Layer;
use super::loss::error;
pub use super::training::{Loss, Training};
use crate::exact::{Builder, Interval, Program, ProgramError, Tensor, ValueId, fixed};

/// Inputs: parameters `[p]`; with momentum the velocity `[p]`; features `[rows, features]`; labels `[rows]`, or for
/// [`Loss::Squared`] targets `[rows, outputs]`; drawn row indices `[steps·batch]`.
/// Outputs: the parameters after all steps `[p]`; with momentum the velocity `[p]`.
///
/// # Errors
/// A batch that is no power of two, no rows, or more than a program may hold.
pub fn sgd(net: impl Into<Net>, rows: u32, training: Training) -> Result<Program, ProgramError> {
    let net = net.into();
    let mut b = Builder::new();
    let flat = b.input(&[net.parameters()], Net::weight_interval())?;
    let velocity = if training.has_velocity() {
        Some(b.input(&[net.parameters()], Net::weight_interval())?)
    } else {
        None
    };
    let x = b.input(&[rows, net.features()], Net::feature_interval())?;
    let targets = targets(&mut b, &net, training.loss, rows)?;
    let index = b.input(&[training.rows()], index_interval(rows)?)?;
    let after = steps(&mut b, &net, State { flat, velocity }, (x, targets, index), training)?;
    b.output(after.flat);
    if velocity.is_some() {
        b.output(after.velocity.ok_or(ProgramError::Argument("no steps"))?);
    }
    b.build()
}

pub(super) fn index_interval(rows: u32) -> Result<Interval, ProgramError> {
    Interval::new(0, i64::from(rows).saturating_sub(1)).ok_or(ProgramError::Argument("no rows"))
}

/// The input that a loss compares outputs with.
pub(super) fn targets(b: &mut Builder, net: &Net, loss: Loss, rows: u32) -> Result<ValueId, ProgramError> {
    match loss {
        Loss::CrossEntropy | Loss::OneHot => b.input(&[rows], net.label_interval()),
        Loss::Squared => b.input(&[rows, net.outputs()], Net::target_interval()),
    }
}

/// What goes from step to step.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    /// The parameters `[p]`.
    pub(super) flat: ValueId,
    /// The velocity `[p]`; none is at rest.
    pub(super) velocity: Option<ValueId>,
}

/// All steps of a turn over the rows drawn by `index`; `(features, targets, index)` as in [`sgd`].
pub(super) fn steps(
    b: &mut Builder,
    net: &Net,
    mut state: State,
    (x, targets, index): (ValueId, ValueId, ValueId),
    training: Training,
) -> Result<State, ProgramError> {
    for step in 0..training.steps {
        let batch = b.slice(index, step.saturating_mul(training.batch), &[training.batch])?;
        let x = b.gather(x, batch)?;
        let targets = b.gather(targets, batch)?;
        state = descend(b, net, state, x, targets, training)?;
    }
    Ok(state)
}

fn descend(
    b: &mut Builder,
    net: &Net,
    state: State,
    x: ValueId,
    targets: ValueId,
    training: Training,
) -> Result<State, ProgramError> {
    let layers = net.layers(b, state.flat)?;
    let velocities = state.velocity.map(|velocity| net.layers(b, velocity)).transpose()?;
    let forward = Net::forward(b, &layers, x)?;
    let mut error = error(b, training.loss, (forward.logits, targets), (training.batch, net.outputs()))?;
    let (mut parts, mut speeds) = (Vec::new(), Vec::new());
    for (at, (layer, tape)) in layers.iter().zip(&forward.tapes).enumerate().rev() {
        let gradients = layer.gradients(b, tape, error, training)?;
        let mut speed =
            velocities.as_ref().and_then(|all| all.get(at)).map(Layer::parameters).unwrap_or_default();
        for (parameter, change) in layer.parameters().into_iter().zip(&gradients.changes).rev() {
            let change = hurried(b, *change, speed.pop(), training)?;
            speeds.push(change);
            parts.push(moved(b, parameter, change, training)?);
        }
        if let Some(before) = at.checked_sub(1).and_then(|below| forward.before.get(below)) {
            let back = layer.below(b, &gradients)?;
            // The derivative of relu(clamp(z)): nothing flows where the activation is 0 or at its limit.
            let back = b.mask(back, *before)?;
            let limit = b.constant(Tensor::scalar(fixed::HIDDEN_LIMIT))?;
            let room = b.sub(limit, *before)?;
            error = b.mask(back, room)?;
        }
    }
    parts.reverse();
    speeds.reverse();
    let velocity = if training.has_velocity() { Some(b.concat(&speeds)?) } else { None };
    Ok(State { flat: b.concat(&parts)?, velocity })
}

/// The velocity after a change: `clamp(rescale₈(μ·v) + change)`. The change alone without momentum.
fn hurried(
    b: &mut Builder,
    change: ValueId,
    velocity: Option<ValueId>,
    training: Training,
) -> Result<ValueId, ProgramError> {
    if !training.has_velocity() {
        return Ok(change);
    }
    let sum = match velocity {
        None => change,
        Some(velocity) => {
            let kept = b.scale(velocity, i64::from(training.momentum))?;
            let kept = b.rescale(kept, 8)?;
            b.add(kept, change)?
        }
    };
    b.clamp(sum, Net::weight_interval())
}

/// `clamp(θ − change − rescale₁₆(λ·θ))`.
fn moved(
    b: &mut Builder,
    parameter: ValueId,
    change: ValueId,
    training: Training,
) -> Result<ValueId, ProgramError> {
    let mut moved = b.sub(parameter, change)?;
    if training.decay != 0 {
        let decay = b.scale(parameter, i64::from(training.decay))?;
        let decay = b.rescale(decay, 16)?;
        moved = b.sub(moved, decay)?;
    }
    b.clamp(moved, Net::weight_interval())
}
