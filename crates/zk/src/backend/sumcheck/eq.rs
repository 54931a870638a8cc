//! The equality polynomial and sums over runs of it.
//!
//! `eq(a, i) = Π_j (a_j if bit j of i else 1 − a_j)`, the first coordinate being the highest bit. A value at a point of the
//! multilinear polynomial through a vector is the sum of the vector's elements weighted by it.

use super::field::{Ext, Val};
use p3_field::PrimeCharacteristicRing;

/// `eq(point, i)` for all `i`, scaled by `scale`.
pub(super) fn table(point: &[Ext], scale: Ext) -> Vec<Ext> {
    let mut values = Vec::with_capacity(1 << point.len());
    values.push(scale);
    for coordinate in point {
        // Each entry becomes two neighbours, from the back so that none is overwritten.
        let known = values.len();
        values.resize(2 * known, Ext::ZERO);
        for at in (0..known).rev() {
            let one = values[at] * *coordinate;
            values[2 * at + 1] = one;
            values[2 * at] = values[at] - one;
        }
    }
    values
}

/// `eq(point, index)`.
pub(super) fn at(point: &[Ext], index: usize) -> Ext {
    let bits = point.len();
    let factor = |(place, coordinate): (usize, &Ext)| {
        if index >> (bits - 1 - place) & 1 == 1 { *coordinate } else { Ext::ONE - *coordinate }
    };
    point.iter().enumerate().map(factor).product()
}

/// `eq(a, b)`, both points of the same number of coordinates.
pub(super) fn between(a: &[Ext], b: &[Ext]) -> Ext {
    let factor = |(a, b): (&Ext, &Ext)| {
        let both = *a * *b;
        both.double() - *a - *b + Ext::ONE
    };
    a.iter().zip(b).map(factor).product()
}

/// A point with `eq` of it at single indices at hand: two tables of half its bits.
#[derive(Debug)]
pub(super) struct Point<'a> {
    coordinates: &'a [Ext],
    high: Vec<Ext>,
    low: Vec<Ext>,
}

impl<'a> Point<'a> {
    pub(super) fn new(coordinates: &'a [Ext]) -> Self {
        let (high, low) = coordinates.split_at(coordinates.len() / 2);
        Self { coordinates, high: table(high, Ext::ONE), low: table(low, Ext::ONE) }
    }

    pub(super) const fn coordinates(&self) -> &'a [Ext] {
        self.coordinates
    }

    /// `eq(point, index)`.
    pub(super) fn get(&self, index: usize) -> Ext {
        let low = self.low.len();
        self.high[index / low] * self.low[index % low]
    }
}

/// A run of consecutive indices seen from a point: `eq(point, start + i)` for `i` in a range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) point: &'a [Ext],
    pub(super) start: usize,
}

impl Run<'_> {
    /// Value of `eq` of the coordinate for bit `place` (0 the lowest) being 0 and 1; beyond the point a bit must be 0.
    fn bit(&self, place: usize) -> [Ext; 2] {
        match self.point.len().checked_sub(place + 1) {
            Some(at) => [Ext::ONE - self.point[at], self.point[at]],
            None => [Ext::ONE, Ext::ZERO],
        }
    }
}

/// `Σ_{i < length} eq(a, a₀ + i) · eq(b, b₀ + i)`, in time of the number of bits.
///
/// The bits of `i` are chosen from the lowest: what is remembered between them are the two carries of the additions and
/// whether the bits so far are below those of `length`.
pub(super) fn overlap(a: Run<'_>, b: Run<'_>, length: usize) -> Ext {
    let ends = (a.start + length).max(b.start + length);
    let bits = a.point.len().max(b.point.len()).max((usize::BITS - ends.leading_zeros()) as usize);
    // state[carry of a][carry of b][below]
    let mut state = [[[Ext::ZERO; 2]; 2]; 2];
    state[0][0][0] = Ext::ONE;
    for place in 0..bits {
        let digit = |number: usize| number.checked_shr(place as u32).unwrap_or(0) & 1;
        let (in_a, in_b, end) = (digit(a.start), digit(b.start), digit(length));
        let (of_a, of_b) = (a.bit(place), b.bit(place));
        let joint = [[of_a[0] * of_b[0], of_a[0] * of_b[1]], [of_a[1] * of_b[0], of_a[1] * of_b[1]]];
        let mut next = [[[Ext::ZERO; 2]; 2]; 2];
        for (carry_a, row) in state.iter().enumerate() {
            for (carry_b, pair) in row.iter().enumerate() {
                for (below, value) in pair.iter().enumerate() {
                    if *value == Ext::ZERO {
                        continue;
                    }
                    for bit in 0..2 {
                        let (sum_a, sum_b) = (in_a + bit + carry_a, in_b + bit + carry_b);
                        let below = match bit.cmp(&end) {
                            std::cmp::Ordering::Less => 1,
                            std::cmp::Ordering::Equal => below,
                            std::cmp::Ordering::Greater => 0,
                        };
                        next[sum_a >> 1][sum_b >> 1][below] += *value * joint[sum_a & 1][sum_b & 1];
                    }
                }
            }
        }
        state = next;
    }
    state[0][0][1]
}

/// `Σ_{i < length} eq(a, a₀ + i)`.
pub(super) fn mass(a: Run<'_>, length: usize) -> Ext {
    prefix(a.point, a.start + length) - prefix(a.point, a.start)
}

/// `Σ_{i < end} eq(point, i)`.
fn prefix(point: &[Ext], end: usize) -> Ext {
    let bits = point.len();
    if end >> bits != 0 {
        return Ext::ONE;
    }
    let (mut below, mut equal) = (Ext::ZERO, Ext::ONE);
    for (place, coordinate) in point.iter().enumerate() {
        let one = equal * *coordinate;
        if end >> (bits - 1 - place) & 1 == 1 {
            below += equal - one;
            equal = one;
        } else {
            equal -= one;
        }
    }
    below
}

/// `Σ_i values_i · weights_i` with integers of the base field.
pub(super) fn dot(weights: &[Ext], values: impl Iterator<Item = Val>) -> Ext {
    weights.iter().zip(values).map(|(weight, value)| *weight * value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(bits: usize, seed: u64) -> Vec<Ext> {
        (0..bits as u64)
            .map(|at| Ext::from_u64(seed.wrapping_mul(0x9E37_79B9).wrapping_add(at * at + 3)))
            .collect()
    }

    proptest! {
        #[test]
        fn runs_are_summed_as_by_hand(bits_a in 0usize..7, bits_b in 0usize..8, a0 in 0usize..64, b0 in 0usize..64, length in 0usize..70, seed in 1u64..1000) {
            let (pa, pb) = (point(bits_a, seed), point(bits_b, seed + 7));
            let (ta, tb) = (table(&pa, Ext::ONE), table(&pb, Ext::ONE));
            let get = |table: &[Ext], at: usize| table.get(at).copied().unwrap_or(Ext::ZERO);
            let hand: Ext = (0..length).map(|i| get(&ta, a0 + i) * get(&tb, b0 + i)).sum();
            let (a, b) = (Run { point: &pa, start: a0 }, Run { point: &pb, start: b0 });
            prop_assert_eq!(overlap(a, b, length), hand);
            let hand: Ext = (0..length).map(|i| get(&ta, a0 + i)).sum();
            prop_assert_eq!(mass(a, length), hand);
            for (index, value) in ta.iter().enumerate() {
                prop_assert_eq!(at(&pa, index), *value);
            }
        }
    }
}
