//! Mutants of encodings, from a seed: every second one knows the form.
//!
//! The form is a version byte and then integers of fixed width: numbers and lengths of eight bytes, tags of four.

use bitneuron_core::{Wire, decode, encode, hash::Hasher};
use std::fmt::Debug;

/// How many mutants each decoder meets.
pub(crate) const ROUNDS: usize = 10_000;

/// Numbers that look random and are the same in every run.
#[derive(Debug, Default)]
pub(crate) struct Words(u64);

impl Words {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 += 1;
        let word = Hasher::new("bitneuron consensus hostile words").number(self.0).finish().to_u64();
        (word % n.max(1) as u64) as usize
    }
}

/// Flips, cuts or grows without looking.
fn blind(bytes: &[u8], words: &mut Words) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    match words.below(3) {
        0 => {
            let at = words.below(mutant.len());
            mutant[at] ^= 1 << words.below(8);
        }
        1 => mutant.truncate(words.below(bytes.len())),
        _ => mutant.extend((0..=words.below(40)).map(|at| at as u8)),
    }
    mutant
}

/// One field wrong behind a valid beginning: another tag, an extreme number or length, the tail of another value, or
/// another version.
fn aware(bytes: &[u8], other: &[u8], words: &mut Words) -> Vec<u8> {
    const EXTREMES: [u64; 8] =
        [0, 1, u64::MAX, 1 << 63, 1 << 32, u32::MAX as u64, (16 << 20) + 1, (128 << 10) + 1];
    let mut mutant = bytes.to_vec();
    let width = [1, 4, 4, 8, 8][words.below(5)];
    let at = words.below(mutant.len()).min(mutant.len().saturating_sub(width));
    match words.below(8) {
        0 => mutant[0] = words.below(256) as u8,
        1 if bytes.len() >= 5 => mutant[1..5].copy_from_slice(&(words.below(12) as u32).to_le_bytes()),
        2 => {
            let cut = words.below(bytes.len().min(other.len()));
            mutant.truncate(cut);
            mutant.extend(&other[cut..]);
        }
        _ => {
            let extreme = EXTREMES[words.below(EXTREMES.len())].to_le_bytes();
            for (slot, byte) in mutant.iter_mut().skip(at).take(width).zip(extreme) {
                *slot = byte;
            }
        }
    }
    mutant
}

/// A mutant of one of these encodings.
pub(crate) fn mutant(round: usize, valid: &[Vec<u8>], words: &mut Words) -> Vec<u8> {
    let (one, other) = (&valid[round / 2 % valid.len()], &valid[words.below(valid.len())]);
    if round.is_multiple_of(2) { blind(one, words) } else { aware(one, other, words) }
}

/// A decoder takes its own encodings, refuses what is cut or too long, and whatever it takes has one encoding. What it
/// refuses it refuses with a typed error; both kinds occur among the mutants.
pub(crate) fn attack<T: Wire + PartialEq + Debug>(values: &[T]) {
    let valid: Vec<Vec<u8>> = values.iter().map(encode).collect();
    for (value, bytes) in values.iter().zip(&valid) {
        assert!(bytes.len() <= T::LIMIT);
        assert_eq!(decode::<T>(bytes).as_ref(), Ok(value));
        assert!((0..bytes.len()).all(|cut| decode::<T>(&bytes[..cut]).is_err()));
    }
    assert!(decode::<T>(&vec![T::VERSION; T::LIMIT + 1]).is_err());
    let (mut words, mut taken) = (Words::default(), 0);
    for round in 0..ROUNDS {
        let mutant = mutant(round, &valid, &mut words);
        if let Ok(other) = decode::<T>(&mutant) {
            assert_eq!(encode(&other), mutant, "one value, one encoding");
            taken += 1;
        }
    }
    assert!(taken > ROUNDS / 100 && taken < ROUNDS * 99 / 100, "{taken} mutants are values");
}
