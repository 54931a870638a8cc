//! What the network is measured against: the same integer model trained in one place, and by each user alone.

use bitneuron_core::exact::programs::{Net, step::Training};
use bitneuron_core::exact::{ExactData, ExactParams, ShapeError};
use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::UpdateError;
use bitneuron_learning::baseline::centralised;
use bitneuron_learning::exact::{ExactSgd, score};
use std::sync::Arc;

/// Scores models on rows that no node ever sees.
#[derive(Debug)]
pub(crate) struct Examiner {
    net: Net,
    data: Arc<ExactData>,
}

impl Examiner {
    pub(crate) fn new(net: &Net, data: &Dataset) -> Result<Self, ShapeError> {
        Ok(Self { net: net.clone(), data: Arc::new(ExactData::from_dataset(data)?) })
    }

    /// Scores models of another net on the same rows.
    pub(crate) fn of(&self, net: &Net) -> Self {
        Self { net: net.clone(), data: self.data.clone() }
    }

    /// The share of rows that `model` classifies rightly; 0 for what is no model of this kind.
    pub(crate) fn score(&self, model: &ExactParams) -> f64 {
        let right = score(&self.net, model, &self.data).unwrap_or(0);
        f64::from(right) / (self.data.rows() as f64).max(1.0)
    }
}

/// How long a baseline trains: epochs over its rows, long past the point where accuracy stops rising.
const EPOCHS: u64 = 60;

/// Trains from `start` on `data` until convergence.
///
/// # Errors
/// Data that do not fit the model.
pub(crate) fn converge(
    net: &Net,
    start: &ExactParams,
    data: &Dataset,
    seed: Seed,
) -> Result<ExactParams, UpdateError> {
    let data = ExactData::from_dataset(data).map_err(|error| UpdateError::Rule(Box::new(error)))?;
    let rows = u32::try_from(data.rows()).unwrap_or(u32::MAX);
    let batch = if rows >= 32 { 32 } else { 8 };
    // Where an entry is a product of cores the same step moves it farther.
    let rate_shift = if net.is_factorised() { 5 } else { 1 };
    let training = Training { steps: rows.div_ceil(batch).max(1), batch, rate_shift, ..Training::default() };
    let mut update = ExactSgd { net: net.clone(), training };
    Ok(centralised(&mut update, start, &data, EPOCHS, seed)?.0)
}
