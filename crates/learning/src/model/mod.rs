//! What is learned: a function of a flat parameter vector with hand-written gradients.
//!
//! A [`Model`] holds shapes, never parameters: `100,000` nodes share one. Everything goes through flat slices, so an
//! adapter for a tensor library needs no type of ours but the [`Layout`]. The loss of a batch of `n` rows is
//!
//! ```text
//! L(θ) = Σᵢ wᵢ ℓᵢ(θ),   ℓᵢ = −ln p(labelᵢ | featuresᵢ) or another loss,   wᵢ = 1/n unless the batch says otherwise
//! ```
//!
//! A model is two functions: the scores of rows, and the way back from errors of those scores to the gradient of the
//! parameters or of the features ([`Model::differentiate`]). Losses, probabilities and training by any [`Loss`] or
//! regulariser follow from the two.
//!
//! | model | learns | is a |
//! |---|---|---|
//! | [`SoftmaxRegression`], [`LinearSvm`] | classes, by one affine map | [`Model`] |
//! | [`Mlp`] of dense, factored and convolutional [`Layer`]s | classes | [`Model`] |
//! | [`MaskAware`] | classes of rows with gaps | [`Model`] |
//! | [`AutoEncoder`], [`KMeans`] | where rows lie | [`Objective`](crate::optim::Objective) |
//! | [`MatrixFactorisation`] | ratings | `Objective<Ratings>` |
//! | [`TwoTower`] | purchases | `Objective<Purchases>` |
//!
//! A classifier is a [`Model`]; what learns something else is an objective: all that an update must know of it.
//!
//! Shapes: features `[n, inputs]` and scores `[n, outputs]`, both row by row; parameters in the order of the layout,
//! weight matrices `[in, out]`.

mod auto_encoder;
mod convolution;
pub(crate) mod cross_entropy;
mod dense;
mod exact;
mod hinge;
mod k_means;
mod layer;
mod loss;
mod mask_aware;
mod matrix_factorisation;
mod mlp;
mod named;
mod narrow;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(feature = "safetensors")]
pub mod safetensors;
mod softmax;
mod staged;
mod svm;
mod trains;
mod two_tower;

pub use auto_encoder::AutoEncoder;
pub use convolution::Convolution;
pub use cross_entropy::softmax_in_place;
pub use k_means::{KMeans, Lloyd};
pub use layer::Layer;
pub use loss::Loss;
pub use mask_aware::MaskAware;
pub use matrix_factorisation::{MatrixFactorisation, Profile};
pub use mlp::Mlp;
pub use named::{NAMES, named};
pub use softmax::SoftmaxRegression;
pub use staged::{Passed, Staged};
pub use svm::LinearSvm;
pub use two_tower::{Embedding, TwoTower};

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

    /// The weight `wᵢ` of each row, without end.
    pub(crate) fn shares(&self) -> impl Iterator<Item = f32> + use<'a> {
        let (weights, equal) = (self.weights, 1.0 / self.len().max(1) as f32);
        (0..).map(move |row| weights.and_then(|weights| weights.get(row).copied()).unwrap_or(equal))
    }
}

/// What the gradient is taken with respect to, and where it is written.
#[derive(Debug)]
pub enum Gradient<'a> {
    /// `∂L/∂θ`, as long as the layout.
    Parameters(&'a mut [f32]),
    /// `∂L/∂x`, `[n, inputs]`.
    Features(&'a mut [f32]),
}

impl Gradient<'_> {
    /// Refuses a slice that does not fit so many parameters or features.
    pub(crate) const fn check(&self, parameters: usize, features: usize) -> Result<(), ModelError> {
        match self {
            Self::Parameters(slice) => check_length("gradient", slice.len(), parameters),
            Self::Features(slice) => check_length("gradient", slice.len(), features),
        }
    }
}

/// What [`Model::differentiate`] calls with the scores: it replaces them by `∂L/∂scores` and returns `L`.
pub type Errors<'a> = &'a mut dyn FnMut(&mut [f32]) -> f64;

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
    /// A number that is infinite or none.
    #[error("not a finite number")]
    NotFinite,
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

    /// Scores the rows `[n, inputs]`, lets `errors` turn the scores into their slopes, and walks back to the gradient that
    /// is asked for. Returns the loss that `errors` returned.
    ///
    /// # Errors
    /// A wrong length; `gradient` then holds no meaning.
    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        gradient: Gradient<'_>,
    ) -> Result<f64, ModelError>;

    /// The loss that the model is trained by.
    fn loss(&self) -> Loss {
        Loss::CrossEntropy
    }

    /// The loss, and its gradient with respect to the parameters, written to `gradient` (length of the layout).
    ///
    /// # Errors
    /// A wrong length or label; `gradient` then holds no meaning.
    fn loss_and_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_batch(self.inputs(), self.outputs(), batch)?;
        let mut errors = |scores: &mut [f32]| self.loss().errors(scores, batch);
        self.differentiate(params, batch.features, &mut errors, Gradient::Parameters(gradient))
    }

    /// The loss, and its gradient with respect to the features, written to `gradient` (`[n, inputs]`).
    ///
    /// # Errors
    /// As [`Model::loss_and_gradient`].
    fn input_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_batch(self.inputs(), self.outputs(), batch)?;
        let mut errors = |scores: &mut [f32]| self.loss().errors(scores, batch);
        self.differentiate(params, batch.features, &mut errors, Gradient::Features(gradient))
    }

    /// The scores of rows `[n, inputs]`, written to `scores` (`[n, outputs]`); the largest names the class. Under
    /// cross-entropy they are unnormalised log-probabilities.
    ///
    /// # Errors
    /// A wrong length.
    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError>;

    /// The softmax of the scores of rows `[n, inputs]`, written to `probabilities` (`[n, outputs]`): under cross-entropy the
    /// probabilities of the classes.
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
            self.loss().losses(scores, batch.labels, losses);
            Ok(())
        })
    }
}

/// The trait stays object-safe.
const _: Option<&dyn Model> = None;

/// A shared model is a model.
impl<M: Model + ?Sized> Model for Arc<M> {
    fn layout(&self) -> &Arc<Layout> {
        (**self).layout()
    }

    fn inputs(&self) -> usize {
        (**self).inputs()
    }

    fn outputs(&self) -> usize {
        (**self).outputs()
    }

    fn init(&self, seed: Seed) -> Params {
        (**self).init(seed)
    }

    fn loss(&self) -> Loss {
        (**self).loss()
    }

    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        gradient: Gradient<'_>,
    ) -> Result<f64, ModelError> {
        (**self).differentiate(params, features, errors, gradient)
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        (**self).scores(params, features, scores)
    }
}

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

/// The rows of `[n, inputs]` features.
///
/// # Errors
/// They are not whole rows.
pub(crate) fn count_rows(features: &[f32], inputs: usize) -> Result<usize, ModelError> {
    let rows = features.len().checked_div(inputs).unwrap_or(0);
    check_length("features", features.len(), rows.saturating_mul(inputs)).map(|()| rows)
}
