//! Values at places drawn by the seed.
//!
//! Every set of k = ⌈p·n⌉ places is equally likely, up to 2⁻³⁴. The places follow from a seed that travels once, so a
//! value costs its 32 bits and nothing else:
//!
//! ```text
//! x̂ᵢ = (n/k)·xᵢ or xᵢ at the places drawn, 0 at all others
//! ```
//! Scaled by n/k the mean over seeds is x; unscaled it is biased, and E‖x − x̂‖² = (1 − k/n)‖x‖² (Stich, Cordonnier
//! and Jaggi, *Sparsified SGD with Memory*, 2018). Either is linear: nodes with one seed can be summed
//! place by place.
//!
//! ```text
//! part 0               seed 32 bytes · kept u32 · of u32 (the density, in lowest terms)
//! part of a tensor     k × f32, those of the places drawn in ascending order, as they are to be added
//! ```
//! The seed in the packet is a child of the one that the encoder is given, which stays secret.

use super::{
    density::Density,
    entries::{self, Entries, read_parts},
};
use crate::{
    CodecId, CompressError, Compressor, ErrorBound, Limits, Packet, Properties,
    dense::{check_finite, tensors},
    reader::Reader,
};
use bitneuron_core::{Layout, Params, Seed};
use rand::Rng;

/// Keeps values at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    density: Density,
    scaled: bool,
}

impl Random {
    /// Keeps this share of each tensor, scaled by n/k: without bias.
    pub fn new(density: Density) -> Self {
        Self { density, scaled: true }
    }

    /// As they are: with bias, but no farther from x than 0 is.
    #[must_use]
    pub fn unscaled(self) -> Self {
        Self { scaled: false, ..self }
    }

    fn encode_tensor(self, values: &[f32], first: usize, seed: Seed) -> Result<Vec<u8>, CompressError> {
        let places = places(values.len(), self.density.count(values.len()), seed);
        let scale = if self.scaled { values.len() as f64 / places.len().max(1) as f64 } else { 1.0 };
        let mut part = Vec::with_capacity(4 * places.len());
        for at in places {
            let at = at as usize;
            let value = (f64::from(values.get(at).copied().unwrap_or_default()) * scale) as f32;
            if !value.is_finite() {
                return Err(CompressError::Interval { at: first + at });
            }
            part.extend(value.to_le_bytes());
        }
        Ok(part)
    }

    fn open(self, packet: &Packet, expect: &Layout, limits: Limits) -> Result<Entries, CompressError> {
        packet.check(self.codec(), expect, limits)?;
        let (head, parts) =
            packet.parts().split_first().ok_or(CompressError::Parts { found: 0, expected: 1 })?;
        let (seed, density) = read_head(head)?;
        let expected = expect.entries().len() + 1;
        if packet.parts().len() != expected {
            return Err(CompressError::Parts { found: packet.parts().len(), expected });
        }
        // Before any place is drawn, so that values pay for places.
        for (part, (bytes, entry)) in (1..).zip(parts.iter().zip(expect.entries())) {
            let expected = 4 * density.count(entry.elements().unwrap_or_default()) as u64;
            if bytes.len() as u64 != expected {
                return Err(CompressError::PartLength { part, found: bytes.len(), expected });
            }
        }
        read_parts(parts, expect, |bytes, elements, first, entries| {
            let values = bytes.as_chunks::<4>().0;
            entries.reserve(values.len());
            let places = places(elements, values.len(), tensor_seed(seed, first)).into_iter();
            places
                .zip(values)
                .try_for_each(|(at, value)| entries.push(first + at as usize, f32::from_le_bytes(*value)))
        })
    }
}

impl Default for Random {
    /// One value in a hundred, scaled.
    fn default() -> Self {
        Self::new(Density::PERCENT)
    }
}

fn write_head(seed: Seed, density: Density) -> Vec<u8> {
    let mut head = seed.0.to_vec();
    head.extend(density.kept().to_le_bytes());
    head.extend(density.of().to_le_bytes());
    head
}

