//! Score: this model classifies so many rows of the metric set rightly.

use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::claim::Score;
use bitneuron_core::exact::{ExactData, Relation, Tensor};
use std::sync::Arc;

/// What the seller of a model has.
#[derive(Debug, Clone)]
pub struct ScoreWitness {
    /// The model, `[parameters]`.
    pub model: Tensor,
    /// The goal's metric set.
    pub metric_set: Arc<ExactData>,
}

impl Statement for Score {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    type Witness = ScoreWitness;

    fn holds(public: &Self, witness: &ScoreWitness) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Score {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        Ok(Self::relation(public)?)
    }

    fn witness(witness: &ScoreWitness) -> Vec<&Tensor> {
        vec![&witness.model, witness.metric_set.features(), witness.metric_set.labels()]
    }
}
