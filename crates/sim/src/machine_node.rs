//! Machines as nodes: a [`Bridge`] says how the inputs and effects of one kind of machine map to the world's.
//!
//! A [`MachineNode`] steps any machine with what the world brings, and performs the effects in their order. For machines
//! that speak the alphabet of roles there is [`RoleNode`](crate::role_node::RoleNode).

use crate::{Address, Context, Node, Payload};
use bitneuron_core::{Machine, Outbox};
use std::collections::VecDeque;

/// The translation between a machine and the world. Every method may answer with an input to step the machine with.
pub trait Bridge {
    /// The machine that is driven.
    type Machine: Machine;
    /// What the nodes say to each other.
    type Message: Payload;

    /// The world begins.
    fn start(&mut self, cx: &mut Context<'_, Self::Message>) -> Option<Input<Self>>;

    /// A message has arrived.
    fn message(
        &mut self,
        cx: &mut Context<'_, Self::Message>,
        from: Address,
        message: Self::Message,
    ) -> Option<Input<Self>>;

    /// A timer has fired.
    fn timer(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) -> Option<Input<Self>> {
        let _ = (cx, id);
        None
    }

    /// Work is done.
    fn done(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) -> Option<Input<Self>> {
        let _ = (cx, id);
        None
    }

    /// The node is back after a crash. What the machine forgets is decided here.
    fn restart(
        &mut self,
        cx: &mut Context<'_, Self::Message>,
        machine: &mut Self::Machine,
    ) -> Option<Input<Self>> {
        let _ = machine;
        self.start(cx)
    }

    /// Performs an effect. An input returned is stepped after all effects before it: for what is answered at once,
    /// such as a write to storage.
    fn effect(
        &mut self,
        cx: &mut Context<'_, Self::Message>,
        effect: <Self::Machine as Machine>::Effect,
    ) -> Option<Input<Self>>;

    /// The machine refused an input.
    fn refused(&mut self, cx: &mut Context<'_, Self::Message>, error: <Self::Machine as Machine>::Error) {
        let _ = (cx, error);
    }
}

/// The input of a bridge's machine.
pub type Input<B> = <<B as Bridge>::Machine as Machine>::Input;

/// A machine with its bridge: a node.
#[derive(Debug)]
pub struct MachineNode<B: Bridge> {
    machine: B::Machine,
    bridge: B,
}

impl<B: Bridge> MachineNode<B> {
    /// Puts a machine into the world.
    pub const fn new(machine: B::Machine, bridge: B) -> Self {
        Self { machine, bridge }
    }

    /// The machine.
    pub const fn machine(&self) -> &B::Machine {
        &self.machine
    }

    /// The machine.
    pub const fn machine_mut(&mut self) -> &mut B::Machine {
        &mut self.machine
    }

    /// The bridge.
    pub const fn bridge(&self) -> &B {
        &self.bridge
    }

    /// The bridge.
    pub const fn bridge_mut(&mut self) -> &mut B {
        &mut self.bridge
    }

    /// Steps the machine with an input and with all that is answered at once, in order.
    pub fn feed(&mut self, cx: &mut Context<'_, B::Message>, input: Input<B>) {
        // Most inputs are answered by nothing that needs to wait, so the queue is not allocated before it is needed.
        let (mut next, mut waiting, mut outbox) = (Some(input), VecDeque::new(), Outbox::new());
        while let Some(input) = next {
            if let Err(error) = self.machine.step(cx.now(), input, &mut outbox) {
                self.bridge.refused(cx, error);
            }
            for effect in outbox.drain() {
                waiting.extend(self.bridge.effect(cx, effect));
            }
            next = waiting.pop_front();
        }
    }

    fn feed_some(&mut self, cx: &mut Context<'_, B::Message>, input: Option<Input<B>>) {
        if let Some(input) = input {
            self.feed(cx, input);
        }
    }
}

impl<B: Bridge> Node for MachineNode<B> {
    type Message = B::Message;

    fn start(&mut self, cx: &mut Context<'_, Self::Message>) {
        let input = self.bridge.start(cx);
        self.feed_some(cx, input);
    }

    fn message(&mut self, cx: &mut Context<'_, Self::Message>, from: Address, message: Self::Message) {
        let input = self.bridge.message(cx, from, message);
        self.feed_some(cx, input);
    }

    fn timer(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) {
        let input = self.bridge.timer(cx, id);
        self.feed_some(cx, input);
    }

    fn done(&mut self, cx: &mut Context<'_, Self::Message>, id: u64) {
        let input = self.bridge.done(cx, id);
        self.feed_some(cx, input);
    }

    fn restart(&mut self, cx: &mut Context<'_, Self::Message>) {
        let input = self.bridge.restart(cx, &mut self.machine);
        self.feed_some(cx, input);
    }
}
