//! The node: what a protocol looks like to the world.
//!
//! A node is told that it started, that a message came, that a timer fired, that work is done. It answers through the
//! [`Context`], whose commands are performed in order after it returned.

use crate::{Stream, link::micros};
use bitneuron_core::{Digest, Time};
use std::time::Duration;

/// A node's place in the world: 0, 1, 2, …
pub type Address = u32;

/// What a message must tell the world. Large bodies stand behind an `Arc`, since messages are cloned for each receiver.
pub trait Payload: Clone {
    /// Bytes on the wire, for meters and bandwidth. Asked once for each message sent.
    fn size(&self) -> usize;

    /// What the message says, for the trace. Asked only while the world traces.
    fn digest(&self) -> Digest {
        Digest::ZERO
    }
}

/// A participant.
///
/// Law: *determinism*. Equal calls on equal nodes give equal commands; randomness comes from [`Context::random`] or
/// from a seed given at birth.
pub trait Node {
    /// What nodes say to each other.
    type Message: Payload;

    /// The world begins, or the node joins it.
    fn start(&mut self, cx: &mut Context<'_, Self::Message>);

    /// A message has arrived.
    fn message(&mut self, cx: &mut Context<'_, Self::Message>, from: Address, message: Self::Message);

    /// A timer has fired.
    fn timer(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) {
        let _ = (cx, id);
    }

    /// Work is done.
    fn done(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) {
        let _ = (cx, id);
    }

    /// The node is back after a crash. Its timers and work are gone; what else it forgets is for it to say.
    fn restart(&mut self, cx: &mut Context<'_, Self::Message>) {
        self.start(cx);
    }
}

impl<N: Node + ?Sized> Node for Box<N> {
    type Message = N::Message;

    fn start(&mut self, cx: &mut Context<'_, Self::Message>) {
        (**self).start(cx);
    }

    fn message(&mut self, cx: &mut Context<'_, Self::Message>, from: Address, message: Self::Message) {
        (**self).message(cx, from, message);
    }

    fn timer(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) {
        (**self).timer(cx, id);
    }

    fn done(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) {
        (**self).done(cx, id);
    }

    fn restart(&mut self, cx: &mut Context<'_, Self::Message>) {
        (**self).restart(cx);
    }
}

/// A message on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel<M> {
    /// To whom.
    pub to: Address,
    /// What it says.
    pub message: M,
    /// How many microseconds the sender holds it back.
    pub after: u64,
}

/// What a node asks of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<M> {
    /// Send a message.
    Send(Parcel<M>),
    /// Call [`Node::timer`] with `id` in so many microseconds.
    Timer {
        /// The delay.
        after: u64,
        /// The name of the timer.
        id: u64,
    },
    /// Forget all timers of this name set so far.
    Cancel {
        /// The name of the timers.
        id: u64,
    },
    /// Compute for so many microseconds, then call [`Node::done`] with `id`.
    Work {
        /// The computing time.
        span: u64,
        /// The name of the work.
        id: u64,
    },
}

/// The world as a node sees it during one call.
#[derive(Debug)]
pub struct Context<'a, M> {
    pub(crate) now: Time,
    pub(crate) me: Address,
    pub(crate) nodes: u32,
    pub(crate) random: &'a mut Stream,
    pub(crate) commands: &'a mut Vec<Command<M>>,
}

impl<M> Context<'_, M> {
    /// The virtual time.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// This node's address.
    pub const fn me(&self) -> Address {
        self.me
    }

    /// How many nodes the world has; addresses are below it.
    pub const fn nodes(&self) -> u32 {
        self.nodes
    }

    /// This node's own random stream, a function of the seed and the address alone.
    pub const fn random(&mut self) -> &mut Stream {
        self.random
    }

    /// Sends a message. It is metered here and may get lost; nobody learns of that.
    pub fn send(&mut self, to: Address, message: M) {
        self.commands.push(Command::Send(Parcel { to, message, after: 0 }));
    }

    /// Sends a message after holding it back.
    pub fn send_after(&mut self, after: Duration, to: Address, message: M) {
        self.commands.push(Command::Send(Parcel { to, message, after: micros(after) }));
    }

    /// Calls [`Node::timer`] with `id` after this span. Timers of one name do not replace each other.
    pub fn timer(&mut self, after: Duration, id: u64) {
        self.commands.push(Command::Timer { after: micros(after), id });
    }

    /// Forgets all timers of this name that were set so far.
    pub fn cancel(&mut self, id: u64) {
        self.commands.push(Command::Cancel { id });
    }

    /// Computes for this span of virtual time, then calls [`Node::done`] with `id`. A node has one processor: work
    /// waits for the work before it. Meanwhile the node goes on receiving.
    pub fn work(&mut self, span: Duration, id: u64) {
        self.commands.push(Command::Work { span: micros(span), id });
    }

    /// Runs `call` and returns the commands it gave instead of performing them; for wrappers around nodes.
    pub fn capture(&mut self, call: impl FnOnce(&mut Self)) -> Vec<Command<M>> {
        let before = self.commands.len();
        call(self);
        self.commands.split_off(before.min(self.commands.len()))
    }

    /// Gives a command, as if the node had called the method of that name.
    pub fn command(&mut self, command: Command<M>) {
        self.commands.push(command);
    }
}

impl<M: Clone> Context<'_, M> {
    /// Sends a message to each of these, in their order.
    pub fn multicast(&mut self, to: impl IntoIterator<Item = Address>, message: &M) {
        for address in to {
            self.send(address, message.clone());
        }
    }

    /// Sends a message to all other nodes, in the order of addresses.
    pub fn broadcast(&mut self, message: &M) {
        let me = self.me;
        self.multicast((0..self.nodes).filter(|&address| address != me), message);
    }
}
