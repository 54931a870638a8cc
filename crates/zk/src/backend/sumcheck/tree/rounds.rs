//! The sumcheck of one layer: `Σ_x eq(point, x)·(d1·n0 + d0·n1 + λ·d0·d1)`.
//!
//! With `m0 = n0 + λ·d0` that is `d1·m0 + d0·n1`. The factor of `eq` that belongs to a round's own variable is taken out, so what
//! is left is quadratic: its value at 0 and its leading coefficient are summed, its value at 1 follows from the claim.

use super::halves::{Halves, Table, pack, unpack};
use super::leaves::Leaves;
use super::{Lane, Packed};
use crate::backend::sumcheck::eq;
use crate::backend::sumcheck::field::{Ext, Val};
use crate::backend::sumcheck::product::fold;
use p3_field::{Algebra, Field, PackedFieldExtension, PackedValue, PrimeCharacteristicRing};

/// Coordinates of the lower of the two tables that `eq` is made of.
const LOW: usize = 10;

/// A layer in its rounds.
pub(in super::super) struct Rounds<'a> {
    state: State<'a>,
    /// The coordinates of the rounds to come, the next one last.
    point: Vec<Ext>,
    lambda: Ext,
    /// `eq` of the rounds that are done.
    prefix: Ext,
    /// The sum over what is left, without that factor.
    claim: Ext,
    /// The next round's quadratic polynomial, once it was asked for.
    quadratic: [Ext; 3],
}

enum State<'a> {
    /// The leaves, before their first round.
    Leaves(&'a Leaves<'a>, Weights<Packed>),
    /// In vector registers.
    Packed(Halves<Packed>, Weights<Packed>),
    /// Too short for them.
    Scalar(Halves<Ext>, Weights<Ext>),
}

/// `eq` of the coordinates after the next one, as a product of two tables.
struct Weights<A> {
    high: Vec<Ext>,
    low: Vec<A>,
}

impl Weights<Ext> {
    fn new(point: &[Ext]) -> Self {
        let point = point.get(1..).unwrap_or(&[]);
        let (high, low) = point.split_at(point.len().saturating_sub(LOW));
        Self { high: eq::table(high, Ext::ONE), low: eq::table(low, Ext::ONE) }
    }

    fn packed(self) -> Weights<Packed> {
        Weights { high: self.high, low: pack(&self.low) }
    }
}

impl<A: PrimeCharacteristicRing + Copy> Weights<A> {
    /// Leaves out the first coordinate.
    fn shorten(&mut self) {
        if self.high.len() > 1 { halve(&mut self.high) } else { halve(&mut self.low) }
    }
}

/// The table of one coordinate less: both values of a coordinate add up to 1.
fn halve<A: PrimeCharacteristicRing + Copy>(table: &mut Vec<A>) {
    if table.len() > 1 {
        let half = table.len() / 2;
        let (low, high) = table.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
        table.truncate(half);
    }
}

/// One table's elements at 0 and at 1 of a round's variable.
type Line<'a, A> = [&'a [A]; 2];

/// Value at 0 and leading coefficient of `Σ weight·(d1·m0 + d0·n1)`.
fn sums<N, A>(weights: &[A], m0: Line<'_, A>, d0: Line<'_, A>, n1: Line<'_, N>, d1: Line<'_, A>) -> [A; 2]
where
    N: PrimeCharacteristicRing + Copy,
    A: Algebra<N> + Copy,
{
    let (mut zero, mut leading) = (A::ZERO, A::ZERO);
    let lines = m0[0].iter().zip(m0[1]).zip(d0[0].iter().zip(d0[1]));
    let lines = lines.zip(n1[0].iter().zip(n1[1]).zip(d1[0].iter().zip(d1[1])));
    for (weight, ((m0, d0), (n1, d1))) in weights.iter().zip(lines) {
        zero += *weight * (*d1.0 * *m0.0 + *d0.0 * *n1.0);
        leading += *weight * ((*d1.1 - *d1.0) * (*m0.1 - *m0.0) + (*d0.1 - *d0.0) * (*n1.1 - *n1.0));
    }
    [zero, leading]
}

