//! Brahms: sampling that liars cannot bias for long (Bortnikov, Gurevich, Keidar, Kliot, Shraer, *Brahms: Byzantine resilient
//! random membership sampling*, 2009).
//!
//! A node holds a small changing view `V` and beside it `l₂` samplers. Each sampler has a secret hash function and keeps the
//! name with the smallest hash of all that it ever heard (min-wise sampling). How often a name is repeated then counts for
//! nothing: a sampler's name is uniform over the names heard, and floods are wasted. Once in a period a node
//!
//! 1. makes its view of the last period's news: `α·l₁` names that pushed themselves, `β·l₁` of those that it pulled, and
//!    `γ·l₁` of its samplers. Where more pushed than `α·l₁`, or nothing came, only the third part is renewed: a flood of pushes
//!    blocks, it does not poison;
//! 2. pushes its own name to `α·l₁` of the view and asks `β·l₁` of it for theirs;
//! 3. asks one sampled peer whether it lives; a sampler whose peer does not answer begins anew.
//!
//! [`Sampler::view`] is the names in the samplers: what partners of learning are drawn from. The view `V` only carries the
//! search. A transport that vouches for names bounds each sender to one push a period. Names that cost nothing defeat every
//! sampler; what is promised is the share of *names*, so names must have a price.
//!
//! The paper takes α = β = 0.45 and γ = 0.1. Here pulled names, which a liar chooses freely, get half as much as pushed ones, and
//! history the rest: α = 0.4, β = 0.2, γ = 0.4. All integers; all randomness from the seed and the number of the step.

use super::{Effect, Input, Sampler, SamplingError};
use bitneuron_core::{Digest, Machine, NodeId, Outbox, Seed, Time, Wire};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most entries in a view, and in a message.
pub const MAX_VIEW: usize = 64;
/// The most samplers.
pub const MAX_SAMPLES: usize = 256;
/// The most questions that are answered in a period: an answer is far longer than a question.
pub const MAX_ANSWERS: usize = 64;

/// The sizes of a Brahms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Entries in the view, the `l₁` of the paper; 5 to [`MAX_VIEW`].
    pub view: usize,
    /// Samplers, the `l₂` of the paper; 1 to [`MAX_SAMPLES`].
    pub samples: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { view: 20, samples: 20 }
    }
}

impl Sizes {
    /// `α·l₁`: pushes in a period, sent and at most taken.
    const fn pushes(self) -> usize {
        self.view * 2 / 5
    }

    /// `β·l₁`: questions in a period, and pulled names that are taken.
    const fn pulls(self) -> usize {
        self.view / 5
    }

    /// `γ·l₁`: sampled names that are taken.
    const fn history(self) -> usize {
        self.view - self.pushes() - self.pulls()
    }
}

/// What nodes say to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// I am here.
    Push,
    /// Whom do you see?
    Pull,
    /// These.
    View(Vec<NodeId>),
    /// Do you live?
    Ping,
    /// Yes.
    Pong,
}

impl Wire for Message {
    // Version, tag, count, entries.
    const LIMIT: usize = 1 + 4 + 8 + MAX_VIEW * 32;
}

/// The name with the smallest hash of all that were heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    /// How often it began anew; each time with another hash function.
    begun: u64,
    best: Option<(u64, NodeId)>,
}

/// One node's view and samplers.
///
/// ```
/// use bitneuron_core::{Machine, NodeId, Outbox, Seed, Time};
/// use bitneuron_net::{Brahms, Sampler, sampling::Input};
///
/// let (me, friend) = (NodeId([1; 32]), NodeId([2; 32]));
/// let mut brahms = Brahms::new(Default::default(), me, Seed::from_number(7), &[friend])?;
/// assert_eq!(brahms.view(), [friend]);
/// let mut out = Outbox::new();
/// brahms.step(Time::ZERO, Input::Tick, &mut out)?;
/// assert_eq!(out.len(), 3); // a push, a question and a sign of life, all to the only peer
/// # Ok::<(), bitneuron_net::SamplingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brahms {
    sizes: Sizes,
    me: NodeId,
    seed: Seed,
    steps: u64,
    view: Vec<NodeId>,
    samples: Vec<Sample>,
    /// Who pushed in this period, one more than may.
    pushed: Vec<NodeId>,
    pulled: Vec<NodeId>,
    /// Who was asked in this period and has not answered.
    asked: Vec<NodeId>,
    /// Questions answered in this period.
    answered: usize,
    /// Who was asked for a sign of life.
    probed: Option<NodeId>,
    turn: usize,
}

