//! From stake and reputation to voting weight: the paper's weighted vote, one line to swap.
//!
//! A rule for the block electorate must be *Sybil-neutral*: splitting a stake over several names must not gain
//! weight. That holds for rules linear in stake ([`Linear`], [`StakeReputation`]) and fails for concave ones
//! ([`SquareRoot`], [`Capped`]), which therefore say so and are refused by [`crate::Electorate::weighed`].
//! Weights count stake in quanta of 10⁶ units and carry 16 fractional bits:
//!
//! `w = ⌊stake / 10⁶⌋ · (65,536 + ⌊R/4⌋)`, so reputation is worth at most ×1.25 and three times the weight of the
//! whole supply stays below 2⁶⁴.

use bitneuron_core::{Amount, Reputation, Weight};

/// The weight of one quantum of stake without reputation.
const ONE: u128 = 1 << 16;

/// A rule for voting weights.
///
/// Laws (tested by `suite::weigh`): never lower for more stake or more reputation; reputation is worth at most
/// ×1.25; if it says to be Sybil-neutral, parts of a stake never weigh more than the whole.
pub trait Weigh: Send + Sync {
    /// The weight of a stake held with this reputation.
    fn weigh(&self, stake: Amount, reputation: Reputation) -> Weight;

    /// Whether splitting a stake gains nothing.
    fn sybil_neutral(&self) -> bool;

    /// The name of the rule.
    fn name(&self) -> &'static str;
}

const _: Option<&dyn Weigh> = None;

fn quanta(stake: Amount) -> u128 {
    stake.0.checked_div(Amount::QUANTUM.0).unwrap_or(0)
}

/// One plus a quarter of the reputation, in 16 fractional bits.
fn factor(reputation: Reputation) -> u128 {
    ONE.saturating_add(u128::from(reputation.0 / 4))
}

fn saturate(weight: u128) -> Weight {
    Weight(u64::try_from(weight).unwrap_or(u64::MAX))
}

/// Stake alone counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Linear;

impl Weigh for Linear {
    fn weigh(&self, stake: Amount, _: Reputation) -> Weight {
        saturate(quanta(stake).saturating_mul(ONE))
    }

    fn sybil_neutral(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "linear"
    }
}

/// Stake times a reputation factor between 1 and 1.25: the default.
///
/// An attacker with the highest reputation against fresh honest stake needs 28.6 % of the stake to reach a third
/// of the weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StakeReputation;

impl Weigh for StakeReputation {
    fn weigh(&self, stake: Amount, reputation: Reputation) -> Weight {
        saturate(quanta(stake).saturating_mul(factor(reputation)))
    }

    fn sybil_neutral(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "stake and reputation"
    }
}

/// The square root of the stake; not Sybil-neutral.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SquareRoot;

impl Weigh for SquareRoot {
    fn weigh(&self, stake: Amount, reputation: Reputation) -> Weight {
        saturate(quanta(stake).isqrt().saturating_mul(factor(reputation)))
    }

    fn sybil_neutral(&self) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        "square root"
    }
}

/// [`StakeReputation`] up to a ceiling per name; not Sybil-neutral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capped {
    /// The highest weight of one name.
    pub cap: Weight,
}

impl Weigh for Capped {
    fn weigh(&self, stake: Amount, reputation: Reputation) -> Weight {
        StakeReputation.weigh(stake, reputation).min(self.cap)
    }

    fn sybil_neutral(&self) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        "capped"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_golden() {
        let stake = Amount::tokens(3);
        assert_eq!(Linear.weigh(stake, Reputation::MAX), Weight(3_000 << 16));
        assert_eq!(StakeReputation.weigh(stake, Reputation(0)), Weight(3_000 << 16));
        assert_eq!(StakeReputation.weigh(stake, Reputation::MAX), Weight(3_000 * 81_919));
        assert_eq!(SquareRoot.weigh(Amount::tokens(9), Reputation(0)), Weight(94 << 16));
        assert_eq!(Capped { cap: Weight(5) }.weigh(stake, Reputation(0)), Weight(5));
        assert_eq!(Linear.weigh(Amount(999_999), Reputation::MAX), Weight(0));
    }

    #[test]
    fn three_times_the_whole_supply_fits() {
        let all = StakeReputation.weigh(Amount::SUPPLY, Reputation::MAX);
        assert!(u128::from(all.0) * 3 <= u128::from(u64::MAX));
        assert_eq!(Linear.weigh(Amount(u128::MAX), Reputation(0)), Weight(u64::MAX));
    }
}
