//! Closed intervals of integers and their arithmetic: the proof that nothing overflows.

use serde::{Deserialize, Serialize};
use std::fmt;

/// All integers from `lo` to `hi`, both included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// The least value.
    pub lo: i64,
    /// The greatest value.
    pub hi: i64,
}

impl Interval {
    /// The widest interval that a value may have, ±2⁶². Two such values still add up within an `i64`.
    pub const WIDEST: Self = Self { lo: -(1 << 62), hi: 1 << 62 };
    /// Zero or one.
    pub const BIT: Self = Self { lo: 0, hi: 1 };

    /// From `lo` to `hi`; `None` when empty or wider than [`Interval::WIDEST`].
    pub fn new(lo: i64, hi: i64) -> Option<Self> {
        Self::from_wide(i128::from(lo), i128::from(hi))
    }

    /// From `-limit` to `limit` (its absolute value, at most 2⁶²).
    pub fn symmetric(limit: i64) -> Self {
        let limit = limit.saturating_abs().min(Self::WIDEST.hi);
        Self { lo: limit.saturating_neg(), hi: limit }
    }

    fn from_wide(lo: i128, hi: i128) -> Option<Self> {
        let within = lo <= hi && lo >= i128::from(Self::WIDEST.lo) && hi <= i128::from(Self::WIDEST.hi);
        Some(Self { lo: i64::try_from(lo).ok()?, hi: i64::try_from(hi).ok()? }).filter(|_| within)
    }

    fn wide(self) -> (i128, i128) {
        (i128::from(self.lo), i128::from(self.hi))
    }

    fn hull(values: [i128; 4]) -> Option<Self> {
        Self::from_wide(values.into_iter().min()?, values.into_iter().max()?)
    }

    /// Whether `value` lies inside.
    pub const fn contains(self, value: i64) -> bool {
        self.lo <= value && value <= self.hi
    }

    /// Whether all of `other` lies inside.
    pub const fn covers(self, other: Self) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// The largest absolute value inside.
    pub fn magnitude(self) -> u64 {
        self.lo.unsigned_abs().max(self.hi.unsigned_abs())
    }

    /// The smallest interval around both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// All sums; `None` when wider than allowed, like all that follow.
    pub fn plus(self, other: Self) -> Option<Self> {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        Self::from_wide(a.checked_add(c)?, b.checked_add(d)?)
    }

    /// All differences.
    pub fn minus(self, other: Self) -> Option<Self> {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        Self::from_wide(a.checked_sub(d)?, b.checked_sub(c)?)
    }

    /// All products.
    pub fn times(self, other: Self) -> Option<Self> {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        Self::hull([a.checked_mul(c)?, a.checked_mul(d)?, b.checked_mul(c)?, b.checked_mul(d)?])
    }

    /// All sums of `count` members.
    pub fn sum_of(self, count: usize) -> Option<Self> {
        let (lo, hi) = self.wide();
        let count = i128::try_from(count).ok()?;
        Self::from_wide(lo.checked_mul(count)?, hi.checked_mul(count)?)
    }

    /// All roundings `(x + 2^(s-1)) >> s`, for `s` of 1 to 62.
    pub fn rescaled(self, bits: u32) -> Option<Self> {
        (1..=62).contains(&bits).then_some(())?;
        let half = 1i128.checked_shl(bits.checked_sub(1)?)?;
        let (lo, hi) = self.wide();
        Self::from_wide(lo.checked_add(half)? >> bits, hi.checked_add(half)? >> bits)
    }

    /// All members moved into `other`.
    #[must_use]
    pub fn clamped(self, other: Self) -> Self {
        Self { lo: self.lo.clamp(other.lo, other.hi), hi: self.hi.clamp(other.lo, other.hi) }
    }

    /// All roundings to nearest of quotients; `None` when `by` can be below 1.
    pub fn over(self, by: Self) -> Option<Self> {
        (by.lo >= 1).then_some(())?;
        let quotient = |a: i64, b: i64| super::fixed::divide(a, b).map(i128::from);
        Self::hull([
            quotient(self.lo, by.lo)?,
            quotient(self.lo, by.hi)?,
            quotient(self.hi, by.lo)?,
            quotient(self.hi, by.hi)?,
        ])
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.lo, self.hi)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::exact::fixed;
    use proptest::prelude::*;

    fn interval() -> impl Strategy<Value = (Interval, i64)> {
        (-(1i64 << 30)..1 << 30, 0i64..1 << 20, 0.0..1.0f64).prop_map(|(lo, width, at)| {
            let value = lo + (at * width as f64) as i64;
            (Interval::new(lo, lo + width).expect("ordered"), value)
        })
    }

    proptest! {
        #[test]
        fn results_of_members_are_members((a, x) in interval(), (b, y) in interval(), bits in 1u32..40, n in 1usize..100) {
            prop_assert!(a.plus(b).expect("fits").contains(x + y));
            prop_assert!(a.minus(b).expect("fits").contains(x - y));
            prop_assert!(a.times(b).expect("fits").contains(x * y));
            prop_assert!(a.sum_of(n).expect("fits").contains(x * n as i64));
            prop_assert!(a.rescaled(bits).expect("fits").contains(fixed::rescale(x, bits)));
            prop_assert!(a.clamped(b).contains(x.clamp(b.lo, b.hi)));
            let positive = Interval::new(1, b.magnitude() as i64 + 1).expect("ordered");
            let divisor = y.abs() + 1;
            prop_assert!(a.over(positive).expect("fits").contains(fixed::divide(x, divisor).expect("positive")));
        }
    }

    #[test]
    fn the_widest_is_the_limit() {
        assert_eq!(Interval::WIDEST.plus(Interval::BIT), None);
        assert_eq!(Interval::WIDEST.times(Interval::symmetric(2)), None);
        assert_eq!(Interval::new(1, 0), None);
        assert_eq!(Interval::new(i64::MIN, 0), None);
        assert_eq!(Interval::symmetric(i64::MIN), Interval::WIDEST);
        assert_eq!(Interval::symmetric(5).over(Interval::BIT), None);
    }
}
