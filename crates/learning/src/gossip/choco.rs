//! CHOCO: gossip by compressed differences (Koloskova, Stich and Jaggi, *Decentralized Stochastic Optimization and Gossip
//! Algorithms with Compressed Communication*, 2019, algorithm 2).
//!
//! Every node keeps a public copy `x̂_i` of its model, and so does each of its neighbours. What travels is what the copy lacks;
//! what the codec leaves out of it is lacking again next time, so nothing is lost for good however coarse the codec is. This is
//! error feedback: `C(x − x̂)` is what an [`ErrorFeedback`](bitneuron_compress::ErrorFeedback) sends of the changes of `x`.
//!
//! ```text
//! once in a period   x ← x + γ·(merge(x̂_i; x̂_j of all neighbours) − x̂_i)
//!                    x ← update(x, D_i)
//!                    send q = C(x − x̂_i) to all neighbours,   x̂_i ← x̂_i + q
//! when q arrives     x̂_j ← x̂_j + q
//! ```
//!
//! With Metropolis–Hastings weights and the mean this is the algorithm of the paper; any other [`Merge`] makes it robust. All
//! nodes begin with the same parameters, which are the first copies.
//!
//! Differences are numbered. A neighbour that misses one asks for what it lacks and gets the last few packets again, or the
//! whole copy, at its price in bytes; so copies never drift apart, whatever gets lost. A codec that would make a difference
//! larger instead of smaller is refused.

use super::inbox::{Fault, Inbox, Waiting, join};
use super::{GossipError, Offence};
use crate::merge::{Contribution, Merge};
use crate::update::{Progress, Update};
use bitneuron_compress::{CompressError, Compressor, Dense, Limits, Packet};
use bitneuron_core::{Dataset, Machine, NodeId, Outbox, Params, Seed, Time, Weight};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Packets kept for neighbours that missed them.
pub const KEPT: usize = 8;

/// γ that follows from the contraction δ of a codec: (1 − q) / (1 + q) with q = √(1 − δ); 0 where nothing is contracted.
///
/// Along an eigenvector of I − W of eigenvalue a, the distance from the mean and the lack e = x − x̂ follow a matrix of 2 × 2 if the codec
/// turns a lack e into −q·e: the worst that a contraction can do, to send too much each time. Its eigenvalues are below 1 in
/// magnitude if and only if γ·a < 2(1 − q)/(1 + q), and no a is above 2. From a codec that loses nothing γ = 1 follows, plain gossip; from
/// a coarse one about δ/4. The step that theorem 2 of the paper proves for every codec and graph is smaller by the square of the
/// spectral gap.
///
/// ```
/// use bitneuron_learning::gossip::choco::gamma;
/// assert_eq!((gamma(0.0), gamma(0.75), gamma(1.0)), (0.0, 1.0 / 3.0, 1.0));
/// assert!((gamma(0.02) - 0.00505).abs() < 1e-5);
/// ```
pub fn gamma(contraction: f64) -> f32 {
    let kept = (1.0 - contraction.clamp(0.0, 1.0)).sqrt();
    ((1.0 - kept) / (1.0 + kept)) as f32
}

/// The squared share of a model that the rounding of `f32` may add to a difference.
const ROUNDING: f64 = 1e-12;

/// What travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Difference number so much, the first being 1.
    Difference {
        /// Its number.
        number: u64,
        /// `q`.
        packet: Packet,
    },
    /// The public copy after difference number so much.
    Whole {
        /// Its number.
        number: u64,
        /// `x̂`, dense.
        packet: Packet,
    },
    /// I know your copy up to this number.
    Behind {
        /// The number.
        number: u64,
    },
}

/// What happens to a node.
#[derive(Debug, Clone)]
pub enum Input {
    /// The wait is over.
    Wake,
    /// A neighbour says something.
    Received {
        /// Who.
        from: NodeId,
        /// What.
        message: Message,
    },
}

/// What a node wants done.
#[derive(Debug)]
pub enum Effect {
    /// Deliver a message.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Message,
    },
    /// Send [`Input::Wake`] after this span.
    Wait(Duration),
    /// The model was mixed and trained.
    Learned {
        /// What the training did.
        progress: Progress,
        /// How often it was trained.
        age: u64,
    },
    /// Somebody sent what cannot be used.
    Offence {
        /// Who.
        by: NodeId,
        /// What.
        why: Offence,
    },
    /// Nothing was mixed in this period: the rule failed through nobody's fault.
    Discarded(GossipError),
    /// The model could not be trained, or its difference not be packed.
    Missed(GossipError),
}

