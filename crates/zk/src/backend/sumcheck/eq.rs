//! The equality polynomial and sums over runs of it.
//!
//! `eq(a, i) = Π_j (a_j if bit j of i else 1 − a_j)`, the first coordinate being the highest bit. A value at a point of the
//! multilinear polynomial through a vector is the sum of the vector's elements weighted by it.

use super::field::{Ext, Val};
use p3_field::PrimeCharacteristicRing;
use std::cmp::Ordering;
use std::sync::OnceLock;

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
    /// For each number of low bits, a table of what the two above do not tell of the bits over those.
    over: Vec<OnceLock<Vec<Ext>>>,
}

impl<'a> Point<'a> {
    pub(super) fn new(coordinates: &'a [Ext]) -> Self {
        let (high, low) = coordinates.split_at(coordinates.len() / 2);
        let over = std::iter::repeat_with(OnceLock::new).take(coordinates.len() + 1).collect();
        Self { coordinates, high: table(high, Ext::ONE), low: table(low, Ext::ONE), over }
    }

    /// `eq(point, index)`.
    pub(super) fn get(&self, index: usize) -> Ext {
        let low = self.low.len();
        self.high[index / low] * self.low[index % low]
    }

    /// `eq` of an index of the bits over the `below` lowest; zero of one that has more bits than there are.
    fn over(&self, below: usize, index: usize) -> Ext {
        let bits = self.coordinates.len();
        let Some(over) = self.over.get(below) else { return if index == 0 { Ext::ONE } else { Ext::ZERO } };
        let high = if below > bits - bits / 2 { 0 } else { bits / 2 };
        let table = over.get_or_init(|| table(&self.coordinates[high..bits - below], Ext::ONE));
        if high == 0 {
            return table.get(index).copied().unwrap_or(Ext::ZERO);
        }
        let known = self.high.get(index / table.len()).copied();
        known.map_or(Ext::ZERO, |known| known * table[index % table.len()])
    }
}

/// A run of consecutive indices seen from a point: `eq(point, start + i)` for `i` in a range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) point: &'a [Ext],
    pub(super) start: usize,
}

/// Value of `eq` of the coordinate for bit `place` (0 the lowest) being 0 and 1; beyond the point a bit must be 0.
fn bit(point: &[Ext], place: usize) -> [Ext; 2] {
    match point.len().checked_sub(place + 1) {
        Some(at) => [Ext::ONE - point[at], point[at]],
        None => [Ext::ONE, Ext::ZERO],
    }
}

/// A run that is laid over the indices of a point, at any place.
#[derive(Debug)]
pub(super) struct Laid<'a> {
    point: &'a Point<'a>,
    start: usize,
    /// Its last step: one less than its length.
    last: usize,
    /// For each bit of a step, the lowest first, the product of both `eq`: by the bit of the run's index, then of the point's.
    joint: Vec<[[Ext; 2]; 2]>,
}

impl<'a> Laid<'a> {
    /// A run of `length` indices, at least one; of ones, if none is given.
    pub(super) fn new(run: Option<Run<'_>>, length: usize, point: &'a Point<'a>) -> Self {
        let (start, last) = (run.map_or(0, |run| run.start), length - 1);
        let steps = (usize::BITS - (start + last).leading_zeros()) as usize;
        let bits = run.map_or(0, |run| run.point.len()).max(steps);
        let joint = |place| {
            let theirs = bit(point.coordinates, place);
            run.map_or([Ext::ONE; 2], |run| bit(run.point, place))
                .map(|ours| theirs.map(|theirs| ours * theirs))
        };
        Self { point, start, last, joint: (0..bits).map(joint).collect() }
    }

    /// `Σ_{i ≤ last} eq(run, start + i) · eq(point, begin + i)`, in time of the number of a step's bits.
    ///
    /// The bits of `i` are chosen from the lowest: what is remembered between them are the two carries of the additions and
    /// whether the bits so far are at most those of the last step. Above them only a carry changes the bits of the point.
    pub(super) fn at(&self, begin: usize) -> Ext {
        // state[carry of the run][carry of the point][at most]
        let mut state = [[[Ext::ZERO; 2]; 2]; 2];
        state[0][0][1] = Ext::ONE;
        for (place, joint) in self.joint.iter().enumerate() {
            let digit = |number: usize| number.checked_shr(place as u32).unwrap_or(0) & 1;
            let (in_run, in_point, end) = (digit(self.start), digit(begin), digit(self.last));
            let mut next = [[[Ext::ZERO; 2]; 2]; 2];
            for (at, value) in state.as_flattened().as_flattened().iter().enumerate() {
                if *value == Ext::ZERO {
                    continue;
                }
                for bit in 0..2 {
                    let (run, point) = (in_run + bit + (at >> 2), in_point + bit + (at >> 1 & 1));
                    let most = match bit.cmp(&end) {
                        Ordering::Less => 1,
                        Ordering::Equal => at & 1,
                        Ordering::Greater => 0,
                    };
                    next[run >> 1][point >> 1][most] += *value * joint[run & 1][point & 1];
                }
            }
            state = next;
        }
        let (bits, [[_, stays], [_, carries]]) = (self.joint.len(), state[0]);
        let over = |by| self.point.over(bits, begin.checked_shr(bits as u32).unwrap_or(0) + by);
        let stays = stays * over(0);
        if carries == Ext::ZERO { stays } else { stays + carries * over(1) }
    }
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
            let (a, at_b) = (Run { point: &pa, start: a0 }, Point::new(&pb));
            if length > 0 {
                prop_assert_eq!(Laid::new(Some(a), length, &at_b).at(b0), hand);
                let ones: Ext = (0..length).map(|i| get(&tb, b0 + i)).sum();
                prop_assert_eq!(Laid::new(None, length, &at_b).at(b0), ones);
            }
            let hand: Ext = (0..length).map(|i| get(&ta, a0 + i)).sum();
            prop_assert_eq!(mass(a, length), hand);
            for (index, value) in ta.iter().enumerate() {
                prop_assert_eq!(at(&pa, index), *value);
            }
        }
    }
}
