//! The world: nodes, links, time and chance in one deterministic loop.
//!
//! One event at a time is taken from the [`Queue`]; the node concerned is called; its commands become new events. All
//! randomness is a function of the seed: a stream for each node, one for its churn, and the fate of a message from
//! (sender, number). The loop is single-threaded on purpose; many worlds run on many threads.
//!
//! Memory besides the node itself: 64 bytes a node, 32 bytes an event that waits, and the message.

use crate::{
    Address, Churn, Command, Context, Meter, Network, Node, Outage, Parcel, Payload, Queue, Stream, Tally,
    Trace,
    place::{Down, Held, Place},
    slab::Slab,
    trace::{Kind, Record},
};
use bitneuron_core::{Digest, Seed, Time};
use std::time::Duration;

/// What a world is made of besides its nodes.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// The source of all randomness.
    pub seed: Seed,
    /// The links.
    pub network: Network,
    /// Random comings and goings.
    pub churn: Option<Churn>,
    /// Whether a trace is kept; it costs a hash for each event.
    pub trace: bool,
}

/// What waits in the queue.
#[derive(Debug, Clone, Copy)]
enum Event {
    Start { node: Address },
    Message { from: Address, to: Address, slot: u32 },
    Timer { node: Address, life: u16, id: u64 },
    Done { node: Address, life: u16, id: u64 },
    Leave { node: Address },
    Return { node: Address },
    Kill { node: Address, outage: Outage },
    Revive { node: Address },
}

/// Nodes that live in virtual time.
#[derive(Debug)]
pub struct World<N: Node> {
    seed: Seed,
    network: Network,
    churn: Option<Churn>,
    trace: Option<Trace>,
    /// Keys of the streams of messages and of sessions.
    keys: (u64, u64),
    queue: Queue<Event>,
    nodes: Vec<N>,
    places: Vec<Place>,
    letters: Slab<(N::Message, u64)>,
    commands: Vec<Command<N::Message>>,
    tally: Tally,
}

impl<N: Node> World<N> {
    /// A world at time zero. Nodes start in the order of their addresses when it first runs.
    pub fn new(setting: Setting, nodes: Vec<N>) -> Self {
        let Setting { seed, network, churn, trace } = setting;
        let key = |label| Stream::new(&seed, label, 0).next();
        let mut world = Self {
            keys: (key("links"), key("sessions")),
            trace: trace.then(Trace::new),
            queue: Queue::new(),
            nodes: Vec::with_capacity(nodes.len()),
            places: Vec::with_capacity(nodes.len()),
            letters: Slab::new(),
            commands: Vec::new(),
            tally: Tally::default(),
            seed,
            network,
            churn,
        };
        for node in nodes {
            world.join(node);
        }
        world
    }

    /// Adds a node, which starts now. There is room for 2³² − 1.
    pub fn join(&mut self, node: N) -> Address {
        let address = self.nodes.len() as Address;
        self.places.push(Place::new(Stream::new(&self.seed, "node", u64::from(address))));
        self.nodes.push(node);
        self.queue.push(self.queue.now(), Event::Start { node: address });
        address
    }

    /// The virtual time.
    pub const fn now(&self) -> Time {
        self.queue.now()
    }

    /// All nodes, by address.
    pub fn nodes(&self) -> &[N] {
        &self.nodes
    }

    /// All nodes, by address.
    pub fn nodes_mut(&mut self) -> &mut [N] {
        &mut self.nodes
    }

    /// Ends the world and returns its nodes.
    pub fn into_nodes(self) -> Vec<N> {
        self.nodes
    }

    /// One node.
    pub fn node(&self, address: Address) -> Option<&N> {
        self.nodes.get(address as usize)
    }

    /// Whether a node is there and up.
    pub fn is_up(&self, address: Address) -> bool {
        self.places.get(address as usize).is_some_and(Place::is_up)
    }

    /// The traffic of one node; nothing for an address that nobody has.
    pub fn meter(&self, address: Address) -> Meter {
        self.places.get(address as usize).map(|place| place.meter).unwrap_or_default()
    }

    /// What happened so far.
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// The hash of all that happened so far, if the setting asked for it.
    pub fn trace(&self) -> Option<Digest> {
        self.trace.as_ref().map(Trace::digest)
    }

