//! A classifier that travels with its control variates, so that whatever trains, sends, merges and judges models does so with
//! [`Scaffold`]'s `θ ‖ c` too.

use super::Scaffold;
use crate::model::{Errors, Gradient, Loss, Model, ModelError, check_length};
use bitneuron_core::{Layout, Params, Seed};
use std::fmt;
use std::sync::Arc;

/// The model `θ` in parameters `θ ‖ c`. Its scores are those of `θ`, and no slope leads to `c`.
#[derive(Clone)]
pub struct Controlled {
    model: Arc<dyn Model>,
    layout: Arc<Layout>,
}

impl fmt::Debug for Controlled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controlled").field("layout", &self.layout).finish_non_exhaustive()
    }
}

impl Controlled {
    /// The model as this rule trains it.
    pub fn new(model: Arc<dyn Model>, scaffold: &Scaffold) -> Self {
        Self { model, layout: Arc::clone(scaffold.layout()) }
    }

    /// `θ`.
    fn theta<'a>(&self, params: &'a [f32]) -> Result<&'a [f32], ModelError> {
        check_length("parameters", params.len(), self.layout.len())?;
        Ok(params.get(..self.model.layout().len()).unwrap_or_default())
    }
}

impl Model for Controlled {
    fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn inputs(&self) -> usize {
        self.model.inputs()
    }

    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    /// No control yet.
    fn init(&self, seed: Seed) -> Params {
        let mut params = Params::zeros(Arc::clone(&self.layout));
        let model = self.model.init(seed);
        params.values_mut().iter_mut().zip(model.values()).for_each(|(to, from)| *to = *from);
        params
    }

    fn loss(&self) -> Loss {
        self.model.loss()
    }

    fn differentiate(
        &self,
        params: &[f32],
        features: &[f32],
        errors: Errors<'_>,
        gradient: Gradient<'_>,
    ) -> Result<f64, ModelError> {
        let theta = self.theta(params)?;
        let gradient = match gradient {
            Gradient::Features(slopes) => Gradient::Features(slopes),
            Gradient::Parameters(slopes) => {
                check_length("gradient", slopes.len(), self.layout.len())?;
                let (slopes, control) = slopes.split_at_mut(theta.len());
                control.fill(0.0);
                Gradient::Parameters(slopes)
            }
        };
        self.model.differentiate(theta, features, errors, gradient)
    }

    fn scores(&self, params: &[f32], features: &[f32], scores: &mut [f32]) -> Result<(), ModelError> {
        self.model.scores(self.theta(params)?, features, scores)
    }
}