impl<A: Algebra<Ext> + Copy> Halves<A> {
    /// [`sums`] over a layer.
    fn sums(&self, weights: &Weights<A>) -> [A; 2] {
        let (half, length) = (self.n0.len() / 2, weights.low.len());
        let mut total = [A::ZERO; 2];
        for (block, high) in weights.high.iter().enumerate() {
            let at = block * length;
            let [m0, d0, n1, d1] = [&self.n0, &self.d0, &self.n1, &self.d1]
                .map(|table| [&table[at..][..length], &table[half + at..][..length]]);
            let own = sums::<A, A>(&weights.low, m0, d0, n1, d1);
            total.iter_mut().zip(own).for_each(|(total, own)| *total += own * *high);
        }
        total
    }

    /// Puts `n0 + λ·d0` in the place of `n0`.
    fn mixed(mut self, lambda: Ext) -> Self {
        let lambda = A::from(lambda);
        self.n0.iter_mut().zip(&self.d0).for_each(|(n, d)| *n += lambda * *d);
        self
    }

    fn fold(&mut self, r: Ext) {
        let r = A::from(r);
        [&mut self.n0, &mut self.d0, &mut self.n1, &mut self.d1].into_iter().for_each(|table| fold(table, r));
    }
}

/// A line at a challenge.
fn at<N, A>(r: A, zero: N, one: N) -> A
where
    N: PrimeCharacteristicRing + Copy,
    A: Algebra<N> + Copy,
{
    r * (one - zero) + zero
}

/// [`sums`] over the leaves.
fn leaf_sums(leaves: &Leaves<'_>, weights: &Weights<Packed>, lambda: Ext) -> [Packed; 2] {
    let (lambda, length) = (Packed::from(lambda), weights.low.len());
    let (mut total, mut high) = ([Packed::ZERO; 2], weights.high.iter());
    let mut mixed = [vec![Packed::ZERO; length], vec![Packed::ZERO; length]];
    leaves.quarters(length * Lane::WIDTH, |quarters| {
        let high = Packed::from(high.next().copied().unwrap_or(Ext::ZERO));
        for (place, mixed) in mixed.iter_mut().enumerate() {
            let fractions = quarters.n(place).iter().zip(quarters.d(place));
            mixed.iter_mut().zip(fractions).for_each(|(mixed, (n, d))| *mixed = lambda * *d + *n);
        }
        let own = sums(
            &weights.low,
            [&mixed[0], &mixed[1]],
            [quarters.d(0), quarters.d(1)],
            [quarters.n(2), quarters.n(3)],
            [quarters.d(2), quarters.d(3)],
        );
        total.iter_mut().zip(own).for_each(|(total, own)| *total += own * high);
    });
    total
}

/// The leaves after their first round, with `n0 + λ·d0` in the place of `n0`.
fn folded_leaves(leaves: &Leaves<'_>, length: usize, lambda: Ext, r: Ext) -> Halves<Packed> {
    let (lambda, r) = (Packed::from(lambda), Packed::from(r));
    let mut folded = Halves::with_capacity((1 << (leaves.variables() - 2)) / Lane::WIDTH);
    leaves.quarters(length * Lane::WIDTH, |quarters| {
        for place in 0..length {
            let n = [0, 1, 2, 3].map(|quarter| quarters.n(quarter)[place]);
            let d = [0, 1, 2, 3].map(|quarter| quarters.d(quarter)[place]);
            let (d0, d1) = (at(r, d[0], d[1]), at(r, d[2], d[3]));
            folded.push0((lambda * d0 + at(r, n[0], n[1]), d0));
            folded.push1((at(r, n[2], n[3]), d1));
        }
    });
    folded
}

fn total(packed: [Packed; 2]) -> [Ext; 2] {
    packed.map(|packed| <Packed as PackedFieldExtension<Val, Ext>>::to_ext_iter([packed]).sum())
}

