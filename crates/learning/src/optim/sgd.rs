//! Stochastic gradient descent with momentum, over seeded shuffles of the rows.
//!
//! ```text
//! for each epoch, for each batch B of the shuffled rows:   v ← μ·v + ∇L_B(θ),   θ ← θ − η·v
//! ```
//!
//! `v` starts at zero in every update: after a merge an old velocity belongs to a model that is no more, and so an
//! update is a function of its arguments alone. Lines 8, 4 and 8 of Algorithms 1, 2 and 3.

use crate::eval;
use crate::merge::admit::is_finite;
use crate::model::{Batch, Model, check_batch};
use crate::scratch;
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use rand::seq::SliceRandom as _;
use std::fmt;
use std::sync::Arc;

/// How the losses of a [`Progress`] are measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Measure {
    /// Over all rows, before and after: two more passes over the data.
    #[default]
    Whole,
    /// The loss of the first and of the last batch, each just before its step: free, but a stale sample.
    ///
    /// Such a report does not keep the law of honesty; it is for simulations that do not read it. The parameters are
    /// the same to the bit.
    Running,
}

/// SGD on a shared model. Holds no state between updates, so it is cheap to clone into every node.
#[derive(Clone)]
pub struct Sgd {
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// The learning rate η.
    pub rate: f32,
    /// The momentum μ, at least 0 and below 1.
    pub momentum: f32,
    /// How often all rows are gone through.
    pub epochs: u32,
    /// Rows in a batch; the last batch of an epoch may be smaller.
    pub batch: usize,
    /// How the losses are measured.
    pub measure: Measure,
}

impl fmt::Debug for Sgd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sgd")
            .field("rate", &self.rate)
            .field("momentum", &self.momentum)
            .field("epochs", &self.epochs)
            .field("batch", &self.batch)
            .field("measure", &self.measure)
            .finish_non_exhaustive()
    }
}

impl Sgd {
    /// One epoch without momentum, losses measured over all rows.
    pub fn new(model: Arc<dyn Model>, rate: f32, batch: usize) -> Self {
        Self { model, rate, momentum: 0.0, epochs: 1, batch, measure: Measure::Whole }
    }

    /// The same with momentum μ.
    #[must_use]
    pub fn with_momentum(self, momentum: f32) -> Self {
        Self { momentum, ..self }
    }

    /// The same with another number of epochs.
    #[must_use]
    pub fn with_epochs(self, epochs: u32) -> Self {
        Self { epochs, ..self }
    }

    /// The same with another way to measure losses.
    #[must_use]
    pub fn with_measure(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    fn check(&self, params: &Params, data: &Dataset) -> Result<(), UpdateError> {
        if !(self.rate.is_finite() && self.rate >= 0.0) {
            return Err(UpdateError::Setting("rate"));
        }
        if !(0.0..1.0).contains(&self.momentum) {
            return Err(UpdateError::Setting("momentum"));
        }
        if self.batch == 0 {
            return Err(UpdateError::Setting("batch"));
        }
        if !Arc::ptr_eq(params.layout(), self.model.layout()) && params.layout() != self.model.layout() {
            return Err(UpdateError::Layout);
        }
        if data.is_empty() { Err(UpdateError::Empty) } else { Ok(()) }
    }

    /// Descends on `theta`; returns the progress with running losses.
    fn descend(
        &self,
        theta: &mut [f32],
        features: &[f32],
        labels: &[u32],
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        let (inputs, width) = (self.model.inputs(), theta.len());
        let size = self.batch.min(labels.len());
        let mut order: Vec<usize> = (0..labels.len()).collect();
        let mut chosen = Vec::with_capacity(size);
        let mut rng = seed.derive("shuffle").rng();
        let (mut step, mut progress) = (0, Progress::default());
        let velocity = if self.momentum > 0.0 { width } else { 0 };
        scratch::with(width + velocity + size * inputs, |buffer| {
            let (gradient, rest) = buffer.split_at_mut(width);
            let (velocity, rows) = rest.split_at_mut(velocity);
            for _ in 0..self.epochs {
                order.shuffle(&mut rng);
                for indices in order.chunks(size) {
                    chosen.clear();
                    for (index, row) in indices.iter().zip(rows.chunks_exact_mut(inputs)) {
                        row.copy_from_slice(&features[index * inputs..(index + 1) * inputs]);
                        chosen.push(labels[*index]);
                    }
                    let batch = Batch::new(&rows[..indices.len() * inputs], &chosen);
                    let loss = self.model.loss_and_gradient(theta, &batch, gradient)?;
                    if !loss.is_finite() {
                        return Err(UpdateError::Diverged { step });
                    }
                    self.apply(theta, gradient, velocity);
                    if step == 0 {
                        progress.loss_before = loss;
                    }
                    progress.loss_after = loss;
                    progress.samples += indices.len() as u64;
                    step += 1;
                }
            }
            if is_finite(theta) { Ok(progress) } else { Err(UpdateError::Diverged { step }) }
        })
    }

    fn apply(&self, theta: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        let rate = self.rate;
        if velocity.is_empty() {
            theta.iter_mut().zip(gradient).for_each(|(value, slope)| *value -= rate * slope);
            return;
        }
        for ((value, slope), speed) in theta.iter_mut().zip(gradient).zip(velocity) {
            *speed = self.momentum * *speed + slope;
            *value -= rate * *speed;
        }
    }
}

impl Update for Sgd {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        _round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        self.check(params, data)?;
        let whole = |theta: &[f32], step: u64| match self.measure {
            Measure::Running => Ok(None),
            Measure::Whole => match eval::cross_entropy(self.model.as_ref(), theta, data)? {
                loss if loss.is_finite() => Ok(Some(loss)),
                _ => Err(UpdateError::Diverged { step }),
            },
        };
        let loss_before = whole(params.values(), 0)?;
        let features = eval::row_major(data);
        check_batch(self.model.inputs(), self.model.outputs(), &Batch::new(&features, data.labels()))?;
        scratch::with(params.values().len(), |theta| {
            theta.copy_from_slice(params.values());
            let running = self.descend(theta, &features, data.labels(), seed)?;
            let loss_after = whole(theta, running.samples.div_ceil(self.batch as u64))?;
            params.values_mut().copy_from_slice(theta);
            Ok(Progress {
                loss_before: loss_before.unwrap_or(running.loss_before),
                loss_after: loss_after.unwrap_or(running.loss_after),
                ..running
            })
        })
    }
}
