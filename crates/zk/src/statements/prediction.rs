//! Prediction: these are the classes and logits that a committed net, dense or factorised, gives to these rows. As
//! [`Inference`](bitneuron_core::claim::Inference), but of any layers and bound to no goal.

use super::rows::within;
use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::exact::programs::{Net, inference::inference};
use bitneuron_core::exact::{Binding, Relation, Tensor};
use bitneuron_core::goal::Goal;
use bitneuron_core::{Commitment, Wire};
use serde::{Deserialize, Serialize};

/// The public part of a prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// The layers.
    pub net: Net,
    /// The model.
    pub model: Commitment,
    /// The rows, `[rows, features]` with 8 fractional bits.
    pub features: Tensor,
    /// The class of each row, `[rows]`.
    pub classes: Tensor,
    /// The outputs, `[rows, outputs]` with 8 fractional bits.
    pub logits: Tensor,
}

impl Wire for Prediction {
    const LIMIT: usize = 4 << 20;
}

impl Prediction {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron prediction v1";
}

impl Statement for Prediction {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    /// The model, `[parameters]`.
    type Witness = Tensor;

    fn holds(public: &Self, witness: &Tensor) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Prediction {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        if public.features.is_empty() {
            return Err(StatementError::Malformed("a prediction about no rows".into()));
        }
        let rows = public.features.shape().first().copied().unwrap_or(0);
        within("rows", rows, Goal::MAX_ROWS)?;
        Ok(Relation {
            program: inference(&public.net, rows)?,
            inputs: vec![Binding::Committed(public.model), Binding::Public(public.features.clone())],
            outputs: vec![Binding::Public(public.classes.clone()), Binding::Public(public.logits.clone())],
        })
    }

    fn witness(witness: &Tensor) -> Vec<&Tensor> {
        vec![witness]
    }
}
