//! The largest values of each chunk, two bits each (the updates of SparseLoCo, arXiv 2508.15706, 2025).
//!
//! A tensor is cut into chunks of 4096 values (the last may be shorter). Of each chunk of c the k = ⌈p·c⌉ largest are
//! kept, as a sign and one of two magnitudes that the chunk has for itself:
//!
//! ```text
//! x̂ᵢ = ±lo or ±hi
//! ```
//! A large row of the tensor cannot crowd out the others, and k per chunk bounds the work of each. The encoder splits
//! the sorted magnitudes where the two means keep the most energy, a·lo² + b·hi², rounds both to the upper half of an
//! `f32`, and takes the nearer one for each value. Keeping one mean alone loses no more than ‖x‖²(1 − min(k/c, 1/k)),
//! as in [`super::ternary`], and two are no worse. It is biased: updates need [`crate::ErrorFeedback`].
//!
//! Part of a tensor, empty when all values are zero:
//!
//! ```text
//! chunks u32 · chunks × (lo u16, hi u16) · positions with 2 bits each: sign (1 is minus), then 1 for hi
//! ```
//! Only chunks of which something is kept have magnitudes, in order; [`super::gaps`] has the positions. One encoding:
//! 0 < lo ≤ hi, both are in use when they differ, and hi is not when they are equal. At p = 1/100 this is 10.9 bits
//! for each kept value, 1/290 of `f32`.

use super::{
    density::Density,
    entries::{self, Entries},
    gaps::{self, Kept},
};
use crate::{CodecId, CompressError, Compressor, ErrorBound, Limits, Packet, Properties, reader::Reader};
use bitneuron_core::{Layout, Params, Seed};

/// Values of a chunk.
pub const CHUNK: usize = 4096;
/// The upper half of the largest `f32`.
const LARGEST: u16 = 0x7f7f;
/// What rounding a magnitude to 8 significant bits may cost: the square of 2⁻⁸.
const ROUNDING: f64 = 1.0 / 65_536.0;

/// Keeps the largest values of each chunk, two bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunked {
    density: Density,
}

impl Chunked {
    /// Keeps this share of each chunk.
    pub fn new(density: Density) -> Self {
        Self { density }
    }

    /// Worst where the magnitudes of a whole chunk are equal, or one is far above the others.
    fn contraction(self) -> f64 {
        self.density.ratio().min(1.0 / self.density.count(CHUNK) as f64) * (1.0 - ROUNDING)
    }

    fn encode_tensor(self, values: &[f32], first: usize) -> Result<Vec<u8>, CompressError> {
        let (mut levels, mut codes) = (Vec::new(), Vec::new());
        for (index, chunk) in values.chunks(CHUNK).enumerate() {
            let start = index * CHUNK;
            let kept = entries::kept(chunk, first + start, self.density.count(chunk.len()))?;
            if kept.is_empty() {
                continue;
            }
            let of_chunk = Levels::of(&kept);
            levels.push(of_chunk);
            codes.extend(kept.iter().map(|(at, value)| (start as u32 + at, of_chunk.code(*value))));
        }
        if levels.is_empty() {
            return Ok(Vec::new());
        }
        let mut part = (levels.len() as u32).to_le_bytes().to_vec();
        levels.iter().for_each(|levels| part.extend(levels.to_bytes()));
        gaps::write(&codes, 2, &mut part);
        Ok(part)
    }

    fn open(self, packet: &Packet, expect: &Layout, limits: Limits) -> Result<Entries, CompressError> {
        entries::open(self.codec(), packet, expect, limits, read_part)
    }
}

impl Default for Chunked {
    /// One value in a hundred.
    fn default() -> Self {
        Self::new(Density::PERCENT)
    }
}

/// The two magnitudes of a chunk, each the upper half of an `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Levels {
    low: u16,
    high: u16,
}

/// The code of minus, and that of the high level.
const MINUS: u32 = 1;
const HIGH: u32 = 2;

impl Levels {
    /// Those of values that are not zero.
    fn of(kept: &[(u32, f32)]) -> Self {
        let mut magnitudes: Vec<f64> = kept.iter().map(|(_, value)| f64::from(value.abs())).collect();
        magnitudes.sort_unstable_by(f64::total_cmp);
        let (sum, count) = (magnitudes.iter().sum::<f64>(), magnitudes.len() as f64);
        let one = Self::rounded(sum / count, sum / count);
        let (mut best, mut most, mut below) = (one, 0.0, 0.0);
        for (few, magnitude) in (1u32..).zip(magnitudes.iter().take(magnitudes.len() - 1)) {
            below += magnitude;
            let (few, many) = (f64::from(few), count - f64::from(few));
            let energy = below * below / few + (sum - below) * (sum - below) / many;
            if energy > most {
                most = energy;
                best = Self::rounded(below / few, (sum - below) / many);
            }
        }
        let high = kept.iter().filter(|(_, value)| best.code(*value) & HIGH > 0).count();
        if high == 0 || high == kept.len() { one } else { best }
    }