impl Brahms {
    /// A sampler for `me` that starts with `contacts`.
    ///
    /// # Errors
    /// Sizes out of range.
    pub fn new(sizes: Sizes, me: NodeId, seed: Seed, contacts: &[NodeId]) -> Result<Self, SamplingError> {
        let Sizes { view, samples } = sizes;
        if !(5..=MAX_VIEW).contains(&view) || !(1..=MAX_SAMPLES).contains(&samples) {
            return Err(SamplingError::Sizes { view, shuffle: samples });
        }
        let mut brahms = Self {
            sizes,
            me,
            seed: seed.derive("brahms"),
            steps: 0,
            view: Vec::with_capacity(view),
            samples: vec![Sample { begun: 0, best: None }; samples],
            pushed: Vec::new(),
            pulled: Vec::new(),
            asked: Vec::new(),
            answered: 0,
            probed: None,
            turn: 0,
        };
        brahms.introduce(contacts);
        Ok(brahms)
    }

    /// The view `V` that carries the search.
    pub fn neighbours(&self) -> &[NodeId] {
        &self.view
    }

    fn introduce(&mut self, peers: &[NodeId]) {
        for &id in peers {
            self.hear(id);
            if id != self.me && self.view.len() < self.sizes.view && !self.view.contains(&id) {
                self.view.push(id);
            }
        }
    }

    /// Shows a name to all samplers.
    fn hear(&mut self, id: NodeId) {
        if id == self.me {
            return;
        }
        // One hash of the secret and the name; each sampler stirs it in its own way.
        let word = Digest::of("bitneuron brahms sample v1", &[self.seed.0, id.0].concat()).to_u64();
        let count = self.samples.len() as u64;
        for (number, sample) in (0u64..).zip(&mut self.samples) {
            let hash = stir(word, sample.begun.wrapping_mul(count).wrapping_add(number));
            if sample.best.is_none_or(|(best, _)| hash < best) {
                sample.best = Some((hash, id));
            }
        }
    }

    fn period(&mut self, out: &mut Outbox<Effect<Message>>) {
        let mut rng = self.seed.derive_number("step", self.steps).rng();
        let (pushed, pulled) = (std::mem::take(&mut self.pushed), std::mem::take(&mut self.pulled));
        let Sizes { view: size, .. } = self.sizes;
        let calm = !pushed.is_empty() && !pulled.is_empty() && pushed.len() <= self.sizes.pushes();
        let mut fresh: Vec<NodeId> = Vec::with_capacity(size);
        let mut take = |names: Vec<NodeId>, count: usize, fresh: &mut Vec<NodeId>| {
            let mut names: Vec<NodeId> = names.into_iter().filter(|id| !fresh.contains(id)).collect();
            for _ in 0..count.min(size - fresh.len()) {
                let Some(id) = draw(&mut names, &mut rng) else { break };
                fresh.push(id);
            }
        };
        if calm {
            take(pushed, self.sizes.pushes(), &mut fresh);
            take(pulled, self.sizes.pulls(), &mut fresh);
        }
        take(self.sampled(), self.sizes.history(), &mut fresh);
        take(std::mem::take(&mut self.view), size, &mut fresh);
        self.view = fresh;

        let pushes = self.some(self.sizes.pushes(), &mut rng);
        out.extend(pushes.into_iter().map(|to| Effect::Send { to, message: Message::Push }));
        self.asked = self.some(self.sizes.pulls(), &mut rng);
        out.extend(self.asked.iter().map(|to| Effect::Send { to: *to, message: Message::Pull }));
        self.answered = 0;
        self.probe(out);
    }

