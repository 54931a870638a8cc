//! Bytes with something wrong.

use bitneuron::core::Seed;
use rand::Rng as _;

/// Numbers where arithmetic breaks.
const EXTREMES: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0xffff,
    0x7f80_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    u64::MAX >> 1,
    u64::MAX,
];

/// A mutant of one of `seeds`, the same for one `number`: some bits flipped, a number replaced, a run left out, repeated or put in, or
/// the tail of another. Without seeds it is noise.
pub fn mutant(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut rng = Seed::from_number(number).derive("mutant").rng();
    let mut below = |bound: usize| (rng.next_u64() % bound.max(1) as u64) as usize;
    let (one, other) = (seeds.get(below(seeds.len())), seeds.get(below(seeds.len())));
    let (Some(one), Some(other)) = (one, other) else {
        return (0..below(100)).map(|_| below(256) as u8).collect();
    };
    let mut bytes = one.clone();
    for _ in 0..=below(3) {
        change(&mut bytes, other, &mut below);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], below: &mut impl FnMut(usize) -> usize) {
    // More often near the front, where the structure is.
    let reach = if below(2) == 0 { bytes.len().min(48) } else { bytes.len() };
    let at = below(reach);
    let end = (at + 1 + below(8)).min(bytes.len());
    match below(9) {
        0 | 1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << below(8)),
        2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
        3 => {
            let width = [1, 2, 4, 8][below(4)];
            let number = EXTREMES[below(EXTREMES.len())].to_le_bytes();
            bytes.iter_mut().skip(at).zip(number).take(width).for_each(|(byte, new)| *byte = new);
        }
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at.min(end)..end)),
        6 => bytes.extend_from_within(at.min(end)..end),
        7 => drop(bytes.splice(at.min(end)..at.min(end), (0..=below(5)).map(|_| below(256) as u8))),
        _ => {
            let cut = below(bytes.len().min(other.len()));
            bytes.truncate(cut);
            bytes.extend(other.iter().skip(cut));
        }
    }
}
