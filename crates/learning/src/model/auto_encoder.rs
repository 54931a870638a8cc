//! Auto-encoder: a perceptron that gives back what went in, through a layer that is narrower.
//!
//! ```text
//! x̂ = decode(encode(x)),   ℓ = (1/d)·‖x̂ − x‖²
//! ```
//!
//! It learns where data lie, without labels: a row far from its reconstruction is unlike what was learned.

use super::{Gradient, Mlp, Model, ModelError, check_length};
use crate::optim::{Objective, Session, objective};
use bitneuron_core::{Dataset, Layout, Params, Seed};
use std::sync::Arc;

/// A perceptron trained to reconstruct its input.
///
/// ```
/// use bitneuron_core::{Dataset, Seed};
/// use bitneuron_learning::{Update, model::AutoEncoder, optim::{Descent, Step}};
/// use std::sync::Arc;
/// // Points on a line in the plane need one number each.
/// let model = Arc::new(AutoEncoder::new(&[2, 8, 1, 8, 2])?);
/// let rows = ndarray::Array2::from_shape_fn((20, 2), |(row, column)| 0.05 * row as f32 * (1 + column) as f32);
/// let data = Dataset::new(rows, vec![0; 20])?;
/// let mut params = model.init(Seed::from_number(1));
/// let mut adam = Descent::new(model, 0.01, 10).with_step(Step::Adam).with_epochs(200);
/// assert!(adam.update(&mut params, &data, 0, Seed::from_number(1))?.loss_after < 0.02);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AutoEncoder {
    net: Mlp,
}

impl AutoEncoder {
    /// A net of these widths, whose first and last are the same.
    ///
    /// # Errors
    /// They are not, or as [`Mlp::new`].
    pub fn new(widths: &[usize]) -> Result<Self, ModelError> {
        match widths {
            [first, .., last] if first == last => Ok(Self { net: Mlp::new(widths)? }),
            _ => Err(ModelError::Widths(widths.to_vec())),
        }
    }

    /// The net.
    pub const fn net(&self) -> &Mlp {
        &self.net
    }

    /// Parameters to start from.
    pub fn init(&self, seed: Seed) -> Params {
        self.net.init(seed)
    }

    /// Writes the reconstruction of rows `[n, d]` to `out`, which is as long.
    ///
    /// # Errors
    /// A wrong length.
    pub fn reconstruct(&self, params: &[f32], features: &[f32], out: &mut [f32]) -> Result<(), ModelError> {
        check_length("features", features.len(), out.len())?;
        self.net.scores(params, features, out)
    }

    /// The loss `ℓ` of each row of `[n, d]`.
    ///
    /// # Errors
    /// A wrong length.
    pub fn losses(&self, params: &[f32], features: &[f32]) -> Result<Vec<f32>, ModelError> {
        let mut back = vec![0.0; features.len()];
        self.reconstruct(params, features, &mut back)?;
        let width = self.net.inputs();
        let rows = features.chunks_exact(width).zip(back.chunks_exact(width));
        let square =
            |(x, back): (&[f32], &[f32])| -> f32 { x.iter().zip(back).map(|(x, b)| (b - x).powi(2)).sum() };
        Ok(rows.map(square).map(|sum| sum / width as f32).collect())
    }
}

impl Objective for AutoEncoder {
    fn layout(&self) -> &Arc<Layout> {
        self.net.layout()
    }

    fn cases(&self, data: &Dataset) -> Result<usize, ModelError> {
        check_length("features", data.features().len(), data.len().saturating_mul(self.net.inputs()))?;
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
        objective::gathered(data, chosen, &mut session.room, |features, _, _| {
            let each = 1.0 / features.len().max(1) as f32;
            let features = &*features;
            let mut errors = |back: &mut [f32]| {
                let mut loss = 0.0;
                for (value, x) in back.iter_mut().zip(features) {
                    *value -= x;
                    loss += f64::from(*value) * f64::from(*value);
                    *value *= 2.0 * each;
                }
                loss * f64::from(each)
            };
            self.net.differentiate(params, features, &mut errors, Gradient::Parameters(gradient))
        })
    }
}
