//! How heavy a voice is: reputation, voting weight and shares, all integers.

use serde::{Deserialize, Serialize};

/// Proven behaviour, 0 (a newcomer) to 65,535.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reputation(pub u16);

impl Reputation {
    /// The highest reputation.
    pub const MAX: Self = Self(u16::MAX);
}

/// A voting weight. An electorate keeps the sum of its weights below 2⁶⁴ / 3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Weight(pub u64);

impl Weight {
    /// The sum of many, in 128 bits so that it cannot overflow.
    pub fn sum(weights: impl IntoIterator<Item = Self>) -> u128 {
        weights.into_iter().map(|weight| u128::from(weight.0)).sum()
    }
}

/// A share of a whole in units of 1/65,536.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Share(pub u32);

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(1 << 16);

    /// This share as a fraction of one.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE.0)
    }

    /// Divides the whole in proportion to `parts`; the shares sum to [`Share::ONE`] exactly.
    ///
    /// Completed by largest remainder, ties to the lower index. Where all parts are zero the first takes all;
    /// no parts give no shares.
    pub fn divide(parts: &[u64]) -> Vec<Self> {
        let wide: Vec<u128> = parts.iter().map(|part| u128::from(*part)).collect();
        match crate::Amount(u128::from(Self::ONE.0)).split(&wide) {
            Some(pieces) => {
                pieces.into_iter().map(|piece| Self(u32::try_from(piece.0).unwrap_or(Self::ONE.0))).collect()
            }
            None => (0..parts.len()).map(|index| if index == 0 { Self::ONE } else { Self::ZERO }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_sum_to_one(parts in prop::collection::vec(any::<u64>(), 1..50)) {
            let shares = Share::divide(&parts);
            prop_assert_eq!(shares.iter().map(|share| share.0).sum::<u32>(), Share::ONE.0);
        }
    }
}
