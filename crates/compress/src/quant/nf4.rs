//! NF4: four bits for each value, sixteen levels placed by the normal distribution, one scale for every 64 values.
//!
//! The levels q are those of bitsandbytes (Dettmers et al., "QLoRA", arXiv 2305.14314, appendix E): −1, 0 and 1 are among
//! them, the others divide a normal distribution, cut at its largest of 64 values, into parts of equal probability:
//!
//! ```text
//! x̂ = s · q[code],    s = max |x| of the block, rounded to eight mantissa bits
//! ```
//! Each value goes to its nearest level (to a 32,000th of s, where two are equally near). The product is one rounded `f32` multiplication; for the chain the mantissas are
//! multiplied as integers and rounded once. Bits for each value: 4 + 16/64 = 4.25.
//!
//! Part of n > 0 elements:
//!
//! ```text
//! ⌈n/64⌉ × scale u16 (the upper half of an f32: zero, or positive and normal) · codes
//! of each block of m, byte j holds code j below and code j + ⌈m/2⌉ above
//! ```
//! One encoding: a block has scale 0 exactly when all its codes are 7, the level 0.

use super::{
    nibble,
    scale::{INTEGER, Scale, largest, outside},
    tensorwise::{self, Integerwise, Part, Tensorwise, compressor, exact_decoder},
};
use crate::{CodecId, CompressError, ErrorBound, Properties, dense::parts_of_float};
use bitneuron_core::{Params, Seed};

/// The sixteen levels, in order.
pub const LEVELS: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];
/// The code of level 0.
const ZERO: u8 = 7;
const BLOCK: usize = 64;
/// A value relative to its scale, at most 1 + 2⁻⁸, in integers of 16 bits.
const UNITS: f32 = 32_000.0;
/// Halfway between one level and the next, in units; a value above the i-th has at least code i + 1.
const BORDERS: [i16; 15] = {
    let mut borders = [0; 15];
    let mut at = 0;
    while at < 15 {
        borders[at] = (f32::midpoint(LEVELS[at], LEVELS[at + 1]) * UNITS) as i16;
        at += 1;
    }
    borders
};

/// Quantisation to the levels of NF4.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nf4;

impl Nf4 {
    fn encode_tensor(values: &[f32]) -> Result<Vec<u8>, CompressError> {
        let scales = 2 * values.len().div_ceil(BLOCK);
        let mut part = vec![0; scales + values.len().div_ceil(2)];
        let (scales, codes) = part.split_at_mut(scales);
        let mut places = scales.as_chunks_mut::<2>().0.iter_mut().zip(codes.chunks_mut(BLOCK / 2));
        let (blocks, rest) = values.as_chunks::<BLOCK>();
        for (at, (block, (scale, codes))) in blocks.iter().zip(places.by_ref()).enumerate() {
            *scale = encode_block(block, codes, at * BLOCK)?;
        }
        if let Some((scale, codes)) = places.next() {
            *scale = encode_block(rest, codes, values.len() - rest.len())?;
        }
        Ok(part)
    }
}

/// Fills the codes of one block; its scale.
#[inline]
fn encode_block(values: &[f32], bytes: &mut [u8], first: usize) -> Result<[u8; 2], CompressError> {
    let most = largest(values).map_err(|error| tensorwise::displaced(error, first))?;
    let scale = Scale::nearest(most);
    if scale > Scale::largest(1.0) {
        return Err(tensorwise::displaced(outside(values, most), first));
    }
    let inverse = if scale == Scale::ZERO { 0.0 } else { 1.0 / scale.value() };
    let codes = nearest(values, inverse * UNITS);
    let codes = &codes[..values.len()];
    nibble::pack(codes, bytes);
    // Only where the least scale is more than the block needs can all codes be zero.
    let zero = scale == Scale::LEAST && codes.iter().all(|code| *code == ZERO);
    Ok(if zero { Scale::ZERO } else { scale }.to_bytes())
}

/// The codes of the levels nearest to the values, up to half of a unit.
///
/// One border after another is compared with all values, sixteen lanes at a time.
#[inline]
fn nearest(values: &[f32], units: f32) -> [u8; BLOCK] {
    let mut scaled = [0i16; BLOCK];
    for (scaled, value) in scaled.iter_mut().zip(values) {
        *scaled = (value * units + INTEGER).to_bits() as i16;
    }
    let mut codes = [0i16; BLOCK];
    for border in BORDERS {
        codes.iter_mut().zip(&scaled).for_each(|(code, scaled)| *code += i16::from(*scaled > border));
    }
    codes.map(|code| code as u8)
}

