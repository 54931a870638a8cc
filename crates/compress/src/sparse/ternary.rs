//! Sparse ternary compression (Sattler, Wiedemann, Müller and Samek, *Robust and Communication-Efficient Federated
//! Learning from Non-IID Data*, 2019, algorithm 1).
//!
//! ```text
//! x̂ᵢ = μ·sign(xᵢ) for the k = ⌈p·n⌉ largest |xᵢ|, 0 for all others;    μ = mean of the kept |xᵢ|
//! ```
//! x̂ is the best multiple of its signs, so ‖x − x̂‖² = ‖x‖² − kμ² ≤ (1 − δ)‖x‖² with δ = min(k/n, 1/k)
//! ([`Ternary::contraction`]). It is biased: the paper's residuals, for the nodes' updates (upstream) and for their
//! mean (downstream), are an [`crate::ErrorFeedback`] on each side.
//!
//! Part of a tensor, empty when all values are zero; [`super::gaps`] has the positions:
//!
//! ```text
//! μ f32 (finite, above 0) · positions with 1 bit each, 1 for −μ
//! ```
//! At p = 1/400 this is 11.1 bits for each kept value, 0.028 for each value: 1/1150 of `f32`.

use super::{
    density::Density,
    entries::{self, Entries},
    gaps::{self, Kept},
};
use crate::{CodecId, CompressError, Compressor, ErrorBound, Limits, Packet, Properties, reader::Reader};
use bitneuron_core::{Layout, Params, Seed};

/// Keeps the signs of the largest values, and their mean magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ternary {
    density: Density,
}

/// μ is rounded to 24 bits, which costs a square of that.
const ROUNDING: f64 = 1e-14;

impl Ternary {
    /// Keeps this share of each tensor.
    pub fn new(density: Density) -> Self {
        Self { density }
    }

    /// δ = min(k/n, 1/k) of a tensor of `elements` values, attained where all magnitudes are equal, or one is
    /// far above the others.
    pub fn contraction(&self, elements: usize) -> f64 {
        let kept = self.density.count(elements).max(1) as f64;
        (kept / elements.max(1) as f64).min(1.0 / kept) * (1.0 - ROUNDING)
    }

    fn open(self, packet: &Packet, expect: &Layout, limits: Limits) -> Result<Entries, CompressError> {
        entries::open(self.codec(), packet, expect, limits, read_part)
    }
}

impl Default for Ternary {
    /// One value in four hundred, as the paper has it.
    fn default() -> Self {
        Self::new(Density::ONE_IN_400)
    }
}

fn write_part(kept: &[(u32, f32)]) -> Vec<u8> {
    if kept.is_empty() {
        return Vec::new();
    }
    let sum: f64 = kept.iter().map(|(_, value)| f64::from(value.abs())).sum();
    // Between the least and the largest, so neither zero nor infinite.
    let mean = (sum / kept.len() as f64) as f32;
    let mut part = mean.to_le_bytes().to_vec();
    let signs: Vec<_> = kept.iter().map(|(at, value)| (*at, u32::from(value.is_sign_negative()))).collect();
    gaps::write(&signs, 1, &mut part);
    part
}

fn read_part(
    bytes: &[u8],
    elements: usize,
    first: usize,
    entries: &mut Entries,
) -> Result<(), CompressError> {
    let mut reader = Reader::new(bytes);
    let mean = f32::from_le_bytes(reader.array()?);
    if !mean.is_finite() || mean.is_sign_negative() || mean == 0.0 {
        return Err(CompressError::Malformed("the mean magnitude is not above zero"));
    }
    let kept = Kept::open(reader.take(reader.left())?, elements, 1)?;
    entries.reserve(kept.count());
    kept.read(|at, sign| entries.push(first + at as usize, if sign == 0 { mean } else { -mean }))
}

impl Compressor for Ternary {
    fn codec(&self) -> CodecId {
        CodecId::TERNARY
    }

    /// δ for the largest layout, which is small; that of a tensor is [`Ternary::contraction`].
    fn properties(&self) -> Properties {
        Properties { contraction: self.contraction(Layout::MAX_ELEMENTS), ..Properties::default() }
    }

    /// ‖x − x̂‖ < ‖x‖: x̂ is a projection.
    fn error(&self) -> ErrorBound {
        ErrorBound::Norm(1.0)
    }

    fn compress(&self, params: &Params, _seed: Seed) -> Result<Packet, CompressError> {
        entries::packet(self.codec(), params, |values, first| {
            Ok(write_part(&entries::kept(values, first, self.density.count(values.len()))?))
        })
    }

    entries::decoding!();
}

entries::exact_decoder!(Ternary);
