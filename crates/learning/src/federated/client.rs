//! A client: trains whatever its server sends, and answers.

use super::{Effect, Input, Message, Uplink};
use crate::gossip::{GossipError, ModelCodec, Offence};
use crate::update::{Update, UpdateError};
use bitneuron_core::{Dataset, Machine, NodeId, Outbox, Seed, Time};
use std::fmt;
use std::sync::Arc;

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
