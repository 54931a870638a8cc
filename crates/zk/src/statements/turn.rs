//! Turn: the head before, merged with these models and stepped on this data, is the head after, with these scores.

use super::batch::Link;
use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::claim::Turn;
use bitneuron_core::exact::{ExactData, Relation, Tensor};
use bitneuron_core::{Commitment, Context};
use std::sync::Arc;

/// What the author of a turn has.
#[derive(Debug, Clone)]
pub struct TurnWitness {
    /// The head before, `[parameters]`.
    pub before: Tensor,
    /// The merged models in order, `[parameters]` each.
    pub models: Vec<Tensor>,
    /// The author's data.
    pub data: Arc<ExactData>,
    /// The goal's metric set.
    pub metric_set: Arc<ExactData>,
}

impl Statement for Turn {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    type Witness = TurnWitness;

    fn holds(public: &Self, witness: &TurnWitness) -> bool {
        recomputes::<Self>(public, witness)
    }

    fn concerns(context: &Context, public: &Self) -> Result<(), &'static str> {
        if context.subject == public.goal.id().0 { Ok(()) } else { Err("the subject of a turn is its goal") }
    }
}

impl Computation for Turn {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        Ok(Self::relation(public)?)
    }

    fn witness(witness: &TurnWitness) -> Vec<&Tensor> {
        let data = [witness.data.features(), witness.data.labels()];
        let metric_set = [witness.metric_set.features(), witness.metric_set.labels()];
        std::iter::once(&witness.before).chain(&witness.models).chain(data).chain(metric_set).collect()
    }
}

impl Link for Turn {
    fn before(public: &Self) -> Vec<Commitment> {
        vec![public.before]
    }

    fn after(public: &Self) -> Vec<Commitment> {
        vec![public.after]
    }

    fn between(public: &Self, before: &[Commitment], after: &[Commitment]) -> Self {
        let mut turn = public.clone();
        before.iter().for_each(|head| turn.before = *head);
        after.iter().for_each(|head| turn.after = *head);
        turn
    }

    fn state(_witness: &TurnWitness) -> usize {
        1
    }
}
