//! ECSQ: a uniform step and an entropy coder.
//!
//! ```text
//! x̂ = q·Δ,    q = ±⌊|x|/Δ + ½ − θ⌋
//! ```
//! One step for all tensors, so that a unit of error costs the same bits everywhere, or one for each. The integers are
//! coded by rANS with the frequencies of their tensor ([`crate::entropy`]); those beyond ±127 are escaped, which is cheap
//! while they are rare: up to about seven bits a value. At high rate a
//! uniform step with ideal coding is ½ log₂(2πe/12) = 0.254 bit from the rate–distortion bound of a Gaussian source (Gish
//! and Pierce, "Asymptotically efficient quantizing", 1968), and nearer at low rate; block formats of fixed length are
//! about a bit away.
//!
//! The step is given, or found for a relative error (which is then kept exactly, on all values) or for a number of bits
//! (the entropy of all integers together, on a sample; tables and states of small tensors come on top). A dead zone θ is
//! tried on request and kept where it buys bits for less error than a larger step would.
//!
//! Part of n > 0 elements:
//!
//! ```text
//! Δ f32 (0 and nothing behind it: all are zero) · escapes u32 · escapes × varint · rANS bytes of n symbols
//! ```
//! One encoding: Δ is 0 exactly when all integers are; an integer is escaped exactly when it has no symbol.

use super::{
    step::{Step, Target},
    tensorwise::{self, Integerwise, Part, Tensorwise, compressor, exact_decoder},
};
use crate::{
    CodecId, CompressError, ErrorBound, Properties,
    dense::{check_finite, parts_of_float},
    entropy::integers::{Integers, LARGEST, Parsed},
    reader::Reader,
};
use bitneuron_core::{Params, Seed};

/// A uniform quantiser with an entropy coder behind it.
///
/// ```
/// use bitneuron_compress::{Compressor, Ecsq, Limits, bound::relative_error};
/// use bitneuron_core::{Layout, Params, Seed};
/// use std::sync::Arc;
/// let layout = Arc::new(Layout::of(&[("w", &[100, 100])])?);
/// let params = Params::new((0..10_000).map(|at| (at as f32 * 0.7).sin()).collect(), layout.clone())?;
/// let codec = Ecsq::relative_error(0.05)?;
/// let packet = codec.compress(&params, Seed::default())?;
/// assert!(packet.len() < 10_000 * 5 / 8);
/// let back = codec.decompress(&packet, &layout, Limits::default())?;
/// assert!(relative_error(&params, &back) <= 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ecsq {
    target: Target,
    per_tensor: bool,
    dead_zone: bool,
}

impl Default for Ecsq {
    /// Four bits for each value, one step, to nearest.
    fn default() -> Self {
        Self::new(Target::Bits(4.0))
    }
}

impl Ecsq {
    const fn new(target: Target) -> Self {
        Self { target, per_tensor: false, dead_zone: false }
    }

    /// With this step.
    ///
    /// # Errors
    /// It is not a positive number.
    pub fn step(size: f32) -> Result<Self, CompressError> {
        if size > 0.0 && size.is_finite() {
            Ok(Self::new(Target::Step(size)))
        } else {
            Err(CompressError::Config("a step is positive"))
        }
    }

    /// With the largest step for which ‖x − x̂‖ ≤ `error` · ‖x‖.
    ///
    /// # Errors
    /// `error` is not within 10⁻⁶ … 1.
    pub fn relative_error(error: f64) -> Result<Self, CompressError> {
        if (1e-6..=1.0).contains(&error) {
            Ok(Self::new(Target::Error(error)))
        } else {
            Err(CompressError::Config("a relative error is within 1e-6 to 1"))
        }
    }

    /// With the step at which the integers have an entropy of `bits` bits.
    ///
    /// # Errors
    /// `bits` is not within 0.01 … 7.
    pub fn bits(bits: f64) -> Result<Self, CompressError> {
        if (0.01..=7.0).contains(&bits) {
            Ok(Self::new(Target::Bits(bits)))
        } else {
            Err(CompressError::Config("an entropy-coded quantiser has 0.01 to 7 bits"))
        }
    }

    /// With a step for each tensor: a relative error then holds for each, at the price of more bits for all.
    #[must_use]
    pub fn per_tensor(self) -> Self {
        Self { per_tensor: true, ..self }
    }

    /// With a dead zone where it pays.
    #[must_use]
    pub fn dead_zone(self) -> Self {
        Self { dead_zone: true, ..self }
    }

    fn find(self, values: &[f32]) -> Result<Step, CompressError> {
        Step::find(values, self.target, self.dead_zone)
    }
}

