//! Algorithm 3, the gossip learning validator, as a machine. Comments name its lines.
//!
//! ```text
//! 1  θ_k ← init()
//! 3  wait(Δ_g)                              effect Wait, input Wake
//! 4  D_r ← receive(D_u1, …, D_un)           input Data
//! 5  θ_r ← receive(θ_u1, …, θ_un)           input Model
//! 6  D_k ← merge(D_k, D_r)
//! 7  θ_k ← merge(θ_k, θ_r)
//! 8  θ_k ← update(θ_k, D_k)                 effect Learned, or Missed
//! ```
//!
//! Contributions wait until the validator's turn and then go in together, since robust rules need the whole set. One
//! contributor has one place; its latest word counts. A contribution that a rule refuses by name is an offence and the
//! turn goes on without it. Where a rule fails for another reason, or what was merged cannot be trained, the
//! contributions are thrown away and the turn is played from what is the validator's own. Every turn ends with the
//! wait for the next, so no contribution can stop a validator.

use super::inbox::{Fault, Inbox, Joined, Waiting, join};
use super::{GossipError, ModelCodec, ModelMessage, Offence, believed};
use crate::merge::{Contribution, Merge};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Machine, NodeId, Outbox, Params, Seed, Share, Time, Weight};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What happens to a validator.
#[derive(Debug, Clone)]
pub enum Input<D = Dataset> {
    /// The wait is over: play the turn.
    Wake,
    /// Opened data of a settled deal.
    Data {
        /// The user.
        from: NodeId,
        /// The weight of the contribution.
        weight: Weight,
        /// `D_u`.
        data: D,
    },
    /// A delivered model of a settled deal, or another validator's head.
    Model {
        /// Whose it is.
        from: NodeId,
        /// The weight of the contribution.
        weight: Weight,
        /// `θ_u`.
        message: ModelMessage,
    },
}

/// What a validator wants done.
#[derive(Debug)]
pub enum Effect {
    /// Send [`Input::Wake`] after this span.
    Wait(Duration),
    /// A turn was played.
    Learned(Turn),
    /// Somebody sent what cannot be used.
    Offence {
        /// Who.
        by: NodeId,
        /// What.
        why: Offence,
    },
    /// Contributions of this turn were thrown away: no rule merges them, or merged they cannot be trained.
    Discarded {
        /// Whose.
        from: Vec<NodeId>,
        /// The first failure.
        why: GossipError,
    },
    /// No turn was played: the own model cannot be trained on the own data.
    Missed(GossipError),
}

/// What a turn did.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// What the training did.
    pub progress: Progress,
    /// The age of the model now.
    pub age: u64,
    /// The share of the own model in the merge.
    pub own: Share,
    /// The share of each contributor's model, by name.
    pub models: Vec<(NodeId, Share)>,
    /// The share of each contributor's data in the merged data, by name.
    pub data: Vec<(NodeId, Share)>,
}

/// What a new validator starts with.
pub struct Start<U, C, T = Params, D = Dataset> {
    /// Its name.
    pub id: NodeId,
    /// Line 6.
    pub merge_data: Arc<dyn Merge<D>>,
    /// Line 7.
    pub merge_models: Arc<dyn Merge<T>>,
    /// Line 8.
    pub update: U,
    /// Reads models.
    pub codec: C,
    /// Line 1.
    pub model: T,
    /// `D_k`.
    pub data: D,
    /// The weight of the own model and data.
    pub weight: Weight,
    /// The source of its randomness.
    pub seed: Seed,
    /// `Δ_g`, the time between two turns.
    pub period: Duration,
    /// How many updates more than one's own are believed of a foreign model.
    pub age_lead: u64,
    /// The most contributors of each kind that may wait for a turn.
    pub waiting: usize,
}

impl<U, C, T, D> fmt::Debug for Start<U, C, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("id", &self.id).field("period", &self.period).finish_non_exhaustive()
    }
}

impl From<Fault> for Effect {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Offence { by, why } => Self::Offence { by, why: Offence::Merge(why) },
            Fault::Discarded { from, why } => Self::Discarded { from, why: why.into() },
        }
    }
}

/// One validator of Algorithm 3.
pub struct Validator<U, C, T = Params, D = Dataset> {
    start: Start<U, C, T, D>,
    age: u64,
    turn: u64,
    models: Inbox<T>,
    data: Inbox<D>,
}

impl<U, C, T, D> fmt::Debug for Validator<U, C, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator")
            .field("id", &self.start.id)
            .field("age", &self.age)
            .field("turn", &self.turn)
            .field("models", &self.models.len())
            .field("data", &self.data.len())
            .finish_non_exhaustive()
    }
}

impl<U, C, T, D> Validator<U, C, T, D> {
    /// A validator at line 1.
    pub const fn new(start: Start<U, C, T, D>) -> Self {
        Self { start, age: 0, turn: 0, models: BTreeMap::new(), data: BTreeMap::new() }
    }

    /// Its name.
    pub const fn id(&self) -> NodeId {
        self.start.id
    }

    /// `θ_k`.
    pub const fn model(&self) -> &T {
        &self.start.model
    }

    /// `D_k`.
    pub const fn data(&self) -> &D {
        &self.start.data
    }

    /// How often the model was updated, ancestors counted.
    pub const fn age(&self) -> u64 {
        self.age
    }
}

