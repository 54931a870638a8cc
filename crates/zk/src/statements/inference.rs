//! Inference: these are the classes and logits that a committed model gives to these rows. The witness is the model.

use super::bounds;
use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::claim::Inference;
use bitneuron_core::exact::{Relation, Tensor};

impl Statement for Inference {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    type Witness = Tensor;

    fn holds(public: &Self, witness: &Tensor) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Inference {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        bounds::goal(&public.goal)?;
        if public.features.is_empty() {
            return Err(StatementError::Malformed("an inference about no rows".into()));
        }
        Ok(Self::relation(public)?)
    }

    fn witness(witness: &Tensor) -> Vec<&Tensor> {
        vec![witness]
    }
}