fn encode_tensor(values: &[f32], step: Step) -> Result<Vec<u8>, CompressError> {
    let zero = || Ok(0f32.to_le_bytes().to_vec());
    if step.size == 0.0 {
        return zero();
    }
    let mut coded = Integers::with_capacity(values.len());
    let mut largest = 0;
    step.each(values, |integers| {
        largest = integers.iter().fold(largest, |most: i32, q| most.max(q.abs()));
        coded.extend(integers);
    });
    if largest > LARGEST || !(largest as f32 * step.size).is_finite() {
        let most = values.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
        return Err(super::scale::outside(values, most));
    }
    if largest == 0 {
        return zero();
    }
    let mut part = step.size.to_le_bytes().to_vec();
    coded.write(&mut part);
    Ok(part)
}

/// A step, and integers that are not all zero.
#[derive(Debug)]
pub(crate) struct Steps<'a> {
    elements: usize,
    /// `None`: all are zero.
    coded: Option<(f32, Parsed<'a>)>,
}

/// The step at the front of a part, `None` for 0, after which nothing may come.
pub(crate) fn read_step(reader: &mut Reader<'_>) -> Result<Option<f32>, CompressError> {
    let step = f32::from_le_bytes(reader.array()?);
    if step.to_bits() == 0 {
        return if reader.left() == 0 {
            Ok(None)
        } else {
            Err(CompressError::Malformed("codes without a step"))
        };
    }
    if step.is_finite() && step > 0.0 {
        Ok(Some(step))
    } else {
        Err(CompressError::Malformed("the step is not a positive number"))
    }
}

/// Hands chunks of integers to `take`; they must not all be zero.
fn each(
    parsed: &Parsed<'_>,
    mut take: impl FnMut(&[i32]) -> Result<(), CompressError>,
) -> Result<(), CompressError> {
    let mut any = 0;
    parsed.decode(|integers| {
        any = integers.iter().fold(any, |any, q| any | q);
        take(integers)
    })?;
    if any == 0 { Err(CompressError::Malformed("a step without codes")) } else { Ok(()) }
}

impl Tensorwise for Ecsq {
    type Parsed<'a> = Steps<'a>;

    fn id(&self) -> CodecId {
        CodecId::ECSQ
    }

    /// A relative error of ε is a contraction of 1 − ε².
    fn promises(&self) -> Properties {
        let contraction = match self.target {
            Target::Error(error) => 1.0 - error * error,
            _ => 0.0,
        };
        Properties { contraction, ..Properties::default() }
    }

    /// The relative error where one was asked for.
    fn error(&self) -> ErrorBound {
        match self.target {
            Target::Error(error) => ErrorBound::Norm(error),
            _ => ErrorBound::Unknown,
        }
    }

    fn encode(&self, params: &Params, _seed: Seed) -> Result<Vec<Vec<u8>>, CompressError> {
        check_finite(params.values())?;
        let common = if self.per_tensor { None } else { Some(self.find(params.values())?) };
        tensorwise::each(params, |_, values| {
            let step = common.map_or_else(|| self.find(values), Ok)?;
            encode_tensor(values, step)
        })
    }

    fn parse<'a>(&self, part: Part<'a>) -> Result<Self::Parsed<'a>, CompressError> {
        let mut reader = Reader::new(part.bytes);
        let step = read_step(&mut reader)?;
        let coded = step.map(|step| Parsed::parse(reader, part.elements).map(|parsed| (step, parsed)));
        Ok(Steps { elements: part.elements, coded: coded.transpose()? })
    }

    fn decode(&self, parsed: &Self::Parsed<'_>, into: &mut [f32]) -> Result<(), CompressError> {
        let Some((step, coded)) = &parsed.coded else {
            into.fill(0.0);
            return Ok(());
        };
        let mut at = 0;
        each(coded, |integers| {
            let largest = integers.iter().fold(0, |most: i32, q| most.max(q.abs()));
            if !(largest as f32 * step).is_finite() {
                return Err(CompressError::NotFinite { at });
            }
            let places = into.get_mut(at..).unwrap_or_default();
            places.iter_mut().zip(integers).for_each(|(value, q)| *value = *q as f32 * step);
            at += integers.len();
            Ok(())
        })
    }
}

impl Integerwise for Ecsq {
    fn integers(
        &self,
        parsed: &Self::Parsed<'_>,
        take: &mut dyn FnMut(i64, i32) -> Result<(), CompressError>,
    ) -> Result<(), CompressError> {
        let Some((step, coded)) = &parsed.coded else {
            return (0..parsed.elements).try_for_each(|_| take(0, 0));
        };
        let (mantissa, exponent) = parts_of_float(*step).unwrap_or_default();
        // At most 24 and 24 bits.
        each(coded, |integers| integers.iter().try_for_each(|q| take(i64::from(*q) * mantissa, exponent)))
    }
}

compressor!([] Ecsq);
exact_decoder!([] Ecsq);
