//! What a contest may pay.

use crate::State;
use bitneuron_core::Amount;
use bitneuron_market::BasisPoints;

/// What a contest of one goal may pay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purse {
    /// To candidates and examiners.
    pub gradient: Amount,
    /// To the sellers of what the candidates are made of.
    pub data: Amount,
}

/// The parts of what is released that go to training and to data.
const GRADIENT: BasisPoints = BasisPoints(4_000);
const DATA: BasisPoints = BasisPoints(3_000);

impl State {
    /// What the contest of each of so many goals may pay now: listed goals share alike, and what was not paid before is in it.
    pub fn contest_purse(&self, goals: usize) -> Purse {
        let budget = self.reward_budget();
        let goals = u128::try_from(goals).unwrap_or(u128::MAX);
        let share = |part: BasisPoints| Amount(part.floor_of(budget).0.checked_div(goals).unwrap_or(0));
        Purse { gradient: share(GRADIENT), data: share(DATA) }
    }
}