    /// How many events wait.
    pub const fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The links.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// The links; changes hold for what is sent from now on.
    pub const fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Takes a node down at `at`. A crash outweighs a suspension that is under way.
    pub fn kill(&mut self, at: Time, node: Address, outage: Outage) {
        self.queue.push(at, Event::Kill { node, outage });
    }

    /// Ends a kill at `at`; the node is up then unless churn keeps it away.
    pub fn revive(&mut self, at: Time, node: Address) {
        self.queue.push(at, Event::Revive { node });
    }

    /// Runs until nothing happens any more at or before `end`; the clock then shows `end`.
    pub fn run_until(&mut self, end: Time) {
        while self.step(end).is_some() {}
        self.queue.pass(end);
    }

    /// Runs for a span.
    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now().after(span));
    }

    /// Lets the next event happen if it is due by `limit`, and returns its time.
    pub fn step(&mut self, limit: Time) -> Option<Time> {
        let popped = self.queue.pop(limit)?;
        self.tally.events += 1;
        match popped.item {
            Event::Message { from, to, slot } => self.deliver(from, to, slot),
            Event::Timer { node, life, id } => self.fire(node, life, Held::Timer(id), popped.number),
            Event::Done { node, life, id } => self.fire(node, life, Held::Done(id), popped.number),
            Event::Start { node } => self.start(node),
            Event::Leave { node } => self.session(node, false),
            Event::Return { node } => self.session(node, true),
            Event::Kill { node, outage } => self.go_down(node, Down::Killed, outage),
            Event::Revive { node } => self.come_up(node, Down::Killed),
        }
        Some(popped.time)
    }

    /// Calls a node from outside, now. False, and nothing happens, when nobody is there or the node is down.
    pub fn act(&mut self, node: Address, call: impl FnOnce(&mut N, &mut Context<'_, N::Message>)) -> bool {
        let up = self.is_up(node);
        if up {
            self.record(node, Kind::Act, 0);
            self.call(node, call);
        }
        up
    }

    fn start(&mut self, node: Address) {
        if let Some(churn) = self.churn.as_ref().filter(|churn| !churn.spared.contains(&node)) {
            let span = churn.span(node, 0, true, &mut Stream::of(self.keys.1, u64::from(node), 0));
            self.queue.push(Time(self.now().0.saturating_add(span)), Event::Leave { node });
        }
        match self.places.get_mut(node as usize) {
            Some(place) if place.is_up() => {
                self.record(node, Kind::Start, 0);
                self.call(node, N::start);
            }
            // It was killed before it could start: it starts when it comes back.
            Some(place) => place.crash(),
            None => {}
        }
    }

    fn deliver(&mut self, from: Address, to: Address, slot: u32) {
        let Some((message, size)) = self.letters.take(slot) else { return };
        let Some(place) = self.places.get_mut(to as usize) else { return };
        let up = place.is_up();
        if up {
            place.meter.received_messages += u64::from(from != to);
            place.meter.received_bytes += if from == to { 0 } else { size };
            self.tally.delivered += 1;
        } else {
            self.tally.missed += 1;
        }
        if let Some(trace) = &mut self.trace {
            let kind = if up { Kind::Message } else { Kind::Missed };
            let (time, word, digest) = (self.queue.now(), u64::from(from), message.digest());
            trace.add(&Record { time, node: to, kind, word, size, digest });
        }
        if up {
            self.call(to, |node, cx| node.message(cx, from, message));
        }
    }

    /// A timer or finished work of this life.
    fn fire(&mut self, node: Address, life: u16, what: Held, number: u64) {
        let Some(place) = self.places.get_mut(node as usize) else { return };
        if !place.expects(life, what, number) {
            return;
        }
        if !place.is_up() {
            place.hold(what);
            return;
        }
        match what {
            Held::Timer(id) => {
                self.record(node, Kind::Timer, id);
                self.call(node, |node, cx| node.timer(cx, id));
            }
            Held::Done(id) => {
                self.record(node, Kind::Done, id);
                self.call(node, |node, cx| node.done(cx, id));
            }
        }
    }

    /// A session of churn ends or begins; the next change is drawn.
    fn session(&mut self, node: Address, up: bool) {
        let now = self.now().0;
        let (Some(churn), Some(place)) = (&self.churn, self.places.get_mut(node as usize)) else { return };
        let outage = churn.outage;
        let changes = place.next_change();
        let span = churn.span(node, changes, up, &mut Stream::of(self.keys.1, u64::from(node), changes));
        let next = if up { Event::Leave { node } } else { Event::Return { node } };
        self.queue.push(Time(now.saturating_add(span)), next);
        if up { self.come_up(node, Down::Away) } else { self.go_down(node, Down::Away, outage) }
    }

    fn go_down(&mut self, node: Address, why: Down, outage: Outage) {
        let Some(place) = self.places.get_mut(node as usize) else { return };
        let was_up = place.is_up();
        place.set_down(why);
        if outage == Outage::Crash {
            place.crash();
        }
        if was_up {
            self.record(node, Kind::Down, 0);
        }
    }

    fn come_up(&mut self, node: Address, why: Down) {
        let Some(place) = self.places.get_mut(node as usize) else { return };
        if !place.set_up(why) {
            return;
        }
        let (crashed, life) = (place.take_crashed(), place.life());
        let now = self.queue.now();
        for held in place.take_held() {
            let event = match held {
                Held::Timer(id) => Event::Timer { node, life, id },
                Held::Done(id) => Event::Done { node, life, id },
            };
            self.queue.push(now, event);
        }
        place.expect_until(now);
        self.record(node, Kind::Up, 0);
        if crashed {
            self.call(node, N::restart);
        }
    }

    fn record(&mut self, node: Address, kind: Kind, word: u64) {
        if let Some(trace) = &mut self.trace {
            let time = self.queue.now();
            trace.add(&Record { time, node, kind, word, size: 0, digest: Digest::ZERO });
        }
    }

    /// Calls a node and performs its commands in order.
    fn call(&mut self, address: Address, call: impl FnOnce(&mut N, &mut Context<'_, N::Message>)) {
        let (now, nodes) = (self.queue.now(), self.nodes.len() as u32);
        let mut commands = std::mem::take(&mut self.commands);
        let index = address as usize;
        if let (Some(node), Some(place)) = (self.nodes.get_mut(index), self.places.get_mut(index)) {
            let random = &mut place.stream;
            call(node, &mut Context { now, me: address, nodes, random, commands: &mut commands });
        }
        for command in commands.drain(..) {
            self.perform(address, command);
        }
        self.commands = commands;
    }

    fn perform(&mut self, node: Address, command: Command<N::Message>) {
        let now = self.queue.now();
        let Some(place) = self.places.get_mut(node as usize) else { return };
        let life = place.life();
        match command {
            Command::Send(parcel) => self.send(node, parcel),
            Command::Timer { after, id } => {
                let at = Time(now.0.saturating_add(after));
                place.expect_until(at);
                self.queue.push(at, Event::Timer { node, life, id });
            }
            Command::Cancel { id } => place.cancel(now, id, self.queue.pushed()),
            Command::Work { span, id } => {
                let at = place.occupy(now, span);
                self.queue.push(at, Event::Done { node, life, id });
            }
        }
    }

    /// Hands a message to the network.
    fn send(&mut self, from: Address, parcel: Parcel<N::Message>) {
        let Parcel { to, message, after } = parcel;
        let now = self.queue.now();
        let size = message.size() as u64;
        let exists = (to as usize) < self.places.len();
        let Some(place) = self.places.get_mut(from as usize) else { return };
        let mut leaves = now.0.saturating_add(after);
        if from == to {
            let slot = self.letters.put((message, size));
            self.queue.push(Time(leaves), Event::Message { from, to, slot });
            return;
        }
        let number = place.meter.sent_messages;
        place.meter.sent_messages += 1;
        place.meter.sent_bytes += size;
        if let Some(bandwidth) = self.network.bandwidth(from) {
            leaves = place.upload(leaves, size, bandwidth);
        }
        if !exists {
            self.tally.astray += 1;
            return;
        }
        let Some(link) = self.network.way(Time(leaves), from, to) else {
            self.tally.blocked += 1;
            return;
        };
        let mut fate = Stream::of(self.keys.0, u64::from(from), number);
        if fate.happens(link.loss) {
            self.tally.lost += 1;
            return;
        }
        let first = Time(leaves.saturating_add(link.delay(&mut fate)));
        let second = fate.happens(link.duplicate).then(|| Time(leaves.saturating_add(link.delay(&mut fate))));
        if let Some(second) = second {
            let slot = self.letters.put((message.clone(), size));
            self.queue.push(second, Event::Message { from, to, slot });
        }
        let slot = self.letters.put((message, size));
        self.queue.push(first, Event::Message { from, to, slot });
    }
}
