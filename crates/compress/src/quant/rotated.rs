//! Rotated unbiased quantisation, for updates that are averaged.
//!
//! The mean of n clients' updates is as good as the clients' errors are independent and without bias: its squared error
//! is then that of one client, divided by n. The family of DRIVE, EDEN and QUIC-FL (Vargaftik et al., arXiv 2105.08339,
//! 2108.08842; Ben Basat et al., arXiv 2205.13341) first rotates at random, after which the coordinates of any vector are
//! nearly normal with one variance, and quantises then. Here the quantiser is a uniform step with subtractive dither and
//! an entropy coder:
//!
//! ```text
//! y = R x,    q = round(y/Δ + v),    ŷ = Δ·(q − v),    x̂ = R⁻¹ ŷ,    v uniform in ±½
//! ```
//! ŷ − y is uniform in ±Δ/2 and independent of y (Schuchman, "Dither signals and their effect on quantization noise",
//! 1964), so x̂ has the mean x for *every* x, not only where the rotation makes coordinates normal, and
//! E‖x − x̂‖² = nΔ²/12. EDEN's deterministic levels have a bias for vectors that a Hadamard matrix maps to few values.
//!
//! Δ is the root mean square of the tensor times [`STEPS`], with which the integers of a normal distribution have an
//! entropy of b bits; no distribution of that variance has more but by a trifle. Signs and dither come from the key in
//! the part, which is a hash of the seed and betrays nothing of it.
//!
//! Part of n > 0 elements:
//!
//! ```text
//! Δ f32 (0 and nothing behind it: all are zero) · key u64 · escapes u32 · escapes × varint · rANS bytes of n symbols
//! ```
//! Sums of floats undo the rotation, in a fixed order but in `f32`, so there is no exact decoder.

use super::{
    draw::{Draws, unit},
    ecsq::read_step,
    hadamard::{rotate, unrotate},
    scale::{largest, outside},
    tensorwise::{self, Part, Tensorwise, compressor},
};
use crate::{
    CodecId, CompressError, ErrorBound, Properties,
    dense::check_finite,
    entropy::integers::{Integers, LARGEST, Parsed},
    reader::Reader,
};
use bitneuron_core::{Params, Seed};
use rand::Rng;

/// Step over standard deviation at which the dithered integers of a normal variable have an entropy of 1 … 7 bits: the
/// root c of H(c) = b, where H is the entropy of p(k) = ∫ φ(x) max(0, 1 − |x/c − k|) dx.
pub const STEPS: [f64; 7] = [
    3.515_494_8,
    1.139_498_44,
    0.528_477_838,
    0.259_743_850,
    0.129_327_737,
    0.064_596_377_4,
    0.032_289_768_9,
];
/// Values quantised at a time.
const CHUNK: usize = 256;

/// A random rotation, then unbiased quantisation to about b bits for each value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotated {
    step: f64,
}

impl Default for Rotated {
    /// Four bits.
    fn default() -> Self {
        Self { step: STEPS[3] }
    }
}

impl Rotated {
    /// With `bits` bits for each value.
    ///
    /// # Errors
    /// `bits` is not 1 to 7: beyond that too many integers have no symbol of their own.
    pub fn new(bits: u8) -> Result<Self, CompressError> {
        let step = usize::from(bits).checked_sub(1).and_then(|at| STEPS.get(at));
        let step = step.ok_or(CompressError::Config("a rotated quantiser has 1 to 7 bits"))?;
        Ok(Self { step: *step })
    }

