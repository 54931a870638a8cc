//! Kept values as they are, or as a byte each.
//!
//! The bits of a float without its sign grow with its magnitude. The byte keeps the upper ones: with m bits of the
//! fraction, q = round(bits / 2^(23−m)), a number of floating point with 8 exponent bits of which only the range in
//! use is sent:
//!
//! ```text
//! |x̂| = the float with the bits (base + code) · 2^(23−m),    0 ≤ code < 128,    0 ≤ m ≤ 7
//! ```
//! m is as large as the span of the kept magnitudes allows; the error of a value is at most 2^−(m+1) of it (m = 6
//! where the largest is less than four times the least). What is 2¹²⁷ times smaller than the largest vanishes.
//!
//! ```text
//! form u8 = 255 · positions with 32 bits of f32 each
//! form u8 = m   · base u16 · positions with 8 bits each: code, sign in the highest bit
//! ```
//! ([`super::gaps`] has the positions.) One encoding: a kept value is not zero, the least code is 0, and one of the
//! magnitudes is odd unless m is 0.

use super::{
    entries::Entries,
    gaps::{self, Kept},
};
use crate::{CompressError, reader::Reader};

/// How kept values travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// As `f32`.
    #[default]
    Full,
    /// As a sign and seven bits of floating point, whose exponent range fits the values kept.
    Byte,
}

/// The form of values as they are.
const FULL: u8 = 255;
/// The most bits of the fraction in a byte.
const MOST_FRACTION: u32 = 7;
const SIGN: u32 = 0x80;
const CODES: u32 = 0x80;
const LARGEST: u32 = 0x7f7f_ffff;

impl Precision {
    /// The largest share of its square that a kept value loses: the relative error is below 1/2, also next to the largest
    /// `f32`.
    pub(crate) fn loss(self) -> f64 {
        match self {
            Self::Full => 0.0,
            Self::Byte => 0.25,
        }
    }

    /// Appends the kept values, which are finite and not zero; nothing when none is left.
    pub(crate) fn write(self, kept: &[(u32, f32)], out: &mut Vec<u8>) {
        if kept.is_empty() {
            return;
        }
        match self {
            Self::Full => {
                out.push(FULL);
                let bits: Vec<_> = kept.iter().map(|(at, value)| (*at, value.to_bits())).collect();
                gaps::write(&bits, 32, out);
            }
            Self::Byte => write_bytes(kept, out),
        }
    }
}

/// The bits of a magnitude, rounded to `fraction` bits of the fraction.
fn rounded(value: f32, fraction: u32) -> u32 {
    let shift = 23 - fraction;
    let bits = value.abs().to_bits();
    ((bits + (1 << shift >> 1)) >> shift).min(LARGEST >> shift)
}

fn write_bytes(kept: &[(u32, f32)], out: &mut Vec<u8>) {
    let magnitudes = || kept.iter().map(|(_, value)| value.abs());
    let (least, most) = (magnitudes().fold(f32::MAX, f32::min), magnitudes().fold(0.0, f32::max));
    let fits = |fraction: &u32| rounded(most, *fraction) - rounded(least, *fraction) < CODES;
    let mut fraction = (0..=MOST_FRACTION).rev().find(fits).unwrap_or(0);
    let floor = (rounded(most, fraction) + 1).saturating_sub(CODES).max(1);
    let mut codes: Vec<(u32, bool, u32)> = kept
        .iter()
        .map(|(at, value)| (*at, value.is_sign_negative(), rounded(*value, fraction)))
        .filter(|(_, _, magnitude)| *magnitude >= floor)
        .collect();
    // In lowest terms.
    let common = codes.iter().map(|(_, _, magnitude)| magnitude.trailing_zeros()).min().unwrap_or(0);
    let common = common.min(fraction);
    fraction -= common;
    codes.iter_mut().for_each(|(_, _, magnitude)| *magnitude >>= common);
    let Some(base) = codes.iter().map(|(_, _, magnitude)| *magnitude).min() else { return };
    out.push(fraction as u8);
    out.extend((base as u16).to_le_bytes());
    let byte = |negative: bool, magnitude: u32| (magnitude - base) | if negative { SIGN } else { 0 };
    let codes: Vec<_> =
        codes.into_iter().map(|(at, negative, magnitude)| (at, byte(negative, magnitude))).collect();
    gaps::write(&codes, 8, out);
}

