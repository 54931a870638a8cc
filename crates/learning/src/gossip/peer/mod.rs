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
//! A [`Manner`] bends it: models are pulled, gathered for a period, sent to several peers, or paid from a token account.
//! Whoever has nobody to select, trains alone.
//!
//! A hundred thousand peers fit in memory: rules, layout and codec are shared, and a peer owns its parameters, two
//! seeds' worth of state and a pointer to its rows.

mod learn;

use super::inbox::{Fault, Inbox, Waiting};
use super::manner::{Gather, Manner};
use super::token::Account;
use super::{GossipError, ModelCodec, ModelMessage, Offence, believed};
use crate::merge::Merge;
use crate::update::{Progress, Update};
use bitneuron_core::{Dataset, Machine, NodeId, Outbox, Params, Seed, Share, Time, Weight};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What happens to a peer.
#[derive(Debug, Clone)]
pub enum Input {
    /// The wait is over.
    Wake,
    /// The sampling service answers [`Effect::Select`] with different peers; with none where nobody is there.
    Selected(Vec<NodeId>),
    /// A peer asks for the model.
    Asked {
        /// Who.
        from: NodeId,
    },
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
    /// Ask the sampling service for so many nodes; answered by [`Input::Selected`].
    Select(u32),
    /// Deliver a model.
    Send {
        /// To whom.
        to: NodeId,
        /// The model.
        message: ModelMessage,
    },
    /// Ask a peer for its model; it is told [`Input::Asked`].
    Ask {
        /// Whom.
        to: NodeId,
    },
    /// Send [`Input::Wake`] after this span.
    Wait(Duration),
    /// The model was trained, with those of others merged in.
    Learned {
        /// Whose models were merged, with their shares in the result; nobody's where the peer trained alone.
        heard: Vec<(NodeId, Share)>,
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
    /// Models gathered in this period were thrown away: no rule merges them, or merged they cannot be trained.
    Discarded {
        /// Whose.
        from: Vec<NodeId>,
        /// The first failure.
        why: GossipError,
    },
    /// The own model cannot be trained on the own data.
    Missed(GossipError),
}

impl From<Fault> for Effect {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Offence { by, why } => Self::Offence { by, why: Offence::Merge(why) },
            Fault::Discarded { from, why } => Self::Discarded { from, why: why.into() },
        }
    }
}

/// What all peers of a goal have in common.
pub struct Rules<T = Params> {
    /// Line 7.
    pub merge: Arc<dyn Merge<T>>,
    /// `Δ_g`, the time between two sends.
    pub period: Duration,
    /// How many updates more than one's own are believed of a foreign model.
    pub age_lead: u64,
    /// How peers talk.
    pub manner: Manner,
}

impl<T> Rules<T> {
    /// Algorithm 1 to the letter, foreign ages believed whatever they are.
    pub fn new(merge: Arc<dyn Merge<T>>, period: Duration) -> Self {
        Self { merge, period, age_lead: u64::MAX, manner: Manner::default() }
    }
}

impl<T> fmt::Debug for Rules<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("period", &self.period)
            .field("age_lead", &self.age_lead)
            .field("manner", &self.manner)
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
    /// Models that wait for the end of the period.
    inbox: Inbox<T>,
    account: Account,
    sent: u64,
    learned: u64,
    drawn: u64,
    /// Selections under way.
    selecting: u32,
    /// Questions that may still be answered in this period.
    answers: u16,
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
        let answers = rules.manner.answers;
        Self {
            id,
            rules,
            update,
            codec,
            model,
            age: 0,
            data,
            seed,
            inbox: Inbox::new(),
            account: Account::default(),
            sent: 0,
            learned: 0,
            drawn: 0,
            selecting: 0,
            answers,
        }
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

    /// How many times the model was trained here.
    pub const fn learned(&self) -> u64 {
        self.learned
    }

    /// 64 random bits for the token account, if it wants any.
    fn draw(&mut self) -> u64 {
        if !self.rules.manner.flow.draws() {
            return 0;
        }
        self.drawn += 1;
        let Seed([a, b, c, d, e, f, g, h, ..]) = self.seed.derive_number("flow", self.drawn);
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl<U, C, T, D> Peer<U, C, T, D>
where
    U: Update<T, D>,
    C: ModelCodec<T>,
    T: Clone,
{
    fn wake(&mut self, out: &mut Outbox<Effect>) {
        let manner = self.rules.manner;
        if manner.gather != Gather::Each {
            self.turn(out);
        }
        self.answers = manner.answers;
        let draw = self.draw();
        if self.account.period(manner.flow, draw) {
            self.select(u32::from(manner.fanout), out); // line 4, asked
        }
        out.push(Effect::Wait(self.rules.period)); // line 3
    }

    fn select(&mut self, count: u32, out: &mut Outbox<Effect>) {
        self.selecting = self.selecting.saturating_add(1);
        out.push(Effect::Select(count));
    }

    /// The model as it is sent.
    fn pack(&mut self) -> Result<ModelMessage, GossipError> {
        let seed = self.seed.derive_number("compress", self.sent);
        let packet = self.codec.pack(&self.model, seed)?;
        self.sent += 1;
        Ok(ModelMessage { age: self.codec.stated_age(&self.model, self.age, seed), packet })
    }

    fn selected(&mut self, peers: &[NodeId], out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        if self.selecting == 0 {
            return Err(GossipError::Unasked);
        }
        if peers.contains(&self.id) {
            return Err(GossipError::Oneself);
        }
        let manner = self.rules.manner;
        let Some((last, others)) = peers.split_last() else {
            self.selecting -= 1;
            if manner.gather == Gather::Each {
                self.turn(out);
            }
            return Ok(());
        };
        let message = if manner.exchange.pushes() { Some(self.pack()?) } else { None };
        self.selecting -= 1;
        if manner.exchange.pulls() {
            out.extend(peers.iter().map(|to| Effect::Ask { to: *to }));
        }
        if let Some(message) = message {
            out.extend(others.iter().map(|to| Effect::Send { to: *to, message: message.clone() }));
            out.push(Effect::Send { to: *last, message }); // line 5
        }
        Ok(())
    }

    fn asked(&mut self, from: NodeId, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        if from == self.id {
            return Err(GossipError::Oneself);
        }
        if self.answers > 0 {
            let message = self.pack()?;
            self.answers -= 1;
            out.push(Effect::Send { to: from, message });
        }
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
        let age = believed(message.age, self.age, self.rules.age_lead);
        let one = Waiting { weight: Weight(1), age, value };
        match self.rules.manner.gather {
            Gather::Each => self.learn_from(from, one, out),
            Gather::Period { limit } => {
                if self.inbox.len() < usize::from(limit) || self.inbox.contains_key(&from) {
                    self.inbox.insert(from, one);
                }
                Ok(())
            }
        }
    }
}

impl<U, C, T, D> Machine for Peer<U, C, T, D>
where
    U: Update<T, D>,
    C: ModelCodec<T>,
    T: Clone,
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
            Input::Selected(peers) => self.selected(&peers, out),
            Input::Asked { from } => self.asked(from, out),
            Input::Received { from, message } => self.receive(from, &message, out),
        }
    }
}
