//! Cyclon: views that are shuffled between neighbours (Voulgaris, Gavidia, van Steen, 2005, §2.3 "enhanced shuffling").
//!
//! A view holds at most `c` entries (peer, age). Once in a period a node
//!
//! 1. makes all its entries a period older and takes out the oldest, *Q*;
//! 2. sends Q itself at age 0 and `l − 1` other entries at random;
//! 3. Q answers with `l` entries of its own at random;
//! 4. both put what they received into empty slots first, then in place of what they sent; never themselves, never
//!    a peer that they have.
//!
//! A dead peer grows old everywhere, is asked once by each that knows it, does not answer, and is gone after about
//! `c` periods. In-degrees settle close to `c`.
//!
//! **It is the benign sampler.** Nothing stops a peer from answering with forged entries: one attacker in a hundred
//! owns nearly all views after fifty periods. Learning partners under attack must come from a sampler that
//! bounds pushes by identity and keeps min-wise samples.
//!
//! All integers; all randomness from the seed and the number of the step.

use super::{Effect, Input, Sampler, SamplingError};
use bitneuron_core::{Machine, NodeId, Outbox, Seed, Time, Wire};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most entries in a message.
pub const MAX_SHUFFLE: usize = 16;
/// The most entries in a view.
pub const MAX_VIEW: usize = 256;

/// The sizes of a Cyclon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Entries in a view, the `c` of the paper; 1 to [`MAX_VIEW`].
    pub view: usize,
    /// Entries in a shuffle, the `l` of the paper; 1 to [`MAX_SHUFFLE`], at most `view`.
    pub shuffle: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { view: 20, shuffle: 8 }
    }
}

/// A peer and how many periods ago it vouched for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The peer.
    pub id: NodeId,
    /// Periods since the entry was made; stops at its largest value.
    pub age: u16,
}

/// What two nodes of a shuffle say to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// The initiator's entries, its own first.
    Shuffle(Vec<Entry>),
    /// The entries given in return.
    Answer(Vec<Entry>),
}

impl Wire for Message {
    // Version, tag, count, entries.
    const LIMIT: usize = 1 + 4 + 8 + MAX_SHUFFLE * 34;
}

/// A shuffle under way: with whom, and which entries may be replaced by the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    with: NodeId,
    sent: Vec<NodeId>,
}

/// One node's view, kept by shuffling.
///
/// ```
/// use bitneuron_core::{Machine, NodeId, Outbox, Seed, Time};
/// use bitneuron_net::{Cyclon, Sampler, sampling::Input};
///
/// let (me, friend) = (NodeId([1; 32]), NodeId([2; 32]));
/// let mut cyclon = Cyclon::new(Default::default(), me, Seed::from_number(7), &[friend])?;
/// assert_eq!(cyclon.view(), [friend]);
/// let mut out = Outbox::new();
/// cyclon.step(Time::ZERO, Input::Tick, &mut out)?;
/// assert_eq!(out.len(), 1); // a shuffle for the only peer, which leaves the view until it answers
/// # Ok::<(), bitneuron_net::SamplingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cyclon {
    sizes: Sizes,
    me: NodeId,
    seed: Seed,
    steps: u64,
    view: Vec<Entry>,
    contacts: Vec<NodeId>,
    open: Option<Open>,
}

impl Cyclon {
    /// A sampler for `me` that starts with `contacts` and returns to them whenever its view is empty.
    ///
    /// Of the contacts, the first `sizes.view` that are neither `me` nor repeated are kept.
    ///
    /// # Errors
    /// Sizes out of range.
    pub fn new(sizes: Sizes, me: NodeId, seed: Seed, contacts: &[NodeId]) -> Result<Self, SamplingError> {
        let Sizes { view, shuffle } = sizes;
        if !(1..=MAX_SHUFFLE).contains(&shuffle) || !(shuffle..=MAX_VIEW).contains(&view) {
            return Err(SamplingError::Sizes { view, shuffle });
        }
        let seed = seed.derive("cyclon");
        let mut cyclon =
            Self { sizes, me, seed, steps: 0, view: Vec::new(), contacts: Vec::new(), open: None };
        cyclon.introduce(contacts);
        cyclon.contacts = cyclon.view.iter().map(|entry| entry.id).collect();
        Ok(cyclon)
    }

    /// The entries in view.
    pub fn entries(&self) -> &[Entry] {
        &self.view
    }

    /// New peers into empty slots.
    fn introduce(&mut self, peers: &[NodeId]) {
        for &id in peers {
            if self.view.len() < self.sizes.view && self.lacks(id) {
                self.view.push(Entry { id, age: 0 });
            }
        }
    }

