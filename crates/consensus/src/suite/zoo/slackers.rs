//! Who says too little, or too late.

use super::{Habit, Scene, said};
use crate::{Effect, Input, Message, TimerId};
use std::{collections::BTreeMap, time::Duration};

/// Keeps its votes to itself, and shows its proposals to one peer only.
#[derive(Debug, Clone, Copy)]
pub struct Withholder;

impl Habit for Withholder {
    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        let own = scene.key.id();
        match (said(&effect), effect) {
            (Some(Message::Vote(signed)), _) if signed.vote.by == own => {}
            (Some(Message::Proposal { signed, .. }), Effect::Broadcast(bytes))
                if signed.proposal.by == own =>
            {
                let friend = scene.height.0.checked_rem(scene.peers.len() as u64).unwrap_or(0);
                if let Some(to) = scene.peers.get(friend as usize) {
                    out.push(Effect::Send { to: *to, bytes });
                }
            }
            (_, effect) => out.push(effect),
        }
    }
}

/// Timers of a habit count from here, far above those of an engine.
const OWN_TIMERS: u64 = 1 << 63;

/// Says everything, a while later.
#[derive(Debug, Clone)]
pub struct Late {
    by: Duration,
    held: BTreeMap<TimerId, Effect>,
    next: u64,
}

impl Late {
    /// Late by a span.
    pub const fn new(by: Duration) -> Self {
        Self { by, held: BTreeMap::new(), next: OWN_TIMERS }
    }
}

impl Habit for Late {
    fn hears(&mut self, _: &Scene, input: Input, inner: &mut Vec<Input>, out: &mut Vec<Effect>) {
        match input {
            Input::Timer(id) if id.0 >= OWN_TIMERS => out.extend(self.held.remove(&id)),
            input => inner.push(input),
        }
    }

    fn acts(&mut self, _: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        if !matches!(effect, Effect::Broadcast(_) | Effect::Send { .. }) {
            out.push(effect);
            return;
        }
        let id = TimerId(self.next);
        self.next += 1;
        self.held.insert(id, effect);
        out.push(Effect::Timer { id, after: self.by });
    }
}
