//! What is counted over an epoch and read at its end.

use crate::{Params, State};
use bitneuron_core::Amount;
use serde::{Deserialize, Serialize};

/// Counts of this epoch, and what those of the epochs before led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How dear reputation is: so much in kept fees for each unit of stake counts half; with 40 fractional bits.
    pub kappa: u64,
    /// What was paid by weight in this epoch.
    pub yielded: Amount,
    /// What voters unbonded in this epoch.
    pub left: Amount,
}

impl Tally {
    /// The tally of a chain that begins: reputation is as dear as it can be, for nothing is known of rewards.
    pub(crate) fn first() -> Self {
        Self { kappa: Params::DEAREST, ..Self::default() }
    }
}

impl State {
    /// The counts of this epoch.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Something was paid by weight.
    pub(crate) fn yielded(&mut self, amount: Amount) {
        self.tally.yielded = self.tally.yielded.checked_add(amount).unwrap_or(Amount::SUPPLY);
    }

    /// The end of an epoch.
    pub(crate) fn close_tally(&mut self) {
        let kappa = self.params.reputation.kappa(self.tally.kappa, self.tally.yielded, self.active_stake());
        self.tally = Tally { kappa, ..Tally::default() };
    }
}
