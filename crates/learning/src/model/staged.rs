//! Models in stages, whose hidden states can be seen, changed and differentiated.
//!
//! ```text
//! x₀ = features,   x_{t+1} = F_t(x_t),   scores = x_T
//! ```
//!
//! Healing ([`heal`](crate::heal)) looks at these states and puts blocks between the stages.

use super::dense::Dense;
use super::layer::Layer;
use super::{Mlp, Model, ModelError, SoftmaxRegression, check_length};
use crate::scratch;

/// A model that is a chain of stages.
///
/// Laws, beside those of [`Model`]: the stages one after another give the scores to the bit; [`Staged::pull`] agrees with
/// finite differences; what is computed of a row depends on no other row; nothing panics on slices of a wrong length.
pub trait Staged: Model {
    /// The widths of x₀ … x_T: features first, scores last. Their number is one more than that of the stages.
    fn widths(&self) -> Vec<usize>;

    /// Writes `F_t(x)` of rows `[n, widths[t]]` to `output` (`[n, widths[t + 1]]`).
    ///
    /// # Errors
    /// A wrong length, or no such stage.
    fn stage(&self, params: &[f32], t: usize, input: &[f32], output: &mut [f32]) -> Result<(), ModelError>;

    /// Writes `F_t′(x)ᵀ·adjoint` to `below` (`[n, widths[t]]`), and the gradient of `⟨adjoint, F_t(x)⟩` with respect to all
    /// parameters of the stage to its place in `gradient` (length of the layout) where that is asked for. `output` is what
    /// the stage made of `input`.
    ///
    /// # Errors
    /// A wrong length, or no such stage.
    fn pull(
        &self,
        params: &[f32],
        t: usize,
        passed: Passed<'_>,
        gradient: Option<&mut [f32]>,
        below: &mut [f32],
    ) -> Result<(), ModelError>;
}

/// The trait stays object-safe.
const _: Option<&dyn Staged> = None;

/// What went through a stage, and what comes back.
#[derive(Debug, Clone, Copy)]
pub struct Passed<'a> {
    /// `[n, widths[t]]`.
    pub input: &'a [f32],
    /// `[n, widths[t + 1]]`.
    pub output: &'a [f32],
    /// `[n, widths[t + 1]]`.
    pub adjoint: &'a [f32],
}

impl Passed<'_> {
    fn check(&self, inputs: usize, outputs: usize, below: &[f32]) -> Result<(), ModelError> {
        let rows = self.output.len().checked_div(outputs).unwrap_or(0);
        check_length("outputs", self.output.len(), rows * outputs)?;
        check_length("adjoints", self.adjoint.len(), rows * outputs)?;
        check_length("inputs", self.input.len(), rows.saturating_mul(inputs))?;
        check_length("gradient", below.len(), self.input.len())
    }
}

/// Refuses rows that do not fit a stage.
fn check_rows(inputs: usize, outputs: usize, input: &[f32], output: &[f32]) -> Result<(), ModelError> {
    let rows = output.len().checked_div(outputs).unwrap_or(0);
    check_length("outputs", output.len(), rows * outputs)?;
    check_length("inputs", input.len(), rows.saturating_mul(inputs))
}

impl Mlp {
    /// Layer `t` and the place of its parameters.
    fn place(&self, t: usize, params: &[f32]) -> Result<(&Layer, std::ops::Range<usize>), ModelError> {
        check_length("parameters", params.len(), self.layout().len())?;
        let layers = self.layers();
        let Some(layer) = layers.get(t) else {
            return Err(ModelError::Length { what: "stages", found: t, expected: layers.len() });
        };
        let start: usize = layers.iter().take(t).map(Layer::parameters).sum();
        Ok((layer, start..start + layer.parameters()))
    }

    fn is_last(&self, t: usize) -> bool {
        t + 1 == self.layers().len()
    }
}

/// A stage is an affine layer with its `ReLU`, the last without.
impl Staged for Mlp {
    fn widths(&self) -> Vec<usize> {
        std::iter::once(self.inputs()).chain(self.layers().iter().map(Layer::outputs)).collect()
    }

    fn stage(&self, params: &[f32], t: usize, input: &[f32], output: &mut [f32]) -> Result<(), ModelError> {
        let (layer, place) = self.place(t, params)?;
        check_rows(layer.inputs(), layer.outputs(), input, output)?;
        layer.forward(&params[place], input, output)?;
        if !self.is_last(t) {
            output.iter_mut().for_each(|value| *value = value.max(0.0));
        }
        Ok(())
    }

    fn pull(
        &self,
        params: &[f32],
        t: usize,
        passed: Passed<'_>,
        gradient: Option<&mut [f32]>,
        below: &mut [f32],
    ) -> Result<(), ModelError> {
        let (layer, place) = self.place(t, params)?;
        passed.check(layer.inputs(), layer.outputs(), below)?;
        let gradient = match gradient {
            Some(gradient) => {
                check_length("gradient", gradient.len(), params.len())?;
                Some(&mut gradient[place.clone()])
            }
            None => None,
        };
        scratch::with(passed.adjoint.len(), |errors| {
            for ((error, adjoint), active) in errors.iter_mut().zip(passed.adjoint).zip(passed.output) {
                *error = if self.is_last(t) || *active > 0.0 { *adjoint } else { 0.0 };
            }
            layer.back(&params[place], passed.input, errors, gradient, Some(below))
        })
    }
}

/// One stage.
impl Staged for SoftmaxRegression {
    fn widths(&self) -> Vec<usize> {
        vec![self.inputs(), self.outputs()]
    }

    fn stage(&self, params: &[f32], t: usize, input: &[f32], output: &mut [f32]) -> Result<(), ModelError> {
        check_length("stages before", t, 0)?;
        self.scores(params, input, output)
    }

    fn pull(
        &self,
        params: &[f32],
        t: usize,
        passed: Passed<'_>,
        gradient: Option<&mut [f32]>,
        below: &mut [f32],
    ) -> Result<(), ModelError> {
        check_length("stages before", t, 0)?;
        check_length("parameters", params.len(), self.layout().len())?;
        passed.check(self.inputs(), self.outputs(), below)?;
        let layer = Dense { inputs: self.inputs(), outputs: self.outputs() };
        if let Some(gradient) = gradient {
            check_length("gradient", gradient.len(), params.len())?;
            layer.gradient(passed.input, passed.adjoint, gradient)?;
        }
        layer.backward(params, passed.adjoint, below)
    }
}
