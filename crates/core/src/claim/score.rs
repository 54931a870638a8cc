//! What a seller states about its model: how many rows of the metric set it classifies rightly.

use super::Refused;
use crate::exact::{Binding, Relation, Tensor};
use crate::goal::Goal;
use crate::{Commitment, Wire};
use serde::{Deserialize, Serialize};

/// The public part of a score. Its claim's [`crate::Context::subject`] is the id of the deal it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The goal, with its metric set.
    pub goal: Goal,
    /// The model.
    pub model: Commitment,
    /// How many rows of the whole metric set it classifies rightly.
    pub right: u32,
}

impl Wire for Score {
    const LIMIT: usize = 8 << 10;
}

impl Score {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron score v1";

    /// The relation that a proof of this score proves. The witness is: the model, features and labels of the metric set.
    ///
    /// # Errors
    /// No program for these sizes.
    pub fn relation(&self) -> Result<Relation, Refused> {
        let set = &self.goal.metric_set;
        Ok(Relation {
            program: self.goal.metric_program()?,
            inputs: vec![
                Binding::Committed(self.model),
                Binding::Committed(set.features),
                Binding::Committed(set.labels),
                Binding::Public(Tensor::vector((0..i64::from(set.rows)).collect())),
            ],
            outputs: vec![Binding::Public(Tensor::scalar(i64::from(self.right)))],
        })
    }
}
