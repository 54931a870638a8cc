//! The layers of a perceptron: an affine map whose matrix is dense, is held as factors, or is that of a convolution.
//!
//! Parameters of a layer: the matrix `[in, out]` or the factors of it one after another, then the bias `[out]`. A train's
//! cores are `[r_{k−1}, i_k, o_k, r_k]`, so that the flat buffer is the one that the exact nets of `core::exact` have. A convolution has its filters
//! `[kernel, kernel, channels, filters]` and a bias for each of them.

use super::dense::Dense;
use super::{Convolution, ModelError, check_length};
use bitneuron_compress::factor::Linear;
use bitneuron_core::{Seed, params::Entry};
use rand::Rng;
use rand::RngExt as _;
use std::sync::Arc;

/// An affine layer `Z = X·W + 1·bᵀ`.
#[derive(Debug, Clone)]
pub enum Layer {
    /// The whole matrix.
    Dense {
        /// Width of the input.
        inputs: usize,
        /// Width of the output.
        outputs: usize,
    },
    /// The matrix as factors, which are never multiplied out.
    Factored(Arc<dyn Linear>),
    /// The same filters at every place of an image.
    Convolution(Convolution),
}

impl Layer {
    /// Width of the input.
    pub fn inputs(&self) -> usize {
        match self {
            Self::Dense { inputs, .. } => *inputs,
            Self::Factored(linear) => linear.inputs(),
            Self::Convolution(convolution) => convolution.inputs(),
        }
    }

    /// Width of the output.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Dense { outputs, .. } => *outputs,
            Self::Factored(linear) => linear.outputs(),
            Self::Convolution(convolution) => convolution.outputs(),
        }
    }

    /// Elements of the matrix or of its factors.
    pub fn weights(&self) -> usize {
        match self {
            Self::Dense { inputs, outputs } => inputs.saturating_mul(*outputs),
            Self::Factored(linear) => linear.parameters(),
            Self::Convolution(convolution) => convolution.weights().iter().product(),
        }
    }

    /// Elements of the bias.
    pub(super) fn biases(&self) -> usize {
        match self {
            Self::Convolution(convolution) => convolution.output()[2],
            _ => self.outputs(),
        }
    }

    /// Weights plus biases.
    pub(super) fn parameters(&self) -> usize {
        self.weights() + self.biases()
    }

    /// The tensors of layer `number`, counted from 1: `w1, b1`, or `w1.1, w1.2, …, b1`; `None` for a size of 0 or beyond
    /// 32 bits.
    pub(super) fn entries(&self, number: usize) -> Option<Vec<Entry>> {
        let entry = |name: String, sizes: &[usize]| {
            let shape = sizes.iter().map(|size| u32::try_from(*size).ok().filter(|size| *size > 0));
            Some(Entry { name, shape: shape.collect::<Option<_>>()? })
        };
        let mut entries = match self {
            Self::Dense { inputs, outputs } => vec![entry(format!("w{number}"), &[*inputs, *outputs])?],
            Self::Factored(linear) => {
                let factors = linear.factors();
                let named = factors.iter().enumerate();
                named
                    .map(|(at, shape)| entry(format!("w{number}.{}", at + 1), shape))
                    .collect::<Option<_>>()?
            }
            Self::Convolution(convolution) => vec![entry(format!("w{number}"), &convolution.weights())?],
        };
        entries.push(entry(format!("b{number}"), &[self.biases()])?);
        Some(entries)
    }

    /// Weights of variance `2 / in` (He), where `in` is what one output sees: uniform numbers of `rng` for a matrix or
    /// filters, factors by the seed.
    pub(super) fn init(&self, weights: &mut [f32], rng: &mut impl Rng, seed: Seed) {
        let mut uniform = |inputs: usize| {
            let bound = (6.0 / inputs as f32).sqrt();
            weights.fill_with(|| (2.0 * rng.random::<f32>() - 1.0) * bound);
        };
        match self {
            Self::Dense { inputs, .. } => uniform(*inputs),
            Self::Convolution(convolution) => uniform(convolution.weights().iter().take(3).product()),
            Self::Factored(linear) => {
                weights.copy_from_slice(&linear.init(2.0 / linear.inputs() as f64, seed));
            }
        }
    }

    /// Writes `X·W + b` to `z`.
    pub(super) fn forward(&self, params: &[f32], x: &[f32], z: &mut [f32]) -> Result<(), ModelError> {
        let linear = match self {
            Self::Dense { inputs, outputs } => {
                return Dense { inputs: *inputs, outputs: *outputs }.forward(params, x, z);
            }
            Self::Convolution(convolution) => return convolution.forward(params, x, z),
            Self::Factored(linear) => linear,
        };
        check_length("parameters", params.len(), self.parameters())?;
        let (factors, bias) = params.split_at(self.weights());
        linear.forward(factors, x, z)?;
        for row in z.chunks_exact_mut(bias.len().max(1)) {
            row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
        }
        Ok(())
    }

    /// Writes what is asked for: the gradient of the parameters, and `E·Wᵀ` to `below`.
    pub(super) fn back(
        &self,
        params: &[f32],
        x: &[f32],
        errors: &[f32],
        gradient: Option<&mut [f32]>,
        below: Option<&mut [f32]>,
    ) -> Result<(), ModelError> {
        let linear = match self {
            Self::Dense { inputs, outputs } => {
                let layer = Dense { inputs: *inputs, outputs: *outputs };
                gradient.map_or(Ok(()), |gradient| layer.gradient(x, errors, gradient))?;
                return below.map_or(Ok(()), |below| layer.backward(params, errors, below));
            }
            Self::Convolution(convolution) => return convolution.back(params, x, errors, gradient, below),
            Self::Factored(linear) => linear,
        };
        check_length("parameters", params.len(), self.parameters())?;
        let factors = params.get(..self.weights()).unwrap_or_default();
        let Some(gradient) = gradient else {
            return Ok(linear.backward(factors, x, errors, None, below)?);
        };
        check_length("gradient", gradient.len(), params.len())?;
        let (slopes, bias) = gradient.split_at_mut(self.weights());
        bias.fill(0.0);
        for row in errors.chunks_exact(bias.len().max(1)) {
            bias.iter_mut().zip(row).for_each(|(sum, error)| *sum += error);
        }
        Ok(linear.backward(factors, x, errors, Some(slopes), below)?)
    }
}
