//! Federated averaging (McMahan, Moore, Ramage, Hampson, Agüera y Arcas, *Communication-efficient learning of deep networks from
//! decentralized data*, 2017, algorithm 1): what gossip is measured against where there may be a server.
//!
//! ```text
//! server, once in a period   w ← Σ n_k·w_k / Σ n_k over what came back,   then send w to some of the clients
//! client, when w arrives     w_k ← update(w, D_k),   send w_k and n_k = |D_k| back
//! ```
//!
//! Both are machines, so that they meet the same links, losses and codecs as gossip does. The mean may be any [`Merge`]; the own
//! value of the server is what it sent out, with no weight. An answer to an older round is not used.
//!
//! Clients may send the change `w_k − w` instead of `w_k`, through an encoder that remembers what a coarse codec left out
//! ([`bitneuron_compress::ErrorFeedback`]), as sparse ternary compression does (Sattler et al. 2019).

use crate::gossip::{GossipError, ModelCodec, Offence};
use crate::merge::{Contribution, Merge};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_compress::{CompressError, Compressor, Encoder, Limits, Packet};
use bitneuron_core::{Dataset, Machine, NodeId, Outbox, Params, Seed, Time, Weight};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What travels, either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The round that it belongs to, from 1.
    pub round: u64,
    /// How many rows were learned from; 0 from the server.
    pub rows: u64,
    /// The model, or what changed in it.
    pub packet: Packet,
}

/// What happens to a server or a client.
#[derive(Debug, Clone)]
pub enum Input {
    /// The wait of a server is over.
    Wake,
    /// The clients of this round, in answer to [`Effect::Select`].
    Selected(Vec<NodeId>),
    /// A message arrives.
    Received {
        /// Whose it is.
        from: NodeId,
        /// The message.
        message: Message,
    },
}

/// What a server or a client wants done.
#[derive(Debug)]
pub enum Effect {
    /// Choose clients; answered by [`Input::Selected`].
    Select,
    /// Deliver a message.
    Send {
        /// To whom.
        to: NodeId,
        /// The message.
        message: Message,
    },
    /// Send [`Input::Wake`] after this span.
    Wait(Duration),
    /// A client has trained.
    Learned(Progress),
    /// So many answers became the model of a new round.
    Averaged(usize),
    /// Somebody sent what cannot be used.
    Offence {
        /// Who.
        by: NodeId,
        /// What.
        why: Offence,
    },
    /// The answers of a round were thrown away.
    Discarded(GossipError),
}

/// How clients answer.
pub trait Uplink: Send {
    /// Packs a trained model, given what it was trained from.
    ///
    /// # Errors
    /// It has no packed form.
    fn pack(&mut self, trained: &Params, from: &Params, seed: Seed) -> Result<Packet, CompressError>;

    /// Restores a trained model, given what it was trained from.
    ///
    /// # Errors
    /// A packet that is none.
    fn unpack(&self, packet: &Packet, from: &Params) -> Result<Params, CompressError>;
}

/// The trained model itself.
pub struct Models<C>(pub C);

impl<C: fmt::Debug> fmt::Debug for Models<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Models").field(&self.0).finish()
    }
}

impl<C: ModelCodec> Uplink for Models<C> {
    fn pack(&mut self, trained: &Params, _: &Params, seed: Seed) -> Result<Packet, CompressError> {
        self.0.pack(trained, seed)
    }

    fn unpack(&self, packet: &Packet, _: &Params) -> Result<Params, CompressError> {
        self.0.unpack(packet)
    }
}

/// What changed, through an encoder whose packets the compressor reads.
pub struct Changes<E> {
    /// What sends, with its memory.
    pub encoder: E,
    /// What reads.
    pub compressor: Arc<dyn Compressor>,
}

impl<E> fmt::Debug for Changes<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("codec", &self.compressor.codec()).finish_non_exhaustive()
    }
}

impl<E: Encoder> Uplink for Changes<E> {
    fn pack(&mut self, trained: &Params, from: &Params, seed: Seed) -> Result<Packet, CompressError> {
        let mut change = trained.clone();
        change.values_mut().iter_mut().zip(from.values()).for_each(|(value, from)| *value -= from);
        self.encoder.encode(&change, seed)
    }

