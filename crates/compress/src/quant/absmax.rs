//! Block absmax: eight or four bits for each value, one scale for each block.
//!
//! A block of 256 (eight bits) or 64 values (four bits) has scale s, the least number of eight mantissa bits that is at
//! least max |x| / L, with L = 127 or 7 (Dettmers et al., arXiv 2110.02861, with a linear code):
//!
//! ```text
//! x̂ = s · code,    −L ≤ code ≤ L
//! ```
//! The product has at most 15 bits, so it is an `f32` without any rounding, and the integers for the chain are one shift
//! away. Rounding is to nearest (error at most s/2) or stochastic (at most s, mean right) with the words of [`Draws`]
//! under the label `"absmax"`. Bits for each value: 8 + 16/256 = 8.0625, or 4 + 16/64 = 4.25.
//!
//! Part of n > 0 elements:
//!
//! ```text
//! ⌈n/block⌉ × scale u16 (the upper half of an f32: zero, or positive and normal) · codes
//! eight bits: i8;  four bits: two's complement, of each block byte j holds code j below, code j + ⌈m/2⌉ above
//! ```
//! One encoding: a block has scale 0 exactly when all its codes are 0, and −L − 1 is no code.

use super::{
    Rounding, draw,
    draw::{Draws, Stream},
    nibble,
    scale::{INTEGER, Scale, largest, outside},
    tensorwise::{self, Integerwise, Part, Tensorwise, compressor, exact_decoder},
};
use crate::{CodecId, CompressError, ErrorBound, Properties};
use bitneuron_core::{Params, Seed};
use rand::Rng;

/// Absmax quantisation to `BITS` bits in blocks of `BLOCK` values; see [`Absmax8`] and [`Absmax4`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Absmax<const BITS: u32, const BLOCK: usize> {
    rounding: Rounding,
}

/// Eight bits, a scale for every 256 values.
pub type Absmax8 = Absmax<8, 256>;
/// Four bits, a scale for every 64 values.
pub type Absmax4 = Absmax<4, 64>;

impl<const BITS: u32, const BLOCK: usize> Absmax<BITS, BLOCK> {
    /// The largest code.
    const LEVEL: f32 = ((1 << (BITS - 1)) - 1) as f32;
    /// The code below the smallest: it stands for nothing.
    const NO_CODE: i8 = -1 << (BITS - 1);
    const BYTES: usize = BLOCK * BITS as usize / 8;
    const LARGEST: Scale = Scale::largest(Self::LEVEL);

    /// With stochastic rounding, drawn from the seed.
    #[must_use]
    pub fn stochastic(self) -> Self {
        Self { rounding: Rounding::Stochastic }
    }

    /// The code that stochastic rounding gives a value in a block of scale `scale`, with the word of its element: what an
    /// audit of a single element recomputes.
    pub fn stochastic_code(value: f32, scale: f32, word: u32) -> i8 {
        Self::stochastic_rounding(value * (1.0 / scale), word).to_bits() as i8
    }

    #[inline]
    fn stochastic_rounding(steps: f32, word: u32) -> f32 {
        draw::round(steps, word).max(-Self::LEVEL).min(Self::LEVEL) + INTEGER
    }

    fn encode_tensor(values: &[f32], mut words: Option<Stream<impl Rng>>) -> Result<Vec<u8>, CompressError> {
        let scales = 2 * values.len().div_ceil(BLOCK);
        let mut part = Vec::with_capacity(scales + (values.len() * BITS as usize).div_ceil(8));
        part.resize(scales, 0);
        let mut encode = |block: &[f32], at: usize| {
            let scale = Self::encode_block(block, words.as_mut(), &mut part);
            let scale = scale.map_err(|error| tensorwise::displaced(error, at * BLOCK))?;
            part.iter_mut().skip(2 * at).zip(scale.to_bytes()).for_each(|(place, byte)| *place = byte);
            Ok::<_, CompressError>(())
        };
        let (blocks, rest) = values.as_chunks::<BLOCK>();
        for (at, block) in blocks.iter().enumerate() {
            encode(block, at)?;
        }
        if !rest.is_empty() {
            encode(rest, blocks.len())?;
        }
        Ok(part)
    }

