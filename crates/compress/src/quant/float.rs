//! Short floating point: E4M3, E5M2, half precision and bfloat16, rounded to nearest, ties to even.
//!
//! A code is a sign, an exponent field E and m bits of mantissa, with bias B. All numbers of a tensor are scaled by one
//! power of two, so that the largest just fits:
//!
//! ```text
//! |x̂| = 2^e · (1 + mantissa/2^m) · 2^(E−B) for E > 0,    2^e · mantissa/2^m · 2^(1−B) for E = 0
//! ```
//! | format | m | B | largest code | source |
//! |---|---|---|---|---|
//! | E4M3 | 3 | 7 | 448 | Micikevicius et al., arXiv 2209.05433 |
//! | E5M2 | 2 | 15 | 57,344 | the same |
//! | half | 10 | 15 | 65,504 | IEEE 754 binary16 |
//! | bfloat16 | 7 | 127 | 3.39·10³⁸ | the upper half of an `f32` |
//!
//! The scale costs nothing in precision, since only the exponent moves, and keeps tensors of any magnitude away from the
//! subnormal codes. bfloat16 has the range of `f32` and no scale. x̂ is an `f32` without rounding, the integers for the
//! chain are one shift away. Infinities and NaN have no code here.
//!
//! Part of n > 0 elements:
//!
//! ```text
//! exponent e i8 (−125 … 119 for E4M3, 112 for E5M2 and half; none for bfloat16) · n codes, u8 or u16
//! ```
//! One encoding: e is as small as the largest code allows.

use super::{
    scale::{largest, outside},
    tensorwise::{self, Integerwise, Part, Tensorwise, compressor, exact_decoder},
};
use crate::{CodecId, CompressError, ErrorBound, Properties};
use bitneuron_core::{Params, Seed};

/// Rounding to a short floating-point format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Float {
    codec: CodecId,
    mantissa: u32,
    bias: i32,
    /// The largest code without its sign.
    most: u32,
    /// The bytes of a code.
    bytes: usize,
    scaled: bool,
}

/// The smallest scale, with which the smallest half-precision number is the smallest `f32`.
const LEAST: i32 = -125;
/// Mantissa bits and bias of `f32`.
const MANTISSA: u32 = 23;
const BIAS: i32 = 127;
/// Codes unpacked at a time.
const CHUNK: usize = 256;

impl Float {
    /// Eight bits: four of exponent, three of mantissa.
    pub const E4M3: Self =
        Self { codec: CodecId::E4M3, mantissa: 3, bias: 7, most: 0x7e, bytes: 1, scaled: true };
    /// Eight bits: five of exponent, two of mantissa.
    pub const E5M2: Self =
        Self { codec: CodecId::E5M2, mantissa: 2, bias: 15, most: 0x7b, bytes: 1, scaled: true };
    /// Sixteen bits: five of exponent, ten of mantissa.
    pub const F16: Self =
        Self { codec: CodecId::F16, mantissa: 10, bias: 15, most: 0x7bff, bytes: 2, scaled: true };
    /// Sixteen bits: eight of exponent, seven of mantissa.
    pub const BF16: Self =
        Self { codec: CodecId::BF16, mantissa: 7, bias: 127, most: 0x7f7f, bytes: 2, scaled: false };

    /// The largest scale: with it the largest code is still an `f32`.
    const fn greatest(self) -> i32 {
        BIAS - ((self.most >> self.mantissa) as i32 - self.bias)
    }

    const fn sign(self) -> u32 {
        1 << (8 * self.bytes - 1)
    }

