//! Auto-encoder: two perceptrons, of which the second makes of a few numbers what the first was given.
//!
//! ```text
//! x̂ = decode(encode(x)),   ℓ = (1/d)·‖x̂ − x‖²        the code between them is linear, hidden layers have ReLU
//! ```
//!
//! It learns where data lie, without labels: a row far from its reconstruction is unlike what was learned. One that denoises
//! (Vincent et al., *Extracting and composing robust features with denoising autoencoders*, 2008) sees rows with normal noise,
//! of a size drawn for each row between nothing and the largest, and gives back what they were. Parameters: `encode.w1`,
//! `encode.b1`, …, then `decode.w1`, `decode.b1`, ….

use super::{Gradient, Mlp, Model, ModelError, check_length, count_rows};
use crate::draw::{normal, uniform};
use crate::optim::{Objective, Session, objective};
use crate::scratch;
use bitneuron_core::{Dataset, Layout, Params, Seed, params::Entry};
use rand::Rng;
use std::sync::Arc;

/// A pair of perceptrons trained to give back what they are given.
///
/// ```
/// use bitneuron_core::{Dataset, Seed};
/// use bitneuron_learning::{Update, model::AutoEncoder, optim::{Descent, Step}};
/// use std::sync::Arc;
/// // Points on a line in the plane need one number each.
/// let model = Arc::new(AutoEncoder::new(&[2, 8, 1])?);
/// let rows = ndarray::Array2::from_shape_fn((20, 2), |(row, column)| 0.05 * row as f32 * (1 + column) as f32);
/// let data = Dataset::new(rows, vec![0; 20])?;
/// let mut params = model.init(Seed::from_number(1));
/// let mut adam = Descent::new(model, 0.01, 10).with_step(Step::Adam).with_epochs(200);
/// assert!(adam.update(&mut params, &data, 0, Seed::from_number(1))?.loss_after < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AutoEncoder {
    encoder: Mlp,
    decoder: Mlp,
    layout: Arc<Layout>,
    noise: f32,
}

impl AutoEncoder {
    /// An encoder of these widths, from the features to the code, and a decoder of the same widths backwards.
    ///
    /// # Errors
    /// As [`Mlp::new`].
    pub fn new(widths: &[usize]) -> Result<Self, ModelError> {
        let back: Vec<usize> = widths.iter().rev().copied().collect();
        let (encoder, decoder) = (Mlp::new(widths)?, Mlp::new(&back)?);
        let named = |name: &'static str, part: &Mlp| -> Vec<Entry> {
            let entries = part.layout().entries().iter();
            entries
                .map(|entry| Entry { name: format!("{name}.{}", entry.name), shape: entry.shape.clone() })
                .collect()
        };
        let entries = [named("encode", &encoder), named("decode", &decoder)].concat();
        let layout = Layout::new(entries).map_err(|_| ModelError::Widths(widths.to_vec()))?;
        Ok(Self { encoder, decoder, layout: Arc::new(layout), noise: 0.0 })
    }

    /// The same, trained on rows with noise of at most this deviation.
    #[must_use]
    pub fn denoising(self, noise: f32) -> Self {
        Self { noise, ..self }
    }

    /// From features to the code.
    pub const fn encoder(&self) -> &Mlp {
        &self.encoder
    }

    /// From the code to features.
    pub const fn decoder(&self) -> &Mlp {
        &self.decoder
    }

    /// Parameters to start from.
    pub fn init(&self, seed: Seed) -> Params {
        let mut params = Params::zeros(Arc::clone(&self.layout));
        let parts = [self.encoder.init(seed.derive("encoder")), self.decoder.init(seed.derive("decoder"))];
        let values = parts.iter().flat_map(Params::values);
        params.values_mut().iter_mut().zip(values).for_each(|(to, from)| *to = *from);
        params
    }

    /// The parameters of the encoder and of the decoder.
    ///
    /// # Errors
    /// A wrong length.
    pub fn split<'a>(&self, params: &'a [f32]) -> Result<(&'a [f32], &'a [f32]), ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        Ok(params.split_at(self.encoder.layout().len()))
    }

    /// Writes the reconstruction of rows `[n, d]` to `out`, which is as long.
    ///
    /// # Errors
    /// A wrong length.
    pub fn reconstruct(&self, params: &[f32], features: &[f32], out: &mut [f32]) -> Result<(), ModelError> {
        let (encoder, decoder) = self.split(params)?;
        let rows = count_rows(features, self.encoder.inputs())?;
        scratch::with(rows * self.encoder.outputs(), |codes| {
            self.encoder.scores(encoder, features, codes)?;
            self.decoder.scores(decoder, codes, out)
        })
    }

    /// Writes to `below` (`[n, d]`) what slopes of the reconstructions, `adjoint` (`[n, d]`), are as slopes of the rows.
    ///
    /// # Errors
    /// A wrong length.
    pub fn pull(
        &self,
        params: &[f32],
        features: &[f32],
        adjoint: &[f32],
        below: &mut [f32],
    ) -> Result<(), ModelError> {
        let (encoder, decoder) = self.split(params)?;
        check_length("adjoint", adjoint.len(), features.len())?;
        let rows = count_rows(features, self.encoder.inputs())?;
        scratch::with(2 * rows * self.encoder.outputs(), |buffer| {
            let (codes, slopes) = buffer.split_at_mut(rows * self.encoder.outputs());
            self.encoder.scores(encoder, features, codes)?;
            let mut given = |back: &mut [f32]| {
                back.copy_from_slice(adjoint);
                0.0
            };
            self.decoder.differentiate(decoder, codes, &mut given, Gradient::Features(slopes))?;
            let mut given = |codes: &mut [f32]| {
                codes.copy_from_slice(slopes);
                0.0
            };
            self.encoder.differentiate(encoder, features, &mut given, Gradient::Features(below))?;
            Ok(())
        })
    }

    /// Adds noise to each row.
    fn disturb(&self, rows: &mut [f32], rng: &mut dyn Rng) {
        for row in rows.chunks_exact_mut(self.encoder.inputs().max(1)) {
            let size = f64::from(self.noise) * uniform(rng);
            row.iter_mut().for_each(|x| *x += (size * normal(rng)) as f32);
        }
    }

    /// The loss `ℓ` of each row of `[n, d]`.
    ///
    /// # Errors
    /// A wrong length.
    pub fn losses(&self, params: &[f32], features: &[f32]) -> Result<Vec<f32>, ModelError> {
        let mut back = vec![0.0; features.len()];
        self.reconstruct(params, features, &mut back)?;
        let width = self.encoder.inputs();
        let rows = features.chunks_exact(width).zip(back.chunks_exact(width));
        let square =
            |(x, back): (&[f32], &[f32])| -> f32 { x.iter().zip(back).map(|(x, b)| (b - x).powi(2)).sum() };
        Ok(rows.map(square).map(|sum| sum / width as f32).collect())
    }
}

