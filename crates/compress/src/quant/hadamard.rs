//! The randomised Hadamard transform: a rotation that spreads any vector evenly over all coordinates.
//!
//! ```text
//! y = H D x / √B,    D = diag(±1) at random,    H₁ = (1),  H₂ₖ = (Hₖ Hₖ; Hₖ −Hₖ)
//! ```
//! H/√B is symmetric and its own inverse, so x = D H y / √B. It takes B log₂ B additions. A vector of n elements is cut
//! into blocks of 4,096 as long as there are enough, then into the powers of two that make up the rest: nothing is padded.

use bitneuron_core::Seed;
use rand::Rng;

/// The largest block.
const BLOCK: usize = 4096;

/// y from x, with the signs of `seed`.
pub(crate) fn rotate(values: &mut [f32], seed: Seed) {
    each_block(values, seed, |block, signs| {
        flip(block, signs);
        transform(block);
    });
}

/// x from y, with the signs of `seed`.
pub(crate) fn unrotate(values: &mut [f32], seed: Seed) {
    each_block(values, seed, |block, signs| {
        transform(block);
        flip(block, signs);
    });
}

/// Hands each block to `act` with a word of random signs for every 32 elements.
fn each_block(mut values: &mut [f32], seed: Seed, mut act: impl FnMut(&mut [f32], &[u32])) {
    let mut rng = seed.rng();
    let mut signs = [0; BLOCK / 32];
    while let Some(power) = values.len().checked_ilog2() {
        let (block, rest) = values.split_at_mut(BLOCK.min(1 << power));
        values = rest;
        let signs = &mut signs[..block.len().div_ceil(32)];
        signs.iter_mut().for_each(|word| *word = rng.next_u32());
        act(block, signs);
    }
}

fn flip(block: &mut [f32], signs: &[u32]) {
    for (values, word) in block.chunks_mut(32).zip(signs) {
        let bits = values.iter_mut().zip(0..);
        bits.for_each(|(value, bit)| *value = f32::from_bits(value.to_bits() ^ (word >> bit & 1) << 31));
    }
}

/// H x / √B in place, for a power of two B.
fn transform(block: &mut [f32]) {
    // Scaled first, so that sums stay within the norm of x.
    let scale = 1.0 / (block.len() as f32).sqrt();
    block.iter_mut().for_each(|value| *value *= scale);
    let (eights, _) = block.as_chunks_mut::<8>();
    let mut half = if eights.is_empty() { 1 } else { 8 };
    eights.iter_mut().for_each(eight);
    while half < block.len() {
        for pair in block.chunks_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            butterfly(low, high);
        }
        half *= 2;
    }
}

/// The first three stages.
#[inline]
fn eight(values: &mut [f32; 8]) {
    for half in [1, 2, 4] {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            butterfly(low, high);
        }
    }
}

#[inline]
fn butterfly(low: &mut [f32], high: &mut [f32]) {
    for (a, b) in low.iter_mut().zip(high) {
        (*a, *b) = (*a + *b, *a - *b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H by its definition: the sign of entry (i, j) is the parity of i & j.
    fn slow(x: &[f32]) -> Vec<f32> {
        let entry = |i: usize, j: usize| if (i & j).count_ones().is_multiple_of(2) { 1.0 } else { -1.0 };
        let row = |i| x.iter().enumerate().map(|(j, x)| entry(i, j) * f64::from(*x)).sum::<f64>();
        (0..x.len()).map(|i| (row(i) / (x.len() as f64).sqrt()) as f32).collect()
    }

    #[test]
    fn as_defined() {
        for power in 0..8 {
            let x: Vec<f32> = (0..1 << power).map(|at| (at as f32 * 1.3).sin()).collect();
            let mut fast = x.clone();
            transform(&mut fast);
            assert!(fast.iter().zip(slow(&x)).all(|(a, b)| (a - b).abs() < 1e-5), "2^{power}");
        }
    }

    #[test]
    fn rotations_keep_norms_and_come_back() {
        for count in [0, 1, 2, 3, 31, 100, 4095, 4096, 9000] {
            let x: Vec<f32> = (0..count).map(|at| if at % 7 == 0 { 5.0 } else { 0.01 * at as f32 }).collect();
            let norm = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            let mut y = x.clone();
            rotate(&mut y, Seed::from_number(3));
            assert!((norm(&y) - norm(&x)).abs() <= 1e-5 * norm(&x), "{count}");
            unrotate(&mut y, Seed::from_number(3));
            let largest = x.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
            assert!(x.iter().zip(&y).all(|(a, b)| (a - b).abs() <= 1e-5 * largest), "{count}");
        }
    }

    #[test]
    fn spreads_a_single_value() {
        let mut x = vec![0.0; 4096];
        x[1234] = 64.0;
        rotate(&mut x, Seed::from_number(3));
        assert!(x.iter().all(|y| (y.abs() - 1.0).abs() < 1e-5));
    }
}