    /// The code of a scaled value that the format holds.
    #[inline]
    fn round(self, scaled: f32) -> u32 {
        let shift = MANTISSA - self.mantissa;
        let bits = scaled.to_bits();
        let magnitude = bits & !(1 << 31);
        // Just below half a unit, and one more where the last bit kept is odd: ties go to even.
        let rounded = (magnitude + (1 << (shift - 1)) - 1 + (magnitude >> shift & 1)) >> shift;
        let normal = rounded.wrapping_sub(((BIAS - self.bias) as u32) << self.mantissa);
        // Added to a number whose unit is the least code, a subnormal value is rounded by the addition itself.
        let unit = power(MANTISSA as i32 + 1 - self.bias - self.mantissa as i32);
        let subnormal = (f32::from_bits(magnitude) + unit).to_bits() - unit.to_bits();
        let code = if magnitude < power(1 - self.bias).to_bits() { subnormal } else { normal };
        code | if bits >> 31 == 1 { self.sign() } else { 0 }
    }

    /// The value of a code, unscaled.
    #[inline]
    fn value(self, code: u32) -> f32 {
        if !self.scaled {
            return f32::from_bits(code << (MANTISSA - self.mantissa));
        }
        let magnitude = code & (self.sign() - 1);
        let shifted = (magnitude << (MANTISSA - self.mantissa)) + (((BIAS - self.bias) as u32) << MANTISSA);
        let subnormal = magnitude as f32 * power(1 - self.bias - self.mantissa as i32);
        let value = if magnitude >> self.mantissa == 0 { subnormal } else { f32::from_bits(shifted) };
        if code & self.sign() == 0 { value } else { -value }
    }

    /// The smallest scale with which the largest magnitude has a code.
    fn exponent(self, values: &[f32], largest: f32) -> Result<i32, CompressError> {
        let (least, greatest) = if self.scaled { (LEAST, self.greatest()) } else { (0, 0) };
        // With `near` the largest magnitude is in the binade of the largest code: it fits with that or with the next.
        let field = (largest.to_bits() >> MANTISSA) as i32;
        let near = (field - BIAS - (self.most >> self.mantissa) as i32 + self.bias).clamp(least, greatest);
        let fits = |e: &i32| {
            let scaled = f64::from(largest) * 2f64.powi(-e);
            scaled <= f64::from(f32::MAX) && self.round(scaled as f32) <= self.most
        };
        (near..=greatest.min(near + 1)).find(fits).ok_or_else(|| outside(values, largest))
    }

    /// `kernel` of a format that the compiler knows, so that its loops have constant shifts.
    #[inline]
    fn known<T>(self, kernel: impl FnOnce(Self) -> T) -> T {
        match self.codec {
            CodecId::E4M3 => kernel(Self::E4M3),
            CodecId::E5M2 => kernel(Self::E5M2),
            CodecId::F16 => kernel(Self::F16),
            _ => kernel(Self::BF16),
        }
    }

    fn encode_tensor(self, values: &[f32]) -> Result<Vec<u8>, CompressError> {
        let exponent = self.exponent(values, largest(values)?)?;
        let mut part = vec![0; usize::from(self.scaled) + self.bytes * values.len()];
        let (head, codes) = part.split_at_mut(usize::from(self.scaled));
        head.iter_mut().for_each(|byte| *byte = exponent as i8 as u8);
        let scale = power(-exponent);
        self.known(|format| {
            if format.bytes == 1 {
                codes.iter_mut().zip(values).for_each(|(code, x)| *code = format.round(x * scale) as u8);
            } else {
                let places = codes.as_chunks_mut::<2>().0.iter_mut();
                places
                    .zip(values)
                    .for_each(|(code, x)| *code = (format.round(x * scale) as u16).to_le_bytes());
            }
        });
        Ok(part)
    }

    /// Hands the code of each element to `take` together with the element's place.
    #[inline]
    fn each_code<T>(self, bytes: &[u8], places: &mut [T], take: impl Fn(&mut T, u32)) {
        if self.bytes == 1 {
            places.iter_mut().zip(bytes).for_each(|(place, code)| take(place, u32::from(*code)));
        } else {
            let codes = bytes.as_chunks::<2>().0;
            places
                .iter_mut()
                .zip(codes)
                .for_each(|(place, code)| take(place, u16::from_le_bytes(*code).into()));
        }
    }