impl State<'_> {
    /// Leaves registers where what is left fills one at most.
    fn of(halves: Halves<Packed>, weights: Weights<Packed>) -> Self {
        if halves.n0.len() > 1 {
            return Self::Packed(halves, weights);
        }
        Self::Scalar(halves.unpacked(), Weights { high: weights.high, low: unpack(weights.low) })
    }

    fn sums(&self, lambda: Ext) -> [Ext; 2] {
        match self {
            Self::Leaves(leaves, weights) => total(leaf_sums(leaves, weights, lambda)),
            Self::Packed(halves, weights) => total(halves.sums(weights)),
            Self::Scalar(halves, weights) => halves.sums(weights),
        }
    }

    fn folded(self, lambda: Ext, r: Ext) -> Self {
        let mut state = match self {
            Self::Leaves(leaves, weights) => {
                Self::of(folded_leaves(leaves, weights.low.len(), lambda, r), weights)
            }
            Self::Packed(mut halves, weights) => {
                halves.fold(r);
                Self::of(halves, weights)
            }
            Self::Scalar(mut halves, weights) => {
                halves.fold(r);
                Self::Scalar(halves, weights)
            }
        };
        match &mut state {
            Self::Leaves(_, weights) | Self::Packed(_, weights) => weights.shorten(),
            Self::Scalar(_, weights) => weights.shorten(),
        }
        state
    }
}

impl<'a> Rounds<'a> {
    pub(super) fn of(layer: Table, point: &[Ext], lambda: Ext, claim: Ext) -> Self {
        let weights = Weights::new(point);
        let state = match layer {
            Table::Packed(halves) => State::Packed(halves.mixed(lambda), weights.packed()),
            Table::Scalar(halves) => State::Scalar(halves.mixed(lambda), weights),
        };
        Self::begin(state, point, lambda, claim)
    }

    pub(super) fn of_leaves(leaves: &'a Leaves<'a>, point: &[Ext], lambda: Ext, claim: Ext) -> Self {
        Self::begin(State::Leaves(leaves, Weights::new(point).packed()), point, lambda, claim)
    }

    fn begin(state: State<'a>, point: &[Ext], lambda: Ext, claim: Ext) -> Self {
        let point = point.iter().rev().copied().collect();
        Self { state, point, lambda, prefix: Ext::ONE, claim, quadratic: [Ext::ZERO; 3] }
    }

    /// The values at 0, 2 and 3 of the next round's polynomial.
    pub(in super::super) fn message(&mut self) -> [Ext; 3] {
        let coordinate = self.point.last().copied().unwrap_or(Ext::ONE);
        let [zero, leading] = self.state.sums(self.lambda);
        // No challenge is 0, but for a chance that nobody sees; then the proof is not believed.
        let one =
            (self.claim - (Ext::ONE - coordinate) * zero) * coordinate.try_inverse().unwrap_or(Ext::ZERO);
        self.quadratic = [zero, one - zero - leading, leading];
        [Ext::ZERO, Ext::TWO, Ext::from_u8(3)].map(|at| self.prefix * weight(coordinate, at) * self.value(at))
    }

    /// The quadratic polynomial's value.
    fn value(&self, at: Ext) -> Ext {
        let [zero, linear, leading] = self.quadratic;
        zero + at * (linear + at * leading)
    }

    /// Goes on with the variable at a challenge.
    pub(in super::super) fn fold(mut self, r: Ext) -> Self {
        let coordinate = self.point.pop().unwrap_or(Ext::ONE);
        self.claim = self.value(r);
        self.prefix *= weight(coordinate, r);
        self.state = self.state.folded(self.lambda, r);
        self
    }

    /// Numerator and denominator of both halves at the point of the rounds.
    pub(in super::super) fn ends(&self) -> [Ext; 4] {
        let State::Scalar(Halves { n0, d0, n1, d1 }, _) = &self.state else { return [Ext::ZERO; 4] };
        [n0[0] - self.lambda * d0[0], d0[0], n1[0], d1[0]]
    }
}

/// `eq` of two coordinates.
fn weight(a: Ext, b: Ext) -> Ext {
    eq::between(&[a], &[b])
}
