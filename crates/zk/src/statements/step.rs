//! Step: from the model before to the model after by steps of SGD on committed data, with batches drawn from a public seed.

use super::batch::Link;
use super::rows::{Rows, bindings, drawn, within};
use crate::statement::{Computation, Statement, StatementError, recomputes};
use bitneuron_core::exact::programs::Net;
use bitneuron_core::exact::programs::step::{Training, sgd};
use bitneuron_core::exact::{Binding, DataRoot, Relation, Tensor};
use bitneuron_core::goal::Goal;
use bitneuron_core::{Commitment, Digest, Wire};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The public part of steps. The layers may be factorised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The layers.
    pub net: Net,
    /// How they are trained.
    pub training: Training,
    /// The data: features, and labels or targets as the loss asks for.
    pub data: DataRoot,
    /// What the batches are drawn from.
    pub batch_seed: Digest,
    /// The model before, and with momentum the velocity before.
    pub before: State,
    /// The model after, and with momentum the velocity after.
    pub after: State,
}

/// What goes from step to step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct State {
    /// The parameters.
    pub model: Commitment,
    /// The velocity; stated exactly if training has momentum.
    pub velocity: Option<Commitment>,
}

impl State {
    /// The same with other commitments, as many as [`State::all`] gives.
    fn with(&self, all: &[Commitment]) -> Self {
        let mut all = all.iter().copied();
        Self {
            model: all.next().unwrap_or(self.model),
            velocity: self.velocity.map(|own| all.next().unwrap_or(own)),
        }
    }

    /// All its commitments.
    fn all(&self) -> impl Iterator<Item = Commitment> {
        std::iter::once(self.model).chain(self.velocity)
    }
}

/// What who stepped has.
#[derive(Debug, Clone)]
pub struct StepWitness {
    /// The model before, `[parameters]`.
    pub before: Tensor,
    /// The velocity before, `[parameters]`, with momentum.
    pub velocity: Option<Tensor>,
    /// The data.
    pub data: Arc<Rows>,
}

impl Wire for Step {
    const LIMIT: usize = 8 << 10;
}

impl Step {
    /// The statement's name.
    pub const DOMAIN: &'static str = "bitneuron step v1";
}

impl Statement for Step {
    const DOMAIN: &'static str = Self::DOMAIN;
    type Public = Self;
    type Witness = StepWitness;

    fn holds(public: &Self, witness: &StepWitness) -> bool {
        recomputes::<Self>(public, witness)
    }
}

impl Computation for Step {
    fn relation(public: &Self) -> Result<Relation, StatementError> {
        let Self { net, training, data, before, after, .. } = public;
        within("steps", training.steps, Goal::MAX_STEPS)?;
        within("rows of a batch", training.batch, Goal::MAX_BATCH)?;
        let moves = training.has_velocity();
        if [before, after].iter().any(|state| state.velocity.is_some() != moves) {
            return Err(StatementError::Malformed("a velocity without momentum, or none with it".into()));
        }
        let rows = bindings(data, net.features())?;
        let program = sgd(net, data.rows, *training)?;
        let mut inputs: Vec<Binding> = before.all().map(Binding::Committed).collect();
        inputs.extend(rows);
        inputs.push(drawn(public.batch_seed, data, training.rows()));
        Ok(Relation { program, inputs, outputs: after.all().map(Binding::Committed).collect() })
    }

    fn witness(witness: &StepWitness) -> Vec<&Tensor> {
        let data = [&witness.data.features, &witness.data.targets];
        std::iter::once(&witness.before).chain(&witness.velocity).chain(data).collect()
    }
}

impl Link for Step {
    fn before(public: &Self) -> Vec<Commitment> {
        public.before.all().collect()
    }

    fn after(public: &Self) -> Vec<Commitment> {
        public.after.all().collect()
    }

    fn between(public: &Self, before: &[Commitment], after: &[Commitment]) -> Self {
        Self { before: public.before.with(before), after: public.after.with(after), ..public.clone() }
    }

    fn state(witness: &StepWitness) -> usize {
        1 + usize::from(witness.velocity.is_some())
    }
}
