//! The server: sends its model out, and makes one model of what comes back.

use super::{Effect, Input, Message, Uplink};
use crate::gossip::{GossipError, ModelCodec, Offence};
use crate::merge::{Contribution, Merge};
use bitneuron_core::{Machine, NodeId, Outbox, Params, Seed, Time, Weight};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
