//! Mutants of encodings, from a seed: every second one knows where the fields are.

use bitneuron_core::Seed;
use rand::Rng;

/// How many mutants each decoder meets.
pub(crate) const ROUNDS: usize = 10_000;

/// Numbers below a bound, the same in every run.
pub(crate) fn words(label: &str) -> impl FnMut(usize) -> usize {
    let mut rng = Seed::from_number(1).derive(label).rng();
    move |bound| (rng.next_u64() % bound.max(1) as u64) as usize
}

/// Flips, sets, puts in or takes out some bytes without looking.
pub(crate) fn blind(bytes: &mut Vec<u8>, below: &mut impl FnMut(usize) -> usize) {
    for _ in 0..below(5) {
        let at = below(bytes.len());
        match below(4) {
            0 => bytes[at] ^= 1 << below(8),
            1 => bytes[at] = below(256) as u8,
            2 => bytes.insert(at, below(256) as u8),
            _ if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => {}
        }
    }
}

/// Sets the field of `width` bytes at `at` to a near or an extreme number.
pub(crate) fn edit(bytes: &mut [u8], at: usize, width: usize, below: &mut impl FnMut(usize) -> usize) {
    let mut old = [0; 8];
    let field = bytes.iter_mut().skip(at).take(width);
    let field: Vec<&mut u8> = field.collect();
    field.iter().zip(&mut old).for_each(|(byte, slot)| *slot = **byte);
    let old = u64::from_le_bytes(old);
    let numbers = [
        old.wrapping_add(1),
        old.wrapping_sub(1),
        0,
        u64::MAX,
        1 << 31,
        below(40) as u64,
        (9 << 20) + 1,
        1 << 20,
    ];
    let number = numbers[below(numbers.len())].to_le_bytes();
    field.into_iter().zip(number).for_each(|(byte, new)| *byte = new);
}