/// What all nodes have in common.
pub struct Rules {
    /// How copies become one; weights are those of [`Start::neighbours`].
    pub merge: Arc<dyn Merge>,
    /// `C`, which reads its own packets.
    pub compressor: Arc<dyn Compressor>,
    /// γ, above 0 and at most 1: how far a node goes towards the merged copies. [`gamma`] says what a codec bears; with a larger one
    /// the errors of a coarse codec may grow from round to round.
    pub gamma: f32,
    /// The time between two turns.
    pub period: Duration,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("compressor", &self.compressor.codec())
            .field("gamma", &self.gamma)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

/// What a new node starts with.
#[derive(Debug)]
pub struct Start<U> {
    /// Its name.
    pub id: NodeId,
    /// How it trains.
    pub update: U,
    /// The parameters that all begin with.
    pub model: Params,
    /// Its rows.
    pub data: Arc<Dataset>,
    /// The source of its randomness.
    pub seed: Seed,
    /// The weight of its own copy.
    pub weight: Weight,
    /// Its neighbours and the weights of their copies.
    pub neighbours: Vec<(NodeId, Weight)>,
}

/// How far a neighbour's copy is known.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    number: u64,
    /// It was asked for more in this period.
    asked: bool,
    /// It was answered in this period.
    answered: bool,
}

/// One node of CHOCO.
pub struct Choco<U> {
    id: NodeId,
    rules: Arc<Rules>,
    update: U,
    model: Params,
    data: Arc<Dataset>,
    seed: Seed,
    age: u64,
    weight: Weight,
    /// `x̂_i` and its number.
    public: Params,
    number: u64,
    /// `x̂_j`.
    copies: Inbox<Params>,
    lines: BTreeMap<NodeId, Line>,
    kept: VecDeque<Packet>,
}

impl<U> fmt::Debug for Choco<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choco")
            .field("id", &self.id)
            .field("age", &self.age)
            .field("number", &self.number)
            .field("neighbours", &self.copies.len())
            .finish_non_exhaustive()
    }
}

impl<U> Choco<U> {
    /// A node that does nothing before its first [`Input::Wake`].
    pub fn new(rules: Arc<Rules>, start: Start<U>) -> Self {
        let Start { id, update, model, data, seed, weight, neighbours } = start;
        let copy =
            |(from, weight): (NodeId, Weight)| (from, Waiting { weight, age: 0, value: model.clone() });
        let copies: Inbox<Params> =
            neighbours.into_iter().filter(|(from, _)| *from != id).map(copy).collect();
        Self {
            lines: copies.keys().map(|from| (*from, Line::default())).collect(),
            public: model.clone(),
            id,
            rules,
            update,
            model,
            data,
            seed,
            age: 0,
            weight,
            number: 0,
            copies,
            kept: VecDeque::new(),
        }
    }

    /// Its name.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// `x_i`.
    pub const fn model(&self) -> &Params {
        &self.model
    }

    /// `x̂_i`, and how many differences made it.
    pub const fn public(&self) -> (&Params, u64) {
        (&self.public, self.number)
    }

    /// `x̂_j` as this node knows it, and how many differences made it.
    pub fn copy(&self, of: NodeId) -> Option<(&Params, u64)> {
        Some((&self.copies.get(&of)?.value, self.lines.get(&of)?.number))
    }
}

impl<U: Update> Choco<U> {
    fn wake(&mut self, out: &mut Outbox<Effect>) {
        for line in self.lines.values_mut() {
            (line.asked, line.answered) = (false, false);
        }
        let mut model = self.mixed(out);
        let seed = self.seed.derive_number("update", self.age);
        match self.update.update(&mut model, &self.data, self.age, seed) {
            Ok(progress) => {
                self.model = model;
                self.age += 1;
                out.push(Effect::Learned { progress, age: self.age });
            }
            Err(error) => out.push(Effect::Missed(error.into())),
        }
        match self.difference() {
            Ok(packet) => {
                let message = Message::Difference { number: self.number, packet };
                out.extend(self.lines.keys().map(|to| Effect::Send { to: *to, message: message.clone() }));
            }
            Err(error) => out.push(Effect::Missed(error.into())),
        }
        out.push(Effect::Wait(self.rules.period));
    }

