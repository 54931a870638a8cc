//! Stochastic gradient descent with momentum, over seeded shuffles of the rows.
//!
//! ```text
//! for each epoch, for each batch B of the shuffled rows:   v ← μ·v + ∇L_B(θ),   θ ← θ − η·v
//! ```
//!
//! `v` starts at zero in every update: after a merge an old velocity belongs to a model that is no more, and so an
//! update is a function of its arguments alone. Lines 8, 4 and 8 of Algorithms 1, 2 and 3. It is [`super::Descent`] with
//! nothing else on top, small enough to be held by a hundred thousand nodes.

use super::descent::{Course, Measure};
use super::objective::Plain;
use super::{Rate, Step};
use crate::model::Model;
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use std::fmt;
use std::sync::Arc;

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
}

impl Update for Sgd {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        let course = Course {
            objective: &Plain(self.model.as_ref()),
            step: Step::Momentum(self.momentum),
            rate: Rate::Constant(self.rate),
            epochs: self.epochs,
            batch: self.batch,
            measure: self.measure,
            corrections: &[],
        };
        course.run(params, data, round, seed)
    }
}