    fn lacks(&self, id: NodeId) -> bool {
        id != self.me && self.view.iter().all(|entry| entry.id != id)
    }

    /// Steps 1 and 2: age, take out the oldest, send it a sample that begins with this node.
    fn shuffle(&mut self, out: &mut Outbox<Effect<Message>>) {
        if self.view.is_empty() {
            let contacts = std::mem::take(&mut self.contacts);
            self.introduce(&contacts);
            self.contacts = contacts;
        }
        for entry in &mut self.view {
            entry.age = entry.age.saturating_add(1);
        }
        self.open = None;
        let Some((oldest, _)) = self.view.iter().enumerate().max_by_key(|(_, entry)| entry.age) else {
            return;
        };
        let with = self.view.swap_remove(oldest).id;
        let mut entries = self.sample(self.sizes.shuffle.saturating_sub(1), None);
        let sent = entries.iter().map(|entry| entry.id).collect();
        entries.insert(0, Entry { id: self.me, age: 0 });
        self.open = Some(Open { with, sent });
        out.push(Effect::Send { to: with, message: Message::Shuffle(entries) });
    }

    /// Step 3: answer with a sample, then step 4.
    fn answer(&mut self, from: NodeId, received: &[Entry], out: &mut Outbox<Effect<Message>>) {
        let entries = self.sample(self.sizes.shuffle, Some(from));
        let sent: Vec<NodeId> = entries.iter().map(|entry| entry.id).collect();
        out.push(Effect::Send { to: from, message: Message::Answer(entries) });
        self.merge(received, sent);
    }

    /// Step 4: into empty slots, then in place of what was sent.
    fn merge(&mut self, received: &[Entry], mut sent: Vec<NodeId>) {
        for &entry in received {
            if !self.lacks(entry.id) {
                continue;
            }
            if self.view.len() < self.sizes.view {
                self.view.push(entry);
                continue;
            }
            let place = std::iter::from_fn(|| sent.pop())
                .find_map(|id| self.view.iter().position(|held| held.id == id))
                .and_then(|place| self.view.get_mut(place));
            match place {
                Some(place) => *place = entry,
                None => break,
            }
        }
    }

    /// Up to `count` different entries at random, without the one of `without`.
    fn sample(&self, count: usize, without: Option<NodeId>) -> Vec<Entry> {
        let mut pool: Vec<Entry> =
            self.view.iter().copied().filter(|entry| Some(entry.id) != without).collect();
        let mut rng = self.seed.derive_number("step", self.steps).rng();
        let mut chosen = Vec::with_capacity(MAX_SHUFFLE);
        while chosen.len() < count && !pool.is_empty() {
            // The high half of a 64 × 64 bit product is uniform below the length.
            let place = (u128::from(rng.next_u64()) * pool.len() as u128) >> 64;
            chosen.push(pool.swap_remove(place as usize));
        }
        chosen
    }

    /// Refuses what no honest peer sends.
    fn check(&self, from: NodeId, message: &Message) -> Result<(), SamplingError> {
        let (Message::Shuffle(entries) | Message::Answer(entries)) = message;
        if from == self.me {
            return Err(SamplingError::FromSelf);
        }
        if entries.len() > MAX_SHUFFLE {
            return Err(SamplingError::TooMany { found: entries.len(), limit: MAX_SHUFFLE });
        }
        let mut seen = BTreeSet::new();
        if let Some(entry) = entries.iter().find(|entry| !seen.insert(entry.id)) {
            return Err(SamplingError::Repeated(entry.id));
        }
        let open = self.open.as_ref().is_some_and(|open| open.with == from);
        if matches!(message, Message::Answer(_)) && !open {
            return Err(SamplingError::Unsolicited(from));
        }
        Ok(())
    }
}

impl Machine for Cyclon {
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
            Input::Tick => self.shuffle(out),
            Input::Introduce(peers) => self.introduce(&peers),
            Input::Message { from, message: Message::Shuffle(entries) } => self.answer(from, &entries, out),
            Input::Message { message: Message::Answer(entries), .. } => {
                let sent = self.open.take().map(|open| open.sent);
                self.merge(&entries, sent.unwrap_or_default());
            }
        }
        Ok(())
    }
}

impl Sampler for Cyclon {
    type Message = Message;

    fn view(&self) -> Vec<NodeId> {
        self.view.iter().map(|entry| entry.id).collect()
    }

    fn capacity(&self) -> usize {
        self.sizes.view
    }
}
