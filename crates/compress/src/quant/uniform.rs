//! Uniform quantisation to b = 1 … 16 bits, with integers for step and offset.
//!
//! A tensor has one exponent e; each block of it has an offset z and a step s, both integers:
//!
//! ```text
//! x̂ = (z + s·code) · 2^e,    0 ≤ code < 2^b,   |z + s·code| < 2²⁴,   −126 ≤ e ≤ 104
//! ```
//! The integer is below 2²⁴, so x̂ is an `f32` without any rounding: decoding is the same bits on every machine, and the
//! integers for the chain are one shift away. The encoder takes for 2^e the smallest unit in which the largest magnitude
//! stays within 2²², spreads the codes from the least to the greatest value of the block, and rounds either to nearest
//! or at random without bias. Error: half a step (a whole step at random) and at most one unit.
//!
//! Part of a tensor of n > 0 elements (one without elements has an empty part):
//!
//! ```text
//! bits u8 · exponent i8 · block u32 (1 … n) · ⌈n/block⌉ × (offset i32, step u32) · codes
//! ```
//! One encoding: a block has step 0 exactly when all its codes are 0.

use super::pack::{pack, packed_len, padding_is_zero, unpack};
use crate::{
    CodecId, CompressError, Compressor, ErrorBound, ExactDecoder, Limits, Packet, Properties,
    dense::{check_finite, tensors},
    exact::fixed,
    reader::Reader,
};
use bitneuron_core::{Bytes, Layout, Params, Seed};
use rand::Rng;
use std::sync::Arc;

/// The decoded integer of a value is below this magnitude.
const MANTISSA: i64 = 1 << 24;
/// The encoder keeps the largest magnitude within 2 to this power, in units.
const ENCODED_BITS: i32 = 22;
const MIN_EXPONENT: i32 = -126;
const MAX_EXPONENT: i32 = 104;
/// The most bits of a code.
const BITS: u8 = 16;
/// Bytes in front of the blocks.
const HEADER: u64 = 6;
/// Bytes of a block's offset and step.
const BLOCK: u64 = 8;

/// How a value between two steps is rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearer one.
    #[default]
    Nearest,
    /// To either, with probabilities that make the expectation the value itself (up to one unit).
    Stochastic,
}

/// A uniform quantiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uniform {
    bits: u8,
    block: Option<u32>,
    rounding: Rounding,
}

impl Default for Uniform {
    /// Eight bits, one block for each tensor, to nearest.
    fn default() -> Self {
        Self { bits: 8, block: None, rounding: Rounding::Nearest }
    }
}

impl Uniform {
    /// A quantiser to `bits` bits, one block for each tensor, to nearest.
    ///
    /// # Errors
    /// `bits` is not 1 to 16.
    pub fn new(bits: u8) -> Result<Self, CompressError> {
        if (1..=BITS).contains(&bits) {
            Ok(Self { bits, ..Self::default() })
        } else {
            Err(CompressError::Config("a uniform quantiser has 1 to 16 bits"))
        }
    }

    /// With a step and an offset for every `block` elements of a tensor.
    ///
    /// # Errors
    /// `block` is 0.
    pub fn with_block(self, block: u32) -> Result<Self, CompressError> {
        if block == 0 {
            return Err(CompressError::Config("a block has at least one element"));
        }
        Ok(Self { block: Some(block), ..self })
    }

    /// With stochastic rounding, drawn from the seed.
    #[must_use]
    pub fn stochastic(self) -> Self {
        Self { rounding: Rounding::Stochastic, ..self }
    }

