//! How the price of a settled deal is divided, and the least bond of an offer.
//!
//! Shares are in basis points, 1 bp = 1/10,000. Every part but the last is the floor of the exact product and the
//! treasury takes the remainder, so the parts sum to the price to the unit:
//!
//! ```text
//! seller = ⌊P·s/10⁴⌋      judges = ⌊P·j/10⁴⌋      treasury = P − seller − judges
//! bond ≥ max(⌈ask·b/10⁴⌉, floor)
//! ```

use crate::error::ParamsError;
use bitneuron_core::Amount;
use serde::{Deserialize, Serialize};

/// A fraction in units of 1/10,000. More than the whole counts as the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BasisPoints(pub u16);

impl BasisPoints {
    /// The whole.
    pub const WHOLE: Self = Self(10_000);

    /// The floor of this fraction of an amount, exact for every amount.
    #[must_use]
    pub fn floor_of(self, amount: Amount) -> Amount {
        let (part, whole) = (u128::from(self.0.min(Self::WHOLE.0)), u128::from(Self::WHOLE.0));
        // amount = q·10⁴ + r with r < 10⁴: neither q·part ≤ amount nor r·part < 10⁸ can overflow.
        let (quotient, remainder) = (amount.0.div_euclid(whole), amount.0.rem_euclid(whole));
        let rest = remainder.saturating_mul(part).div_euclid(whole);
        Amount(quotient.saturating_mul(part).saturating_add(rest))
    }

    /// The ceiling of this fraction of an amount.
    #[must_use]
    pub fn ceil_of(self, amount: Amount) -> Amount {
        amount.saturating_sub(Self(Self::WHOLE.0.saturating_sub(self.0)).floor_of(amount))
    }
}

/// The least bond of an offer, for each unit: a part of the ask and a floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondRule {
    /// The part of the ask.
    pub part: BasisPoints,
    /// The floor.
    pub floor: Amount,
}

impl Default for BondRule {
    /// 10 % of the ask and at least one token.
    fn default() -> Self {
        Self { part: BasisPoints(1_000), floor: Amount::TOKEN }
    }
}

impl BondRule {
    /// The least bond for this ask.
    pub fn least(&self, ask: Amount) -> Amount {
        self.part.ceil_of(ask).max(self.floor)
    }
}

/// Who gets which part of the price of a settled deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeSplit {
    /// The seller.
    pub seller: BasisPoints,
    /// The validators who judged, by weight.
    pub judges: BasisPoints,
    /// The treasury, which also takes what rounding leaves.
    pub treasury: BasisPoints,
}

impl Default for FeeSplit {
    /// 90 % seller, 5 % judges, 5 % treasury.
    fn default() -> Self {
        Self { seller: BasisPoints(9_000), judges: BasisPoints(500), treasury: BasisPoints(500) }
    }
}

/// The parts of one price. They sum to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// The seller's.
    pub seller: Amount,
    /// The judges'.
    pub judges: Amount,
    /// The treasury's.
    pub treasury: Amount,
}

impl FeeSplit {
    /// The least that the network keeps, judges and treasury together: what makes trading with oneself a loss.
    pub const LEAST_KEPT: BasisPoints = BasisPoints(300);

    /// Checks that the parts make a whole and that the network keeps at least [`Self::LEAST_KEPT`].
    ///
    /// # Errors
    /// They do not.
    pub fn validate(&self) -> Result<(), ParamsError> {
        let kept = u32::from(self.judges.0).saturating_add(u32::from(self.treasury.0));
        let whole = kept.saturating_add(u32::from(self.seller.0));
        if whole != u32::from(BasisPoints::WHOLE.0) {
            return Err(ParamsError::Split(whole));
        }
        if kept < u32::from(Self::LEAST_KEPT.0) {
            return Err(ParamsError::Kept(kept));
        }
        Ok(())
    }

    /// Divides a price.
    pub fn divide(&self, price: Amount) -> Shares {
        let seller = self.seller.floor_of(price);
        let rest = price.saturating_sub(seller);
        // A split that was never validated still pays out no more than the price.
        let judges = self.judges.floor_of(price).min(rest);
        Shares { seller, judges, treasury: rest.saturating_sub(judges) }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the oracle stays within its limbs")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fractions_are_exact(amount in any::<u128>(), bp in 0..=10_000u16) {
            let part = BasisPoints(bp);
            // The oracle works in two limbs, for the product may need 142 bits.
            let (high, low) = (amount >> 64, amount & u128::from(u64::MAX));
            let high = high * u128::from(bp);
            let (quotient, remainder) = (high / 10_000, high % 10_000);
            let low = (remainder << 64) + low * u128::from(bp);
            let floor = (quotient << 64) + low / 10_000;
            prop_assert_eq!(part.floor_of(Amount(amount)), Amount(floor));
            prop_assert_eq!(part.ceil_of(Amount(amount)), Amount(floor + u128::from(low % 10_000 > 0)));
        }

        #[test]
        fn parts_sum_to_the_price(price in any::<u128>(), seller in any::<u16>(), judges in any::<u16>()) {
            let split =
                FeeSplit { seller: BasisPoints(seller), judges: BasisPoints(judges), ..FeeSplit::default() };
            let shares = split.divide(Amount(price));
            let sum = Amount::sum([shares.seller, shares.judges, shares.treasury]);
            prop_assert_eq!(sum, Some(Amount(price)));
        }
    }

    #[test]
    fn the_least_bond_is_a_tenth_and_a_token() {
        let rule = BondRule::default();
        assert_eq!(rule.least(Amount::tokens(10)), Amount::TOKEN);
        assert_eq!(rule.least(Amount::tokens(25)), Amount(2_500_000_000));
        assert_eq!(rule.least(Amount(10_000_000_001)), Amount(1_000_000_001));
        assert_eq!(rule.least(Amount::ZERO), Amount::TOKEN);
    }

    #[test]
    fn splits_are_bounded() {
        assert_eq!(FeeSplit::default().validate(), Ok(()));
        let of = |seller, judges, treasury| {
            let [seller, judges, treasury] = [seller, judges, treasury].map(BasisPoints);
            FeeSplit { seller, judges, treasury }.validate()
        };
        assert_eq!(of(9_000, 500, 499), Err(ParamsError::Split(9_999)));
        assert_eq!(of(9_701, 299, 0), Err(ParamsError::Kept(299)));
        assert_eq!(of(9_700, 0, 300), Ok(()));
        assert_eq!(of(10_000, u16::MAX, 1), Err(ParamsError::Split(75_536)));
    }
}
