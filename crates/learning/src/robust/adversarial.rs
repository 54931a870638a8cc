//! Adversarial examples: rows moved within a box around them so that the loss rises.
//!
//! ```text
//! FGSM   x' = clip(x + ε·sign ∇ₓL)                                           (Goodfellow et al., ICLR 2015)
//! PGD    x₀ = x + u, u uniform in [−ε, ε];  xₖ₊₁ = Π(xₖ + α·sign ∇ₓL(xₖ))    (Madry et al., ICLR 2018)
//! ```
//! Π keeps every feature within ε of the clean one and within the range of the data. A model that is trained on such rows
//! holds against such rows, and against little else: the box, the steps and the loss are part of every claim.

use crate::model::{Batch, Errors, Gradient, Model, ModelError};
use crate::optim::Perturb;
use crate::scratch;
use bitneuron_core::{Dataset, Seed};
use rand::{Rng, RngExt as _};
use std::ops::RangeInclusive;

/// Projected gradient ascent on the loss, in the maximum norm.
#[derive(Debug, Clone, PartialEq)]
pub struct Pgd {
    /// The radius ε of the box, in units of the features.
    pub radius: f32,
    /// The number of steps.
    pub steps: u32,
    /// The length α of a step.
    pub rate: f32,
    /// Whether to begin at a random point of the box.
    pub random_start: bool,
    /// The range of the features.
    pub range: RangeInclusive<f32>,
}

impl Pgd {
    /// So many steps of α = 2.5·ε/steps from a random point, for features in [0, 1].
    pub const fn new(radius: f32, steps: u32) -> Self {
        let rate = 2.5 * radius / if steps == 0 { 1.0 } else { steps as f32 };
        Self { radius, steps, rate, random_start: true, range: 0.0..=1.0 }
    }

    /// The fast gradient sign method: one step of α = ε from the clean row.
    pub const fn fgsm(radius: f32) -> Self {
        Self { radius, steps: 1, rate: radius, random_start: false, range: 0.0..=1.0 }
    }

    /// The same for features of another range.
    #[must_use]
    pub fn with_range(self, range: RangeInclusive<f32>) -> Self {
        Self { range, ..self }
    }

    /// All rows of a data set as the attack moves them, to see what a model holds against.
    ///
    /// # Errors
    /// Rows or parameters that do not fit the model.
    pub fn attack(
        &self,
        model: &dyn Model,
        params: &[f32],
        data: &Dataset,
        seed: Seed,
    ) -> Result<Dataset, ModelError> {
        let mut rng = seed.derive("attack").rng();
        let mut moved = data.features().as_standard_layout().into_owned();
        for (mut rows, labels) in
            moved.axis_chunks_iter_mut(ndarray::Axis(0), BLOCK).zip(data.labels().chunks(BLOCK))
        {
            if let Some(features) = rows.as_slice_mut() {
                self.perturb(model, params, labels, features, &mut rng)?;
            }
        }
        let found = (data.labels().len(), moved.nrows());
        Dataset::grouped(moved, data.labels().to_vec(), data.groups().to_vec())
            .map_err(|_| ModelError::Length { what: "labels", found: found.0, expected: found.1 })
    }

    /// Climbs from `features`, in place; `errors` is as in [`Model::differentiate`].
    pub(super) fn climb(
        &self,
        model: &dyn Model,
        params: &[f32],
        features: &mut [f32],
        rng: &mut dyn Rng,
        errors: Errors<'_>,
    ) -> Result<(), ModelError> {
        let (least, most) = (*self.range.start(), *self.range.end());
        scratch::with(2 * features.len(), |buffer| {
            let (clean, slopes) = buffer.split_at_mut(features.len());
            clean.copy_from_slice(features);
            let keep = |moved: f32, clean: f32| {
                // Not `clamp`, which panics where bounds are no numbers or out of order.
                moved.max(clean - self.radius).min(clean + self.radius).max(least).min(most)
            };
            if self.random_start {
                for (value, clean) in features.iter_mut().zip(&*clean) {
                    *value = keep(clean + self.radius * (2.0 * rng.random::<f32>() - 1.0), *clean);
                }
            }
            for _ in 0..self.steps {
                model.differentiate(params, features, errors, Gradient::Features(slopes))?;
                for ((value, slope), clean) in features.iter_mut().zip(&*slopes).zip(&*clean) {
                    let sign = if *slope == 0.0 { 0.0 } else { slope.signum() };
                    *value = keep(*value + self.rate * sign, *clean);
                }
            }
            Ok(())
        })
    }
}

/// Rows attacked at once.
const BLOCK: usize = 256;

impl Perturb for Pgd {
    fn perturb(
        &self,
        model: &dyn Model,
        params: &[f32],
        labels: &[u32],
        features: &mut [f32],
        rng: &mut dyn Rng,
    ) -> Result<(), ModelError> {
        crate::model::check_batch(model.inputs(), model.outputs(), &Batch::new(features, labels))?;
        let mut errors = |scores: &mut [f32]| model.loss().errors(scores, &Batch::new(&[], labels));
        self.climb(model, params, features, rng, &mut errors)
    }
}
