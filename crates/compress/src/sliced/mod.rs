//! Mixed precision: a step for every slice of a factor, by what the slice is multiplied with.
//!
//! In a train A = G₁ ⋯ G_d an error of core k is multiplied by all other cores. Where the cores before it have orthonormal columns
//! (the left-orthogonal gauge) and σ_j are the singular values at the bond behind it, slice j counts σ_j:
//!
//! ```text
//! ‖δA‖² = Σ_k Σ_j σ²_kj ‖δG_k[:, :, j]‖²
//! ```
//! A given number of bits does least harm where every slice has the same weighted error, until that exceeds the slice itself
//! (reverse water-filling; Cover and Thomas, *Elements of Information Theory*, section 10.3.3). So one step Δ for σ_j·G_k[:, :, j],
//! which is Δ/σ_j for the slice: slices of small σ_j get few bits or none. The integers go through the entropy coder in a few
//! classes (`classes`). Cores are quantised from left to right, and each takes up what those before it have lost
//! (`quantise`). Trains share Δ with all other tensors, so that a unit of error costs the same bits everywhere.
//!
//! Which tensors are the cores of a train is seen by their names and shapes (`trains`): `w.1 [1, m, n, r]`, `w.2 [r, m′, n′, 1]`,
//! as factored layers and [`crate::Chain`] name them. **The cores that are restored stand for the same matrices, in another
//! gauge**: they are good to be served, expanded, or merged as trains, not to be averaged entry by entry with other cores. With
//! [`Sliced::keep_gauge`] they stay near those that were given, and slices count what they count there.
//!
//! Parts:
//!
//! ```text
//! Δ f32 (0 and nothing behind it: all are zero)
//! each tensor with elements: sides u8 · if bit 2: t i16, not 0 · if bit 0: left × (u i8), if bit 1: right × (v i8), not all 0
//! borders u8 (at most 15) · borders × i16, rising
//! one part for each class: its integers, as in `ecsq` (escapes u32 · escapes × varint · rANS bytes), |q| ≤ 2²⁰
//! x̂[a, i, j] = q · Δ · 2^(−(t + u_a + v_j)/4)          2^(0/4) … 2^(3/4) as 128, 152, 181, 215 times 2⁻⁷
//! ```
//! A tensor of three or more dimensions is `[left, middle, right]` by its first and last, another one is all middle. Every value is an
//! integer times a power of two, so decoding is the same bits on every machine.

mod classes;
mod quantise;
mod source;
mod steps;
mod trains;
mod wire;

use crate::{
    CodecId, CompressError, Compressor, ErrorBound, ExactDecoder, Limits, Packet, Properties,
    dense::check_finite, exact::fixed,
};
use bitneuron_core::{Layout, Params, Seed};
use source::{Coded, Source};
use std::sync::Arc;
use steps::Step;
use wire::{Header, open};

/// What the common step is chosen for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Target {
    /// This step.
    Step(f32),
    /// An entropy of at most so many bits for each value.
    Bits(f64),
    /// A packet of at most so many bytes.
    Bytes(usize),
}

/// Halvings of the search for a step, over about 2²⁴.
const HALVINGS: usize = 20;

/// Steps by slices of trains; one step for tensors that are no train.
///
/// ```
/// use bitneuron_compress::{Compressor, Limits, Sliced, Uniform, factor::{Factored, TrainLinear}, ttm::{MatrixShape, MatrixTrain}};
/// use bitneuron_core::{Layout, Params, Seed};
/// use std::sync::Arc;
/// // 1,024 × 1,024 as three cores.
/// let layer = TrainLinear::interleaved(&[8, 16, 8], &[8, 16, 8], &[6, 6])?;
/// let layout = Arc::new(Layout::of(&[("w.1", &[1, 8, 8, 6]), ("w.2", &[6, 16, 16, 6]), ("w.3", &[6, 8, 8, 1])])?);
/// let params = Params::new(layer.init(1e-3, Seed::from_number(1)), layout.clone())?;
/// let uniform = Uniform::new(4)?.compress(&params, Seed::default())?;
/// let codec = Sliced::bytes(uniform.len());
/// let packet = codec.compress(&params, Seed::default())?;
/// assert!(packet.len() <= uniform.len());
/// let cores = codec.decompress(&packet, &layout, Limits::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sliced {
    target: Target,
    keep_gauge: bool,
    refit: bool,
}

impl Default for Sliced {
    /// Four bits for each value.
    fn default() -> Self {
        Self::new(Target::Bits(4.0))
    }
}

impl Sliced {
    const fn new(target: Target) -> Self {
        Self { target, keep_gauge: false, refit: true }
    }

    /// With this step for slices that count 1.
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

    /// With the least step at which the integers have an entropy of at most `bits` bits, on average over all values.
    ///
    /// # Errors
    /// `bits` is not within 0.01 … 12.
    pub fn bits(bits: f64) -> Result<Self, CompressError> {
        if (0.01..=12.0).contains(&bits) {
            Ok(Self::new(Target::Bits(bits)))
        } else {
            Err(CompressError::Config("steps by slices have 0.01 to 12 bits"))
        }
    }

