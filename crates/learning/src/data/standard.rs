//! Standardisation: features of mean 0 and variance 1.
//!
//! ```text
//! x' = (x − mean)/deviation          both of the rows to learn from, never of those to be judged by
//! ```

use super::DataError;
use bitneuron_core::Dataset;

/// The mean and the deviation of each feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Standard {
    means: Vec<f32>,
    deviations: Vec<f32>,
}

impl Standard {
    /// Of these rows. A feature that never changes has the deviation 1, and so becomes 0.
    pub fn of(data: &Dataset) -> Self {
        let rows = data.len().max(1) as f64;
        let (mut means, mut deviations) = (Vec::new(), Vec::new());
        for column in data.features().columns() {
            let mean = column.iter().map(|value| f64::from(*value)).sum::<f64>() / rows;
            let variance = column.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / rows;
            means.push(mean as f32);
            deviations.push(if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 });
        }
        Self { means, deviations }
    }

    /// The rows, standardised.
    ///
    /// # Errors
    /// They have another number of features.
    pub fn apply(&self, data: &Dataset) -> Result<Dataset, DataError> {
        let width = data.features().ncols();
        if width != self.means.len() {
            return Err(DataError::Features(width));
        }
        let mut features = data.features().clone();
        for (mut column, (mean, deviation)) in
            features.columns_mut().into_iter().zip(self.means.iter().zip(&self.deviations))
        {
            column.iter_mut().for_each(|value| *value = (*value - mean) / deviation);
        }
        Dataset::grouped(features, data.labels().to_vec(), data.groups().to_vec())
            .map_err(|_| DataError::Features(width))
    }
}