    fn encode_tensor(self, values: &[f32], first: usize, seed: Seed) -> Result<Vec<u8>, CompressError> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let largest = values.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
        let exponent = unit_exponent(largest);
        if exponent > MAX_EXPONENT {
            let at =
                values.iter().position(|value| unit_exponent(value.abs()) > MAX_EXPONENT).unwrap_or_default();
            return Err(CompressError::Interval { at: first + at });
        }
        let block = self.block.map_or(values.len(), |block| values.len().min(block as usize));
        let mut part = vec![self.bits, exponent as i8 as u8];
        part.extend((block as u32).to_le_bytes());
        let mut codes = Vec::with_capacity(values.len());
        let mut random = (self.rounding == Rounding::Stochastic).then(|| seed.rng());
        // Two exact factors: 2^-exponent alone may exceed f32, never f64.
        let per_unit = 2f64.powi(-exponent);
        for values in values.chunks(block) {
            let (offset, step) = self.encode_block(values, per_unit, random.as_mut(), &mut codes);
            part.extend(offset.to_le_bytes());
            part.extend(step.to_le_bytes());
        }
        pack(&codes, self.bits, &mut part);
        Ok(part)
    }

    /// Appends the codes of one block; its offset and step.
    fn encode_block(
        self,
        values: &[f32],
        per_unit: f64,
        mut random: Option<&mut impl Rng>,
        codes: &mut Vec<u16>,
    ) -> (i32, u32) {
        let levels = (1u32 << self.bits) - 1;
        let units = |value: &f32| f64::from(*value) * per_unit;
        let least = values.iter().map(units).fold(f64::INFINITY, f64::min);
        let greatest = values.iter().map(units).fold(f64::NEG_INFINITY, f64::max);
        let offset = least.round() as i32;
        let span = (greatest.round() as i32).abs_diff(offset);
        let step = span.div_ceil(levels);
        let start = codes.len();
        codes.extend(values.iter().map(|value| {
            let steps = (units(value) - f64::from(offset)) / f64::from(step.max(1));
            let code = match random.as_mut() {
                None => steps.round(),
                // 53 random bits make a uniform number in [0, 1).
                Some(random) => (steps + (random.next_u64() >> 11) as f64 * 2f64.powi(-53)).floor(),
            };
            if step == 0 { 0 } else { code.clamp(0.0, f64::from(levels)) as u16 }
        }));
        let all_zero = codes.iter().skip(start).all(|code| *code == 0);
        (offset, if all_zero { 0 } else { step })
    }

    /// Every value of the packet as (mantissa, exponent), in order, after all checks.
    fn open<T>(
        self,
        packet: &Packet,
        expect: &Layout,
        limits: Limits,
        mut take: impl FnMut(usize, i64, i32) -> Result<T, CompressError>,
    ) -> Result<Vec<T>, CompressError> {
        packet.check(self.codec(), expect, limits)?;
        let parts = packet.parts_of(expect)?;
        let tensors =
            parts.iter().zip(expect.entries()).enumerate().map(|(part, (bytes, entry))| {
                Tensor::parse(part, bytes, entry.elements().unwrap_or_default())
            });
        let tensors: Vec<Tensor<'_>> = tensors.collect::<Result<_, _>>()?;
        let mut values = Vec::with_capacity(expect.len());
        for tensor in tensors {
            tensor.read(&mut values, &mut take)?;
        }
        Ok(values)
    }
}

/// The exponent of the smallest allowed unit in which `largest` is at most 2²².
fn unit_exponent(largest: f32) -> i32 {
    let field = (largest.to_bits() >> 23) as i32;
    let exponent = field - 127 + 1 - ENCODED_BITS;
    exponent.max(MIN_EXPONENT)
}

/// One parsed part.
struct Tensor<'a> {
    elements: usize,
    bits: u8,
    exponent: i32,
    block: usize,
    blocks: &'a [[u8; BLOCK as usize]],
    codes: &'a [u8],
}

impl<'a> Tensor<'a> {
    fn parse(part: usize, bytes: &'a Bytes, elements: usize) -> Result<Self, CompressError> {
        let wrong_length = |expected| CompressError::PartLength { part, found: bytes.len(), expected };
        if elements == 0 {
            let empty = Self { elements, bits: 1, exponent: 0, block: 1, blocks: &[], codes: &[] };
            return if bytes.is_empty() { Ok(empty) } else { Err(wrong_length(0)) };
        }
        let mut reader = Reader::new(bytes);
        let bits = reader.u8()?;
        let exponent = i32::from(reader.i8()?);
        let block = reader.u32()? as usize;
        if !(1..=BITS).contains(&bits) {
            return Err(CompressError::Malformed("the width of the codes is not 1 to 16 bits"));
        }
        if !(MIN_EXPONENT..=MAX_EXPONENT).contains(&exponent) {
            return Err(CompressError::Malformed("the exponent of the unit is out of range"));
        }
        if block == 0 || block > elements {
            return Err(CompressError::Malformed("the block does not fit the tensor"));
        }
        let blocks = elements.div_ceil(block);
        let expected = HEADER + BLOCK * blocks as u64 + packed_len(elements, bits);
        if bytes.len() as u64 != expected {
            return Err(wrong_length(expected));
        }
        let blocks = reader.take(BLOCK as usize * blocks)?.as_chunks().0;
        let codes = reader.take(reader.left())?;
        if !padding_is_zero(codes, elements, bits) {
            return Err(CompressError::Malformed("the bits behind the codes are not zero"));
        }
        Ok(Self { elements, bits, exponent, block, blocks, codes })
    }

