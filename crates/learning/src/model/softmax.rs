//! Softmax regression: one affine layer, cross-entropy loss. Convex, so every order of gossip ends at one optimum.
//!
//! Parameters: `w1 [inputs, classes]`, `b1 [classes]`.

use super::dense::Dense;
use super::{Errors, Gradient, Model, ModelError, check_length, count_rows};
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

    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        gradient: Gradient<'_>,
    ) -> Result<f64, ModelError> {
        let rows = count_rows(features, self.layer.inputs)?;
        check_length("parameters", params.len(), self.layout.len())?;
        gradient.check(self.layout.len(), features.len())?;
        scratch::with(rows * self.layer.outputs, |scores| {
            self.layer.forward(params, features, scores)?;
            let loss = errors(scores);
            match gradient {
                Gradient::Parameters(gradient) => self.layer.gradient(features, scores, gradient),
                Gradient::Features(gradient) => self.layer.backward(params, scores, gradient),
            }?;
            Ok(loss)
        })
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        let rows = scores.len().checked_div(self.layer.outputs).unwrap_or(0);
        check_length("scores", scores.len(), rows * self.layer.outputs)?;
        check_length("features", features.len(), rows.saturating_mul(self.layer.inputs))?;
        self.layer.forward(params, features, scores)
    }
}
