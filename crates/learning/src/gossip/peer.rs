//! Algorithm 1, gossip learning, as a machine. Comments name its lines.
//!
//! ```text
//! 1  w_k ← init()
//! 3  wait(Δ_g)                 effect Wait, input Wake
//! 4  p ← select()              effect Select, input Selected
//! 5  send compress(w_k) to p   effect Send
//! 6  w_r ← receive()           input Received
//! 7  w_k ← merge(w_k, w_r)
//! 8  w_k ← update(w_k, D_k)    effect Learned
//! ```
//!
//! A hundred thousand peers fit in memory: rules, layout and codec are shared, and a peer owns its parameters, two
//! seeds' worth of state and a pointer to its rows.

use super::{GossipError, ModelCodec, ModelMessage, Offence, believed};
use crate::merge::{Contribution, Merge};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Machine, NodeId, Outbox, Params, Seed, Share, Time, Weight};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What happens to a peer.
#[derive(Debug, Clone)]
pub enum Input {
    /// The wait is over.
    Wake,
    /// The sampling service answers [`Effect::Select`].
    Selected(NodeId),
    /// A model arrives.
    Received {
        /// Whose it is.
        from: NodeId,
        /// The model.
        message: ModelMessage,
    },
}

/// What a peer wants done.
#[derive(Debug)]
pub enum Effect {
    /// Ask the sampling service for a node; answered by [`Input::Selected`].
    Select,
    /// Deliver a model.
    Send {
        /// To whom.
        to: NodeId,
        /// The model.
        message: ModelMessage,
    },
    /// Send [`Input::Wake`] after this span.
    Wait(Duration),
    /// A model was merged and the result trained.
    Learned {
        /// Whose model it was.
        from: NodeId,
        /// Its share in the merged model.
        influence: Share,
        /// What the training did.
        progress: Progress,
        /// The age of the model now.
        age: u64,
    },
    /// Somebody sent what cannot be used; nothing else changed.
    Offence {
        /// Who.
        by: NodeId,
        /// What.
        why: Offence,
    },
}

/// What all peers of a goal have in common.
pub struct Rules<T = Params> {
    /// Line 7.
    pub merge: Arc<dyn Merge<T>>,
    /// `Δ_g`, the time between two sends.
    pub period: Duration,
    /// How many updates more than one's own are believed of a foreign model.
    pub age_lead: u64,
}

impl<T> fmt::Debug for Rules<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("period", &self.period)
            .field("age_lead", &self.age_lead)
            .finish_non_exhaustive()
    }
}

/// One node of Algorithm 1.
///
/// `U` updates and `C` packs; both are held by value, so that small rules cost no allocation for each node.
pub struct Peer<U, C, T = Params, D = Dataset> {
    id: NodeId,
    rules: Arc<Rules<T>>,
    update: U,
    codec: C,
    model: T,
    age: u64,
    data: Arc<D>,
    seed: Seed,
    sent: u64,
    learned: u64,
    selecting: bool,
}

impl<U, C, T, D> fmt::Debug for Peer<U, C, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("id", &self.id)
            .field("age", &self.age)
            .field("sent", &self.sent)
            .field("learned", &self.learned)
            .finish_non_exhaustive()
    }
}

/// What a new peer starts with.
#[derive(Debug)]
pub struct Start<U, C, T = Params, D = Dataset> {
    /// Its name.
    pub id: NodeId,
    /// Line 8.
    pub update: U,
    /// `compress` of line 5.
    pub codec: C,
    /// Line 1: the first parameters.
    pub model: T,
    /// `D_k`.
    pub data: Arc<D>,
    /// The source of its randomness.
    pub seed: Seed,
}

impl<U, C, T, D> Peer<U, C, T, D> {
    /// A peer at line 1. It does nothing before its first [`Input::Wake`].
    pub fn new(rules: Arc<Rules<T>>, start: Start<U, C, T, D>) -> Self {
        let Start { id, update, codec, model, data, seed } = start;
        Self { id, rules, update, codec, model, age: 0, data, seed, sent: 0, learned: 0, selecting: false }
    }

    /// Its name.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// `w_k`.
    pub const fn model(&self) -> &T {
        &self.model
    }

    /// How often the model was updated, ancestors counted.
    pub const fn age(&self) -> u64 {
        self.age
    }

    /// How many models were merged and trained here.
    pub const fn learned(&self) -> u64 {
        self.learned
    }
}

impl<U, C, T, D> Peer<U, C, T, D>
where
    U: Update<T, D>,
    C: ModelCodec<T>,
{
    fn wake(&mut self, out: &mut Outbox<Effect>) {
        self.selecting = true;
        out.push(Effect::Select); // line 4, asked
        out.push(Effect::Wait(self.rules.period)); // line 3
    }

    fn send(&mut self, to: NodeId, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        if !self.selecting {
            return Err(GossipError::Unasked);
        }
        if to == self.id {
            return Err(GossipError::Oneself);
        }
        let seed = self.seed.derive_number("compress", self.sent);
        let packet = self.codec.pack(&self.model, seed)?; // line 5
        self.selecting = false;
        self.sent += 1;
        out.push(Effect::Send { to, message: ModelMessage { age: self.age, packet } });
        Ok(())
    }

    fn receive(
        &mut self,
        from: NodeId,
        message: &ModelMessage,
        out: &mut Outbox<Effect>,
    ) -> Result<(), GossipError> {
        if from == self.id {
            return Err(GossipError::Oneself);
        }
        let value = match self.codec.unpack(&message.packet) {
            Ok(value) => value, // line 6
            Err(error) => {
                out.push(Effect::Offence { by: from, why: Offence::Packet(error) });
                return Ok(());
            }
        };
        let own = Contribution { from: self.id, weight: Weight(1), age: self.age, value: &self.model };
        let age = believed(message.age, self.age, self.rules.age_lead);
        let theirs = Contribution { from, weight: Weight(1), age, value: &value };
        let mut merged = match self.rules.merge.merge(&own, &[theirs]) {
            Ok(merged) => merged, // line 7
            Err(error) if error.culprit() == Some(from) => {
                out.push(Effect::Offence { by: from, why: Offence::Merge(error) });
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let seed = self.seed.derive_number("update", self.learned);
        let progress = match self.update.update(&mut merged.value, &self.data, self.learned, seed) {
            Ok(progress) => progress, // line 8
            Err(error @ UpdateError::Diverged { .. }) => {
                out.push(Effect::Offence { by: from, why: Offence::Update(error) });
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        self.model = merged.value;
        self.age = merged.age.saturating_add(1);
        self.learned += 1;
        let influence = merged.influence.first().copied().unwrap_or_default();
        out.push(Effect::Learned { from, influence, progress, age: self.age });
        Ok(())
    }
}

impl<U, C, T, D> Machine for Peer<U, C, T, D>
where
    U: Update<T, D>,
    C: ModelCodec<T>,
{
    type Input = Input;
    type Effect = Effect;
    type Error = GossipError;

    fn step(&mut self, _now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        match input {
            Input::Wake => {
                self.wake(out);
                Ok(())
            }
            Input::Selected(to) => self.send(to, out),
            Input::Received { from, message } => self.receive(from, &message, out),
        }
    }
}