/// Takes a contribution in; the latest of one contributor counts.
fn admit<V>(
    inbox: &mut Inbox<V>,
    limit: usize,
    from: NodeId,
    waiting: Waiting<V>,
) -> Result<(), GossipError> {
    if inbox.len() >= limit && !inbox.contains_key(&from) {
        return Err(GossipError::Full { limit });
    }
    inbox.insert(from, waiting);
    Ok(())
}

/// A model that was trained, and what went into it.
struct Trained<T, D> {
    model: T,
    progress: Progress,
    models: Option<Joined<T>>,
    data: Option<Joined<D>>,
}

impl<U, C, T, D> Validator<U, C, T, D>
where
    U: Update<T, D>,
    C: ModelCodec<T>,
    T: Clone,
{
    fn receive(
        &mut self,
        from: NodeId,
        weight: Weight,
        message: &ModelMessage,
        out: &mut Outbox<Effect>,
    ) -> Result<(), GossipError> {
        if from == self.start.id {
            return Err(GossipError::Oneself);
        }
        match self.start.codec.unpack(&message.packet) {
            Ok(value) => {
                let age = believed(message.age, self.age, self.start.age_lead);
                admit(&mut self.models, self.start.waiting, from, Waiting { weight, age, value }) // line 5
            }
            Err(error) => {
                out.push(Effect::Offence { by: from, why: Offence::Packet(error) });
                Ok(())
            }
        }
    }

    fn receive_data(&mut self, from: NodeId, weight: Weight, value: D) -> Result<(), GossipError> {
        if from == self.start.id {
            return Err(GossipError::Oneself);
        }
        admit(&mut self.data, self.start.waiting, from, Waiting { weight, age: 0, value }) // line 4
    }

    /// Line 8: from all that was merged; where that fails without the models, then without the data, then alone.
    fn train(
        &mut self,
        models: Option<Joined<T>>,
        data: Option<Joined<D>>,
        out: &mut Outbox<Effect>,
    ) -> Option<Trained<T, D>> {
        let Start { update, model: own_model, data: own_data, seed, .. } = &mut self.start;
        let seed = seed.derive_number("update", self.turn);
        let mut failed = None;
        for (with_models, with_data) in [(true, true), (false, true), (true, false), (false, false)] {
            if (with_models && models.is_none()) || (with_data && data.is_none()) {
                continue; // a later choice is the same
            }
            let from = models.as_ref().filter(|_| with_models).map_or(&*own_model, |some| &some.merged.value);
            let rows = data.as_ref().filter(|_| with_data).map_or(&*own_data, |some| &some.merged.value);
            let mut model = from.clone();
            match update.update(&mut model, rows, self.turn, seed) {
                Ok(progress) => {
                    let lost_models = models.iter().filter(|_| !with_models).flat_map(|some| &some.names);
                    let lost_data = data.iter().filter(|_| !with_data).flat_map(|some| &some.names);
                    let from = lost_models.chain(lost_data).copied().collect();
                    out.extend(failed.map(|why: UpdateError| Effect::Discarded { from, why: why.into() }));
                    let (models, data) = (models.filter(|_| with_models), data.filter(|_| with_data));
                    return Some(Trained { model, progress, models, data });
                }
                Err(error) if !with_models && !with_data => out.push(Effect::Missed(error.into())),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        None
    }

    /// One turn. Whatever fails, nothing waits any longer and the next turn is asked for.
    fn play(&mut self, out: &mut Outbox<Effect>) {
        let (id, weight) = (self.start.id, self.start.weight);
        let own = Contribution { from: id, weight, age: 0, value: &self.start.data };
        let data = join(self.start.merge_data.as_ref(), &own, &self.data, |fault| out.push(fault.into())); // line 6
        let own = Contribution { from: id, weight, age: self.age, value: &self.start.model };
        let models =
            join(self.start.merge_models.as_ref(), &own, &self.models, |fault| out.push(fault.into())); // line 7
        if let Some(Trained { model, progress, models, data }) = self.train(models, data, out) {
            self.age = models.as_ref().map_or(self.age, |some| some.merged.age).saturating_add(1);
            out.push(Effect::Learned(Turn {
                progress,
                age: self.age,
                own: models.as_ref().map_or(Share::ONE, |some| some.merged.own),
                models: models.as_ref().map(Joined::shares).unwrap_or_default(),
                data: data.as_ref().map(Joined::shares).unwrap_or_default(),
            }));
            self.start.model = model;
            if let Some(data) = data {
                self.start.data = data.merged.value;
            }
        }
        self.turn += 1;
        self.models.clear();
        self.data.clear();
        out.push(Effect::Wait(self.start.period)); // line 3
    }
}

impl<U, C, T, D> Machine for Validator<U, C, T, D>
where
    U: Update<T, D>,
    C: ModelCodec<T>,
    T: Clone,
{
    type Input = Input<D>;
    type Effect = Effect;
    type Error = GossipError;

    fn step(&mut self, _now: Time, input: Input<D>, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        match input {
            Input::Wake => {
                self.play(out);
                Ok(())
            }
            Input::Data { from, weight, data } => self.receive_data(from, weight, data),
            Input::Model { from, weight, message } => self.receive(from, weight, &message, out),
        }
    }
}
