//! The random words of stochastic rounding: one for each element, each to be had alone.
//!
//! The words of tensor t are the ChaCha12 stream of a child of the packet's seed, keyed by the codec's label and t; word i
//! belongs to element i. The stream is indexed by a counter, so whoever knows the seed audits any single element without
//! the others: [`Draws::word`] is its word, and the codec's rounding rule with that word must give its code.

use bitneuron_core::Seed;
use rand::Rng;

/// The random words of one tensor.
///
/// ```
/// use bitneuron_compress::quant::Draws;
/// use bitneuron_core::Seed;
/// let draws = Draws::new(Seed::from_number(1), "absmax", 3);
/// let mut words = [0; 10];
/// draws.fill(20, &mut words);
/// assert_eq!(draws.word(27), words[7]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws(Seed);

impl Draws {
    /// The words of tensor `tensor` of a packet made with `seed` by the codec whose label this is.
    pub fn new(seed: Seed, label: &str, tensor: usize) -> Self {
        Self(seed.derive_number(label, tensor as u64))
    }

    /// The word of one element.
    pub fn word(&self, element: usize) -> u32 {
        let mut rng = self.0.rng();
        rng.set_word_pos(element as u128);
        rng.next_u32()
    }

    /// The words of the elements from `first` on.
    pub fn fill(&self, first: usize, words: &mut [u32]) {
        self.stream(first).fill(words);
    }

    /// The words from element `first` on, to be taken in order.
    pub(crate) fn stream(&self, first: usize) -> Stream<impl Rng + use<>> {
        let mut rng = self.0.rng();
        rng.set_word_pos(first as u128);
        Stream(rng)
    }
}

/// Words in the order of elements.
pub(crate) struct Stream<R>(R);

impl<R: Rng> Stream<R> {
    pub(crate) fn fill(&mut self, words: &mut [u32]) {
        let mut bytes = [0; 256];
        for words in words.chunks_mut(bytes.len() / 4) {
            let bytes = &mut bytes[..4 * words.len()];
            self.0.fill_bytes(bytes);
            words
                .iter_mut()
                .zip(bytes.as_chunks().0)
                .for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
        }
    }
}

/// A uniform number of [0, 1) from the upper 24 bits of a word; exact.
#[inline]
pub(crate) fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / (1 << 24) as f32)
}

/// `x` rounded down or up, up with the probability of its fraction: E = x, to 2⁻²⁴.
#[inline]
pub(crate) fn round(x: f32, word: u32) -> f32 {
    let floor = x.floor();
    floor + f32::from(u8::from(unit(word) < x - floor))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn words_are_addressed_by_element() {
        let draws = Draws::new(Seed::from_number(5), "label", 2);
        let mut all = [0; 500];
        draws.fill(0, &mut all);
        for first in [0, 1, 15, 16, 17, 63, 64, 300] {
            let mut some = [0; 150];
            draws.fill(first, &mut some);
            assert_eq!(some, all[first..first + 150], "{first}");
            assert_eq!(draws.word(first), all[first]);
        }
        // A stream that is read in pieces, not of whole blocks.
        let mut stream = draws.stream(3);
        let mut pieces = [0; 100];
        pieces.chunks_mut(7).for_each(|piece| stream.fill(piece));
        assert_eq!(pieces, all[3..103]);
        assert_ne!(Draws::new(Seed::from_number(5), "label", 3).word(0), all[0]);
        assert_ne!(Draws::new(Seed::from_number(5), "other", 2).word(0), all[0]);
    }

    #[test]
    fn rounds_to_the_neighbours() {
        assert_eq!(round(2.25, 0), 3.0);
        assert_eq!(round(2.25, u32::MAX), 2.0);
        assert_eq!(round(-2.25, u32::MAX), -3.0);
        assert_eq!(round(-2.25, 0xbf << 24), -2.0);
        assert_eq!(round(5.0, 0), 5.0);
        assert_eq!(unit(u32::MAX), 1.0 - 2f32.powi(-24));
    }
}
