//! What the world keeps of each node: its stream and meter, whether it is up, its processor and its uplink.
//!
//! 64 bytes for all, and a box for the few that compute, upload with a limit, cancel timers or sleep.

use crate::{Meter, Stream};
use bitneuron_core::Time;

/// Why a node is down; it is up when no reason holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Down {
    Away = 1,
    Killed = 2,
}

/// A timer or finished work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Timer(u64),
    Done(u64),
}

/// All timers named `id` with a push number below `before` are void; none of them is due after `until`, when this entry
/// may be forgotten. A node that has a timer far in the future keeps an entry for each name that it cancels meanwhile.
#[derive(Debug, Clone, Copy)]
struct Cancelled {
    id: u64,
    before: u64,
    until: Time,
}

#[derive(Debug, Clone, Default)]
struct Rare {
    /// When the processor is free.
    computes_until: u64,
    /// When the uplink is free.
    uploads_until: u64,
    held: Vec<Held>,
    cancelled: Vec<Cancelled>,
}

/// One node's place.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) stream: Stream,
    pub(crate) meter: Meter,
    /// No timer set so far is due later.
    last_timer: Time,
    rare: Option<Box<Rare>>,
    /// Changes of churn so far.
    changes: u32,
    /// Crashes so far; timers and work of earlier lives are void.
    life: u16,
    /// Bits of `Down`.
    down: u8,
    crashed: bool,
}

impl Place {
    pub(crate) const fn new(stream: Stream) -> Self {
        let meter = Meter { sent_messages: 0, sent_bytes: 0, received_messages: 0, received_bytes: 0 };
        Self { stream, meter, last_timer: Time(0), rare: None, changes: 0, life: 0, down: 0, crashed: false }
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.down == 0
    }

    pub(crate) const fn life(&self) -> u16 {
        self.life
    }

    pub(crate) const fn set_down(&mut self, why: Down) {
        self.down |= why as u8;
    }

    /// Whether the node is up by this and was not before.
    pub(crate) const fn set_up(&mut self, why: Down) -> bool {
        let was_up = self.is_up();
        self.down &= !(why as u8);
        self.is_up() && !was_up
    }

    /// The number of this change of churn.
    pub(crate) const fn next_change(&mut self) -> u64 {
        self.changes = self.changes.wrapping_add(1);
        self.changes as u64
    }

    /// Ends this life: its timers and work are void.
    pub(crate) fn crash(&mut self) {
        self.crashed = true;
        self.life = self.life.wrapping_add(1);
        self.rare = None;
    }

    pub(crate) const fn take_crashed(&mut self) -> bool {
        std::mem::replace(&mut self.crashed, false)
    }

    /// Keeps what is due while the node sleeps.
    pub(crate) fn hold(&mut self, what: Held) {
        self.rare().held.push(what);
    }

    pub(crate) fn take_held(&mut self) -> Vec<Held> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.held)).unwrap_or_default()
    }

    /// A timer was set for this time.
    pub(crate) fn expect_until(&mut self, at: Time) {
        self.last_timer = self.last_timer.max(at);
    }

    /// Makes timers void that were pushed with a number below `before`.
    pub(crate) fn cancel(&mut self, now: Time, id: u64, before: u64) {
        let until = self.last_timer;
        let cancelled = &mut self.rare().cancelled;
        cancelled.retain(|entry| entry.until >= now && entry.id != id);
        cancelled.push(Cancelled { id, before, until });
    }

    /// Whether a timer or work is of this life and not cancelled.
    pub(crate) fn expects(&self, life: u16, what: Held, number: u64) -> bool {
        let cancelled = self.rare.as_ref().map_or(&[][..], |rare| rare.cancelled.as_slice());
        let void = |entry: &Cancelled| what == Held::Timer(entry.id) && number < entry.before;
        life == self.life && !cancelled.iter().any(void)
    }

    /// Appends work to the processor's queue; returns when it will be done.
    pub(crate) fn occupy(&mut self, now: Time, span: u64) -> Time {
        let rare = self.rare();
        rare.computes_until = rare.computes_until.max(now.0).saturating_add(span);
        Time(rare.computes_until)
    }

    /// Appends a message to the uplink's queue; returns when its last byte has left.
    pub(crate) fn upload(&mut self, ready: u64, size: u64, bandwidth: u64) -> u64 {
        let rare = self.rare();
        let span = (u128::from(size) * 1_000_000).div_ceil(u128::from(bandwidth.max(1)));
        let span = u64::try_from(span).unwrap_or(u64::MAX);
        rare.uploads_until = rare.uploads_until.max(ready).saturating_add(span);
        rare.uploads_until
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_small() {
        assert!(size_of::<Place>() <= 64);
    }
}
