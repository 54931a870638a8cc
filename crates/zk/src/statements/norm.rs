//! Norm bound: the update from one committed model to another is short, ‖Δ‖² ≤ B², and no entry of it is large.

use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::exact::programs::norm::{Bound, bounded};
use bitneuron_core::exact::{Binding, Relation, Tensor};
use bitneuron_core::{Commitment, Wire};
use serde::{Deserialize, Serialize};

/// The public part of a norm bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormBound {
    /// The number of parameters.
    pub parameters: u32,
    /// The models before and after.
    pub models: [Commitment; 2],
    /// How far after may be from before.
    pub bound: Bound,
}

impl Wire for NormBound {
    const LIMIT: usize = 256;
}

impl NormBound {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron norm bound v1";
}

impl Statement for NormBound {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    /// The models before and after, `[parameters]` each.
    type Witness = [Tensor; 2];

    fn holds(public: &Self, witness: &[Tensor; 2]) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for NormBound {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        Ok(Relation {
            program: bounded(public.parameters, public.bound)?,
            inputs: public.models.map(Binding::Committed).to_vec(),
            outputs: Vec::new(),
        })
    }

    fn witness(witness: &[Tensor; 2]) -> Vec<&Tensor> {
        witness.iter().collect()
    }
}
