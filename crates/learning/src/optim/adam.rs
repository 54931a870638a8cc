//! Adam (Kingma and Ba, arXiv 1412.6980): each parameter has a step of its own.
//!
//! ```text
//! m ← m + (1 − β₁)(g − m),   v ← v + (1 − β₂)(g² − v),   θ ← θ − η · m̂/(√v̂ + ε)          m̂ = m/(1 − β₁ᵗ),  v̂ = v/(1 − β₂ᵗ)
//! ```
//! with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸. The moments start at zero in every update, as the velocity of [`super::Sgd`] does.
//! Factors want it: the slopes of a core differ by orders of magnitude from those of its neighbours.

use super::batches::Batches;
use crate::eval;
use crate::merge::admit::is_finite;
use crate::model::{Batch, Model, check_batch};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use std::fmt;
use std::sync::Arc;

const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;
const SMALL: f32 = 1e-8;

/// The running moments of the gradient.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    step: i32,
    pub(super) mean: Vec<f32>,
    pub(super) square: Vec<f32>,
}

impl Moments {
    pub(crate) fn new(count: usize) -> Self {
        Self { step: 0, mean: vec![0.0; count], square: vec![0.0; count] }
    }

    /// Moves `theta` by one step of this rate.
    pub(crate) fn step(&mut self, theta: &mut [f32], gradient: &[f32], rate: f32) {
        self.step = self.step.saturating_add(1);
        let (first, second) = (1.0 - FIRST.powi(self.step), 1.0 - SECOND.powi(self.step));
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((value, slope), (mean, square)) in theta.iter_mut().zip(gradient).zip(moments) {
            *mean += (1.0 - FIRST) * (slope - *mean);
            *square += (1.0 - SECOND) * (slope * slope - *square);
            *value -= rate * (*mean / first) / ((*square / second).sqrt() + SMALL);
        }
    }
}

/// Adam on a shared model. Holds no state between updates.
#[derive(Clone)]
pub struct Adam {
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// The learning rate η.
    pub rate: f32,
    /// How often all rows are gone through.
    pub epochs: u32,
    /// Rows in a batch; the last batch of an epoch may be smaller.
    pub batch: usize,
}

impl fmt::Debug for Adam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adam")
            .field("rate", &self.rate)
            .field("epochs", &self.epochs)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

impl Adam {
    /// One epoch.
    pub fn new(model: Arc<dyn Model>, rate: f32, batch: usize) -> Self {
        Self { model, rate, epochs: 1, batch }
    }

    /// The same with another number of epochs.
    #[must_use]
    pub fn with_epochs(self, epochs: u32) -> Self {
        Self { epochs, ..self }
    }

    fn descend(&self, theta: &mut [f32], data: &Dataset, seed: Seed) -> Result<u64, UpdateError> {
        let features = eval::row_major(data);
        let model = self.model.as_ref();
        check_batch(model.inputs(), model.outputs(), &Batch::new(&features, data.labels()))?;
        let mut batches = Batches::new(&features, data.labels(), model.inputs(), self.batch);
        let (mut moments, mut gradient) = (Moments::new(theta.len()), vec![0.0; theta.len()]);
        let (mut rng, mut samples, mut step) = (seed.derive("shuffle").rng(), 0, 0);
        for _ in 0..self.epochs {
            batches.epoch::<UpdateError>(&mut rng, |batch| {
                let loss = model.loss_and_gradient(theta, batch, &mut gradient)?;
                if !loss.is_finite() {
                    return Err(UpdateError::Diverged { step });
                }
                moments.step(theta, &gradient, self.rate);
                (samples, step) = (samples + batch.len() as u64, step + 1);
                Ok(())
            })?;
        }
        if is_finite(theta) { Ok(samples) } else { Err(UpdateError::Diverged { step }) }
    }
}

impl Update for Adam {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        _round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        check_settings(self.rate, self.batch)?;
        if params.layout() != self.model.layout() {
            return Err(UpdateError::Layout);
        }
        if data.is_empty() {
            return Err(UpdateError::Empty);
        }
        let loss = |theta: &[f32], step: u64| match eval::cross_entropy(self.model.as_ref(), theta, data)? {
            loss if loss.is_finite() => Ok(loss),
            _ => Err(UpdateError::Diverged { step }),
        };
        let loss_before = loss(params.values(), 0)?;
        let mut theta = params.values().to_vec();
        let samples = self.descend(&mut theta, data, seed)?;
        let loss_after = loss(&theta, samples.div_ceil(self.batch as u64))?;
        params.values_mut().copy_from_slice(&theta);
        Ok(Progress { loss_before, loss_after, samples })
    }
}

/// Refuses a rate that is negative or not finite, and empty batches.
pub(super) fn check_settings(rate: f32, batch: usize) -> Result<(), UpdateError> {
    if !(rate.is_finite() && rate >= 0.0) {
        return Err(UpdateError::Setting("rate"));
    }
    if batch == 0 { Err(UpdateError::Setting("batch")) } else { Ok(()) }
}
