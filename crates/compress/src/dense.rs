//! Parameters as they are: `f32`, little endian, one part of 4·n bytes for each tensor of n elements.
//!
//! Weights with 12 fractional bits inside the chain's interval are `f32` numbers without rounding, so this codec carries
//! a committed model without loss. A value has one encoding; infinities and NaN have none.

use crate::{
    CodecId, CompressError, Compressor, ErrorBound, ExactDecoder, Limits, Packet, Properties, exact::fixed,
};
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// The codec that changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dense;

/// The tensors of `params` in order, as slices of the flat buffer.
pub(crate) fn tensors(params: &Params) -> impl Iterator<Item = &[f32]> {
    (0..params.layout().entries().len())
        .filter_map(|index| params.values().get(params.layout().range(index)?))
}

/// The index of the first value that is not finite is an error.
pub(crate) fn check_finite(values: &[f32]) -> Result<(), CompressError> {
    // The first pass has no early exit, so that it vectorises; the second runs only where there is something to name.
    if values.iter().fold(true, |all, value| all & value.is_finite()) {
        return Ok(());
    }
    let at = values.iter().position(|value| !value.is_finite()).unwrap_or_default();
    Err(CompressError::NotFinite { at })
}

/// The index of the first of `sums + weight · values` that is not finite is an error.
pub(crate) fn check_sums(sums: &[f32], weight: f32, values: &[f32]) -> Result<(), CompressError> {
    let sums = || sums.iter().zip(values).map(|(sum, value)| sum + weight * value);
    // As above.
    if sums().fold(true, |all, sum| all & sum.is_finite()) {
        return Ok(());
    }
    Err(CompressError::NotFinite { at: sums().position(|sum| !sum.is_finite()).unwrap_or_default() })
}

/// `sums ← sums + weight · values`.
pub(crate) fn add(sums: &mut [f32], weight: f32, values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
}

impl Compressor for Dense {
    fn codec(&self) -> CodecId {
        CodecId::DENSE
    }

    fn properties(&self) -> Properties {
        Properties::LOSSLESS
    }

    fn error(&self) -> ErrorBound {
        ErrorBound::Lossless
    }

    fn compress(&self, params: &Params, _seed: Seed) -> Result<Packet, CompressError> {
        check_finite(params.values())?;
        let part = |tensor: &[f32]| {
            let mut bytes = vec![0; 4 * tensor.len()];
            let places = bytes.as_chunks_mut::<4>().0;
            places.iter_mut().zip(tensor).for_each(|(place, value)| *place = value.to_le_bytes());
            bytes
        };
        Packet::new(self.codec(), params.layout().digest(), tensors(params).map(part).collect())
    }

    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        let parts = self.open(packet, expect, limits)?;
        let mut values = Vec::with_capacity(expect.len());
        for part in parts {
            values.extend(part.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        }
        check_finite(&values)?;
        Ok(Params::new(values, expect.clone())?)
    }
}

impl Dense {
    /// Checks everything but finiteness, then reads.
    fn open<'a>(
        self,
        packet: &'a Packet,
        expect: &Layout,
        limits: Limits,
    ) -> Result<impl Iterator<Item = &'a [[u8; 4]]> + 'a, CompressError> {
        packet.check(self.codec(), expect, limits)?;
        let parts = packet.parts_of(expect)?;
        for (part, (bytes, entry)) in parts.iter().zip(expect.entries()).enumerate() {
            let expected = 4 * entry.elements().unwrap_or_default() as u64;
            if bytes.len() as u64 != expected {
                return Err(CompressError::PartLength { part, found: bytes.len(), expected });
            }
        }
        Ok(parts.iter().map(|part| part.as_chunks::<4>().0))
    }
}

impl ExactDecoder for Dense {
    fn decode_fixed(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        let values = self.open(packet, expect, limits)?.flatten().map(|bytes| f32::from_le_bytes(*bytes));
        let integers = values.enumerate().map(|(at, value)| {
            let (mantissa, exponent) = parts_of_float(value).ok_or(CompressError::NotFinite { at })?;
            fixed(mantissa, exponent, fraction).ok_or(CompressError::Interval { at })
        });
        integers.collect()
    }
}

/// Sign and mantissa m < 2²⁴, and exponent e, of `value = m · 2^e`, read from its bits; `None` when it is not finite.
pub(crate) fn parts_of_float(value: f32) -> Option<(i64, i32)> {
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 0xff) as i32;
    let fraction = i64::from(bits & 0x7f_ffff);
    let (mantissa, exponent) = match exponent {
        0 => (fraction, -149),
        255 => return None,
        _ => (fraction | 1 << 23, exponent - 150),
    };
    Some((if value.is_sign_negative() { -mantissa } else { mantissa }, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, test_runner::RngSeed};

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bits_are_read_exactly(value in any::<f32>().prop_filter("finite", |x| x.is_finite())) {
            let (mantissa, exponent) = parts_of_float(value).expect("finite");
            // Both factors and the product are exact in f64.
            let product = mantissa as f64 * 2f64.powi(exponent);
            prop_assert_eq!(product.abs().to_bits(), f64::from(value).abs().to_bits());
            prop_assert!(mantissa == 0 || value.is_sign_negative() == (mantissa < 0));
        }
    }

    #[test]
    fn infinite_is_refused() {
        assert_eq!(parts_of_float(f32::NAN), None);
        assert_eq!(parts_of_float(f32::NEG_INFINITY), None);
        let layout = Arc::new(Layout::of(&[("w", &[3])]).expect("small"));
        let params = Params::new(vec![1.0, f32::NAN, 2.0], layout).expect("fits");
        let refused = Dense.compress(&params, Seed::default());
        assert!(matches!(refused, Err(CompressError::NotFinite { at: 1 })));
    }
}
