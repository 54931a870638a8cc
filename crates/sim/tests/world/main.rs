//! The laws of the world, each shown on small nodes that write down what happens to them.

mod adversary;
mod churn;
mod determinism;
mod machine_node;
mod network;
mod timers;

use bitneuron_core::{Digest, Seed, Time};
use bitneuron_sim::{Address, Context, Latency, Link, Network, Node, Payload, Setting, World};
use std::time::Duration;

/// A message of some bytes with a number in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) number: u64,
    pub(crate) size: usize,
}

impl Payload for Note {
    fn size(&self) -> usize {
        self.size
    }

    fn digest(&self) -> Digest {
        Digest::of("test note", &self.number.to_le_bytes())
    }
}

pub(crate) const fn note(number: u64) -> Note {
    Note { number, size: 100 }
}

/// What happened to a [`Witness`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saw {
    Start,
    Restart,
    Message(Address, u64),
    Timer(u64),
    Done(u64),
}

/// Does nothing of itself and writes down everything.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Witness {
    pub(crate) saw: Vec<(Time, Saw)>,
}

impl Witness {
    fn write(&mut self, cx: &Context<'_, Note>, saw: Saw) {
        self.saw.push((cx.now(), saw));
    }
}

impl Node for Witness {
    type Message = Note;

    fn start(&mut self, cx: &mut Context<'_, Note>) {
        self.write(cx, Saw::Start);
    }

    fn message(&mut self, cx: &mut Context<'_, Note>, from: Address, message: Note) {
        self.write(cx, Saw::Message(from, message.number));
    }

    fn timer(&mut self, cx: &mut Context<'_, Note>, id: u64) {
        self.write(cx, Saw::Timer(id));
    }

    fn done(&mut self, cx: &mut Context<'_, Note>, id: u64) {
        self.write(cx, Saw::Done(id));
    }

    fn restart(&mut self, cx: &mut Context<'_, Note>) {
        self.write(cx, Saw::Restart);
    }
}

/// Sends a note to a random node about once a second, for ever, and tells what it drew.
#[derive(Debug, Default, Clone)]
pub(crate) struct Chatter {
    pub(crate) drawn: Vec<u64>,
    pub(crate) heard: Vec<(Time, Address, u64)>,
    pub(crate) quiet: bool,
}

impl Node for Chatter {
    type Message = Note;

    fn start(&mut self, cx: &mut Context<'_, Note>) {
        let offset = cx.random().below(1_000_000);
        cx.timer(Duration::from_micros(offset), 0);
    }

    fn message(&mut self, cx: &mut Context<'_, Note>, from: Address, message: Note) {
        self.heard.push((cx.now(), from, message.number));
    }

    fn timer(&mut self, cx: &mut Context<'_, Note>, id: u64) {
        let drawn = cx.random().next();
        self.drawn.push(drawn);
        let to = (drawn % u64::from(cx.nodes())) as Address;
        if !self.quiet && to != cx.me() {
            cx.send(to, note(drawn));
        }
        cx.timer(Duration::from_secs(1), id);
    }
}

pub(crate) const SECOND: u64 = 1_000_000;

pub(crate) const fn constant(millis: u64) -> Link {
    Link::new(Latency::Constant(Duration::from_millis(millis)))
}

pub(crate) fn setting(seed: u64, link: Link) -> Setting {
    let network = Network { link, ..Network::default() };
    Setting { seed: Seed::from_number(seed), network, ..Setting::default() }
}

/// So many witnesses on links of 10 ms, one microsecond after they started.
pub(crate) fn witnesses(count: usize) -> World<Witness> {
    let mut world = World::new(setting(1, constant(10)), vec![Witness::default(); count]);
    world.run_until(Time(1));
    world.nodes_mut().iter_mut().for_each(|node| node.saw.clear());
    world
}
