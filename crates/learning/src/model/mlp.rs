//! Multi-layer perceptron: affine layers with `ReLU` between them, cross-entropy on top.
//!
//! ```text
//! a₀ = x,   zₗ = aₗ₋₁·Wₗ + bₗ,   aₗ = max(zₗ, 0) for hidden layers,   L = cross-entropy(z_last)
//! eₗ₋₁ = (eₗ·Wₗᵀ) ∘ [aₗ₋₁ > 0],   ∂L/∂Wₗ = aₗ₋₁ᵀ·eₗ,   ∂L/∂bₗ = Σ rows of eₗ
//! ```
//!
//! Parameters: `w1 [in, h₁]`, `b1 [h₁]`, `w2 [h₁, h₂]`, … in this order. A layer may be held as factors, `w1.1, w1.2, …` in
//! place of `w1`: then these are what is trained, sent and merged. Averaging the factors of two models is not averaging the
//! models unless they share their gauge (see `bitneuron_compress::factor`): models that gossip from one start do for as
//! long as they stay close; others are to be merged in the represented space, or trained again after a merge.

use super::layer::Layer;
use super::{Errors, Gradient, Model, ModelError, check_length, count_rows};
use crate::scratch;
use bitneuron_compress::rank::Bond;
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// A perceptron of any depth.
#[derive(Debug, Clone)]
pub struct Mlp {
    layers: Vec<Layer>,
    layout: Arc<Layout>,
}

/// The layout `w1, b1, w2, b2, …` of affine layers between these widths.
pub(super) fn layout(widths: &[usize]) -> Result<Layout, ModelError> {
    layout_of(&dense(widths)).ok_or_else(|| ModelError::Widths(widths.to_vec()))
}

fn dense(widths: &[usize]) -> Vec<Layer> {
    widths.windows(2).map(|pair| Layer::Dense { inputs: pair[0], outputs: pair[1] }).collect()
}

/// The layout of these layers, unless there is none, widths do not meet, or a layout cannot hold them.
fn layout_of(layers: &[Layer]) -> Option<Layout> {
    let meet = layers.windows(2).all(|pair| pair[0].outputs() == pair[1].inputs());
    let mut entries = Vec::with_capacity(2 * layers.len());
    for (index, layer) in layers.iter().enumerate() {
        entries.extend(layer.entries(index + 1)?);
    }
    if layers.is_empty() || !meet { None } else { Layout::new(entries).ok() }
}

impl Mlp {
    /// A network of these widths: features, hidden layers, classes (`&[64, 32, 10]`).
    ///
    /// # Errors
    /// Fewer than two widths, a width of zero, or more parameters than a layout may have.
    pub fn new(widths: &[usize]) -> Result<Self, ModelError> {
        Self::of(dense(widths)).map_err(|_| ModelError::Widths(widths.to_vec()))
    }

