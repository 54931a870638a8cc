//! A model that sees which features are missing.
//!
//! ```text
//! x: d features, NaN where missing      →      inner model of 2d inputs:  [ x with 0 for NaN ‖ 1 where present, else 0 ]
//! ```
//! The mask lets the first layer learn what to put in the place of a gap, so nothing must be filled in before. Trained on
//! rows with gaps ([`Missing`](crate::robust::Missing)) it loses little by them.

use super::{Errors, Gradient, Loss, Model, ModelError, check_length, count_rows};
use crate::scratch;
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// A model of rows with gaps, around one of twice as many inputs.
#[derive(Debug, Clone)]
pub struct MaskAware<M> {
    inner: M,
}

impl<M: Model> MaskAware<M> {
    /// A model of half the inputs of `inner`.
    ///
    /// # Errors
    /// They are an odd number, or none.
    pub fn new(inner: M) -> Result<Self, ModelError> {
        match inner.inputs() {
            inputs if inputs > 0 && inputs.is_multiple_of(2) => Ok(Self { inner }),
            inputs => Err(ModelError::Widths(vec![inputs])),
        }
    }

    /// The model inside.
    pub const fn inner(&self) -> &M {
        &self.inner
    }

    /// Lends the rows as the inner model takes them.
    fn expanded<R>(&self, features: &[f32], work: impl FnOnce(&[f32]) -> R) -> R {
        let inputs = self.inputs();
        scratch::with(2 * features.len(), |wide| {
            for (row, wide) in features.chunks_exact(inputs).zip(wide.chunks_exact_mut(2 * inputs)) {
                let (values, mask) = wide.split_at_mut(inputs);
                for ((value, present), found) in values.iter_mut().zip(mask).zip(row) {
                    (*value, *present) = if found.is_nan() { (0.0, 0.0) } else { (*found, 1.0) };
                }
            }
            work(wide)
        })
    }
}

impl<M: Model> Model for MaskAware<M> {
    fn layout(&self) -> &Arc<Layout> {
        self.inner.layout()
    }

    fn inputs(&self) -> usize {
        self.inner.inputs() / 2
    }

    fn outputs(&self) -> usize {
        self.inner.outputs()
    }

    fn init(&self, seed: Seed) -> Params {
        self.inner.init(seed)
    }

    fn loss(&self) -> Loss {
        self.inner.loss()
    }

    /// The slope of a missing feature is 0.
    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        gradient: Gradient<'_>,
    ) -> Result<f64, ModelError> {
        count_rows(features, self.inputs())?;
        self.expanded(features, |wide| {
            let slopes = match gradient {
                Gradient::Parameters(_) => return self.inner.differentiate(params, wide, errors, gradient),
                Gradient::Features(slopes) => slopes,
            };
            check_length("gradient", slopes.len(), features.len())?;
            let inputs = self.inputs();
            scratch::with(wide.len(), |both| {
                let loss = self.inner.differentiate(params, wide, errors, Gradient::Features(both))?;
                let rows = both.chunks_exact(2 * inputs).zip(features.chunks_exact(inputs));
                for (slopes, (both, row)) in slopes.chunks_exact_mut(inputs).zip(rows) {
                    for ((slope, inner), value) in slopes.iter_mut().zip(both).zip(row) {
                        *slope = if value.is_nan() { 0.0 } else { *inner };
                    }
                }
                Ok(loss)
            })
        })
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        count_rows(features, self.inputs())?;
        self.expanded(features, |wide| self.inner.scores(params, wide, scores))
    }
}
