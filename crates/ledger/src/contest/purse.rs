//! What a contest may pay.

use crate::State;
use bitneuron_core::Amount;

/// What a contest of one goal may pay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purse {
    /// To candidates and examiners: its part of the gradient slice.
    pub gradient: Amount,
    /// To the sellers of what the candidates are made of: its part of the data slice.
    pub data: Amount,
    /// To the same: its part of the users' fees.
    pub users: Amount,
}

impl State {
    /// What the contest of each of so many goals may pay now: listed goals share alike.
    pub fn contest_purse(&self, goals: usize) -> Purse {
        let goals = u128::try_from(goals).unwrap_or(u128::MAX);
        let share = |pool: Amount| Amount(pool.0.checked_div(goals).unwrap_or(0));
        let pools = &self.pools;
        Purse { gradient: share(pools.gradient), data: share(pools.data), users: share(pools.users) }
    }
}