    /// With the least step at which the packet has at most `bytes` bytes.
    pub const fn bytes(bytes: usize) -> Self {
        Self::new(Target::Bytes(bytes))
    }

    /// With cores that stay near those given, in place of the left-orthogonal ones.
    #[must_use]
    pub const fn keep_gauge(self) -> Self {
        Self { keep_gauge: true, ..self }
    }

    /// With cores that are quantised each by itself, to see what the refit is worth.
    #[must_use]
    pub const fn without_refit(self) -> Self {
        Self { refit: false, ..self }
    }

    /// The parts of the best step.
    fn encode(self, params: &Params) -> Result<Vec<Vec<u8>>, CompressError> {
        check_finite(params.values())?;
        let source = Source::new(params, self.keep_gauge, self.refit)?;
        if let Target::Step(size) = self.target {
            let outside = || {
                let most = params.values().iter().fold(0.0, |most: f32, value| most.max(value.abs()));
                let at = params.values().iter().position(|value| value.abs() >= most);
                CompressError::Interval { at: at.unwrap_or_default() }
            };
            return source.encode(size)?.map(|coded| coded.parts).ok_or_else(outside);
        }
        let largest = source.largest();
        if largest == 0.0 {
            return Ok(Header::zero());
        }
        let (sample, share) = source.sample().map_or((None, 1.0), |(sample, share)| (Some(sample), share));
        let (size, mut best) = self.search(sample.as_ref().unwrap_or(&source), share, largest)?;
        let mut size = size;
        // What was found on a sample may be a little too fine for all.
        while let Some(coded) = sample.as_ref().map(|_| source.encode(size as f32)).transpose()? {
            if let Some(coded) = coded.filter(|coded| self.fits(coded, 1.0)) {
                best = coded.parts;
                break;
            }
            size *= 1.01;
        }
        match self.target {
            Target::Bytes(bytes) if bytes_of(&best) > bytes => {
                let (found, limit) = (bytes_of(&best) as u64, bytes as u64);
                Err(CompressError::TooLarge { what: "bytes at least", found, limit })
            }
            _ => Ok(best),
        }
    }

    /// The least step that meets the target, and its parts, by bisection; `source` is this share of all values.
    fn search(self, source: &Source, share: f64, largest: f64) -> Result<(f64, Vec<Vec<u8>>), CompressError> {
        let (mut low, mut high) = (largest / f64::from(quantise::LARGEST / 2), 4.0 * largest);
        let mut best = Header::zero();
        for _ in 0..HALVINGS {
            let middle = (low * high).sqrt();
            match source.encode(middle as f32)?.filter(|coded| self.fits(coded, share)) {
                Some(coded) => (high, best) = (middle, coded.parts),
                None => low = middle,
            }
        }
        Ok((high, best))
    }

    /// Whether what this share of all values came to is within the target.
    fn fits(self, coded: &Coded, share: f64) -> bool {
        match self.target {
            Target::Bits(bits) => coded.rate <= bits,
            // Of zeros there is nothing less.
            Target::Bytes(bytes) => {
                coded.rate == 0.0 || bytes_of(&coded.parts) as f64 <= bytes as f64 * share
            }
            Target::Step(_) => true,
        }
    }
}

/// The bytes of a packet of these parts.
fn bytes_of(parts: &[Vec<u8>]) -> usize {
    parts.iter().map(|part| part.len() + 4).sum::<usize>() + Packet::HEADER
}

impl Compressor for Sliced {
    fn codec(&self) -> CodecId {
        CodecId::SLICED
    }

    fn properties(&self) -> Properties {
        Properties::default()
    }

    /// Unknown: entries of cores may be far from those given where their product is not.
    fn error(&self) -> ErrorBound {
        ErrorBound::Unknown
    }

    fn compress(&self, params: &Params, _seed: Seed) -> Result<Packet, CompressError> {
        Packet::new(self.codec(), params.layout().digest(), self.encode(params)?)
    }

    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        packet.check(self.codec(), expect, limits)?;
        let Some(opened) = open(packet.parts(), expect)? else { return Ok(Params::zeros(expect.clone())) };
        let mut values = Vec::with_capacity(expect.len());
        opened.each(|q, step| {
            let value = (f64::from(q) * step.value()) as f32;
            if !value.is_finite() {
                return Err(CompressError::NotFinite { at: values.len() });
            }
            values.push(value);
            Ok(())
        })?;
        Ok(Params::new(values, expect.clone())?)
    }
}

impl ExactDecoder for Sliced {
    fn decode_fixed(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError> {
        packet.check(self.codec(), expect, limits)?;
        let Some(opened) = open(packet.parts(), expect)? else { return Ok(vec![0; expect.len()]) };
        let mut integers = Vec::with_capacity(expect.len());
        opened.each(|q, Step { mantissa, exponent }| {
            let at = integers.len();
            // At most 20 and 32 bits.
            let value = fixed(i64::from(q) * mantissa, exponent, fraction);
            integers.push(value.ok_or(CompressError::Interval { at })?);
            Ok(())
        })?;
        Ok(integers)
    }
}