impl Objective for AutoEncoder {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn cases(&self, data: &Dataset) -> Result<usize, ModelError> {
        check_length("features", data.features().len(), data.len().saturating_mul(self.encoder.inputs()))?;
        Ok(data.len())
    }

    fn loss(&self, params: &[f32], data: &Dataset) -> Result<f64, ModelError> {
        let losses = self.losses(params, &crate::eval::row_major(data))?;
        Ok(losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / losses.len().max(1) as f64)
    }

    fn gradient(
        &self,
        params: &[f32],
        data: &Dataset,
        chosen: &[usize],
        session: &mut Session<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        let (encoder, decoder) = self.split(params)?;
        check_length("gradient", gradient.len(), self.layout.len())?;
        let (of_encoder, of_decoder) = gradient.split_at_mut(encoder.len());
        objective::gathered(data, chosen, &mut session.room, |features, _, _| {
            let rows = count_rows(features, self.encoder.inputs())?;
            let clean = if self.noise > 0.0 { features.to_vec() } else { Vec::new() };
            if self.noise > 0.0 {
                self.disturb(features, &mut *session.rng);
            }
            let features = &*features;
            let wanted = if clean.is_empty() { features } else { &clean[..] };
            let mut errors = |back: &mut [f32]| mean_square(back, wanted);
            scratch::with(2 * rows * self.encoder.outputs(), |buffer| {
                let (codes, slopes) = buffer.split_at_mut(rows * self.encoder.outputs());
                self.encoder.scores(encoder, features, codes)?;
                self.decoder.differentiate(decoder, codes, &mut errors, Gradient::Parameters(of_decoder))?;
                let loss =
                    self.decoder.differentiate(decoder, codes, &mut errors, Gradient::Features(slopes))?;
                let mut errors = |codes: &mut [f32]| {
                    codes.copy_from_slice(slopes);
                    loss
                };
                self.encoder.differentiate(encoder, features, &mut errors, Gradient::Parameters(of_encoder))
            })
        })
    }
}

/// Replaces `back` by the slopes of the mean of `(back − x)²`, and returns that mean.
fn mean_square(back: &mut [f32], x: &[f32]) -> f64 {
    let each = 1.0 / x.len().max(1) as f32;
    let mut sum = 0.0;
    for (value, x) in back.iter_mut().zip(x) {
        *value -= x;
        sum += f64::from(*value) * f64::from(*value);
        *value *= 2.0 * each;
    }
    sum * f64::from(each)
}
