//! What is learned: a function of a flat parameter vector with hand-written gradients.
//!
//! A [`Model`] holds shapes, never parameters: `100,000` nodes share one. Everything goes through flat slices, so an
//! adapter for a tensor library needs no type of ours but the [`Layout`]. The loss of a batch of `n` rows is
//!
//! ```text
//! L(θ) = Σᵢ wᵢ ℓᵢ(θ),   ℓᵢ = −ln p(labelᵢ | featuresᵢ),   wᵢ = 1/n unless the batch says otherwise
//! ```
//!
//! Shapes: features `[n, inputs]` and scores `[n, outputs]`, both row by row; parameters in the order of the layout,
//! weight matrices `[in, out]`.

pub(crate) mod cross_entropy;
mod dense;
mod layer;
mod mlp;
mod softmax;
mod staged;

pub use cross_entropy::softmax_in_place;
pub use layer::Layer;
pub use mlp::Mlp;
pub use softmax::SoftmaxRegression;
pub use staged::{Passed, Staged};

use bitneuron_compress::factor::FactorError;
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;
use thiserror::Error;

/// Rows to learn from, as flat slices.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// `[n, inputs]`, row by row.
    pub features: &'a [f32],
    /// The class of each of the `n` rows.
    pub labels: &'a [u32],
    /// The weight of each row in the loss; `None` means `1/n` each.
    pub weights: Option<&'a [f32]>,
}

impl<'a> Batch<'a> {
    /// Rows of equal weight.
    pub const fn new(features: &'a [f32], labels: &'a [u32]) -> Self {
        Self { features, labels, weights: None }
    }

    /// The number of rows.
    pub const fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// Why a model refused what it was given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A slice has another length than the model's shapes demand.
    #[error("{found} values of {what} where {expected} belong")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length demanded.
        expected: usize,
    },
    /// A label that names no class.
    #[error("label {label}, but there are {classes} classes")]
    Label {
        /// The label.
        label: u32,
        /// The number of classes.
        classes: usize,
    },
    /// A factorised layer refused what it was given.
    #[error(transparent)]
    Factor(#[from] FactorError),
    /// Widths that make no network.
    #[error("no network of widths {0:?}")]
    Widths(Vec<usize>),
}

/// A differentiable classifier.
///
/// Laws: gradients agree with finite differences; calls are pure (equal arguments, equal results); no slice of a
/// wrong length and no label out of range panics.
pub trait Model: Send + Sync {
    /// The names and shapes of the parameters.
    fn layout(&self) -> &Arc<Layout>;

    /// The features of a row.
    fn inputs(&self) -> usize;

    /// The scores of a row, one for each class.
    fn outputs(&self) -> usize;

    /// Parameters to start from.
    fn init(&self, seed: Seed) -> Params;

    /// The loss, and its gradient with respect to the parameters, written to `gradient` (length of the layout).
    ///
    /// # Errors
    /// A wrong length or label; `gradient` then holds no meaning.
    fn loss_and_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError>;

    /// The loss, and its gradient with respect to the features, written to `gradient` (`[n, inputs]`).
    ///
    /// # Errors
    /// As [`Model::loss_and_gradient`].
    fn input_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError>;

    /// The unnormalised log-probabilities of rows `[n, inputs]`, written to `scores` (`[n, outputs]`).
    ///
    /// # Errors
    /// A wrong length.
    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError>;

    /// The class probabilities of rows `[n, inputs]`, written to `probabilities` (`[n, outputs]`).
    ///
    /// # Errors
    /// A wrong length.
    fn predict(&self, params: &[f32], features: &[f32], probabilities: &mut [f32]) -> Result<(), ModelError> {
        self.scores(params, features, probabilities)?;
        probabilities.chunks_exact_mut(self.outputs().max(1)).for_each(softmax_in_place);
        Ok(())
    }

    /// The loss `ℓᵢ` of each row by itself, written to `losses` (`[n]`); the batch's weights play no part.
    ///
    /// # Errors
    /// As [`Model::loss_and_gradient`].
    fn losses(&self, params: &[f32], batch: &Batch<'_>, losses: &mut [f32]) -> Result<(), ModelError> {
        check_batch(self.inputs(), self.outputs(), batch)?;
        check_length("losses", losses.len(), batch.len())?;
        crate::scratch::with(batch.len() * self.outputs(), |scores| {
            self.scores(params, batch.features, scores)?;
            cross_entropy::losses(scores, batch.labels, losses);
            Ok(())
        })
    }
}

/// The trait stays object-safe.
const _: Option<&dyn Model> = None;

/// Refuses a slice of another length.
pub(crate) const fn check_length(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), ModelError> {
    if found == expected { Ok(()) } else { Err(ModelError::Length { what, found, expected }) }
}

/// Refuses features, weights or labels that do not fit `inputs` and `outputs`.
pub(crate) fn check_batch(inputs: usize, outputs: usize, batch: &Batch<'_>) -> Result<(), ModelError> {
    check_length("features", batch.features.len(), batch.len().saturating_mul(inputs))?;
    if let Some(weights) = batch.weights {
        check_length("weights", weights.len(), batch.len())?;
    }
    match batch.labels.iter().find(|label| **label as usize >= outputs) {
        Some(label) => Err(ModelError::Label { label: *label, classes: outputs }),
        None => Ok(()),
    }
}