    /// So many draws from the view, each name once.
    fn some(&self, count: usize, rng: &mut impl Rng) -> Vec<NodeId> {
        let mut drawn = Vec::with_capacity(count);
        for _ in 0..count {
            match self.view.get(below(rng, self.view.len())) {
                Some(id) if !drawn.contains(id) => drawn.push(*id),
                _ => {}
            }
        }
        drawn
    }

    /// Forgets the sampled peer that did not answer, and asks the next.
    fn probe(&mut self, out: &mut Outbox<Effect<Message>>) {
        if let Some(silent) = self.probed.take() {
            for sample in
                self.samples.iter_mut().filter(|sample| sample.best.is_some_and(|(_, id)| id == silent))
            {
                *sample = Sample { begun: sample.begun.wrapping_add(1), best: None };
            }
            self.view.retain(|id| *id != silent);
        }
        self.turn = (self.turn + 1) % self.samples.len();
        if let Some((_, id)) = self.samples.get(self.turn).and_then(|sample| sample.best) {
            self.probed = Some(id);
            out.push(Effect::Send { to: id, message: Message::Ping });
        }
    }

    /// The names in the samplers, each once.
    fn sampled(&self) -> Vec<NodeId> {
        let names: BTreeSet<NodeId> = self.samples.iter().filter_map(|sample| Some(sample.best?.1)).collect();
        names.into_iter().collect()
    }

    /// Refuses what no honest peer sends.
    fn check(&self, from: NodeId, message: &Message) -> Result<(), SamplingError> {
        if from == self.me {
            return Err(SamplingError::FromSelf);
        }
        let Message::View(names) = message else { return Ok(()) };
        if names.len() > MAX_VIEW {
            return Err(SamplingError::TooMany { found: names.len(), limit: MAX_VIEW });
        }
        let mut seen = BTreeSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
            return Err(SamplingError::Repeated(*name));
        }
        if self.asked.contains(&from) { Ok(()) } else { Err(SamplingError::Unsolicited(from)) }
    }

    fn receive(&mut self, from: NodeId, message: Message, out: &mut Outbox<Effect<Message>>) {
        match message {
            Message::Push => {
                self.hear(from);
                if self.pushed.len() <= self.sizes.pushes() && !self.pushed.contains(&from) {
                    self.pushed.push(from);
                }
            }
            Message::Pull if self.answered < MAX_ANSWERS => {
                self.answered += 1;
                out.push(Effect::Send { to: from, message: Message::View(self.view.clone()) });
            }
            Message::View(names) => {
                self.asked.retain(|asked| *asked != from);
                for name in names {
                    self.hear(name);
                    self.pulled.extend((name != self.me).then_some(name));
                }
            }
            Message::Ping => out.push(Effect::Send { to: from, message: Message::Pong }),
            Message::Pong if self.probed == Some(from) => self.probed = None,
            Message::Pull | Message::Pong => {}
        }
    }
}

/// A bijective mix of a word and a number (the finaliser of `SplitMix64`).
const fn stir(word: u64, number: u64) -> u64 {
    let mut word = word.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A number below `bound`; 0 of 0.
pub(super) fn below(rng: &mut impl Rng, bound: usize) -> usize {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as usize
}

/// Takes one out at random.
fn draw(names: &mut Vec<NodeId>, rng: &mut impl Rng) -> Option<NodeId> {
    let place = below(rng, names.len());
    (place < names.len()).then(|| names.swap_remove(place))
}

impl Machine for Brahms {
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
            Input::Tick => self.period(out),
            Input::Introduce(peers) => self.introduce(&peers),
            Input::Message { from, message } => self.receive(from, message, out),
        }
        Ok(())
    }
}

impl Sampler for Brahms {
    type Message = Message;

    fn view(&self) -> Vec<NodeId> {
        self.sampled()
    }

    fn capacity(&self) -> usize {
        self.sizes.samples
    }
}
