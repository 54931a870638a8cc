//! PeerSwap: nodes trade places in a graph that keeps its shape (Guerraoui, Kermarrec, Kucherenko, Pinot, de Vos, *PeerSwap: a
//! peer-sampler with randomness guarantees*, 2024).
//!
//! Once in a period a node asks a random neighbour to trade places: each takes the other's neighbours for its own, and both
//! tell their old neighbours who stands there now. The graph of places never changes, only who stands where does, so that
//! degrees stay what they were at the start, and after some swaps where a node stands says nothing about where it stood.
//!
//! A place under trade is not traded a second time: who has a question open answers none. Two trades side by side may still
//! cross, as may messages that get lost; a name is then forgotten rather than doubled, and views shrink a little. It is a benign
//! sampler: nothing stops a peer from lying about its neighbours.

use super::{Effect, Input, Sampler, SamplingError, brahms::below};
use bitneuron_core::{Machine, NodeId, Outbox, Seed, Time, Wire};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most neighbours.
pub const MAX_VIEW: usize = 64;

/// What nodes say to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Take my neighbours and give me yours.
    Swap(Vec<NodeId>),
    /// Here are mine.
    Swapped(Vec<NodeId>),
    /// In my place stands now this node.
    Moved(NodeId),
}

impl Wire for Message {
    // Version, tag, count, entries.
    const LIMIT: usize = 1 + 4 + 8 + MAX_VIEW * 32;
}

/// One node and its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerSwap {
    me: NodeId,
    seed: Seed,
    steps: u64,
    capacity: usize,
    view: Vec<NodeId>,
    open: Option<NodeId>,
}

impl PeerSwap {
    /// A sampler for `me` that begins among these neighbours; it never has more than it began with, but for introductions.
    ///
    /// The first [`MAX_VIEW`] are kept that are neither `me` nor repeated.
    pub fn new(me: NodeId, seed: Seed, neighbours: &[NodeId]) -> Self {
        let seed = seed.derive("peerswap");
        let mut swap = Self { me, seed, steps: 0, capacity: MAX_VIEW, view: Vec::new(), open: None };
        swap.introduce(neighbours);
        swap
    }

    fn introduce(&mut self, peers: &[NodeId]) {
        for &id in peers {
            if id != self.me && self.view.len() < self.capacity && !self.view.contains(&id) {
                self.view.push(id);
            }
        }
    }

    /// Takes over a place, and tells the neighbours of the old one who stands there now.
    fn take(&mut self, from: NodeId, place: Vec<NodeId>, out: &mut Outbox<Effect<Message>>) {
        // Who knows both goes on knowing both.
        for to in self.view.drain(..).filter(|to| *to != from && !place.contains(to)) {
            out.push(Effect::Send { to, message: Message::Moved(from) });
        }
        // Where the other saw this node, it is now seen itself.
        let me = self.me;
        let place: Vec<NodeId> = place.into_iter().map(|id| if id == me { from } else { id }).collect();
        self.introduce(&place);
    }

    /// Refuses what no honest peer sends.
    fn check(&self, from: NodeId, message: &Message) -> Result<(), SamplingError> {
        if from == self.me {
            return Err(SamplingError::FromSelf);
        }
        if let Message::Swap(names) | Message::Swapped(names) = message {
            if names.len() > MAX_VIEW {
                return Err(SamplingError::TooMany { found: names.len(), limit: MAX_VIEW });
            }
            let mut seen = BTreeSet::new();
            if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
                return Err(SamplingError::Repeated(*name));
            }
        }
        match message {
            Message::Swapped(_) if self.open != Some(from) => Err(SamplingError::Unsolicited(from)),
            _ => Ok(()),
        }
    }

    fn receive(&mut self, from: NodeId, message: Message, out: &mut Outbox<Effect<Message>>) {
        match message {
            Message::Swap(place) => {
                if self.open.is_none() && !self.view.is_empty() {
                    out.push(Effect::Send { to: from, message: Message::Swapped(self.view.clone()) });
                    self.take(from, place, out);
                }
            }
            Message::Swapped(place) => {
                self.open = None;
                self.take(from, place, out);
            }
            Message::Moved(other) => {
                let doubled = other == self.me || self.view.contains(&other);
                if let Some(index) = self.view.iter().position(|id| *id == from) {
                    match self.view.get_mut(index) {
                        Some(place) if !doubled => *place = other,
                        _ => drop(self.view.swap_remove(index)),
                    }
                }
            }
        }
    }
}

impl Machine for PeerSwap {
    type Input = Input<Message>;
    type Effect = Effect<Message>;
    type Error = SamplingError;

    fn step(
        &mut self,
        _now: Time,
        input: Self::Input,
        out: &mut Outbox<Self::Effect>,
    ) -> Result<(), Self::Error> {
        if let Input::Message { from, message } = &input {
            self.check(*from, message)?;
        }
        self.steps = self.steps.wrapping_add(1);
        match input {
            Input::Tick => {
                let mut rng = self.seed.derive_number("step", self.steps).rng();
                self.open = self.view.get(below(&mut rng, self.view.len())).copied();
                if let Some(to) = self.open {
                    out.push(Effect::Send { to, message: Message::Swap(self.view.clone()) });
                }
            }
            Input::Introduce(peers) => self.introduce(&peers),
            Input::Message { from, message } => self.receive(from, message, out),
        }
        Ok(())
    }
}

impl Sampler for PeerSwap {
    type Message = Message;

    fn view(&self) -> Vec<NodeId> {
        self.view.clone()
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}
