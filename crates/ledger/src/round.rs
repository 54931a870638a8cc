//! Rounds: which height belongs to which round and phase.
//!
//! The r-th round of L heights begins at height L·r + 1; its first three heights are phases 0 to 2, all others phase 3. What
//! happens in which phase is said in `turn`.

use crate::Params;
use bitneuron_core::Height;

impl Params {
    /// The round of a height; genesis counts to the first.
    pub fn round_of(&self, height: Height) -> u64 {
        height.0.saturating_sub(1).checked_div(self.round).unwrap_or(0)
    }

    /// The phase of a height, 0 to 3; all heights after the third of a round are in phase 3.
    pub fn phase(&self, height: Height) -> u64 {
        height.0.saturating_sub(1).checked_rem(self.round).unwrap_or(0).min(3)
    }

    /// The height at which a round opens for turns.
    pub(crate) fn opening(&self, round: u64) -> Height {
        Height(round.saturating_mul(self.round).saturating_add(3))
    }

    /// The round in whose turn a deal that settles at this height may be merged.
    pub(crate) fn turn_round(&self, height: Height) -> u64 {
        let late = u64::from(self.phase(height) >= 2);
        self.round_of(height).saturating_add(late)
    }
}
