//! A small deterministic network in virtual time, in which engines decide blocks of a made-up application.
//!
//! Messages take a random time and may be lost, stray or arrive twice; building and judging take time too; clocks differ;
//! a queue ordered by (time, sequence) makes every run a function of its [`Plan`]. The application's only rule: a block that holds the
//! transaction [`INVALID`] is invalid. Nodes are named by their place in [`Plan::weights`].

use super::{crash::Strike, queue::Queue};
use crate::{
    Block, Certificate, ConsensusEngine, Effect, Electorate, Evidence, Header, Input, Refused, TimerId,
    wal::{self, Log as _},
};
use bitneuron_core::{Bytes, ChainId, Digest, Epoch, Height, Keypair, NodeId, Outbox, Time, hash::Hasher};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

pub use super::plan::Plan;

/// The transaction that makes a block invalid.
pub const INVALID: &[u8] = b"invalid";

/// Makes an engine for a key on a chain.
pub type Make<'a> = dyn Fn(Keypair, ChainId) -> Box<dyn ConsensusEngine> + 'a;

/// What really leaves a node: given sender, receiver and the bytes, the byte strings to deliver instead.
pub type Tamper<'a> = dyn FnMut(usize, usize, &Arc<[u8]>) -> Vec<Arc<[u8]>> + 'a;

/// Who listens to what a node receives and sends.
pub type Listen<'a> = dyn FnMut(usize, &Arc<[u8]>) + 'a;

/// One node and what it has done.
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// Its engine; `None` while it is dead.
    pub engine: Option<Box<dyn ConsensusEngine>>,
    /// Its commits, the first of height 1.
    pub commits: Vec<(Arc<Block>, Certificate)>,
    /// Its accusations.
    pub evidence: Vec<Evidence>,
    /// Who offended it, and how.
    pub offences: Vec<(NodeId, Refused)>,
    /// The inputs that its engine refused.
    pub refused: Vec<Refused>,
    /// How many records it has persisted.
    pub records: u64,
    /// Its log, which outlives its engine.
    pub log: wal::Memory,
    /// How often it has crashed.
    pub crashes: u64,
    pub(super) cancelled: BTreeSet<TimerId>,
    /// How often it has begun anew: timers and work of an earlier life mean nothing.
    pub(super) life: u64,
    /// Whether it is down, and will be back.
    pub(super) down: bool,
    /// When it has handled all messages that came so far.
    free: Time,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({:?}, {} commits)", self.id, self.commits.len())
    }
}

pub(super) enum Event {
    Begin,
    Return,
    Recover,
    Deliver { from: NodeId, bytes: Arc<[u8]> },
    Handle { from: NodeId, bytes: Arc<[u8]> },
    Timer(TimerId),
    Built { height: Height, round: u32, block: Arc<Block> },
    Judged { block: Digest, valid: bool },
    Recalled { to: NodeId, decisions: Vec<(Arc<Block>, Certificate)> },
}

/// The running network.
pub struct Network<'a> {
    /// The plan.
    pub plan: Plan,
    /// The nodes, twins last.
    pub nodes: Vec<Node>,
    /// The virtual time.
    pub now: Time,
    /// How many messages were sent.
    pub messages: u64,
    pub(super) make: &'a Make<'a>,
    tamper: Option<Box<Tamper<'a>>>,
    listen: Option<Box<Listen<'a>>>,
    pub(super) strike: Option<Box<Strike<'a>>>,
    pub(super) steps: u64,
    cut: BTreeSet<(usize, usize)>,
    queue: Queue<(usize, u64, Event)>,
    /// Where the nodes of a name are, twins among them.
    places: BTreeMap<NodeId, Vec<usize>>,
    draws: u64,
    trace: Hasher,
    electorates: BTreeMap<Epoch, Arc<Electorate>>,
}

impl fmt::Debug for Network<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({:?} at {})", self.nodes, self.now)
    }
}

