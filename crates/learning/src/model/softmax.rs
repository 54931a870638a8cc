//! Softmax regression: one affine layer, cross-entropy loss. Convex, so every order of gossip ends at one optimum.
//!
//! Parameters: `w1 [inputs, classes]`, `b1 [classes]`.

use super::dense::Dense;
use super::{Batch, Model, ModelError, check_batch, check_length, cross_entropy};
use crate::scratch;
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// Multinomial logistic regression.
///
/// ```
/// use bitneuron_core::Seed;
/// use bitneuron_learning::model::{Batch, Model, SoftmaxRegression};
/// let model = SoftmaxRegression::new(2, 3)?;
/// let params = model.init(Seed::from_number(1));
/// let mut gradient = vec![0.0; model.layout().len()];
/// let batch = Batch::new(&[1.0, 0.0, 0.0, 1.0], &[0, 2]);
/// let loss = model.loss_and_gradient(params.values(), &batch, &mut gradient)?;
/// assert!((loss - 3f64.ln()).abs() < 1e-6); // three classes, nothing learned yet
/// # Ok::<(), bitneuron_learning::model::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SoftmaxRegression {
    layer: Dense,
    layout: Arc<Layout>,
}

impl SoftmaxRegression {
    /// A model of `inputs` features and `classes` classes.
    ///
    /// # Errors
    /// A size of zero, or more parameters than a layout may have.
    pub fn new(inputs: usize, classes: usize) -> Result<Self, ModelError> {
        let layout = super::mlp::layout(&[inputs, classes])?;
        Ok(Self { layer: Dense { inputs, outputs: classes }, layout: Arc::new(layout) })
    }

    /// Runs `work` on `∂L/∂scores` and returns the loss.
    fn with_errors(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        work: impl FnOnce(&[f32]) -> Result<(), ModelError>,
    ) -> Result<f64, ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        check_batch(self.layer.inputs, self.layer.outputs, batch)?;
        scratch::with(batch.len() * self.layer.outputs, |scores| {
            self.layer.forward(params, batch.features, scores)?;
            let loss = cross_entropy::errors(scores, batch);
            work(scores).map(|()| loss)
        })
    }
}

impl Model for SoftmaxRegression {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn inputs(&self) -> usize {
        self.layer.inputs
    }

    fn outputs(&self) -> usize {
        self.layer.outputs
    }

    /// All zeros, whatever the seed: the loss is convex and zero is its most undecided point.
    fn init(&self, _seed: Seed) -> Params {
        Params::zeros(Arc::clone(&self.layout))
    }

    fn loss_and_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_length("gradient", gradient.len(), self.layout.len())?;
        self.with_errors(params, batch, |errors| self.layer.gradient(batch.features, errors, gradient))
    }

    fn input_gradient(
        &self,
        params: &[f32],
        batch: &Batch<'_>,
        gradient: &mut [f32],
    ) -> Result<f64, ModelError> {
        check_length("gradient", gradient.len(), batch.features.len())?;
        self.with_errors(params, batch, |errors| self.layer.backward(params, errors, gradient))
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        let rows = scores.len().checked_div(self.layer.outputs).unwrap_or(0);
        check_length("scores", scores.len(), rows * self.layer.outputs)?;
        check_length("features", features.len(), rows.saturating_mul(self.layer.inputs))?;
        self.layer.forward(params, features, scores)
    }
}
