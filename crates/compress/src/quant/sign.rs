//! Signs and one scale: one bit for each value.
//!
//! ```text
//! x̂ = ±s,    s = Σ|x| / n
//! ```
//! The mean magnitude is the scale of least error, ‖x − x̂‖² = ‖x‖² − n s² (Bernstein et al., arXiv 1802.04434; with the
//! scale: Karimireddy et al., arXiv 1901.09847). The error may be nearly as large as x; what is left out belongs into the
//! next round.
//!
//! Part of n > 0 elements:
//!
//! ```text
//! s f32 (not negative, not −0) · ⌈n/8⌉ bytes, bit i mod 8 of byte ⌊i/8⌋ set where x̂ᵢ < 0
//! ```
//! One encoding: bits behind the signs are zero, and all are when s is.

use super::{
    scale::largest,
    tensorwise::{self, Integerwise, Part, Tensorwise, compressor, exact_decoder},
};
use crate::{CodecId, CompressError, ErrorBound, Properties, dense::parts_of_float, reader::Reader};
use bitneuron_core::{Params, Seed};

/// Signs, scaled by the mean magnitude of the tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sign;

impl Sign {
    fn encode_tensor(values: &[f32]) -> Result<Vec<u8>, CompressError> {
        let most = largest(values)?;
        // Sums of chunks first: in one order, and exact enough for any length.
        let magnitudes = |values: &[f32]| values.iter().map(|value| f64::from(value.abs())).sum::<f64>();
        let mean = values.chunks(64).map(magnitudes).sum::<f64>() / values.len() as f64;
        let scale = (mean as f32).min(most);
        let mut part = scale.to_le_bytes().to_vec();
        if scale == 0.0 {
            part.resize(4 + values.len().div_ceil(8), 0);
            return Ok(part);
        }
        part.extend(values.chunks(8).map(|values| {
            let signs = values.iter().zip(0..).map(|(value, bit)| u8::from(*value < 0.0) << bit);
            signs.fold(0, |byte, sign| byte | sign)
        }));
        Ok(part)
    }
}

/// The scale and signs of one tensor.
#[derive(Debug)]
pub(crate) struct Tensor<'a> {
    elements: usize,
    scale: f32,
    signs: &'a [u8],
}

impl Tensorwise for Sign {
    type Parsed<'a> = Tensor<'a>;

    fn id(&self) -> CodecId {
        CodecId::SIGN
    }

    /// The contraction ‖x‖₁² / (n‖x‖²) is at least 1/n: nothing that could be promised for every tensor.
    fn promises(&self) -> Properties {
        Properties::default()
    }

    /// Within the largest magnitude of all parameters.
    fn error(&self) -> ErrorBound {
        ErrorBound::Maximum(1.0)
    }

    fn encode(&self, params: &Params, _seed: Seed) -> Result<Vec<Vec<u8>>, CompressError> {
        tensorwise::each(params, |_, values| Self::encode_tensor(values))
    }

    fn parse<'a>(&self, part: Part<'a>) -> Result<Self::Parsed<'a>, CompressError> {
        part.expect_len(4 + part.elements.div_ceil(8) as u64)?;
        let mut reader = Reader::new(part.bytes);
        let scale = f32::from_le_bytes(reader.array()?);
        if !scale.is_finite() || scale.is_sign_negative() {
            return Err(CompressError::Malformed("the scale is negative or not finite"));
        }
        let signs = reader.take(reader.left())?;
        let used = part.elements % 8;
        if used > 0 && signs.last().is_some_and(|last| last >> used != 0) {
            return Err(CompressError::Malformed("the bits behind the signs are not zero"));
        }
        if scale == 0.0 && signs.iter().any(|byte| *byte != 0) {
            return Err(CompressError::Malformed("signs of zeros"));
        }
        Ok(Tensor { elements: part.elements, scale, signs })
    }

    fn decode(&self, parsed: &Self::Parsed<'_>, into: &mut [f32]) -> Result<(), CompressError> {
        let scale = parsed.scale.to_bits();
        for (values, byte) in into.chunks_mut(8).zip(parsed.signs) {
            let signs = values.iter_mut().zip(0..);
            signs.for_each(|(value, bit)| *value = f32::from_bits(scale | u32::from(byte >> bit & 1) << 31));
        }
        Ok(())
    }
}

impl Integerwise for Sign {
    fn integers(
        &self,
        parsed: &Self::Parsed<'_>,
        take: &mut dyn FnMut(i64, i32) -> Result<(), CompressError>,
    ) -> Result<(), CompressError> {
        let (mantissa, exponent) = parts_of_float(parsed.scale).unwrap_or_default();
        let signs = parsed.signs.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        signs
            .take(parsed.elements)
            .try_for_each(|negative| take(if negative { -mantissa } else { mantissa }, exponent))
    }
}

compressor!([] Sign);
exact_decoder!([] Sign);