    /// `x + γ·(merge(x̂) − x̂_i)`.
    fn mixed(&self, out: &mut Outbox<Effect>) -> Params {
        let own = Contribution { from: self.id, weight: self.weight, age: 0, value: &self.public };
        let mut model = self.model.clone();
        let joined = join(self.rules.merge.as_ref(), &own, &self.copies, |fault| {
            out.push(match fault {
                Fault::Offence { by, why } => Effect::Offence { by, why: Offence::Merge(why) },
                Fault::Discarded { why, .. } => Effect::Discarded(why.into()),
            });
        });
        if let Some(joined) = joined {
            let gamma = self.rules.gamma;
            let steps = joined.merged.value.values().iter().zip(self.public.values());
            for (value, (merged, public)) in model.values_mut().iter_mut().zip(steps) {
                *value += gamma * (merged - public);
            }
        }
        model
    }

    /// Packs what the public copy lacks, and adds to it what was packed.
    fn difference(&mut self) -> Result<Packet, CompressError> {
        let mut lack = self.model.clone();
        for (value, public) in lack.values_mut().iter_mut().zip(self.public.values()) {
            *value -= public;
        }
        let seed = self.seed.derive_number("compress", self.number);
        let packet = self.rules.compressor.compress(&lack, seed)?;
        let limits = Limits { bytes: packet.len(), elements: lack.values().len() };
        let mut public = self.public.clone();
        self.rules.compressor.decompress_onto(&packet, 1.0, &mut public, limits)?;
        let rounding =
            ROUNDING * self.model.values().iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
        if distance(&self.model, &public) > distance(&self.model, &self.public) + rounding {
            let codec = self.rules.compressor.codec();
            return Err(CompressError::Unfaithful { codec, why: "makes differences larger" });
        }
        self.public = public;
        self.number += 1;
        self.kept.push_back(packet.clone());
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        Ok(packet)
    }

    fn receive(&mut self, from: NodeId, message: Message, out: &mut Outbox<Effect>) {
        let limits = Limits::of(self.model.layout());
        let (Some(line), Some(copy)) = (self.lines.get_mut(&from), self.copies.get_mut(&from)) else {
            out.push(Effect::Offence { by: from, why: Offence::Stranger });
            return;
        };
        let done = match message {
            Message::Difference { number, packet } if number == line.number + 1 => {
                let added = self.rules.compressor.decompress_onto(&packet, 1.0, &mut copy.value, limits);
                added.map(|()| line.number = number)
            }
            Message::Difference { number, .. } => {
                if number > line.number && !std::mem::replace(&mut line.asked, true) {
                    let message = Message::Behind { number: line.number };
                    out.push(Effect::Send { to: from, message });
                }
                Ok(())
            }
            Message::Whole { number, packet } if line.asked && number > line.number => {
                let whole = Dense.decompress(&packet, self.model.layout(), limits);
                whole.map(|value| (copy.value, line.number) = (value, number))
            }
            // Late: the copy is further by now.
            Message::Whole { .. } => Ok(()),
            Message::Behind { number } => {
                if std::mem::replace(&mut line.answered, true) {
                    return;
                }
                self.catch_up(from, number, out);
                return;
            }
        };
        if let Err(error) = done {
            out.push(Effect::Offence { by: from, why: Offence::Packet(error) });
        }
    }

    /// What a neighbour lacks that knows the copy up to `known`.
    fn catch_up(&self, to: NodeId, known: u64, out: &mut Outbox<Effect>) {
        let lacks = self.number.saturating_sub(known);
        if lacks <= self.kept.len() as u64 {
            let from = self.kept.len() - lacks as usize;
            let packets = self.kept.iter().skip(from).zip(known.saturating_add(1)..);
            out.extend(packets.map(|(packet, number)| {
                let message = Message::Difference { number, packet: packet.clone() };
                Effect::Send { to, message }
            }));
            return;
        }
        match Dense.compress(&self.public, Seed::default()) {
            Ok(packet) => {
                out.push(Effect::Send { to, message: Message::Whole { number: self.number, packet } });
            }
            Err(error) => out.push(Effect::Missed(error.into())),
        }
    }
}

/// The squared distance.
fn distance(a: &Params, b: &Params) -> f64 {
    a.values().iter().zip(b.values()).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

impl<U: Update> Machine for Choco<U> {
    type Input = Input;
    type Effect = Effect;
    type Error = GossipError;

    fn step(&mut self, _now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        match input {
            Input::Wake => self.wake(out),
            Input::Received { from, .. } if from == self.id => return Err(GossipError::Oneself),
            Input::Received { from, message } => self.receive(from, message, out),
        }
        Ok(())
    }
}
