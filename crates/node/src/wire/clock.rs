//! The wall's clock as a role sees it: integer microseconds since a beginning that all nodes of a process share.

use bitneuron_core::Time;
use std::future::pending;
use tokio::time::{Instant, sleep_until};

/// Tokio's clock, counted from its start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that shows zero now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The time since the start, in whole microseconds.
    pub fn now(&self) -> Time {
        Time::ZERO.after(self.start.elapsed())
    }

    /// Waits until the clock shows `at`, or for ever: for no time, and for one beyond what the clock can count.
    pub(super) async fn reach(self, at: Option<Time>) {
        let instant = at.and_then(|at| self.start.checked_add(at.since(Time::ZERO)));
        match instant {
            Some(instant) => sleep_until(instant).await,
            None => pending().await,
        }
    }
}