    /// The largest code without its sign.
    #[inline]
    fn largest_code(self, bytes: &[u8]) -> u32 {
        let sign = self.sign();
        if self.bytes == 1 {
            bytes.iter().fold(0, |most: u8, code| most.max(code & (sign - 1) as u8)).into()
        } else {
            let codes = bytes.as_chunks::<2>().0.iter();
            codes.fold(0, |most: u16, code| most.max(u16::from_le_bytes(*code) & (sign - 1) as u16)).into()
        }
    }
}

/// 2^e for a normal `f32`.
#[inline]
const fn power(e: i32) -> f32 {
    f32::from_bits(((e + BIAS) as u32) << MANTISSA)
}

/// The scale and the codes of one tensor.
#[derive(Debug)]
pub(crate) struct Tensor<'a> {
    elements: usize,
    exponent: i32,
    codes: &'a [u8],
}

impl Tensorwise for Float {
    type Parsed<'a> = Tensor<'a>;

    fn id(&self) -> CodecId {
        self.codec
    }

    /// Nothing: a tensor whose values are all but one too small for a code loses all but one.
    fn promises(&self) -> Properties {
        Properties::default()
    }

    /// The error, relative to the largest magnitude of all parameters: half a unit of the mantissa.
    fn error(&self) -> ErrorBound {
        ErrorBound::Maximum(0.5f64.powi(self.mantissa as i32 + 1))
    }

    fn encode(&self, params: &Params, _seed: Seed) -> Result<Vec<Vec<u8>>, CompressError> {
        tensorwise::each(params, |_, values| self.encode_tensor(values))
    }

    fn parse<'a>(&self, part: Part<'a>) -> Result<Self::Parsed<'a>, CompressError> {
        part.expect_len(u64::from(self.scaled) + self.bytes as u64 * part.elements as u64)?;
        let (head, codes) = part.bytes.split_at(usize::from(self.scaled));
        let exponent = head.first().map_or(0, |byte| i32::from(*byte as i8));
        if self.scaled && !(LEAST..=self.greatest()).contains(&exponent) {
            return Err(CompressError::Malformed("the exponent of the scale is out of range"));
        }
        let most = self.known(|format| format.largest_code(codes));
        if most > self.most {
            return Err(CompressError::Malformed("a code that is no number"));
        }
        if self.scaled && exponent > LEAST && most + (1 << self.mantissa) <= self.most {
            return Err(CompressError::Malformed("a scale larger than the largest code needs"));
        }
        Ok(Tensor { elements: part.elements, exponent, codes })
    }

    fn decode(&self, parsed: &Self::Parsed<'_>, into: &mut [f32]) -> Result<(), CompressError> {
        let scale = power(parsed.exponent);
        self.known(|format| {
            format.each_code(parsed.codes, into, |place, code| *place = format.value(code) * scale);
        });
        Ok(())
    }
}

impl Integerwise for Float {
    fn integers(
        &self,
        parsed: &Self::Parsed<'_>,
        take: &mut dyn FnMut(i64, i32) -> Result<(), CompressError>,
    ) -> Result<(), CompressError> {
        let mut codes = [0; CHUNK];
        let chunks = parsed.codes.chunks(CHUNK * self.bytes);
        for (chunk, bytes) in chunks.enumerate() {
            let count = CHUNK.min(parsed.elements - chunk * CHUNK);
            self.each_code(bytes, &mut codes, |place, code| *place = code);
            for code in codes.iter().take(count) {
                let magnitude = code & (self.sign() - 1);
                let (field, fraction) = (magnitude >> self.mantissa, magnitude & ((1 << self.mantissa) - 1));
                let whole = if field == 0 { fraction } else { fraction | 1 << self.mantissa };
                let exponent = field.max(1) as i32 - self.bias - self.mantissa as i32 + parsed.exponent;
                let negative = code & self.sign() != 0;
                take(if negative { -i64::from(whole) } else { i64::from(whole) }, exponent)?;
            }
        }
        Ok(())
    }
}

compressor!([] Float);
exact_decoder!([] Float);