impl<'a> Network<'a> {
    /// A network in which every node begins height 1 at time 0.
    pub fn new(plan: Plan, make: &'a Make<'a>) -> Self {
        let all = plan.weights.len() + plan.twins.len();
        let mut network = Self {
            plan,
            nodes: Vec::new(),
            now: Time::ZERO,
            messages: 0,
            make,
            tamper: None,
            listen: None,
            strike: None,
            steps: 0,
            cut: BTreeSet::new(),
            queue: Queue::default(),
            places: BTreeMap::new(),
            draws: 0,
            trace: Hasher::new("bitneuron consensus suite trace v1"),
            electorates: BTreeMap::new(),
        };
        for node in 0..all {
            let id = network.plan.key(node).id();
            network.places.entry(id).or_default().push(node);
            network.nodes.push(Node {
                id,
                engine: None,
                commits: Vec::new(),
                evidence: Vec::new(),
                offences: Vec::new(),
                refused: Vec::new(),
                records: 0,
                log: wal::Memory::default(),
                crashes: 0,
                cancelled: BTreeSet::new(),
                life: 0,
                down: false,
                free: Time::ZERO,
            });
            network.start(node);
        }
        network
    }

    /// Puts an adversary between the nodes and the wire.
    #[must_use]
    pub fn tampered(mut self, tamper: impl FnMut(usize, usize, &Arc<[u8]>) -> Vec<Arc<[u8]>> + 'a) -> Self {
        self.tamper = Some(Box::new(tamper));
        self
    }

    /// Lets somebody listen to everything that nodes receive and send.
    #[must_use]
    pub fn overheard(mut self, listen: impl FnMut(usize, &Arc<[u8]>) + 'a) -> Self {
        self.listen = Some(Box::new(listen));
        self
    }

    /// Starts a fresh engine at height 1. A voter must be started once only: it has no log.
    pub fn start(&mut self, node: usize) {
        let engine = (self.make)(self.plan.key(node), self.plan.chain());
        if let Some(node) = self.nodes.get_mut(node) {
            node.engine = Some(engine);
            node.commits.clear();
        }
        self.push(Duration::ZERO, node, Event::Begin);
    }