/// Reads what [`Precision::write`] wrote of a tensor of `elements` values that begins at `first`.
pub(crate) fn read(
    bytes: &[u8],
    elements: usize,
    first: usize,
    entries: &mut Entries,
) -> Result<(), CompressError> {
    let mut reader = Reader::new(bytes);
    let form = reader.u8()?;
    if form == FULL {
        let kept = Kept::open(reader.take(reader.left())?, elements, 32)?;
        entries.reserve(kept.count());
        return kept.read(|at, bits| {
            let value = f32::from_bits(bits);
            if value == 0.0 {
                return Err(CompressError::Malformed("a kept value is zero"));
            }
            entries.push(first + at as usize, value)
        });
    }
    if u32::from(form) > MOST_FRACTION {
        return Err(CompressError::Malformed("the form of kept values is not known"));
    }
    let (fraction, base) = (u32::from(form), u32::from(reader.u16()?));
    let kept = Kept::open(reader.take(reader.left())?, elements, 8)?;
    entries.reserve(kept.count());
    let (mut least, mut any_odd) = (CODES, false);
    kept.read(|at, byte| {
        let code = byte & (CODES - 1);
        least = least.min(code);
        any_odd |= (base + code) % 2 == 1;
        // At most 2¹⁶ + 127, shifted by 16 to 23: beyond the largest float is refused below.
        let bits = u64::from(base + code) << (23 - fraction);
        if bits == 0 || bits > u64::from(LARGEST) {
            return Err(CompressError::Malformed("a kept value is zero or too large"));
        }
        let magnitude = f32::from_bits(bits as u32);
        entries.push(first + at as usize, if byte & SIGN == 0 { magnitude } else { -magnitude })
    })?;
    if least > 0 || fraction > 0 && !any_odd {
        return Err(CompressError::Malformed("kept values are not in lowest terms"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::Layout;
    use proptest::{prelude::*, test_runner::RngSeed};
    use std::sync::Arc;

    fn read_back(bytes: &[u8], elements: usize) -> Result<Vec<f32>, CompressError> {
        let layout = Arc::new(Layout::of(&[("w", &[elements as u32])]).expect("small"));
        let mut entries = Entries::default();
        read(bytes, elements, 0, &mut entries)?;
        Ok(entries.dense(&layout)?.into_values())
    }

    fn written(precision: Precision, values: &[f32]) -> Vec<u8> {
        let kept: Vec<_> = (0..).zip(values.iter().copied()).filter(|(_, value)| value.abs() > 0.0).collect();
        let mut bytes = Vec::new();
        precision.write(&kept, &mut bytes);
        bytes
    }

    fn finite() -> impl Strategy<Value = f32> {
        any::<f32>().prop_filter("finite and not zero", |x| x.is_finite() && *x != 0.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn full_values_come_back(values in prop::collection::vec(finite(), 1..40)) {
            let bytes = written(Precision::Full, &values);
            let back = read_back(&bytes, values.len()).expect("own bytes");
            prop_assert!(back.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits()));
        }

        #[test]
        fn bytes_are_close(values in prop::collection::vec(finite(), 1..40)) {
            let back = read_back(&written(Precision::Byte, &values), values.len()).expect("own bytes");
            let largest = values.iter().fold(0f32, |most, x| most.max(x.abs()));
            for (a, b) in values.iter().zip(&back) {
                let error = (f64::from(*a) - f64::from(*b)).abs();
                let slack = f64::from(largest) * 2f64.powi(-126) + f64::from(f32::MIN_POSITIVE);
                prop_assert!(error <= 0.5 * f64::from(a.abs()) + slack, "{} {}", a, b);
            }
        }

        #[test]
        fn a_narrow_span_is_fine(values in prop::collection::vec(1.0f32..3.9, 1..40)) {
            let back = read_back(&written(Precision::Byte, &values), values.len()).expect("own bytes");
            prop_assert!(values.iter().zip(&back).all(|(a, b)| (a - b).abs() <= a * 2f32.powi(-7)));
        }

        #[test]
        fn bytes_have_one_encoding(values in prop::collection::vec(finite(), 1..10), narrow in prop::collection::vec(1.0f32..8.0, 1..10), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            for values in [values, narrow] {
                let mut mutant = written(Precision::Byte, &values);
                for changed in [false, true] {
                    if changed {
                        let at = at.index(mutant.len());
                        mutant[at] ^= 1 << bit;
                    }
                    if let Ok(back) = read_back(&mutant, 12) {
                        // A byte of values that came from bytes loses nothing, so the bytes are the same again.
                        let again = written(if mutant[0] == FULL { Precision::Full } else { Precision::Byte }, &back);
                        prop_assert_eq!(&again, &mutant);
                    }
                }
            }
        }
    }
}