    /// Appends the codes of one block; its scale.
    #[inline]
    fn encode_block(
        values: &[f32],
        words: Option<&mut Stream<impl Rng>>,
        part: &mut Vec<u8>,
    ) -> Result<Scale, CompressError> {
        let most = largest(values)?;
        let scale = Scale::at_least(most / Self::LEVEL);
        if scale > Self::LARGEST {
            return Err(outside(values, most));
        }
        let inverse = if scale == Scale::ZERO { 0.0 } else { 1.0 / scale.value() };
        let mut codes = [0; BLOCK];
        if let Some(stream) = words {
            let mut words = [0; BLOCK];
            let words = &mut words[..values.len()];
            stream.fill(words);
            for ((code, value), word) in codes.iter_mut().zip(values).zip(words) {
                *code = Self::stochastic_rounding(value * inverse, *word).to_bits() as u8;
            }
        } else {
            for (code, value) in codes.iter_mut().zip(values) {
                *code = (value * inverse + INTEGER).to_bits() as u8;
            }
        }
        let codes = &codes[..values.len()];
        if BITS == 4 {
            let mut bytes = [0; BLOCK];
            let bytes = &mut bytes[..values.len().div_ceil(2)];
            nibble::pack(codes, bytes);
            part.extend_from_slice(bytes);
        } else {
            part.extend_from_slice(codes);
        }
        // Only where the least scale is more than the block needs can all codes be zero.
        let zero = scale == Scale::LEAST && codes.iter().all(|code| *code == 0);
        Ok(if zero { Scale::ZERO } else { scale })
    }

    /// The value of the code in the lowest bits of `bits`.
    #[inline]
    fn code(bits: u8) -> i8 {
        (bits << (8 - BITS)) as i8 >> (8 - BITS)
    }

    /// Codes and scale of a block must agree.
    #[inline]
    fn check(bytes: &[u8], scale: Scale) -> Result<(), CompressError> {
        let none = |byte: u8| {
            let above = BITS == 4 && Self::code(byte >> 4) == Self::NO_CODE;
            (Self::code(byte) == Self::NO_CODE) | above
        };
        let (any, bad) = bytes.iter().fold((0, false), |(any, bad), byte| (any | byte, bad | none(*byte)));
        if bad {
            return Err(CompressError::Malformed("a code below the smallest"));
        }
        if (scale == Scale::ZERO) == (any == 0) {
            Ok(())
        } else {
            Err(CompressError::Malformed("a scale without codes, or codes without a scale"))
        }
    }

    /// Fills each place from its code.
    #[inline]
    fn unpack<T>(bytes: &[u8], into: &mut [T], take: impl Fn(&mut T, i8)) {
        if BITS == 4 {
            nibble::unpack(bytes, into, |place, code| take(place, Self::code(code)));
        } else {
            into.iter_mut().zip(bytes).for_each(|(place, byte)| take(place, *byte as i8));
        }
    }

    #[inline]
    fn decode_block(bytes: &[u8], scale: [u8; 2], into: &mut [f32]) -> Result<(), CompressError> {
        let scale = Scale::read(scale, Self::LARGEST)?;
        Self::check(bytes, scale)?;
        let scale = scale.value();
        Self::unpack(bytes, into, |value, code| *value = f32::from(code) * scale);
        Ok(())
    }
}

/// The scales and codes of one tensor.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    elements: usize,
    scales: &'a [[u8; 2]],
    codes: &'a [u8],
}

impl<const BITS: u32, const BLOCK: usize> Tensorwise for Absmax<BITS, BLOCK> {
    type Parsed<'a> = Blocks<'a>;

