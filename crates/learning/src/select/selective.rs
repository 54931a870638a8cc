//! Any update, learning from chosen rows.

use super::{Rows, Select};
use crate::eval;
use crate::merge::admit::is_finite;
use crate::model::Model;
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use std::fmt;
use std::sync::Arc;

/// Chooses rows by the losses of the model as it is, gives them to an update, and so on for some epochs.
///
/// The inner update should be of one epoch; it is told the number of epochs before as its round, so a schedule works.
/// Momentum and moments begin anew in each, as they do in every update.
/// The progress is that over all rows, chosen or not. Keeps the laws of [`Update`].
///
/// ```
/// use bitneuron_core::{Dataset, Seed};
/// use bitneuron_learning::model::{Model, SoftmaxRegression};
/// use bitneuron_learning::{Sgd, Update, select::{GroupCap, LowLoss, Select, Selective}};
/// use std::sync::Arc;
/// let model: Arc<dyn Model> = Arc::new(SoftmaxRegression::new(1, 2)?);
/// let rules: Vec<Arc<dyn Select>> = vec![Arc::new(GroupCap::default()), Arc::new(LowLoss::default())];
/// let sgd = Sgd::new(Arc::clone(&model), 0.5, 4);
/// let mut update = Selective { model: Arc::clone(&model), update: sgd, select: Arc::new(rules), epochs: 5 };
/// let data = Dataset::new(ndarray::arr2(&[[0.0], [1.0], [0.1], [0.9]]), vec![0, 1, 0, 1])?;
/// let progress = update.update(&mut model.init(Seed::default()), &data, 0, Seed::from_number(1))?;
/// assert!(progress.loss_after < progress.loss_before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Selective<U> {
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// What learns from the chosen rows.
    pub update: U,
    /// The rule.
    pub select: Arc<dyn Select>,
    /// How often is chosen.
    pub epochs: u32,
}

impl<U: fmt::Debug> fmt::Debug for Selective<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selective")
            .field("update", &self.update)
            .field("epochs", &self.epochs)
            .finish_non_exhaustive()
    }
}

impl<U: Update> Selective<U> {
    /// Trains `theta`; returns the loss before, and how many rows were learned from.
    fn train(
        &mut self,
        theta: &mut Params,
        data: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        let mut losses = vec![0.0; data.len()];
        let mut progress = Progress::default();
        let mut selection = self.select.begin();
        for number in 0..self.epochs {
            eval::losses(self.model.as_ref(), theta.values(), data, &mut losses)?;
            if number == 0 {
                progress.loss_before = mean(&losses);
            }
            let epoch = round.saturating_mul(u64::from(self.epochs)).saturating_add(u64::from(number));
            let seed = seed.derive_number("choice", u64::from(number));
            let rows = Rows { data, losses: &losses, epoch, seed };
            let chosen = data.select(&selection.choose(&rows, (0..data.len()).collect())?);
            progress.samples += self.update.update(theta, &chosen, epoch, seed.derive("epoch"))?.samples;
        }
        eval::losses(self.model.as_ref(), theta.values(), data, &mut losses)?;
        progress.loss_after = mean(&losses);
        Ok(progress)
    }
}

fn mean(losses: &[f32]) -> f64 {
    losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / losses.len() as f64
}

impl<U: Update> Update for Selective<U> {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        if self.epochs == 0 {
            return Err(UpdateError::Setting("epochs"));
        }
        if params.layout() != self.model.layout() {
            return Err(UpdateError::Layout);
        }
        if data.is_empty() {
            return Err(UpdateError::Empty);
        }
        let mut theta = params.clone();
        let progress = self.train(&mut theta, data, round, seed)?;
        let sound = progress.loss_before.is_finite() && progress.loss_after.is_finite();
        if !sound || !is_finite(theta.values()) {
            return Err(UpdateError::Diverged { step: progress.samples });
        }
        *params = theta;
        Ok(progress)
    }
}
