//! Tokens: checked integers in units of 10⁻⁹ token.
//!
//! The supply is 10¹⁰ tokens = 10¹⁹ units, so the product of any two amounts stays below 2¹²⁸ and every
//! pro-rata share `a·b/c` is the floor of an exact product.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An amount in units of 10⁻⁹ token. In JSON it is a decimal string, on the wire a 128-bit integer.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One token.
    pub const TOKEN: Self = Self(1_000_000_000);
    /// All tokens there are and ever will be.
    pub const SUPPLY: Self = Self(10_000_000_000 * Self::TOKEN.0);
    /// The quantum in which stake moves.
    pub const QUANTUM: Self = Self(1_000_000);

    /// A whole number of tokens, saturating (which no number below 2⁶⁴ does).
    pub const fn tokens(tokens: u64) -> Self {
        Self((tokens as u128).saturating_mul(Self::TOKEN.0))
    }

    /// The sum, or `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` when `other` is larger.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// The difference, or zero when `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The floor of `self · numerator / denominator`; `None` on overflow or a denominator of zero.
    #[must_use]
    pub const fn mul_div(self, numerator: u128, denominator: u128) -> Option<Self> {
        match self.0.checked_mul(numerator) {
            Some(product) => match product.checked_div(denominator) {
                Some(quotient) => Some(Self(quotient)),
                None => None,
            },
            None => None,
        }
    }

    /// The sum of many, or `None` on overflow.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Splits this amount in proportion to `parts`; the pieces sum to it exactly.
    ///
    /// Each part first gets its floor; the units left over go to the largest remainders, ties to the lower
    /// index (callers order parts by id). `None` when all parts are zero or a product overflows, as it cannot
    /// for amounts and weights within the supply.
    ///
    /// ```
    /// use bitneuron_core::Amount;
    /// let shares = Amount(10).split(&[1, 1, 1]).expect("not all zero");
    /// assert_eq!(shares, [Amount(4), Amount(3), Amount(3)]);
    /// ```
    pub fn split(self, parts: &[u128]) -> Option<Vec<Self>> {
        let total = parts.iter().try_fold(0u128, |sum, part| sum.checked_add(*part))?;
        let mut pieces = Vec::with_capacity(parts.len());
        let mut remainders = Vec::with_capacity(parts.len());
        let mut rest = self;
        for (index, part) in parts.iter().enumerate() {
            let product = self.0.checked_mul(*part)?;
            let piece = Self(product.checked_div(total)?);
            remainders.push((product.checked_rem(total)?, index));
            rest = rest.checked_sub(piece)?;
            pieces.push(piece);
        }
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, index) in remainders.into_iter().take(usize::try_from(rest.0).ok()?) {
            let piece = pieces.get_mut(index)?;
            *piece = piece.checked_add(Self(1))?;
        }
        Some(pieces)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / Self::TOKEN.0, self.0 % Self::TOKEN.0);
        if part == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{part:09}").trim_end_matches('0'))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} tokens")
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&self.0)
        } else {
            serializer.serialize_u128(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map(Self).map_err(serde::de::Error::custom)
        } else {
            u128::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn display_is_in_tokens() {
        assert_eq!(Amount(1_500_000_000).to_string(), "1.5");
        assert_eq!(Amount(1).to_string(), "0.000000001");
        assert_eq!(Amount::SUPPLY.to_string(), "10000000000");
    }

    proptest! {
        #[test]
        fn split_conserves_and_is_fair(amount in 0..=Amount::SUPPLY.0, parts in prop::collection::vec(0..u128::from(u64::MAX), 1..20)) {
            let amount = Amount(amount);
            let total: u128 = parts.iter().sum();
            match amount.split(&parts) {
                None => prop_assert_eq!(total, 0),
                Some(pieces) => {
                    prop_assert_eq!(Amount::sum(pieces.iter().copied()), Some(amount));
                    for (piece, part) in pieces.iter().zip(&parts) {
                        let floor = amount.mul_div(*part, total).expect("bounded");
                        prop_assert!(*piece == floor || piece.0 == floor.0 + 1);
                    }
                }
            }
        }
    }
}