fn read_head(bytes: &[u8]) -> Result<(Seed, Density), CompressError> {
    let mut reader = Reader::new(bytes);
    let seed = Seed(reader.array()?);
    let (kept, of) = (reader.u32()?, reader.u32()?);
    reader.finish()?;
    let density = Density::new(kept, of)
        .map_err(|_| CompressError::Malformed("the density is not above 0 and at most 1"))?;
    if density.kept() == kept {
        Ok((seed, density))
    } else {
        Err(CompressError::Malformed("the density is not in lowest terms"))
    }
}

/// The seed of the tensor that begins at `first`.
fn tensor_seed(seed: Seed, first: usize) -> Seed {
    seed.derive_number("places", first as u64)
}

/// `keep` of `elements` places, ascending.
///
/// The first `keep` distinct numbers of a stream are a uniform choice; where more than half are kept, the stream says
/// which are left out.
fn places(elements: usize, keep: usize, seed: Seed) -> Vec<u32> {
    let drawn = keep.min(elements - keep);
    let mut rng = seed.rng();
    // Multiplying and shifting 64 random bits: no division, and a bias of at most n/2⁶⁴.
    let mut place = || ((u128::from(rng.next_u64()) * elements as u128) >> 64) as u32;
    let mut places: Vec<u32> = Vec::with_capacity(keep);
    while places.len() < drawn {
        let missing = drawn - places.len();
        places.extend(std::iter::repeat_with(&mut place).take(missing));
        sort(&mut places);
        places.dedup();
    }
    if drawn == keep {
        return places;
    }
    let mut left_out = places.iter().copied().peekable();
    (0..elements as u32).filter(|at| left_out.next_if_eq(at).is_none()).collect()
}

#[expect(clippy::stable_sort_primitive, reason = "what is sorted already is merged, not sorted again")]
fn sort(places: &mut [u32]) {
    places.sort();
}

impl Compressor for Random {
    fn codec(&self) -> CodecId {
        CodecId::RANDOM
    }

    fn properties(&self) -> Properties {
        let contraction = if self.scaled { 0.0 } else { self.density.ratio() };
        Properties { unbiased: self.scaled, contraction, linear: true }
    }

    /// Unscaled, what is kept is right; scaled, it may be too large by n/k − 1.
    fn error(&self) -> ErrorBound {
        let most = if self.scaled { 1.0 / self.density.ratio() - 1.0 } else { 0.0 };
        ErrorBound::Norm(most.max(1.0) * (1.0 + 1e-6))
    }

    fn compress(&self, params: &Params, seed: Seed) -> Result<Packet, CompressError> {
        check_finite(params.values())?;
        let seed = seed.derive("random places");
        let mut parts = vec![write_head(seed, self.density)];
        let mut first = 0;
        for values in tensors(params) {
            parts.push(self.encode_tensor(values, first, tensor_seed(seed, first))?);
            first += values.len();
        }
        Packet::new(self.codec(), params.layout().digest(), parts)
    }

    entries::decoding!();
}

entries::exact_decoder!(Random);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_a_uniform_choice() {
        let elements = 12;
        for keep in [0, 1, 5, 6, 9, 12] {
            let mut hits = [0u32; 12];
            let draws = 4000;
            for number in 0..draws {
                let places = places(elements, keep, Seed::from_number(number));
                assert_eq!(places.len(), keep);
                assert!(places.is_sorted_by(|a, b| a < b));
                places.iter().for_each(|at| hits[*at as usize] += 1);
            }
            let p = keep as f64 / elements as f64;
            let five_deviations = 5.0 * (draws as f64 * p * (1.0 - p)).sqrt();
            for count in hits {
                assert!((f64::from(count) - draws as f64 * p).abs() <= five_deviations, "{keep}: {hits:?}");
            }
        }
    }
}
