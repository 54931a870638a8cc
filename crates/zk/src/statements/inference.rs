//! Inference: these are the classes and logits that a committed model gives to these rows. The witness is the model.

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
        Ok(Self::relation(public)?)
    }

    fn witness(witness: &Tensor) -> Vec<&Tensor> {
        vec![witness]
    }
}