/// A block has scale 0 exactly when all its codes are 7.
#[inline]
fn check_zero(bytes: &[u8], count: usize, scale: Scale) -> Result<(), CompressError> {
    let both = ZERO << 4 | ZERO;
    let (last, others) = bytes.split_last().map_or((both, bytes), |(last, others)| (*last, others));
    // The last byte of an odd block has nothing above.
    let last = if count.is_multiple_of(2) { last } else { last | ZERO << 4 };
    let differs = others.iter().fold(last ^ both, |differs, byte| differs | (byte ^ both));
    if (scale == Scale::ZERO) == (differs == 0) {
        Ok(())
    } else {
        Err(CompressError::Malformed("a scale without codes, or codes without a scale"))
    }
}

#[inline]
fn decode_block(bytes: &[u8], scale: [u8; 2], into: &mut [f32]) -> Result<(), CompressError> {
    let scale = Scale::read(scale, Scale::largest(1.0))?;
    check_zero(bytes, into.len(), scale)?;
    let levels = LEVELS.map(|level| level * scale.value());
    nibble::unpack(bytes, into, |value, code| *value = levels[usize::from(code % 16)]);
    Ok(())
}

/// The scales and codes of one tensor.
#[derive(Debug)]
pub(crate) struct Blocks<'a> {
    elements: usize,
    scales: &'a [[u8; 2]],
    codes: &'a [u8],
}

impl Tensorwise for Nf4 {
    type Parsed<'a> = Blocks<'a>;

    fn id(&self) -> CodecId {
        CodecId::NF4
    }

    /// A value goes to 0 or to a level near it, and a block has a value of magnitude 1 in its scale: what is lost is most when
    /// all the others are where −1/22 goes to 0, 63·0.0456² of 1 + 63·0.0456².
    fn promises(&self) -> Properties {
        Properties { contraction: 0.88, ..Properties::default() }
    }

    /// The error, relative to the largest magnitude of all parameters: half of the widest gap, and the rounding of the scale.
    fn error(&self) -> ErrorBound {
        ErrorBound::Maximum(0.152 + 2f64.powi(-8))
    }

    fn encode(&self, params: &Params, _seed: Seed) -> Result<Vec<Vec<u8>>, CompressError> {
        tensorwise::each(params, |_, values| Self::encode_tensor(values))
    }

    fn parse<'a>(&self, part: Part<'a>) -> Result<Self::Parsed<'a>, CompressError> {
        let scales = 2 * part.elements.div_ceil(BLOCK);
        part.expect_len(scales as u64 + part.elements.div_ceil(2) as u64)?;
        let (scales, codes) = part.bytes.split_at(scales);
        if !nibble::padding_is_zero(codes, part.elements) {
            return Err(CompressError::Malformed("the bits behind the codes are not zero"));
        }
        Ok(Blocks { elements: part.elements, scales: scales.as_chunks().0, codes })
    }

    fn decode(&self, parsed: &Self::Parsed<'_>, into: &mut [f32]) -> Result<(), CompressError> {
        let mut parts = parsed.scales.iter().zip(parsed.codes.chunks(BLOCK / 2));
        let (blocks, rest) = into.as_chunks_mut::<BLOCK>();
        for (block, (scale, codes)) in blocks.iter_mut().zip(parts.by_ref()) {
            decode_block(codes, *scale, block)?;
        }
        parts.next().map_or(Ok(()), |(scale, codes)| decode_block(codes, *scale, rest))
    }
}

impl Integerwise for Nf4 {
    fn integers(
        &self,
        parsed: &Self::Parsed<'_>,
        take: &mut dyn FnMut(i64, i32) -> Result<(), CompressError>,
    ) -> Result<(), CompressError> {
        let levels = LEVELS.map(|level| parts_of_float(level).unwrap_or_default());
        let mut left = parsed.elements;
        for (scale, bytes) in parsed.scales.iter().zip(parsed.codes.chunks(BLOCK / 2)) {
            let scale = Scale::read(*scale, Scale::largest(1.0))?;
            let count = left.min(BLOCK);
            left -= count;
            check_zero(bytes, count, scale)?;
            let mut codes = [0; BLOCK];
            nibble::unpack(bytes, &mut codes[..count], |place, code| *place = code);
            let (mantissa, exponent) = scale.parts();
            for code in codes.iter().take(count) {
                let (level, unit) = levels[usize::from(code % 16)];
                // At most 24 and 8 bits.
                take(level * mantissa, unit + exponent)?;
            }
        }
        Ok(())
    }
}

compressor!([] Nf4);
exact_decoder!([] Nf4);