    fn rounded(low: f64, high: f64) -> Self {
        let upper =
            |mean: f64| (((mean as f32).to_bits() + 0x8000) >> 16).clamp(1, u32::from(LARGEST)) as u16;
        Self { low: upper(low), high: upper(high) }
    }

    fn parse(bytes: [u8; 4]) -> Result<Self, CompressError> {
        let [a, b, c, d] = bytes;
        let (low, high) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        if low > 0 && low <= high && high <= LARGEST {
            Ok(Self { low, high })
        } else {
            Err(CompressError::Malformed("the magnitudes of a chunk are not in order"))
        }
    }

    fn to_bytes(self) -> impl Iterator<Item = u8> {
        [self.low, self.high].into_iter().flat_map(u16::to_le_bytes)
    }

    fn magnitudes(self) -> [f32; 2] {
        [self.low, self.high].map(|upper| f32::from_bits(u32::from(upper) << 16))
    }

    /// Sign and the nearer level.
    fn code(self, value: f32) -> u32 {
        let [low, high] = self.magnitudes().map(f64::from);
        let is_high = low < high && 2.0 * f64::from(value.abs()) > low + high;
        (if value.is_sign_negative() { MINUS } else { 0 }) | if is_high { HIGH } else { 0 }
    }

    fn value(self, code: u32) -> f32 {
        let [low, high] = self.magnitudes();
        let magnitude = if code & HIGH == 0 { low } else { high };
        if code & MINUS == 0 { magnitude } else { -magnitude }
    }
}

/// The chunk that is being read.
struct Chunk {
    index: u32,
    levels: Levels,
    /// Bit 0 when its low level was used, bit 1 for the high one.
    used: u8,
}

impl Chunk {
    /// Whether its levels are those that an encoder would have written for what was read.
    fn check(&self) -> Result<(), CompressError> {
        let expected = if self.levels.low == self.levels.high { 0b01 } else { 0b11 };
        if self.used == expected {
            Ok(())
        } else {
            Err(CompressError::Malformed("a magnitude of a chunk is not used, or written twice"))
        }
    }
}

fn read_part(
    bytes: &[u8],
    elements: usize,
    first: usize,
    entries: &mut Entries,
) -> Result<(), CompressError> {
    let mut reader = Reader::new(bytes);
    let chunks = reader.u32()? as usize;
    if chunks > elements.div_ceil(CHUNK) {
        return Err(CompressError::Malformed("more chunks than the tensor has"));
    }
    let mut levels = reader.take(4 * chunks)?.as_chunks::<4>().0.iter();
    let kept = Kept::open(reader.take(reader.left())?, elements, 2)?;
    entries.reserve(kept.count());
    let mut current: Option<Chunk> = None;
    kept.read(|at, code| {
        let index = at / CHUNK as u32;
        if current.as_ref().is_none_or(|chunk| chunk.index != index) {
            current.as_ref().map_or(Ok(()), Chunk::check)?;
            let next = levels.next().ok_or(CompressError::Malformed("a chunk has no magnitudes"))?;
            current = Some(Chunk { index, levels: Levels::parse(*next)?, used: 0 });
        }
        let Some(chunk) = current.as_mut() else { return Ok(()) };
        chunk.used |= if code & HIGH == 0 { 0b01 } else { 0b10 };
        entries.push(first + at as usize, chunk.levels.value(code))
    })?;
    current.as_ref().map_or(Ok(()), Chunk::check)?;
    if levels.next().is_some() {
        return Err(CompressError::Malformed("magnitudes of a chunk of which nothing is kept"));
    }
    Ok(())
}

impl Compressor for Chunked {
    fn codec(&self) -> CodecId {
        CodecId::CHUNKED
    }

    fn properties(&self) -> Properties {
        Properties { contraction: self.contraction(), ..Properties::default() }
    }

    /// ‖x − x̂‖ ≤ √(1 − δ) ‖x‖.
    fn error(&self) -> ErrorBound {
        ErrorBound::Norm((1.0 - self.contraction()).sqrt())
    }

    fn compress(&self, params: &Params, _seed: Seed) -> Result<Packet, CompressError> {
        entries::packet(self.codec(), params, |values, first| self.encode_tensor(values, first))
    }

    entries::decoding!();
}

entries::exact_decoder!(Chunked);
