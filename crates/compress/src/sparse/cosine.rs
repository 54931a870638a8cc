//! The largest cosine coefficients of each chunk (the updates of DeMo, arXiv 2411.19870, 2024, in one dimension).
//!
//! A tensor is cut into chunks of N = 2^c values, the last filled up with zeros. Of the N coefficients of each chunk
//! the k = ⌈p·N⌉ largest are kept; neighbouring values that move together share few of them. The transform is
//! orthonormal, so ‖x − x̂‖² ≤ (1 − k/N)‖x‖² as for [`super::top`]. It is biased: updates need [`crate::ErrorFeedback`].
//!
//! Part of a tensor of n values, empty when all are zero:
//!
//! ```text
//! c u8 (0 … 12, 2^(c−1) < n) · kept coefficients as in [`super::magnitude`], counted through all chunks
//! ```
//! A tensor that is smaller than a chunk has one chunk of the next power of two. The inverse runs in a fixed order,
//! but on cosines of the system's library: this codec is not for the chain.

use super::{
    dct::Cosines,
    density::Density,
    entries::{self, Entries},
    magnitude::{self, Precision},
};
use crate::{
    CodecId, CompressError, Compressor, ErrorBound, Limits, Packet, Properties, dense::check_finite,
    reader::Reader,
};
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// Keeps the largest cosine coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosine {
    density: Density,
    precision: Precision,
    exponent: u32,
}

const LEAST_EXPONENT: u32 = 3;
const MOST_EXPONENT: u32 = 12;
/// What `f32` coefficients and the transform itself may cost of the square.
const ROUNDING: f64 = 1e-12;

impl Cosine {
    /// Keeps this share of the coefficients of each chunk of 256, as `f32`.
    pub fn new(density: Density) -> Self {
        Self { density, precision: Precision::Full, exponent: 8 }
    }

    /// With coefficients in another form.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// With chunks of `chunk` values.
    ///
    /// # Errors
    /// `chunk` is not a power of two from 8 to 4096.
    pub fn with_chunk(self, chunk: usize) -> Result<Self, CompressError> {
        let exponent = chunk.checked_ilog2().unwrap_or_default();
        if chunk.is_power_of_two() && (LEAST_EXPONENT..=MOST_EXPONENT).contains(&exponent) {
            Ok(Self { exponent, ..self })
        } else {
            Err(CompressError::Config("a chunk of cosines is a power of two from 8 to 4096"))
        }
    }

    fn contraction(&self) -> f64 {
        self.density.ratio() * (1.0 - self.precision.loss()) * (1.0 - 1e-6) - ROUNDING
    }

    /// The kept coefficients of a tensor that begins at `first`.
    fn encode_tensor(self, values: &[f32], first: usize) -> Result<Vec<u8>, CompressError> {
        let exponent = chunk_exponent(self.exponent, values.len());
        let length = 1usize << exponent;
        let mut cosines = Cosines::new(exponent);
        let (mut chunk, mut coefficients) = (vec![0.0; length], vec![0.0; length]);
        let mut kept = Vec::new();
        for (index, values) in values.chunks(length).enumerate() {
            let padded = values.iter().copied().chain(std::iter::repeat(0.0));
            chunk.iter_mut().zip(padded).for_each(|(place, value)| *place = f64::from(value));
            cosines.forward(&mut chunk);
            coefficients.iter_mut().zip(&chunk).for_each(|(place, value)| *place = *value as f32);
            let start = index * length;
            // A coefficient can be √N times the largest value, which the largest floats have no room for.
            let largest = entries::kept(&coefficients, first + start, self.density.count(length))
                .map_err(|_| CompressError::Interval { at: first + start })?;
            kept.extend(largest.into_iter().map(|(at, value)| (start as u32 + at, value)));
        }
        let mut part = vec![exponent as u8];
        self.precision.write(&kept, &mut part);
        Ok(if part.len() > 1 { part } else { Vec::new() })
    }
}

impl Default for Cosine {
    /// One coefficient in a hundred, as `f32`.
    fn default() -> Self {
        Self::new(Density::PERCENT)
    }
}

/// The exponent of the chunks of a tensor of `elements` values: no chunk is more than half empty.
fn chunk_exponent(exponent: u32, elements: usize) -> u32 {
    exponent.min(elements.next_power_of_two().ilog2())
}

/// The values of a tensor of `elements`.
fn decode_tensor(bytes: &[u8], elements: usize, values: &mut Vec<f32>) -> Result<(), CompressError> {
    let mut reader = Reader::new(bytes);
    let exponent = u32::from(reader.u8()?);
    if exponent > MOST_EXPONENT || exponent != chunk_exponent(exponent, elements) {
        return Err(CompressError::Malformed("a chunk of cosines does not fit the tensor"));
    }
    let length = 1usize << exponent;
    let mut kept = Entries::default();
    magnitude::read(reader.take(reader.left())?, elements.next_multiple_of(length), 0, &mut kept)?;
    let mut kept = kept.into_iter().peekable();
    let mut cosines = Cosines::new(exponent);
    let mut chunk = vec![0.0; length];
    for start in (0..elements).step_by(length) {
        chunk.fill(0.0);
        while let Some((at, value)) = kept.next_if(|(at, _)| (*at as usize) < start + length) {
            if let Some(place) = chunk.get_mut(at as usize - start) {
                *place = f64::from(value);
            }
        }
        cosines.inverse(&mut chunk);
        values.extend(chunk.iter().take(elements - start).map(|value| *value as f32));
    }
    Ok(())
}

impl Compressor for Cosine {
    fn codec(&self) -> CodecId {
        CodecId::COSINE
    }

    fn properties(&self) -> Properties {
        Properties { contraction: self.contraction(), ..Properties::default() }
    }

    /// ‖x − x̂‖ ≤ √(1 − δ) ‖x‖.
    fn error(&self) -> ErrorBound {
        ErrorBound::Norm((1.0 - self.contraction()).sqrt())
    }

    fn compress(&self, params: &Params, _seed: Seed) -> Result<Packet, CompressError> {
        check_finite(params.values())?;
        entries::packet(self.codec(), params, |values, first| self.encode_tensor(values, first))
    }

    fn decompress(
        &self,
        packet: &Packet,
        expect: &Arc<Layout>,
        limits: Limits,
    ) -> Result<Params, CompressError> {
        packet.check(self.codec(), expect, limits)?;
        let parts = packet.parts_of(expect)?;
        let mut values = Vec::new();
        for (part, (bytes, entry)) in parts.iter().zip(expect.entries()).enumerate() {
            let elements = entry.elements().unwrap_or_default();
            if bytes.is_empty() {
                values.resize(values.len() + elements, 0.0);
            } else if elements == 0 {
                return Err(CompressError::PartLength { part, found: bytes.len(), expected: 0 });
            } else {
                decode_tensor(bytes, elements, &mut values)?;
            }
        }
        check_finite(&values)?;
        Ok(Params::new(values, expect.clone())?)
    }
}
