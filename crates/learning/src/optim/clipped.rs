//! Clipped gradients of single rows: the half of private SGD that bounds what one row can do.
//!
//! ```text
//! g = (1/n) Σᵢ gᵢ · min(1, C/‖gᵢ‖)        gᵢ = ∇ℓᵢ(θ)                      (Abadi et al., CCS 2016, alg. 1)
//! ```
//! Clipping a row's gradient is giving the row a smaller weight, so the sum is the gradient of a reweighted batch. The norms
//! cost one gradient for each row.

use super::objective::{Reweight, Scene};
use crate::model::{Batch, ModelError};
use crate::scratch;
use std::collections::BTreeMap;

/// Weights that keep the gradient of each row within a norm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clipped {
    /// The norm C.
    pub norm: f32,
}

impl Reweight for Clipped {
    fn reweight(
        &self,
        scene: &Scene<'_>,
        _: &mut BTreeMap<u32, f64>,
        weights: &mut [f32],
    ) -> Result<(), ModelError> {
        let Scene { model, params, batch, .. } = scene;
        let rows = batch.features.chunks_exact(model.inputs().max(1)).zip(batch.labels.chunks(1));
        scratch::with(params.len(), |gradient| {
            for ((features, labels), weight) in rows.zip(weights) {
                model.loss_and_gradient(params, &Batch::new(features, labels), gradient)?;
                let square: f64 = gradient.iter().map(|slope| f64::from(*slope) * f64::from(*slope)).sum();
                let shrink = f64::from(self.norm) / square.sqrt();
                // A gradient that is no number keeps its weight, so that it is seen.
                if shrink < 1.0 {
                    *weight *= shrink as f32;
                }
            }
            Ok(())
        })
    }
}
