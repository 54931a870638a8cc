//! Small random streams: one for each node, one for each message.
//!
//! `SplitMix64` (Steele, Lea, Flood 2014, figure 17): the state is a counter, the output a bijective mix of it. Eight
//! bytes of state let a hundred thousand nodes have a stream of their own. The output means the same for ever.
//! A protocol that needs unpredictable randomness takes a [`Seed`], never this.

use bitneuron_core::Seed;
use rand::rand_core::TryRng;
use std::convert::Infallible;

/// The odd number nearest to 2⁶⁴ divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A chance in millionths; a million and more is certainty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chance(pub u32);

impl Chance {
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Always.
    pub const ALWAYS: Self = Self(1_000_000);

    /// So many in a hundred.
    pub const fn percent(percent: u32) -> Self {
        Self(percent.saturating_mul(10_000))
    }
}

/// A deterministic random stream. It is a generator of `rand`, so distributions and shuffles work on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream(u64);

impl Stream {
    /// The stream of a seed, a label and a number.
    pub fn new(seed: &Seed, label: &str, number: u64) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = seed.derive_number(label, number).0;
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    /// A stream that is a function of three words; for streams that live for one event.
    pub const fn of(key: u64, first: u64, second: u64) -> Self {
        let state = mix(key.wrapping_add(first.wrapping_mul(STEP)));
        Self(mix(state.wrapping_add(second.wrapping_mul(STEP))))
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `bound`; 0 when the bound is 0. The bias is below `bound` / 2⁶⁴.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    /// Whether something with this chance happens. Draws nothing when the chance is zero.
    pub const fn happens(&mut self, chance: Chance) -> bool {
        chance.0 > 0 && self.below(1_000_000) < chance.0 as u64
    }
}

const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(byte, drawn)| *byte = drawn);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_outputs() {
        // The reference implementation from state 1234567.
        let mut stream = Stream(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423_u64];
        assert_eq!(expected.map(|_| stream.next()), expected);
    }

    #[test]
    fn bounds_and_chances() {
        let mut stream = Stream::new(&Seed::from_number(1), "test", 0);
        assert_eq!(stream.below(0), 0);
        let mut counts = [0_u32; 7];
        (0..70_000).for_each(|_| counts[stream.below(7) as usize] += 1);
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        let hits = (0..100_000).filter(|_| stream.happens(Chance::percent(5))).count();
        assert!((4_700..5_300).contains(&hits), "{hits}");
        assert!((0..100).all(|_| stream.happens(Chance::ALWAYS) && !stream.happens(Chance::NEVER)));
    }
}