    fn read<T>(
        &self,
        values: &mut Vec<T>,
        take: &mut impl FnMut(usize, i64, i32) -> Result<T, CompressError>,
    ) -> Result<(), CompressError> {
        let mut codes = unpack(self.codes, self.bits);
        let mut left = self.elements;
        for header in self.blocks {
            let mut header = Reader::new(header);
            let (offset, step) = (i64::from(header.i32()?), i64::from(header.u32()?));
            let count = left.min(self.block);
            left -= count;
            let mut all_zero = true;
            for code in codes.by_ref().take(count) {
                all_zero &= code == 0;
                // At most 2³¹ + 2¹⁶ · 2³²: no overflow.
                let mantissa = offset + step * i64::from(code);
                if mantissa.abs() >= MANTISSA {
                    return Err(CompressError::Malformed("a value exceeds 24 bits"));
                }
                values.push(take(values.len(), mantissa, self.exponent)?);
            }
            if (step == 0) != all_zero {
                return Err(CompressError::Malformed("a step without codes, or codes without a step"));
            }
        }
        Ok(())
    }
}

impl Compressor for Uniform {
    fn codec(&self) -> CodecId {
        CodecId::UNIFORM
    }

    /// The mean is right up to one unit of 2⁻²¹ of the largest magnitude.
    fn properties(&self) -> Properties {
        Properties { unbiased: self.rounding == Rounding::Stochastic, ..Properties::default() }
    }

    /// The error, relative to the largest magnitude of all parameters.
    fn error(&self) -> ErrorBound {
        let levels = f64::from((1u32 << self.bits) - 1);
        let steps = match self.rounding {
            Rounding::Nearest => 0.5,
            Rounding::Stochastic => 1.0,
        };
        ErrorBound::Maximum(2.0 * steps / levels + 2f64.powi(-19))
    }

    fn compress(&self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        check_finite(params.values())?;
        let mut first = 0;
        let parts = tensors(params).enumerate().map(|(index, values)| {
            let part = self.encode_tensor(values, first, seed.derive_number("uniform", index as u64))?;
            first += values.len();
            Ok(part)
        });
        let parts = parts.collect::<Result<_, CompressError>>()?;
        Packet::new(self.codec(), params.layout().digest(), parts)
    }

    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        let values =
            self.open(packet, expect, limits, |_, mantissa, exponent| Ok(value(mantissa, exponent)))?;
        Ok(Params::new(values, expect.clone())?)
    }

    /// Without room for the values: they are read twice, first to see that nothing is refused.
    fn decompress_onto(
        &self,
        packet: &Packet,
        weight: f32,
        onto: &mut Params,
        limits: Limits,
    ) -> Result<(), CompressError> {
        let layout = onto.layout().clone();
        let sums = onto.values();
        self.open(packet, &layout, limits, |at, mantissa, exponent| {
            let sum = sums.get(at).copied().unwrap_or_default() + weight * value(mantissa, exponent);
            if sum.is_finite() { Ok(()) } else { Err(CompressError::NotFinite { at }) }
        })?;
        let mut sums = onto.values_mut().iter_mut();
        self.open(packet, &layout, limits, |_, mantissa, exponent| {
            sums.next().into_iter().for_each(|sum| *sum += weight * value(mantissa, exponent));
            Ok(())
        })?;
        Ok(())
    }
}

/// m·2^e: exact in `f64`, and exact in `f32` by the limits of mantissa and exponent.
fn value(mantissa: i64, exponent: i32) -> f32 {
    (mantissa as f64 * 2f64.powi(exponent)) as f32
}

impl ExactDecoder for Uniform {
    fn decode_fixed(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        self.open(packet, expect, limits, |at, mantissa, exponent| {
            fixed(mantissa, exponent, fraction).ok_or(CompressError::Interval { at })
        })
    }
}
