//! Adam on a shared model: each parameter has a step of its own ([`Step::Adam`]).
//!
//! Factors want it: the slopes of a core differ by orders of magnitude from those of its neighbours.

use super::descent::{Course, Measure};
use super::objective::Plain;
use super::{Rate, Step};
use crate::model::Model;
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use std::fmt;
use std::sync::Arc;

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
}

impl Update for Adam {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        let course = Course {
            objective: &Plain(self.model.as_ref()),
            step: Step::Adam,
            rate: Rate::Constant(self.rate),
            epochs: self.epochs,
            batch: self.batch,
            measure: Measure::Whole,
            corrections: &[],
        };
        course.run(params, data, round, seed)
    }
}
