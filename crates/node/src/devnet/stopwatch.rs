//! The wall clock, kept apart: no protocol sees it, and no report holds what it reads.

#![expect(
    clippy::disallowed_types,
    reason = "it tells people how long they waited; nothing agreed depends on it"
)]

use std::time::Instant;

/// Wall seconds since the program began.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to count.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds so far.
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
