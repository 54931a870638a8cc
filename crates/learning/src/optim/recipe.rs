//! Updates by name where the name asks for more than the model: SCAFFOLD trains and sends control variates too.

use super::named::{NAMES, SCAFFOLD, descent};
use super::{Controlled, Descent, Measure, Scaffold};
use crate::model::{Model, ModelError};
use crate::named::{Call, NameError};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use std::fmt;
use std::sync::Arc;

/// An update, and the model that it trains.
pub struct Recipe {
    /// What is trained and sent: the model that was given, or one that carries more.
    pub model: Arc<dyn Model>,
    /// How.
    pub update: Rule,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").field("update", &self.update).finish_non_exhaustive()
    }
}

/// What has a name among updates.
#[derive(Debug, Clone)]
pub enum Rule {
    /// A rule with its parts.
    Descent(Descent),
    /// The same with control variates.
    Scaffold(Scaffold),
}

impl Rule {
    /// The same with this measure of losses.
    #[must_use]
    pub fn with_measure(self, measure: Measure) -> Self {
        match self {
            Self::Descent(rule) => Self::Descent(rule.with_measure(measure)),
            Self::Scaffold(rule) => Self::Scaffold(rule.with_measure(measure)),
        }
    }
}

impl Update for Rule {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        match self {
            Self::Descent(rule) => rule.update(params, data, round, seed),
            Self::Scaffold(rule) => rule.update(params, data, round, seed),
        }
    }
}

/// What [`named`](fn@super::named) reads, and `scaffold:share=1+…` before it, which sends more than the model.
///
/// ```
/// use bitneuron_learning::{model, optim};
/// let model = model::named("softmax:64-10")?;
/// let recipe = optim::recipe("scaffold+sgd:rate=0.05,epochs=5", &model)?;
/// assert_eq!(recipe.model.layout().len(), 2 * model.layout().len());
/// # Ok::<(), bitneuron_learning::named::NameError>(())
/// ```
///
/// # Errors
/// As [`named`](fn@super::named).
pub fn recipe(text: &str, model: &Arc<dyn Model>) -> Result<Recipe, NameError> {
    let mut parts = Call::parts(text)?;
    if parts.first().is_none_or(|first| first.name() != NAMES[SCAFFOLD].name()) {
        let rule = descent(parts, model)?;
        return Ok(Recipe { model: Arc::clone(model), update: Rule::Descent(rule) });
    }
    let first = parts.remove(0);
    first.find("update", &NAMES)?;
    let share = first.get("share", 1.0, 0.0..=1.0)?;
    if parts.is_empty() {
        return Err(NameError::Unfinished { name: first.name().into(), example: "sgd" });
    }
    let descent = descent(parts, model)?;
    let scaffold = Scaffold::new(descent, share).map_err(|_| ModelError::Widths(Vec::new()))?;
    let model = Arc::new(Controlled::new(Arc::clone(model), &scaffold));
    Ok(Recipe { model, update: Rule::Scaffold(scaffold) })
}