    fn id(&self) -> CodecId {
        if BITS == 8 { CodecId::ABSMAX8 } else { CodecId::ABSMAX4 }
    }

    /// Each value is off by at most half a step in the mean square, and the largest one of a block has at least 126/127 of L
    /// steps; blocks that lie below 2⁻¹¹⁹, where steps cannot be as fine, are left out of the promise.
    fn promises(&self) -> Properties {
        let largest = f64::from(Self::LEVEL) * (1.0 - 1.0 / 127.0);
        let lost = BLOCK as f64 / 4.0 / (largest * largest);
        let unbiased = self.rounding == Rounding::Stochastic;
        Properties { unbiased, contraction: 1.0 - lost, linear: false }
    }

    /// The error, relative to the largest magnitude of all parameters.
    fn error(&self) -> ErrorBound {
        let steps = match self.rounding {
            Rounding::Nearest => 0.5,
            Rounding::Stochastic => 1.0,
        };
        // The scale is rounded up by at most 2⁻⁷, and the division in f32 is off by less than 2⁻²².
        ErrorBound::Maximum(steps * (1.0 + 1.0 / 128.0) / f64::from(Self::LEVEL) + 2f64.powi(-22))
    }

    fn encode(&self, params: &Params, seed: Seed) -> Result<Vec<Vec<u8>>, CompressError> {
        tensorwise::each(params, |index, values| {
            let draws = || Draws::new(seed, "absmax", index).stream(0);
            Self::encode_tensor(values, (self.rounding == Rounding::Stochastic).then(draws))
        })
    }

    fn parse<'a>(&self, part: Part<'a>) -> Result<Self::Parsed<'a>, CompressError> {
        let scales = 2 * part.elements.div_ceil(BLOCK);
        part.expect_len(scales as u64 + (part.elements as u64 * u64::from(BITS)).div_ceil(8))?;
        let (scales, codes) = part.bytes.split_at(scales);
        if BITS == 4 && !nibble::padding_is_zero(codes, part.elements) {
            return Err(CompressError::Malformed("the bits behind the codes are not zero"));
        }
        Ok(Blocks { elements: part.elements, scales: scales.as_chunks().0, codes })
    }

    fn decode(&self, parsed: &Self::Parsed<'_>, into: &mut [f32]) -> Result<(), CompressError> {
        let mut parts = parsed.scales.iter().zip(parsed.codes.chunks(Self::BYTES));
        let (blocks, rest) = into.as_chunks_mut::<BLOCK>();
        for (block, (scale, codes)) in blocks.iter_mut().zip(parts.by_ref()) {
            Self::decode_block(codes, *scale, block)?;
        }
        parts.next().map_or(Ok(()), |(scale, codes)| Self::decode_block(codes, *scale, rest))
    }
}

impl<const BITS: u32, const BLOCK: usize> Integerwise for Absmax<BITS, BLOCK> {
    fn integers(
        &self,
        parsed: &Self::Parsed<'_>,
        take: &mut dyn FnMut(i64, i32) -> Result<(), CompressError>,
    ) -> Result<(), CompressError> {
        let mut left = parsed.elements;
        for (scale, codes) in parsed.scales.iter().zip(parsed.codes.chunks(Self::BYTES)) {
            let scale = Scale::read(*scale, Self::LARGEST)?;
            let count = left.min(BLOCK);
            left -= count;
            Self::check(codes, scale)?;
            let mut values = [0; BLOCK];
            Self::unpack(codes, &mut values[..count], |place, code| *place = code);
            let (mantissa, exponent) = scale.parts();
            for code in values.iter().take(count) {
                take(i64::from(*code) * mantissa, exponent)?;
            }
        }
        Ok(())
    }
}

compressor!([const BITS: u32, const BLOCK: usize] Absmax<BITS, BLOCK>);
exact_decoder!([const BITS: u32, const BLOCK: usize] Absmax<BITS, BLOCK>);
