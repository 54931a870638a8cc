//! Multi-layer perceptron: affine layers with `ReLU` between them, cross-entropy on top.
//!
//! ```text
//! a₀ = x,   zₗ = aₗ₋₁·Wₗ + bₗ,   aₗ = max(zₗ, 0) for hidden layers,   L = cross-entropy(z_last)
//! eₗ₋₁ = (eₗ·Wₗᵀ) ∘ [aₗ₋₁ > 0],   ∂L/∂Wₗ = aₗ₋₁ᵀ·eₗ,   ∂L/∂bₗ = Σ rows of eₗ
//! ```
//!
//! Parameters: `w1 [in, h₁]`, `b1 [h₁]`, `w2 [h₁, h₂]`, … in this order.

use super::dense::Dense;
use super::{Batch, Model, ModelError, check_batch, check_length, cross_entropy};
use crate::scratch;
use bitneuron_core::{Layout, Params, Seed, params::Entry};
use rand::RngExt as _;
use std::sync::Arc;

/// A perceptron of any depth.
#[derive(Debug, Clone)]
pub struct Mlp {
    layers: Vec<Dense>,
    layout: Arc<Layout>,
}

/// The layout `w1, b1, w2, b2, …` of affine layers between these widths.
pub(super) fn layout(widths: &[usize]) -> Result<Layout, ModelError> {
    let refuse = || ModelError::Widths(widths.to_vec());
    if widths.len() < 2 || widths.contains(&0) {
        return Err(refuse());
    }
    let mut entries = Vec::with_capacity(2 * widths.len());
    for (index, pair) in widths.windows(2).enumerate() {
        let sizes: Vec<u32> = pair.iter().filter_map(|width| u32::try_from(*width).ok()).collect();
        let &[inputs, outputs] = sizes.as_slice() else { return Err(refuse()) };
        entries.push(Entry { name: format!("w{}", index + 1), shape: vec![inputs, outputs] });
        entries.push(Entry { name: format!("b{}", index + 1), shape: vec![outputs] });
    }
    Layout::new(entries).map_err(|_| refuse())
}

/// Where the walk back through the layers ends, and what it leaves behind.
enum Goal<'a> {
    /// `∂L/∂θ`, in the order of the layout.
    Parameters(&'a mut [f32]),
    /// `∂L/∂x`, `[n, inputs]`.
    Inputs(&'a mut [f32]),
}

impl Mlp {
    /// A network of these widths: features, hidden layers, classes (`&[64, 32, 10]`).
    ///
    /// # Errors
    /// Fewer than two widths, a width of zero, or more parameters than a layout may have.
    pub fn new(widths: &[usize]) -> Result<Self, ModelError> {
        let layout = Arc::new(layout(widths)?);
        let layers = widths.windows(2).map(|pair| Dense { inputs: pair[0], outputs: pair[1] }).collect();
        Ok(Self { layers, layout })
    }

    /// The widest row between layers.
    fn widest(&self) -> usize {
        self.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0)
    }

    /// Fills `activations` with `a₁ … a_last`, one after the other, each `[n, width]`.
    fn forward(
        &self,
        params: &[f32],
        features: &[f32],
        rows: usize,
        activations: &mut [f32],
    ) -> Result<(), ModelError> {
        let (mut input, mut rest, mut params) = (features, activations, params);
        for (index, layer) in self.layers.iter().enumerate() {
            let (own, deeper) = params.split_at(layer.parameters());
            let (output, next) = rest.split_at_mut(rows * layer.outputs);
            layer.forward(own, input, output)?;
            if index + 1 < self.layers.len() {
                for value in output.iter_mut() {
                    *value = value.max(0.0);
                }
            }
            (input, rest, params) = (output, next, deeper);
        }
        Ok(())
    }

    /// Forward, loss, and back to `goal`.
    fn differentiate(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        goal: &mut Goal<'_>,
    ) -> Result<f64, ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        check_batch(self.inputs(), self.outputs(), batch)?;
        let rows = batch.len();
        let kept: usize = self.layers.iter().map(|layer| rows * layer.outputs).sum();
        let wide = rows * self.widest();
        scratch::with(kept + 2 * wide, |buffer| {
            let (activations, errors) = buffer.split_at_mut(kept);
            let (current, spare) = errors.split_at_mut(wide);
            self.forward(params, batch.features, rows, activations)?;
            let last = activations.len() - rows * self.outputs();
            let scores = activations.get_mut(last..).unwrap_or_default();
            let loss = cross_entropy::errors(scores, batch);
            current[..scores.len()].copy_from_slice(scores);
            self.back(params, batch, activations, (current, spare), goal)?;
            Ok(loss)
        })
    }

    /// Walks from the scores' errors (in the first of `buffers`) down to the first layer.
    fn back(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        activations: &[f32],
        buffers: (&mut [f32], &mut [f32]),
        goal: &mut Goal<'_>,
    ) -> Result<(), ModelError> {
        let (mut current, mut spare) = buffers;
        let rows = batch.len();
        let mut params_end = params.len();
        let mut output_start = activations.len() - rows * self.outputs();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let place = params_end - layer.parameters()..params_end;
            let errors = &current[..rows * layer.outputs];
            let input = match index {
                0 => batch.features,
                _ => &activations[output_start - rows * layer.inputs..output_start],
            };
            if let Goal::Parameters(gradient) = goal {
                layer.gradient(input, errors, &mut gradient[place.clone()])?;
            }
            if index == 0 {
                if let Goal::Inputs(gradient) = goal {
                    layer.backward(&params[place], errors, gradient)?;
                }
                break;
            }
            let below = &mut spare[..rows * layer.inputs];
            layer.backward(&params[place.clone()], errors, below)?;
            below.iter_mut().zip(input).for_each(|(error, active)| {
                if *active <= 0.0 {
                    *error = 0.0;
                }
            });
            (params_end, output_start) = (place.start, output_start - rows * layer.inputs);
            std::mem::swap(&mut current, &mut spare);
        }
        Ok(())
    }
}

impl Model for Mlp {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs)
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// Uniform weights of variance `2 / in` (He), biases zero.
    fn init(&self, seed: Seed) -> Params {
        let mut params = Params::zeros(Arc::clone(&self.layout));
        let mut rng = seed.derive("initial weights").rng();
        let mut rest = params.values_mut();
        for layer in &self.layers {
            let (own, deeper) = rest.split_at_mut(layer.parameters());
            let bound = (6.0 / layer.inputs as f32).sqrt();
            for weight in own.iter_mut().take(layer.inputs * layer.outputs) {
                *weight = (2.0 * rng.random::<f32>() - 1.0) * bound;
            }
            rest = deeper;
        }
        params
    }

    fn loss_and_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_length("gradient", gradient.len(), self.layout.len())?;
        self.differentiate(params, batch, &mut Goal::Parameters(gradient))
    }

    fn input_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_length("gradient", gradient.len(), batch.features.len())?;
        self.differentiate(params, batch, &mut Goal::Inputs(gradient))
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        let rows = scores.len().checked_div(self.outputs()).unwrap_or(0);
        check_length("scores", scores.len(), rows * self.outputs())?;
        check_length("features", features.len(), rows.saturating_mul(self.inputs()))?;
        let kept: usize = self.layers.iter().map(|layer| rows * layer.outputs).sum();
        scratch::with(kept, |activations| {
            self.forward(params, features, rows, activations)?;
            scores.copy_from_slice(&activations[kept - scores.len()..]);
            Ok(())
        })
    }
}
