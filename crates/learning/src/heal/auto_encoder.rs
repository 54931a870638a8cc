//! A curved manifold: a denoising [`model::AutoEncoder`](crate::model::AutoEncoder) of states, trained by Adam.

use super::{HealError, Manifold, check_clean};
use crate::model::{self, Model as _, ModelError};
use crate::optim::{Descent, Measure, Step};
use crate::update::{Update as _, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use ndarray::Array2;
use std::sync::Arc;

/// How an auto-encoder is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// The width of the hidden layer on either side of the code.
    pub hidden: usize,
    /// The width of the code: the dimension of the manifold.
    pub code: usize,
    /// How often all states are gone through.
    pub epochs: u32,
    /// States in a batch.
    pub batch: usize,
    /// The rate of Adam.
    pub rate: f32,
    /// The largest noise, in standard deviations of a state's coordinates.
    pub noise: f32,
}

impl Default for Training {
    fn default() -> Self {
        Self { hidden: 256, code: 32, epochs: 100, batch: 64, rate: 2e-3, noise: 1.5 }
    }
}

/// An auto-encoder of states.
#[derive(Debug, Clone)]
pub struct AutoEncoder {
    model: Arc<model::AutoEncoder>,
    params: Params,
}

impl AutoEncoder {
    /// Learns from clean states `[n, width]`.
    ///
    /// # Errors
    /// States that are no rows, fewer than two, or not finite; a setting that diverges or makes no sense.
    pub fn fit(clean: &[f32], width: usize, training: Training, seed: Seed) -> Result<Self, HealError> {
        let rows = check_clean(clean, width)?;
        let Training { hidden, code, epochs, batch, rate, noise } = training;
        let sound = |x: f32| x.is_finite() && x >= 0.0;
        if batch == 0 || !sound(rate) || !sound(noise) {
            return Err(HealError::Setting("training"));
        }
        let model = model::AutoEncoder::new(&[width, hidden, code])?.denoising(noise * deviation(clean));
        let states = Array2::from_shape_vec((rows, width), clean.to_vec()).ok();
        let states = states.and_then(|states| Dataset::new(states, vec![0; rows]).ok());
        let states = states.ok_or(HealError::Width { found: clean.len(), width })?;
        let (model, mut params) = (Arc::new(model.clone()), model.init(seed));
        let mut descent = Descent::new(Arc::clone(&model) as Arc<_>, rate, batch)
            .with_step(Step::Adam)
            .with_epochs(epochs)
            .with_measure(Measure::Running);
        match descent.update(&mut params, &states, 0, seed.derive("descent")) {
            Ok(_) => Ok(Self { model, params }),
            Err(UpdateError::Model(error)) => Err(error.into()),
            Err(_) => Err(HealError::Setting("rate")),
        }
    }
}

/// The root of the mean variance of a coordinate.
fn deviation(states: &[f32]) -> f32 {
    let count = states.len().max(1) as f64;
    let mean = states.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    (states.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count).sqrt() as f32
}

impl Manifold for AutoEncoder {
    fn width(&self) -> usize {
        self.model.encoder().inputs()
    }

    fn project(&self, states: &[f32], onto: &mut [f32]) -> Result<(), ModelError> {
        self.model.reconstruct(self.params.values(), states, onto)
    }

    fn pull(&self, states: &[f32], adjoint: &[f32], below: &mut [f32]) -> Result<(), ModelError> {
        self.model.pull(self.params.values(), states, adjoint, below)
    }
}