    fn unpack(&self, packet: &Packet, from: &Params) -> Result<Params, CompressError> {
        let mut trained = from.clone();
        self.compressor.decompress_onto(packet, 1.0, &mut trained, Limits::of(from.layout()))?;
        Ok(trained)
    }
}

impl<U: Uplink + ?Sized> Uplink for Box<U> {
    fn pack(&mut self, trained: &Params, from: &Params, seed: Seed) -> Result<Packet, CompressError> {
        (**self).pack(trained, from, seed)
    }

    fn unpack(&self, packet: &Packet, from: &Params) -> Result<Params, CompressError> {
        (**self).unpack(packet, from)
    }
}

/// The one in the middle.
pub struct Server<C, L> {
    id: NodeId,
    merge: Arc<dyn Merge>,
    downlink: C,
    uplink: L,
    period: Duration,
    most_rows: u64,
    seed: Seed,
    model: Params,
    /// What clients of this round start from, and who they are.
    sent: Params,
    asked: Vec<NodeId>,
    round: u64,
    answers: BTreeMap<NodeId, (u64, Params)>,
    selecting: bool,
}

impl<C, L> fmt::Debug for Server<C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("id", &self.id)
            .field("round", &self.round)
            .field("answers", &self.answers.len())
            .finish_non_exhaustive()
    }
}

/// What a new server starts with.
pub struct ServerStart<C, L> {
    /// Its name.
    pub id: NodeId,
    /// How answers become one model.
    pub merge: Arc<dyn Merge>,
    /// Packs the model for clients.
    pub downlink: C,
    /// Reads their answers.
    pub uplink: L,
    /// The time between two rounds; answers that take longer are not used.
    pub period: Duration,
    /// The most rows that are believed of a client.
    pub most_rows: u64,
    /// The first parameters.
    pub model: Params,
    /// The source of its randomness.
    pub seed: Seed,
}

impl<C, L> fmt::Debug for ServerStart<C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerStart")
            .field("id", &self.id)
            .field("period", &self.period)
            .field("most_rows", &self.most_rows)
            .finish_non_exhaustive()
    }
}

impl<C: ModelCodec, L: Uplink> Server<C, L> {
    /// A server that does nothing before its first [`Input::Wake`].
    pub fn new(start: ServerStart<C, L>) -> Self {
        let ServerStart { id, merge, downlink, uplink, period, most_rows, model, seed } = start;
        Self {
            id,
            merge,
            downlink,
            uplink,
            period,
            most_rows,
            seed,
            sent: model.clone(),
            model,
            asked: Vec::new(),
            round: 0,
            answers: BTreeMap::new(),
            selecting: false,
        }
    }

    /// The model of the network.
    pub const fn model(&self) -> &Params {
        &self.model
    }

    /// The round, from 1; 0 before the first.
    pub const fn round(&self) -> u64 {
        self.round
    }

    /// Makes one model of what came back.
    fn average(&mut self, out: &mut Outbox<Effect>) {
        let answers = std::mem::take(&mut self.answers);
        let mut peers: Vec<Contribution<'_>> = answers
            .iter()
            .map(|(from, (rows, value))| Contribution {
                from: *from,
                weight: Weight(*rows),
                age: self.round,
                value,
            })
            .collect();
        let own = Contribution { from: self.id, weight: Weight(0), age: self.round, value: &self.sent };
        while !peers.is_empty() {
            match self.merge.merge(&own, &peers) {
                Ok(merged) => {
                    out.push(Effect::Averaged(peers.len()));
                    self.model = merged.value;
                    return;
                }
                Err(error) => {
                    let culprit =
                        error.culprit().and_then(|id| peers.iter().position(|peer| peer.from == id));
                    let Some(index) = culprit else {
                        out.push(Effect::Discarded(error.into()));
                        return;
                    };
                    let by = peers.remove(index).from;
                    out.push(Effect::Offence { by, why: Offence::Merge(error) });
                }
            }
        }
    }

    fn send(&mut self, clients: Vec<NodeId>, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        if !self.selecting {
            return Err(GossipError::Unasked);
        }
        if clients.contains(&self.id) {
            return Err(GossipError::Oneself);
        }
        let packet = self.downlink.pack(&self.model, self.seed.derive_number("downlink", self.round))?;
        // What clients see, be it coarser than what the server has.
        self.sent = self.downlink.unpack(&packet)?;
        self.selecting = false;
        out.extend(clients.iter().map(|to| {
            let message = Message { round: self.round, rows: 0, packet: packet.clone() };
            Effect::Send { to: *to, message }
        }));
        self.asked = clients;
        Ok(())
    }

