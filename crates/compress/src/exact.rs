//! Decoding to integers, the same on every machine.
//!
//! What validators replay and vote on are weights as `i32` with 12 fractional bits. A codec whose packets decode to them
//! by integer arithmetic alone, in a fixed order, implements [`ExactDecoder`]; only such codecs are admitted on chain.
//! Rescaling is the network's: `rescale(x, s) = (x + 2^(s−1)) >> s`.

use crate::{CompressError, Compressor, Limits, Packet};
use bitneuron_core::Layout;
use bitneuron_core::exact::fixed::{self, WEIGHT_BITS, WEIGHT_LIMIT};
use std::sync::Arc;

/// A codec that decodes to the same integers on every machine.
///
/// Law: the integers are those of `decompress`, rounded to the fraction asked for, up to the rounding of factors (for
/// transforms: up to one unit of 2⁻¹² for well-scaled factors).
pub trait ExactDecoder: Compressor {
    /// The multiplications of decoding this packet, from its structure alone; those of a packet that is malformed do not
    /// matter. One for each element, unless a transform is undone.
    fn work(&self, packet: &Packet, expect: &Layout) -> u64 {
        let _ = packet;
        expect.len() as u64
    }

    /// Decodes to integers with `fraction` fractional bits (at most 24).
    ///
    /// # Errors
    /// As [`Compressor::decompress`]; also when a value does not fit an `i32`.
    fn decode_fixed(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError>;

    /// Decodes to weights for the chain: [`WEIGHT_BITS`] fractional bits, magnitude at most
    /// [`WEIGHT_LIMIT`].
    ///
    /// # Errors
    /// As [`ExactDecoder::decode_fixed`]; also when a weight is outside ±[`WEIGHT_LIMIT`].
    fn decompress_exact(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Vec<i32>, CompressError> {
        let weights = self.decode_fixed(packet, expect, limits, WEIGHT_BITS)?;
        match weights.iter().position(|weight| i64::from(weight.unsigned_abs()) > WEIGHT_LIMIT) {
            Some(at) => Err(CompressError::Interval { at }),
            None => Ok(weights),
        }
    }
}

/// `mantissa · 2^exponent` with `fraction` fractional bits, rounded by the network's rule; `None` when it does not fit.
pub(crate) fn fixed(mantissa: i64, exponent: i32, fraction: u32) -> Option<i32> {
    let shift = exponent.checked_add_unsigned(fraction)?;
    let scaled = if shift >= 0 {
        let factor = 1i64.checked_shl(shift.unsigned_abs()).filter(|factor| *factor > 0);
        match factor {
            Some(factor) => mantissa.checked_mul(factor)?,
            None if mantissa == 0 => 0,
            None => return None,
        }
    } else {
        rescale(mantissa, shift.unsigned_abs())?
    };
    i32::try_from(scaled).ok()
}

/// `(value + 2^(shift−1)) >> shift`; `None` when the sum overflows. A shift of 63 or more gives the limit, which is 0.
pub(crate) fn rescale(value: i64, shift: u32) -> Option<i64> {
    match shift {
        0 => Some(value),
        1..=62 => value.checked_add(1 << (shift - 1)).map(|_| fixed::rescale(value, shift)),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_like_the_network() {
        let cases = [
            (3, -1, 0, 2),
            (-3, -1, 0, -1),
            (5, -14, 12, 1),
            (-5, -14, 12, -1),
            (1, 0, 12, 4096),
            (7, -90, 12, 0),
        ];
        for (mantissa, exponent, fraction, expected) in cases {
            assert_eq!(fixed(mantissa, exponent, fraction), Some(expected), "{mantissa}·2^{exponent}");
        }
        assert_eq!(fixed(1, 31, 0), None);
        assert_eq!(fixed(-1, 31, 0), Some(i32::MIN));
        assert_eq!(fixed(1, 90, 12), None);
        assert_eq!(fixed(0, 90, 12), Some(0));
        assert_eq!(fixed(-7, -90, 12), Some(0));
    }
}
