//! Features that are not there: rows with gaps to train on and to be judged by.
//!
//! A missing feature is `NaN`, in training as in use; [`MaskAware`](crate::model::MaskAware) is what makes sense of it.

use crate::model::{Model, ModelError};
use crate::optim::Perturb;
use bitneuron_core::{Dataset, Seed, dataset::DatasetError};
use rand::{Rng, RngExt as _};

/// Makes features missing, completely at random.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Missing {
    /// The least share of the features of a row that is missing.
    pub least: f32,
    /// The largest share: each row has one of its own, uniform between the two.
    pub most: f32,
}

impl Missing {
    /// The same share of every row's features, on average.
    pub const fn new(share: f32) -> Self {
        Self { least: share, most: share }
    }

    /// A share of its own for each row, from none of its features to this share of them: what to train on if it is not known
    /// how much will be missing.
    pub const fn up_to(share: f32) -> Self {
        Self { least: 0.0, most: share }
    }

    fn strike(self, row: &mut [f32], rng: &mut dyn Rng) {
        let share = self.least + (self.most - self.least) * rng.random::<f32>();
        row.iter_mut().filter(|_| rng.random::<f32>() < share).for_each(|value| *value = f32::NAN);
    }

    /// The data set with gaps.
    ///
    /// # Errors
    /// Never for a data set that is one.
    pub fn apply(self, data: &Dataset, seed: Seed) -> Result<Dataset, DatasetError> {
        let mut rng = seed.derive("missing features").rng();
        let mut features = data.features().as_standard_layout().into_owned();
        for mut row in features.rows_mut() {
            row.as_slice_mut().into_iter().for_each(|row| self.strike(row, &mut rng));
        }
        Dataset::grouped(features, data.labels().to_vec(), data.groups().to_vec())
    }
}

impl Perturb for Missing {
    fn perturb(
        &self,
        model: &dyn Model,
        _: &[f32],
        _: &[u32],
        features: &mut [f32],
        rng: &mut dyn Rng,
    ) -> Result<(), ModelError> {
        features.chunks_exact_mut(model.inputs().max(1)).for_each(|row| self.strike(row, rng));
        Ok(())
    }
}
