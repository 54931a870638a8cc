//! Layers of fractions.

use super::{Lane, Packed};
use crate::backend::sumcheck::field::{Ext, Val};
use p3_field::{Algebra, PackedFieldExtension, PackedValue, PrimeCharacteristicRing};

/// The sum of two fractions.
pub(super) fn sum<N, A>((n, d): (N, A), (m, e): (N, A)) -> (A, A)
where
    N: PrimeCharacteristicRing + Copy,
    A: Algebra<N> + Copy,
{
    (e * n + d * m, d * e)
}

/// Numerators and denominators of the halves of a layer.
pub(super) struct Halves<A> {
    pub(super) n0: Vec<A>,
    pub(super) d0: Vec<A>,
    pub(super) n1: Vec<A>,
    pub(super) d1: Vec<A>,
}

/// A layer.
pub(super) enum Table {
    /// In vector registers.
    Packed(Halves<Packed>),
    /// Too short for them.
    Scalar(Halves<Ext>),
}

impl<A: PrimeCharacteristicRing + Copy> Halves<A> {
    pub(super) fn with_capacity(half: usize) -> Self {
        let empty = || Vec::with_capacity(half);
        Self { n0: empty(), d0: empty(), n1: empty(), d1: empty() }
    }

    pub(super) fn push0(&mut self, (n, d): (A, A)) {
        self.n0.push(n);
        self.d0.push(d);
    }

    pub(super) fn push1(&mut self, (n, d): (A, A)) {
        self.n1.push(n);
        self.d1.push(d);
    }

    /// The layer above, where there is one.
    fn reduced(&self) -> Option<Self> {
        let half = self.n0.len() / 2;
        let mut above = Self::with_capacity(half);
        let pair = |at: usize| sum((self.n0[at], self.d0[at]), (self.n1[at], self.d1[at]));
        (0..half).for_each(|at| above.push0(pair(at)));
        (half..2 * half).for_each(|at| above.push1(pair(at)));
        (half > 0).then_some(above)
    }
}

impl Halves<Packed> {
    /// The same, one element after the other.
    pub(super) fn unpacked(self) -> Halves<Ext> {
        let Self { n0, d0, n1, d1 } = self;
        Halves { n0: unpack(n0), d0: unpack(d0), n1: unpack(n1), d1: unpack(d1) }
    }
}

impl From<Halves<Packed>> for Table {
    fn from(halves: Halves<Packed>) -> Self {
        // Half a register is no register.
        if halves.n0.len() > 1 { Self::Packed(halves) } else { Self::Scalar(halves.unpacked()) }
    }
}

impl Table {
    /// The layer above, where there is one.
    pub(super) fn reduced(&self) -> Option<Self> {
        match self {
            Self::Packed(halves) => halves.reduced().map(Self::from),
            Self::Scalar(halves) => halves.reduced().map(Self::Scalar),
        }
    }

    /// The first fractions of both halves.
    pub(super) fn ends(&self) -> [Ext; 4] {
        match self {
            Self::Scalar(Halves { n0, d0, n1, d1 }) => [n0[0], d0[0], n1[0], d1[0]],
            Self::Packed(Halves { n0, d0, n1, d1 }) => {
                [n0, d0, n1, d1].map(|table| PackedFieldExtension::<Val, Ext>::extract(&table[0], 0))
            }
        }
    }
}

pub(super) fn pack(table: &[Ext]) -> Vec<Packed> {
    table.chunks(Lane::WIDTH).map(Packed::from_ext_slice).collect()
}

pub(super) fn unpack(table: Vec<Packed>) -> Vec<Ext> {
    <Packed as PackedFieldExtension<Val, Ext>>::to_ext_iter(table).collect()
}