    /// A network of these layers, input first: dense, factored, convolutions.
    ///
    /// # Errors
    /// No layer, layers whose widths do not meet, or more parameters than a layout may have.
    ///
    /// ```
    /// use bitneuron_compress::factor::TrainLinear;
    /// use bitneuron_learning::model::{Layer, Mlp, Model};
    /// use std::sync::Arc;
    /// let hidden = TrainLinear::interleaved(&[4, 4, 4], &[8, 8, 8], &[6, 6])?;
    /// let model = Mlp::of(vec![Layer::Factored(Arc::new(hidden)), Layer::Dense { inputs: 512, outputs: 10 }])?;
    /// // 33,280 parameters in the first layer of a dense network.
    /// assert_eq!(model.layout().len(), 4 * 8 * 6 + 6 * 4 * 8 * 6 + 6 * 4 * 8 + 512 + 513 * 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(layers: Vec<Layer>) -> Result<Self, ModelError> {
        let widths = || layers.iter().flat_map(|layer| [layer.inputs(), layer.outputs()]).collect();
        let layout = layout_of(&layers).ok_or_else(|| ModelError::Widths(widths()))?;
        Ok(Self { layout: Arc::new(layout), layers })
    }

    /// The layers, input first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The bonds of all factored layers, in the flat buffer of the parameters.
    pub fn bonds(&self) -> Vec<Bond> {
        let mut start = 0;
        let bonds = self.layers.iter().flat_map(|layer| {
            let own = match layer {
                Layer::Dense { .. } | Layer::Convolution(_) => Vec::new(),
                Layer::Factored(linear) => linear.bonds().iter().map(|bond| bond.shifted(start)).collect(),
            };
            start += layer.parameters();
            own
        });
        bonds.collect()
    }

    /// The same network with other ranks, one for each of [`Mlp::bonds`].
    ///
    /// # Errors
    /// Not one rank for each bond, or a rank of 0.
    pub fn with_ranks(&self, ranks: &[usize]) -> Result<Self, ModelError> {
        let mut rest = ranks;
        let layers = self.layers.iter().map(|layer| match layer {
            Layer::Dense { .. } | Layer::Convolution(_) => Ok(layer.clone()),
            Layer::Factored(linear) => {
                let count = linear.bonds().len();
                let found = rest.len();
                let Some((own, behind)) = rest.split_at_checked(count) else {
                    return Err(ModelError::Length { what: "ranks", found, expected: count });
                };
                rest = behind;
                Ok(Layer::Factored(linear.with_ranks(own)?))
            }
        });
        let layers = layers.collect::<Result<_, _>>()?;
        check_length("ranks behind the last bond", rest.len(), 0)?;
        Self::of(layers)
    }

    /// The widest row between layers.
    fn widest(&self) -> usize {
        self.layers.iter().map(Layer::outputs).max().unwrap_or(0)
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
            let (output, next) = rest.split_at_mut(rows * layer.outputs());
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

    /// Walks from the scores' errors (in the first of `buffers`) down to the first layer.
    fn back(
        &self,
        params: &[f32],
        features: &[f32],
        activations: &[f32],
        buffers: (&mut [f32], &mut [f32]),
        goal: &mut Gradient<'_>,
    ) -> Result<(), ModelError> {
        let (mut current, mut spare) = buffers;
        let rows = count_rows(features, self.inputs())?;
        let mut params_end = params.len();
        let mut output_start = activations.len() - rows * self.outputs();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let place = params_end - layer.parameters()..params_end;
            let errors = &current[..rows * layer.outputs()];
            let input = match index {
                0 => features,
                _ => &activations[output_start - rows * layer.inputs()..output_start],
            };
            let own = &params[place.clone()];
            let (gradient, lowest) = match goal {
                Gradient::Parameters(gradient) => (Some(&mut gradient[place.clone()]), None),
                Gradient::Features(lowest) => (None, Some(&mut **lowest)),
            };
            if index == 0 {
                return layer.back(own, input, errors, gradient, lowest);
            }
            let below = &mut spare[..rows * layer.inputs()];
            layer.back(own, input, errors, gradient, Some(&mut *below))?;
            below.iter_mut().zip(input).for_each(|(error, active)| {
                if *active <= 0.0 {
                    *error = 0.0;
                }
            });
            (params_end, output_start) = (place.start, output_start - rows * layer.inputs());
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
        self.layers.first().map_or(0, Layer::inputs)
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, Layer::outputs)
    }

    /// Weights of variance `2 / in` (He), uniform where they are dense; biases zero.
    fn init(&self, seed: Seed) -> Params {
        let mut params = Params::zeros(Arc::clone(&self.layout));
        let mut rng = seed.derive("initial weights").rng();
        let mut rest = params.values_mut();
        for (index, layer) in self.layers.iter().enumerate() {
            let (own, deeper) = rest.split_at_mut(layer.parameters());
            let (weights, _) = own.split_at_mut(layer.weights());
            layer.init(weights, &mut rng, seed.derive_number("initial factors", index as u64));
            rest = deeper;
        }
        params
    }

    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        mut gradient: Gradient<'_>,
    ) -> Result<f64, ModelError> {
        let rows = count_rows(features, self.inputs())?;
        check_length("parameters", params.len(), self.layout.len())?;
        gradient.check(self.layout.len(), features.len())?;
        let kept: usize = self.layers.iter().map(|layer| rows * layer.outputs()).sum();
        let wide = rows * self.widest();
        scratch::with(kept + 2 * wide, |buffer| {
            let (activations, slopes) = buffer.split_at_mut(kept);
            let (current, spare) = slopes.split_at_mut(wide);
            self.forward(params, features, rows, activations)?;
            let last = activations.len() - rows * self.outputs();
            let scores = activations.get_mut(last..).unwrap_or_default();
            let loss = errors(scores);
            current[..scores.len()].copy_from_slice(scores);
            self.back(params, features, activations, (current, spare), &mut gradient)?;
            Ok(loss)
        })
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        let rows = scores.len().checked_div(self.outputs()).unwrap_or(0);
        check_length("scores", scores.len(), rows * self.outputs())?;
        check_length("features", features.len(), rows.saturating_mul(self.inputs()))?;
        let kept: usize = self.layers.iter().map(|layer| rows * layer.outputs()).sum();
        scratch::with(kept, |activations| {
            self.forward(params, features, rows, activations)?;
            scores.copy_from_slice(&activations[kept - scores.len()..]);
            Ok(())
        })
    }
}