    fn receive(&mut self, from: NodeId, message: &Message, out: &mut Outbox<Effect>) {
        if message.round != self.round || self.selecting {
            return;
        }
        if !self.asked.contains(&from) {
            out.push(Effect::Offence { by: from, why: Offence::Stranger });
            return;
        }
        match self.uplink.unpack(&message.packet, &self.sent) {
            Ok(value) => drop(self.answers.insert(from, (message.rows.min(self.most_rows), value))),
            Err(error) => out.push(Effect::Offence { by: from, why: Offence::Packet(error) }),
        }
    }
}

impl<C: ModelCodec, L: Uplink> Machine for Server<C, L> {
    type Input = Input;
    type Effect = Effect;
    type Error = GossipError;

    fn step(&mut self, _now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        match input {
            Input::Wake => {
                self.average(out);
                self.round += 1;
                self.asked.clear();
                self.selecting = true;
                out.push(Effect::Select);
                out.push(Effect::Wait(self.period));
                Ok(())
            }
            Input::Selected(clients) => self.send(clients, out),
            Input::Received { from, .. } if from == self.id => Err(GossipError::Oneself),
            Input::Received { from, message } => {
                self.receive(from, &message, out);
                Ok(())
            }
        }
    }
}

/// One who trains for a server.
pub struct Client<U, C, L> {
    id: NodeId,
    server: NodeId,
    update: U,
    downlink: C,
    uplink: L,
    data: Arc<Dataset>,
    seed: Seed,
    learned: u64,
}

impl<U, C, L> fmt::Debug for Client<U, C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("server", &self.server)
            .field("learned", &self.learned)
            .finish_non_exhaustive()
    }
}

/// What a new client starts with.
#[derive(Debug)]
pub struct ClientStart<U, C, L> {
    /// Its name.
    pub id: NodeId,
    /// Whom it trains for.
    pub server: NodeId,
    /// How it trains.
    pub update: U,
    /// Reads the server's model.
    pub downlink: C,
    /// Packs the answer.
    pub uplink: L,
    /// Its rows.
    pub data: Arc<Dataset>,
    /// The source of its randomness.
    pub seed: Seed,
}

impl<U: Update, C: ModelCodec, L: Uplink> Client<U, C, L> {
    /// A client that waits for its server.
    pub fn new(start: ClientStart<U, C, L>) -> Self {
        let ClientStart { id, server, update, downlink, uplink, data, seed } = start;
        Self { id, server, update, downlink, uplink, data, seed, learned: 0 }
    }

    fn receive(&mut self, message: &Message, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        let from = match self.downlink.unpack(&message.packet) {
            Ok(from) => from,
            Err(error) => {
                out.push(Effect::Offence { by: self.server, why: Offence::Packet(error) });
                return Ok(());
            }
        };
        let mut trained = from.clone();
        let seed = self.seed.derive_number("update", self.learned);
        let progress = match self.update.update(&mut trained, &self.data, self.learned, seed) {
            Ok(progress) => progress,
            Err(error @ UpdateError::Diverged { .. }) => {
                out.push(Effect::Offence { by: self.server, why: Offence::Update(error) });
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let packet = self.uplink.pack(&trained, &from, seed.derive("compress"))?;
        self.learned += 1;
        out.push(Effect::Learned(progress));
        let message = Message { round: message.round, rows: self.data.len() as u64, packet };
        out.push(Effect::Send { to: self.server, message });
        Ok(())
    }
}

impl<U: Update, C: ModelCodec, L: Uplink> Machine for Client<U, C, L> {
    type Input = Input;
    type Effect = Effect;
    type Error = GossipError;

    fn step(&mut self, _now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), GossipError> {
        match input {
            Input::Wake | Input::Selected(_) => Err(GossipError::Unasked),
            Input::Received { from, .. } if from == self.id => Err(GossipError::Oneself),
            Input::Received { from, .. } if from != self.server => {
                out.push(Effect::Offence { by: from, why: Offence::Stranger });
                Ok(())
            }
            Input::Received { message, .. } => self.receive(&message, out),
        }
    }
}
