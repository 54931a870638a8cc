//! Linear support vector machines: one affine layer under a margin loss.
//!
//! Parameters: `w1 [inputs, classes]`, `b1 [classes]`, as those of softmax regression. The penalty `λ/2·‖w‖²` of the
//! textbook is not part of the model but of its training: [`Decay`](crate::optim::Decay) adds it, and
//! [`Rate::Pegasos`](crate::optim::Rate) falls as it asks.

use super::{Errors, Gradient, Loss, Model, ModelError, SoftmaxRegression};
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// A linear classifier trained for a margin.
///
/// ```
/// use bitneuron_core::{Dataset, Seed};
/// use bitneuron_learning::model::{LinearSvm, Loss, Model};
/// use bitneuron_learning::{Sgd, Update, eval};
/// use std::sync::Arc;
/// let model = Arc::new(LinearSvm::new(2, 2, Loss::Margin)?);
/// let data = Dataset::new(ndarray::array![[0.0, 1.0], [1.0, 0.0], [0.2, 0.9]], vec![0, 1, 0])?;
/// let mut params = model.init(Seed::default());
/// Sgd::new(model.clone(), 0.5, 3).with_epochs(20).update(&mut params, &data, 0, Seed::default())?;
/// assert_eq!(eval::accuracy(model.as_ref(), params.values(), &data)?, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LinearSvm {
    affine: SoftmaxRegression,
    loss: Loss,
}

impl LinearSvm {
    /// A machine of `inputs` features and `classes` classes under this loss.
    ///
    /// # Errors
    /// A size of zero, or more parameters than a layout may have.
    pub fn new(inputs: usize, classes: usize, loss: Loss) -> Result<Self, ModelError> {
        Ok(Self { affine: SoftmaxRegression::new(inputs, classes)?, loss })
    }
}

impl Model for LinearSvm {
    fn layout(&self) -> &Arc<Layout> {
        self.affine.layout()
    }

    fn inputs(&self) -> usize {
        self.affine.inputs()
    }

    fn outputs(&self) -> usize {
        self.affine.outputs()
    }

    /// All zeros, whatever the seed: the loss is convex.
    fn init(&self, seed: Seed) -> Params {
        self.affine.init(seed)
    }

    fn loss(&self) -> Loss {
        self.loss
    }

    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        gradient: Gradient<'_>,
    ) -> Result<f64, ModelError> {
        self.affine.differentiate(params, features, errors, gradient)
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        self.affine.scores(params, features, scores)
    }
}
