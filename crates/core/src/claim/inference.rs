//! What a server states about an answer: the classes that a committed model gives to rows.

use super::Refused;
use crate::exact::{Binding, Relation, Tensor};
use crate::goal::Goal;
use crate::{Commitment, Wire};
use serde::{Deserialize, Serialize};

/// The public part of an answer. Its claim's [`crate::Context::subject`] is the digest of the query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inference {
    /// The goal.
    pub goal: Goal,
    /// The model.
    pub model: Commitment,
    /// The rows asked about, `[rows, features]` with 8 fractional bits.
    pub features: Tensor,
    /// The class of each row.
    pub classes: Tensor,
    /// The logits `[rows, classes]` with 8 fractional bits.
    pub logits: Tensor,
}

impl Wire for Inference {
    const LIMIT: usize = 4 << 20;
}

impl Inference {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron inference v1";

    /// The relation that a proof of this answer proves. The witness is the model.
    ///
    /// # Errors
    /// No rows, or no program for these sizes.
    pub fn relation(&self) -> Result<Relation, Refused> {
        if self.features.is_empty() {
            return Err(Refused::Malformed("an inference about no rows".into()));
        }
        let rows = self.features.shape().first().copied().unwrap_or(0);
        Ok(Relation {
            program: self.goal.inference_program(rows)?,
            inputs: vec![Binding::Committed(self.model), Binding::Public(self.features.clone())],
            outputs: vec![Binding::Public(self.classes.clone()), Binding::Public(self.logits.clone())],
        })
    }
}
