//! Votes: what a holder says, and what all said together.

use super::params::Rule;
use super::proposal::Outcome;
use bitneuron_core::Amount;
use bitneuron_market::BasisPoints;
use serde::{Deserialize, Serialize};

/// What a voter says to a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Choice {
    /// For it.
    Yes,
    /// Against it.
    No,
    /// Against it, and that it should never have come up.
    Veto,
    /// Neither, but there.
    Abstain,
}

impl Choice {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Yes, Self::No, Self::Veto, Self::Abstain];
}

/// The vote of one holder, which may be changed while votes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// What it says.
    pub choice: Choice,
    /// What it weighs: the tokens at the snapshot.
    pub weight: Amount,
}

/// All votes on a proposal, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes {
    /// For it.
    pub yes: Amount,
    /// Against it.
    pub no: Amount,
    /// Against it, and that it should never have come up.
    pub veto: Amount,
    /// Neither.
    pub abstain: Amount,
}

/// Whether `part` is more than a fraction of `whole`, or at least that.
fn exceeds(part: Amount, fraction: BasisPoints, whole: Amount, or_equal: bool) -> bool {
    // Amounts are below 2⁶⁴, so the products are exact.
    let (part, bound) = (part.0.saturating_mul(10_000), whole.0.saturating_mul(u128::from(fraction.0)));
    part > bound || (or_equal && part == bound)
}

impl Votes {
    const fn of(&mut self, choice: Choice) -> &mut Amount {
        match choice {
            Choice::Yes => &mut self.yes,
            Choice::No => &mut self.no,
            Choice::Veto => &mut self.veto,
            Choice::Abstain => &mut self.abstain,
        }
    }

    /// Counts a ballot.
    pub(super) fn add(&mut self, ballot: Ballot) {
        let sum = self.of(ballot.choice);
        *sum = sum.checked_add(ballot.weight).unwrap_or(Amount::SUPPLY);
    }

    /// Takes a ballot back.
    pub(super) fn remove(&mut self, ballot: Ballot) {
        let sum = self.of(ballot.choice);
        *sum = sum.saturating_sub(ballot.weight);
    }

    /// All of them.
    pub fn total(&self) -> Amount {
        Amount::sum([self.yes, self.no, self.veto, self.abstain]).unwrap_or(Amount::SUPPLY)
    }

    /// What stops a proposal of this rule on which so much could vote; `None` when it has passed.
    pub fn stops(&self, rule: &Rule, votable: Amount) -> Option<Outcome> {
        let all = self.total();
        let spoken = all.saturating_sub(self.abstain);
        match () {
            () if !exceeds(all, rule.quorum, votable, true) => Some(Outcome::NoQuorum),
            () if exceeds(self.veto, rule.veto, all, false) => Some(Outcome::Vetoed),
            () if !exceeds(self.yes, rule.yes, spoken, false) => Some(Outcome::Rejected),
            () => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::Params;
    use proptest::prelude::*;

    fn votes(yes: u64, no: u64, veto: u64, abstain: u64) -> Votes {
        let [yes, no, veto, abstain] = [yes, no, veto, abstain].map(Amount::tokens);
        Votes { yes, no, veto, abstain }
    }

    #[test]
    fn bounds_are_met_to_the_unit() {
        let rule = Params::mainnet().govern.param;
        let stops = |votes: Votes| votes.stops(&rule, Amount::tokens(1_000));
        assert_eq!(stops(votes(200, 0, 0, 0)), None, "a fifth is a quorum");
        let below = Votes { yes: Amount(Amount::tokens(200).0 - 1), ..Votes::default() };
        assert_eq!(stops(below), Some(Outcome::NoQuorum));
        assert_eq!(stops(votes(1, 0, 0, 199)), None, "abstentions make a quorum, not a majority");
        assert_eq!(stops(votes(100, 100, 0, 0)), Some(Outcome::Rejected), "half is no majority");
        assert_eq!(stops(votes(0, 0, 0, 200)), Some(Outcome::Rejected), "nobody wants it");
        // 334 of 1,000 are 33.4 %, which is not more.
        assert_eq!(stops(votes(666, 0, 334, 0)), None);
        assert_eq!(stops(votes(665, 0, 335, 0)), Some(Outcome::Vetoed));
        let upgrade = Params::mainnet().govern.upgrade;
        assert_eq!(votes(667, 333, 0, 0).stops(&upgrade, Amount::tokens(1_000)), Some(Outcome::Rejected));
        assert_eq!(votes(668, 332, 0, 0).stops(&upgrade, Amount::tokens(1_000)), None);
    }

    proptest! {
        #[test]
        fn more_yes_never_stops_and_more_against_never_helps(
            [yes, no, veto, abstain, more] in prop::array::uniform5(0u64..1_000_000),
        ) {
            let (rule, votable) = (Params::mainnet().govern.param, Amount::tokens(3_000_000));
            let passes = |votes: Votes| votes.stops(&rule, votable).is_none();
            let now = passes(votes(yes, no, veto, abstain));
            prop_assert!(!now || passes(votes(yes + more, no, veto, abstain)));
            // Among enough votes, to say no or veto where one said yes never makes it pass.
            let turned = more.min(yes);
            prop_assert!(now || !passes(votes(yes - turned, no + turned, veto, abstain)));
            prop_assert!(now || !passes(votes(yes - turned, no, veto + turned, abstain)));
        }
    }
}
