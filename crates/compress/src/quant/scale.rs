//! The scale of a block: the upper half of an `f32`, zero or a positive normal number.
//!
//! Eight bits of mantissa leave room for fifteen more in an `f32`, so that scale times code is exact. A block scale costs
//! two bytes.

use crate::CompressError;

/// Upper half of a positive normal `f32`, or zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scale(u16);

/// The bits of infinity; what has no sign and is below is finite.
const INFINITE: u32 = 0x7f80_0000;
/// The least normal scale, 2⁻¹²⁶.
const LEAST: u16 = 0x0080;

/// Adding it rounds an `f32` below 2²² to an integer, ties to even, and leaves that integer in the lowest bits.
pub(crate) const INTEGER: f32 = 12_582_912.0;

impl Scale {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const LEAST: Self = Self(LEAST);

    /// The smallest scale that is at least `x` ≥ 0; infinite when there is none. Below the normal numbers it is the least of
    /// those, at 0 zero.
    pub(crate) fn at_least(x: f32) -> Self {
        Self::from_bits(x.to_bits(), 0xffff)
    }

    /// The nearest scale to `x` ≥ 0, otherwise as [`Self::at_least`].
    pub(crate) fn nearest(x: f32) -> Self {
        Self::from_bits(x.to_bits(), 0x7fff + (x.to_bits() >> 16 & 1))
    }

    fn from_bits(bits: u32, round: u32) -> Self {
        if bits == 0 { Self::ZERO } else { Self((((bits + round) >> 16) as u16).max(LEAST)) }
    }

    /// The largest scale whose product with `level` is finite.
    pub(crate) const fn largest(level: f32) -> Self {
        Self(((f32::MAX / level).to_bits() >> 16) as u16)
    }

    #[inline]
    pub(crate) fn value(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// (m, e) of the value m·2^e.
    pub(crate) fn parts(self) -> (i64, i32) {
        if self == Self::ZERO {
            return (0, 0);
        }
        (i64::from(self.0 & 0x7f | 0x80), i32::from(self.0 >> 7) - 127 - 7)
    }

    pub(crate) fn to_bytes(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }

    /// A scale from outside, at most `largest`.
    pub(crate) fn read(bytes: [u8; 2], largest: Self) -> Result<Self, CompressError> {
        let scale = Self(u16::from_le_bytes(bytes));
        if scale == Self::ZERO || (Self::LEAST..=largest).contains(&scale) {
            Ok(scale)
        } else {
            Err(CompressError::Malformed("a scale is neither zero nor a number in range"))
        }
    }
}

/// The largest magnitude of `values`, 0 for none.
///
/// Bits of magnitudes are ordered like the magnitudes; as integers they need no care for NaN, so the loop vectorises.
///
/// # Errors
/// The first value that is not finite.
#[inline]
pub(crate) fn largest(values: &[f32]) -> Result<f32, CompressError> {
    let bits = values.iter().fold(0, |most: u32, value| most.max(value.to_bits() & !(1 << 31)));
    if bits < INFINITE { Ok(f32::from_bits(bits)) } else { Err(not_finite(values)) }
}

#[cold]
fn not_finite(values: &[f32]) -> CompressError {
    CompressError::NotFinite { at: values.iter().position(|value| !value.is_finite()).unwrap_or_default() }
}

/// The first value of the largest magnitude has no place in the interval.
#[cold]
pub(crate) fn outside(values: &[f32], largest: f32) -> CompressError {
    CompressError::Interval { at: values.iter().position(|value| value.abs() >= largest).unwrap_or_default() }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_or_to_the_nearest() {
        for (x, up, near) in [(1.0, 1.0, 1.0), (1.001, 1.007_812_5, 1.0), (1.007, 1.007_812_5, 1.007_812_5)] {
            assert_eq!((Scale::at_least(x).value(), Scale::nearest(x).value()), (up, near), "{x}");
        }
        assert_eq!(Scale::nearest(257.0 / 256.0).value(), 1.0, "a tie goes to the even one");
        assert_eq!(Scale::nearest(259.0 / 256.0).value(), 1.015_625, "a tie goes to the even one");
        assert_eq!(Scale::at_least(0.0), Scale::ZERO);
        assert_eq!(Scale::at_least(1e-45), Scale::LEAST);
        assert_eq!(Scale::LEAST.value(), f32::MIN_POSITIVE);
        assert!(Scale::at_least(f32::MAX).value().is_infinite());
        let largest = Scale::largest(127.0);
        assert!(
            (largest.value() * 127.0).is_finite() && (Scale(largest.0 + 1).value() * 127.0).is_infinite()
        );
    }

    #[test]
    fn parts_multiply_to_the_value() {
        for scale in [1e-38, 0.3, 1.0, 7e37].map(Scale::at_least) {
            let (mantissa, exponent) = scale.parts();
            assert_eq!(mantissa as f64 * 2f64.powi(exponent), f64::from(scale.value()));
        }
        assert_eq!(Scale::ZERO.parts().0, 0);
    }

    #[test]
    fn scales_from_outside() {
        let largest = Scale::largest(1.0);
        for bits in [0, 0x0080, 0x3f80, 0x7f7f] {
            assert!(Scale::read(u16::to_le_bytes(bits), largest).is_ok(), "{bits:x}");
        }
        for bits in [1, 0x007f, 0x7f80, 0x7fc0, 0x8000, 0xbf80] {
            assert!(Scale::read(u16::to_le_bytes(bits), largest).is_err(), "{bits:x}");
        }
    }

    #[test]
    fn the_largest_magnitude() {
        assert_eq!(largest(&[1.0, -3.0, 2.0]).expect("finite"), 3.0);
        assert_eq!(largest(&[]).expect("finite"), 0.0);
        assert!(matches!(largest(&[1.0, f32::NAN, f32::INFINITY]), Err(CompressError::NotFinite { at: 1 })));
    }
}