    /// Kills a node. Its decided blocks are on its disk.
    pub fn kill(&mut self, node: usize) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.engine = None;
        }
    }

    /// Cuts or mends the link between two nodes, both ways.
    pub fn link(&mut self, a: usize, b: usize, up: bool) {
        for pair in [(a, b), (b, a)] {
            if up {
                self.cut.remove(&pair)
            } else {
                self.cut.insert(pair)
            };
        }
    }

    /// Delivers bytes to a node at once, as from `from`.
    pub fn inject(&mut self, from: NodeId, to: usize, bytes: Arc<[u8]>) {
        self.push(Duration::ZERO, to, Event::Deliver { from, bytes });
    }

    /// The hash of everything that has happened.
    pub fn trace(&self) -> Digest {
        self.trace.finish()
    }

    /// The lowest height that all living nodes have committed.
    pub fn height(&self) -> u64 {
        let alive = self.nodes.iter().filter(|node| node.engine.is_some() || node.down);
        alive.map(|node| node.commits.len() as u64).min().unwrap_or(0)
    }

    /// Runs until all living nodes have committed `height`, or for `span`; whether they have.
    pub fn run(&mut self, height: u64, span: Duration) -> bool {
        self.run_until(span, |network| network.height() >= height)
    }

    /// Runs until something holds, or for `span`; whether it holds.
    pub fn run_until(&mut self, span: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now.after(span);
        while !done(self) {
            match self.queue.next() {
                Some(at) if at <= end => self.step(),
                _ => {
                    self.now = end;
                    return false;
                }
            }
        }
        true
    }

    pub(super) fn push(&mut self, after: Duration, node: usize, event: Event) {
        let life = self.nodes.get(node).map_or(0, |node| node.life);
        self.queue.push(self.now.after(after), (node, life, event));
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.draws += 1;
        let [a, b, c, d, e, f, g, h, ..] = self.plan.seed.derive_number("chance", self.draws).0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) % below.max(1)
    }

    fn step(&mut self) {
        let Some((at, (place, life, event))) = self.queue.pop() else { return };
        self.now = at;
        let arrives = matches!(event, Event::Deliver { .. });
        if !arrives && self.nodes.get(place).is_some_and(|node| node.life != life) {
            return;
        }
        let Some(input) = self.input(place, event) else { return };
        let Some(node) = self.nodes.get_mut(place) else { return };
        let Some(engine) = node.engine.as_mut() else { return };
        if let (Some(listen), Input::Message { bytes, .. }) = (self.listen.as_mut(), &input) {
            listen(place, bytes);
        }
        let mut out = Outbox::new();
        let (ahead, _) = self.plan.clock(place);
        if let Err(refused) = engine.step(at.after(ahead), input, &mut out) {
            node.refused.push(refused);
        }
        self.trace.number(at.0).number(place as u64);
        self.steps += 1;
        let (step, effects) = (self.steps, out.len());
        let crash = self.strike.as_mut().and_then(|strike| strike(place, step, effects));
        let performed = crash.as_ref().map_or(effects, |crash| crash.after);
        for effect in out.into_iter().take(performed) {
            self.perform(place, effect);
        }
        crash.into_iter().for_each(|crash| self.crash(place, crash));
    }

    fn input(&mut self, place: usize, event: Event) -> Option<Input> {
        let node = self.nodes.get_mut(place)?;
        Some(match event {
            Event::Return => {
                self.recover(place);
                return None;
            }
            Event::Recover => Input::Recover { records: node.log.records().unwrap_or_default() },
            Event::Begin => {
                let height = Height(node.commits.len() as u64 + 1);
                if height.0 > self.plan.heights {
                    return None;
                }
                let parent = node.commits.last().map_or(Digest::ZERO, |(block, _)| block.id());
                let electorate = self.electorate(height)?;
                Input::Begin { height, electorate, parent }
            }
            Event::Deliver { from, bytes } if self.plan.handling > Duration::ZERO => {
                node.free = node.free.max(self.now).after(self.plan.handling);
                let wait = node.free.since(self.now);
                self.push(wait, place, Event::Handle { from, bytes });
                return None;
            }
            Event::Deliver { from, bytes } | Event::Handle { from, bytes } => Input::Message { from, bytes },
            Event::Timer(id) => {
                if node.cancelled.remove(&id) {
                    return None;
                }
                Input::Timer(id)
            }
            Event::Built { height, round, block } => Input::Built { height, round, block },
            Event::Judged { block, valid } => Input::Judged { block, valid },
            Event::Recalled { to, decisions } => Input::Recalled { to, decisions },
        })
    }

    /// Who votes at a height that somebody has begun.
    pub fn voters(&self, height: Height) -> Option<&Arc<Electorate>> {
        let epoch = Epoch(height.0.checked_div(self.plan.rotate).unwrap_or(0));
        self.electorates.get(&epoch)
    }

    fn electorate(&mut self, height: Height) -> Option<Arc<Electorate>> {
        let epoch = Epoch(height.0.checked_div(self.plan.rotate).unwrap_or(0));
        if !self.electorates.contains_key(&epoch) {
            let electorate = self.plan.electorate(height).ok()?;
            self.electorates.insert(epoch, Arc::new(electorate));
        }
        self.electorates.get(&epoch).cloned()
    }

    fn perform(&mut self, place: usize, effect: Effect) {
        if matches!(effect, Effect::Broadcast(_) | Effect::Send { .. } | Effect::Commit { .. }) {
            self.sync(place);
        }
        match effect {
            Effect::Broadcast(bytes) => {
                self.say(place, &bytes);
                self.trace.part(&bytes);
                for to in 0..self.nodes.len() {
                    self.send(place, to, &bytes);
                }
            }
            Effect::Send { to, bytes } => {
                self.say(place, &bytes);
                self.trace.part(&bytes).update(&to.0);
                for at in self.places.get(&to).cloned().unwrap_or_default() {
                    self.send(place, at, &bytes);
                }
            }
            Effect::Timer { id, after } => {
                self.trace.number(after.as_micros() as u64);
                let (_, long) = self.plan.clock(place);
                self.push(after + after * long / 1000, place, Event::Timer(id));
            }
            Effect::CancelTimer(id) => {
                if let Some(node) = self.nodes.get_mut(place) {
                    node.cancelled.insert(id);
                }
            }
            Effect::Build { height, round, parent } => {
                let block = Arc::new(self.build(place, height, round, parent));
                self.push(self.plan.work, place, Event::Built { height, round, block });
            }
            Effect::Judge(block) => {
                let valid = is_valid(&block);
                self.push(self.plan.work, place, Event::Judged { block: block.id(), valid });
            }
            Effect::Commit { block, certificate } => self.commit(place, block, certificate),
            Effect::Accuse(evidence) => self.note(place, |node| node.evidence.push(evidence)),
            Effect::Offence { by, why } => self.note(place, |node| node.offences.push((by, why))),
            Effect::Persist(record) => self.append(place, &record),
            Effect::Recall { to, first, most } => self.recall(place, to, first, most),
        }
    }

    pub(super) fn note(&mut self, place: usize, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(place) {
            change(node);
        }
    }

    fn commit(&mut self, place: usize, block: Arc<Block>, certificate: Certificate) {
        self.trace.update(&block.id().0);
        let mut height = 0;
        self.note(place, |node| {
            node.commits.push((block, certificate));
            // The decided block is durable: what led to it is of no more use.
            let _ = node.log.reset();
            height = node.commits.len() as u64;
        });
        if height < self.plan.heights {
            self.push(self.plan.pace, place, Event::Begin);
        }
    }

    fn build(&self, place: usize, height: Height, round: u32, parent: Digest) -> Block {
        let header = Header::draft(self.plan.chain(), height, parent, self.plan.key(place).id(), self.now);
        let lie = self.plan.liars.contains(&place);
        // Twins build different blocks.
        let own = [place as u8, round as u8].into_iter().cycle().take(self.plan.payload.max(2)).collect();
        let transaction = if lie { INVALID.to_vec() } else { own };
        Block::new(header, vec![Bytes(transaction)])
    }

    fn say(&mut self, from: usize, bytes: &Arc<[u8]>) {
        if let Some(listen) = self.listen.as_mut() {
            listen(from, bytes);
        }
    }

    fn send(&mut self, from: usize, to: usize, bytes: &Arc<[u8]>) {
        let Some(id) = self.nodes.get(from).map(|node| node.id) else { return };
        if from == to || self.cut.contains(&(from, to)) {
            return;
        }
        let sent = match self.tamper.as_mut() {
            Some(tamper) => tamper(from, to, bytes),
            None => vec![Arc::clone(bytes)],
        };
        for bytes in sent {
            self.messages += 1;
            if self.tamper.is_some() {
                self.trace.part(&bytes);
            }
            if self.plan.loss > 0 && self.draw(1000) < self.plan.loss {
                continue;
            }
            let twice = self.plan.duplicates > 0 && self.draw(1000) < self.plan.duplicates;
            for _ in 0..=u8::from(twice) {
                let delay = self.journey();
                self.push(delay, to, Event::Deliver { from: id, bytes: Arc::clone(&bytes) });
            }
        }
    }

    /// How long a message takes.
    fn journey(&mut self) -> Duration {
        let (least, most) = (self.plan.delay.0.as_micros() as u64, self.plan.delay.1.as_micros() as u64);
        let delay = least + self.draw(most.saturating_sub(least) + 1);
        let strays = self.plan.strays > 0 && self.draw(1000) < self.plan.strays;
        Duration::from_micros(if strays { delay * 10 } else { delay })
    }
}

/// The application's rule.
pub fn is_valid(block: &Block) -> bool {
    !block.transactions.iter().any(|transaction| **transaction == *INVALID)
}