    fn encode_tensor(self, values: &[f32], key: u64) -> Result<Vec<u8>, CompressError> {
        let most = largest(values)?;
        let energy: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
        let step = (self.step * (energy / values.len() as f64).sqrt()) as f32;
        if step == 0.0 {
            return Ok(step.to_le_bytes().to_vec());
        }
        let mut rotated = values.to_vec();
        rotate(&mut rotated, signs(key));
        let mut coded = Integers::with_capacity(values.len());
        let mut greatest = 0;
        let mut dither = dither(key);
        let (mut words, mut integers) = ([0; CHUNK], [0; CHUNK]);
        let per_step = 1.0 / f64::from(step);
        for values in rotated.chunks(CHUNK) {
            let words = &mut words[..values.len()];
            dither.fill(words);
            for ((q, y), word) in integers.iter_mut().zip(values).zip(words) {
                let steps = (f64::from(*y) * per_step + centred(*word)).round_ties_even();
                *q = steps.clamp(f64::from(-2 * LARGEST), f64::from(2 * LARGEST)) as i32;
            }
            let integers = &integers[..values.len()];
            greatest = integers.iter().fold(greatest, |most: i32, q| most.max(q.abs()));
            coded.extend(integers);
        }
        if greatest > LARGEST || check_finite(&rotated).is_err() {
            return Err(outside(values, most));
        }
        let mut part = step.to_le_bytes().to_vec();
        part.extend(key.to_le_bytes());
        coded.write(&mut part);
        Ok(part)
    }
}

/// The seed of the signs.
fn signs(key: u64) -> Seed {
    Seed::from_number(key).derive("signs")
}

/// The words of the dither.
fn dither(key: u64) -> super::draw::Stream<impl Rng> {
    Draws::new(Seed::from_number(key), "dither", 0).stream(0)
}

/// A uniform number of (−½, ½), symmetric about 0.
#[inline]
fn centred(word: u32) -> f64 {
    f64::from(unit(word)) - (0.5 - 1.0 / f64::from(1 << 25))
}

/// Step, key and integers of one tensor; `None`: all are zero.
#[derive(Debug)]
pub(crate) struct Steps<'a>(Option<(f32, u64, Parsed<'a>)>);

impl Tensorwise for Rotated {
    type Parsed<'a> = Steps<'a>;

    fn id(&self) -> CodecId {
        CodecId::ROTATED
    }

    /// E‖x − x̂‖² = nΔ²/12 = ‖x‖² c²/12, with c of [`STEPS`].
    fn promises(&self) -> Properties {
        let contraction = (1.0 - self.step * self.step / 12.0).max(0.0);
        Properties { unbiased: true, contraction, linear: false }
    }

    /// At most half a step for each coordinate: ‖x − x̂‖ ≤ (Δ/2)√n, where ‖x‖ = σ√n.
    fn error(&self) -> ErrorBound {
        ErrorBound::Norm(self.step / 2.0 + 1e-4)
    }

    fn encode(&self, params: &Params, seed: Seed) -> Result<Vec<Vec<u8>>, CompressError> {
        tensorwise::each(params, |index, values| {
            let key = seed.derive_number("rotated", index as u64).0;
            let key = key.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            self.encode_tensor(values, key)
        })
    }

    fn parse<'a>(&self, part: Part<'a>) -> Result<Self::Parsed<'a>, CompressError> {
        let mut reader = Reader::new(part.bytes);
        let Some(step) = read_step(&mut reader)? else { return Ok(Steps(None)) };
        let key = u64::from_le_bytes(reader.array()?);
        Ok(Steps(Some((step, key, Parsed::parse(reader, part.elements)?))))
    }

    fn decode(&self, parsed: &Self::Parsed<'_>, into: &mut [f32]) -> Result<(), CompressError> {
        into.fill(0.0);
        let Steps(Some((step, key, coded))) = parsed else { return Ok(()) };
        let mut dither = dither(*key);
        let mut words = [0; CHUNK];
        let mut at = 0;
        coded.decode(|integers| {
            let words = &mut words[..integers.len()];
            dither.fill(words);
            let places = into.get_mut(at..).unwrap_or_default();
            for ((value, q), word) in places.iter_mut().zip(integers).zip(words) {
                *value = ((f64::from(*q) - centred(*word)) * f64::from(*step)) as f32;
            }
            at += integers.len();
            Ok(())
        })?;
        unrotate(into, signs(*key));
        check_finite(into).inspect_err(|_| into.fill(0.0))
    }
}

compressor!([] Rotated);
