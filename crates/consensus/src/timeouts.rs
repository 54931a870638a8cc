//! How long a validator waits in each step of a round.
//!
//! `wait(step, round) = min(base + round · growth, ceiling)`: waits grow until they exceed the real delays, which
//! is when rounds start to succeed.

use crate::record::Step;
use std::time::Duration;

/// The waits of one engine. All nodes may differ; only liveness depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a proposal, its block's journey and its judging included.
    pub propose: Duration,
    /// For the rest of the prevotes once two thirds are there.
    pub prevote: Duration,
    /// For the rest of the precommits once two thirds are there.
    pub precommit: Duration,
    /// Before own votes are said again.
    pub rebroadcast: Duration,
    /// What each further round adds to every wait.
    pub growth: Duration,
    /// The longest wait.
    pub ceiling: Duration,
}

impl Default for Timeouts {
    /// For hops of 50 ± 10 ms.
    fn default() -> Self {
        Self {
            propose: Duration::from_millis(600),
            prevote: Duration::from_millis(300),
            precommit: Duration::from_millis(300),
            rebroadcast: Duration::from_millis(1200),
            growth: Duration::from_millis(150),
            ceiling: Duration::from_secs(20),
        }
    }
}

impl Timeouts {
    /// The wait of a step in a round.
    pub fn wait(&self, step: Step, round: u32) -> Duration {
        let base = match step {
            Step::Propose => self.propose,
            Step::Prevote => self.prevote,
            Step::Precommit => self.precommit,
            Step::Rebroadcast => self.rebroadcast,
        };
        base.saturating_add(self.growth.saturating_mul(round)).min(self.ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_ceiling() {
        let timeouts = Timeouts::default();
        assert_eq!(timeouts.wait(Step::Propose, 0), Duration::from_millis(600));
        assert_eq!(timeouts.wait(Step::Prevote, 2), Duration::from_millis(600));
        assert_eq!(timeouts.wait(Step::Precommit, u32::MAX), Duration::from_secs(20));
        let endless = Timeouts { growth: Duration::MAX, ..timeouts };
        assert_eq!(endless.wait(Step::Rebroadcast, 9), timeouts.ceiling);
    }
}
