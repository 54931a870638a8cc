//! The tactics that need to know nothing of the protocol.

use super::{Scene, Tactic};
use crate::{Address, Chance, Parcel, link::micros};
use std::{fmt, time::Duration};

/// Sends nothing: a crash that the others cannot tell from slowness.
#[derive(Debug, Clone, Copy)]
pub struct Mute;

impl<M> Tactic<M> for Mute {
    fn act(&mut self, _: Parcel<M>, _: &mut Scene<'_>, _: &mut Vec<Parcel<M>>) {}
}

/// Holds every message back for a span.
#[derive(Debug, Clone, Copy)]
pub struct Delay(pub Duration);

impl<M> Tactic<M> for Delay {
    fn act(&mut self, mut parcel: Parcel<M>, _: &mut Scene<'_>, emit: &mut Vec<Parcel<M>>) {
        parcel.after = parcel.after.saturating_add(micros(self.0));
        emit.push(parcel);
    }
}

/// Keeps back some messages by chance: omission faults.
#[derive(Debug, Clone, Copy)]
pub struct Omit(pub Chance);

impl<M> Tactic<M> for Omit {
    fn act(&mut self, parcel: Parcel<M>, scene: &mut Scene<'_>, emit: &mut Vec<Parcel<M>>) {
        if !scene.random.happens(self.0) {
            emit.push(parcel);
        }
    }
}

/// Changes every message in place; the function also sees the receiver.
pub struct Tamper<F>(pub F);

impl<M, F: FnMut(Address, &mut M) + Send> Tactic<M> for Tamper<F> {
    fn act(&mut self, mut parcel: Parcel<M>, _: &mut Scene<'_>, emit: &mut Vec<Parcel<M>>) {
        (self.0)(parcel.to, &mut parcel.message);
        emit.push(parcel);
    }
}

impl<F> fmt::Debug for Tamper<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tamper")
    }
}

/// Does anything: the function takes a message and emits what it likes to whom it likes. An equivocator emits one
/// message to some receivers and another to the rest; a flooder emits many; a replayer keeps old ones.
pub struct Twist<F>(pub F);

impl<M, F: FnMut(Parcel<M>, &mut Scene<'_>, &mut Vec<Parcel<M>>) + Send> Tactic<M> for Twist<F> {
    fn act(&mut self, parcel: Parcel<M>, scene: &mut Scene<'_>, emit: &mut Vec<Parcel<M>>) {
        (self.0)(parcel, scene, emit);
    }
}

impl<F> fmt::Debug for Twist<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Twist")
    }
}
