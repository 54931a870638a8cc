//! The wall's clock as a role sees it: integer microseconds since genesis.

use bitneuron_core::Time;
use std::future::pending;
use tokio::time::{Instant, sleep_until};

/// Tokio's clock, counted on from a time since genesis.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    first: Time,
}

impl Clock {
    /// A clock that shows zero now: for a network whose genesis is now.
    pub fn start() -> Self {
        Self::at(Time::ZERO)
    }

    /// A clock that shows `now` now: for a node that joins a network of that age. It reads the wall's clock nowhere, so
    /// nobody who changes that one moves this one; nodes on other machines are told the age by whoever starts them.
    pub fn at(now: Time) -> Self {
        Self { start: Instant::now(), first: now }
    }

    /// The time since genesis, in whole microseconds.
    pub fn now(&self) -> Time {
        self.first.after(self.start.elapsed())
    }

    /// Waits until the clock shows `at`, or for ever: for no time, and for one beyond what the clock can count.
    pub(super) async fn reach(self, at: Option<Time>) {
        let instant = at.and_then(|at| self.start.checked_add(at.since(self.first)));
        match instant {
            Some(instant) => sleep_until(instant).await,
            None => pending().await,
        }
    }
}
