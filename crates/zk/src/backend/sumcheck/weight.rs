//! Weights of linear claims: what a claim multiplies the elements of a tensor with.
//!
//! A weight is rank one over a strided block of a flat buffer: `coefficient · Π_d factor_d[i_d]` at the element
//! `start + Σ_d i_d · stride_d`. Points of a tensor's multilinear polynomial, sums along dimensions and their images under
//! slices, reshapes, broadcasts and gathers are all of this form, so the verifier weighs whole tensors in the time of their
//! dimensions' bits.

use super::eq::{self, Run};
use super::field::{Ext, Val};
use p3_field::PrimeCharacteristicRing;
use std::sync::{Arc, OnceLock};

/// One number for each index of a dimension.
#[derive(Debug)]
pub(super) enum Factor {
    /// `eq(point, i)`; the table is made when somebody reads single elements.
    Eq(Vec<Ext>, OnceLock<Vec<Ext>>),
    /// One everywhere.
    Ones,
    /// As listed.
    Dense(Vec<Ext>),
}

impl Factor {
    pub(super) fn eq(point: Vec<Ext>) -> Arc<Self> {
        Arc::new(Self::Eq(point, OnceLock::new()))
    }

    pub(super) fn dense(values: Vec<Ext>) -> Arc<Self> {
        Arc::new(Self::Dense(values))
    }

    fn same(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, other)
            || match (&**self, &**other) {
                (Self::Eq(a, _), Self::Eq(b, _)) => a == b,
                (Self::Ones, Self::Ones) => true,
                _ => false,
            }
    }

    fn get(&self, index: usize) -> Ext {
        match self {
            Self::Eq(point, table) => {
                table.get_or_init(|| eq::table(point, Ext::ONE)).get(index).copied().unwrap_or(Ext::ZERO)
            }
            Self::Ones => Ext::ONE,
            Self::Dense(values) => values[index],
        }
    }
}

/// A run of a factor's indices laid over elements at a stride.
#[derive(Debug, Clone)]
pub(super) struct Dim {
    pub(super) size: usize,
    pub(super) stride: usize,
    pub(super) factor: Arc<Factor>,
    /// The factor's index of this dimension's first.
    pub(super) from: usize,
}

impl Dim {
    pub(super) fn whole(size: usize, stride: usize, factor: Arc<Factor>) -> Self {
        Self { size, stride, factor, from: 0 }
    }

    pub(super) fn get(&self, index: usize) -> Ext {
        self.factor.get(self.from + index)
    }

    /// The sum of its numbers.
    pub(super) fn mass(&self) -> Ext {
        match &*self.factor {
            Factor::Eq(point, _) => eq::mass(Run { point, start: self.from }, self.size),
            Factor::Ones => Ext::from_usize(self.size),
            Factor::Dense(values) => values[self.from..][..self.size].iter().copied().sum(),
        }
    }

    /// `Σ i · number_i`.
    fn first_moment(&self) -> Ext {
        match &*self.factor {
            // Bits of an index are as independent as coordinates are.
            Factor::Eq(point, _) if self.from == 0 && self.size == 1 << point.len() => {
                point.iter().fold(Ext::ZERO, |moment, coordinate| moment.double() + *coordinate)
            }
            _ => (0..self.size).map(|index| self.get(index) * Val::from_usize(index)).sum(),
        }
    }

    /// The dimension as a run of the point's indices, where that is faster than one element after the other: it is long, or its
    /// factor's table would have to be made for it.
    fn laid<'a>(&self, point: &'a eq::Point<'a>) -> Option<eq::Laid<'a>> {
        let run = match &*self.factor {
            Factor::Ones => None,
            Factor::Eq(point, table) => {
                let known = table.get().is_some() || point.len() < SHORT;
                (self.size >= 1 << SHORT || !known).then_some(Some(Run { point, start: self.from }))?
            }
            Factor::Dense(_) => return None,
        };
        (self.stride == 1 && self.size > 0).then(|| eq::Laid::new(run, self.size, point))
    }

    fn part(&self, from: usize, size: usize) -> Self {
        Self { size, from: self.from + from, ..self.clone() }
    }

    fn same(&self, other: &Self) -> bool {
        self.size == other.size
            && self.stride == other.stride
            && self.from == other.from
            && self.factor.same(&other.factor)
    }
}

/// A rank-one weight over a flat buffer, outermost dimension first.
#[derive(Debug, Clone)]
pub(super) struct Weight {
    pub(super) coefficient: Ext,
    pub(super) start: usize,
    pub(super) dims: Vec<Dim>,
}

/// Runs of fewer elements are summed singly rather than by their bits; a logarithm.
const SHORT: usize = 5;

impl Weight {
    /// One factor for each dimension of a row-major tensor.
    pub(super) fn over(shape: &[usize], factors: &[Arc<Factor>], coefficient: Ext) -> Self {
        let mut stride = shape.iter().product::<usize>();
        let dims = shape.iter().zip(factors).map(|(size, factor)| {
            stride /= size;
            Dim::whole(*size, stride, factor.clone())
        });
        Self { coefficient, start: 0, dims: dims.collect() }.tidied()
    }

    /// The sum of all weights.
    pub(super) fn mass(&self) -> Ext {
        self.dims.iter().fold(self.coefficient, |mass, dim| mass * dim.mass())
    }

    /// `Σ weight · place` over the places of the flat buffer.
    pub(super) fn count(&self) -> Ext {
        let mut total = Ext::ZERO;
        self.runs(&mut |start, run, coefficient| {
            let sum = match run {
                None => Ext::from_usize(start),
                Some(run) => {
                    run.mass() * Val::from_usize(start) + run.first_moment() * Val::from_usize(run.stride)
                }
            };
            total += coefficient * sum;
        });
        total
    }

    pub(super) fn scaled(mut self, by: Ext) -> Self {
        self.coefficient *= by;
        self
    }

    /// Whether two weights differ in their coefficient alone.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.start == other.start
            && self.dims.len() == other.dims.len()
            && self.dims.iter().zip(&other.dims).all(|(a, b)| a.same(b))
    }

    /// Dimensions of one index become part of start and coefficient; neighbours that are one run become one dimension.
    pub(super) fn tidied(mut self) -> Self {
        let mut dims: Vec<Dim> = Vec::with_capacity(self.dims.len());
        for dim in std::mem::take(&mut self.dims) {
            if dim.size == 1 {
                self.coefficient *= dim.get(0);
                continue;
            }
            match dims.last_mut() {
                Some(outer) if outer.stride == dim.stride * dim.size => {
                    if let Some(factor) = joined(outer, &dim) {
                        *outer = Dim::whole(outer.size * dim.size, dim.stride, factor);
                        continue;
                    }
                    dims.push(dim);
                }
                _ => dims.push(dim),
            }
        }
        self.dims = dims;
        self
    }

    /// The parts of this weight on the elements `from .. from + length`, moved to begin at 0.
    pub(super) fn within(&self, from: usize, length: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        self.cut(from, from + length, &mut parts);
        for part in &mut parts {
            part.start -= from;
        }
        parts
    }

    fn last(&self) -> usize {
        self.dims.iter().fold(self.start, |last, dim| last + (dim.size - 1) * dim.stride)
    }

    fn cut(&self, from: usize, to: usize, parts: &mut Vec<Self>) {
        if self.dims.iter().any(|dim| dim.size == 0) || self.last() < from || self.start >= to {
            return;
        }
        if self.start >= from && self.last() < to {
            parts.push(self.clone());
            return;
        }
        let Some((outer, inner)) = self.dims.split_first() else { return };
        let reach = inner.iter().fold(0, |reach, dim| reach + (dim.size - 1) * dim.stride);
        // Indices whose blocks touch the range, and among them those whose whole block lies inside, which stay together.
        let index =
            |element: usize| element.saturating_sub(self.start).div_ceil(outer.stride).min(outer.size);
        let (low, high) = (index(from.saturating_sub(reach)), index(to));
        let first = index(from).clamp(low, high);
        let end = index(to.saturating_sub(reach)).clamp(first, high);
        let single = |index: usize, parts: &mut Vec<Self>| {
            let block = Self {
                coefficient: self.coefficient * outer.get(index),
                start: self.start + index * outer.stride,
                dims: inner.to_vec(),
            };
            block.cut(from, to, parts);
        };
        (low..first).for_each(|index| single(index, parts));
        if first < end {
            let mut dims = vec![outer.part(first, end - first)];
            dims.extend_from_slice(inner);
            let start = self.start + first * outer.stride;
            parts.push(Self { coefficient: self.coefficient, start, dims }.tidied());
        }
        (end..high).for_each(|index| single(index, parts));
    }

    /// Calls `f` with start, factor dimension and coefficient of each innermost run.
    fn runs(&self, f: &mut impl FnMut(usize, Option<&Dim>, Ext)) {
        fn walk(start: usize, dims: &[Dim], coefficient: Ext, f: &mut impl FnMut(usize, Option<&Dim>, Ext)) {
            match dims {
                [] => f(start, None, coefficient),
                [run] => f(start, Some(run), coefficient),
                [outer, inner @ ..] => {
                    for index in 0..outer.size {
                        walk(start + index * outer.stride, inner, coefficient * outer.get(index), f);
                    }
                }
            }
        }
        walk(self.start, &self.dims, self.coefficient, f);
    }

    /// Adds the weights to a buffer.
    pub(super) fn add_to(&self, buffer: &mut [Ext], scale: Ext) {
        self.runs(&mut |start, run, coefficient| {
            let coefficient = coefficient * scale;
            match run {
                None => buffer[start] += coefficient,
                Some(run) => {
                    for index in 0..run.size {
                        buffer[start + index * run.stride] += coefficient * run.get(index);
                    }
                }
            }
        });
    }

    /// `Σ weight · element` over a buffer of integers of the field.
    pub(super) fn apply(&self, element: &impl Fn(usize) -> Val) -> Ext {
        let mut total = Ext::ZERO;
        self.runs(&mut |start, run, coefficient| {
            total += match run {
                None => coefficient * element(start),
                Some(run) => {
                    let sum: Ext =
                        (0..run.size).map(|index| run.get(index) * element(start + index * run.stride)).sum();
                    coefficient * sum
                }
            };
        });
        total
    }

    /// `Σ weight · eq(point, place + element)`: what the weights of a buffer that begins at `place` come to at a point.
    pub(super) fn at(&self, point: &eq::Point<'_>, place: usize) -> Ext {
        let laid = self.dims.last().and_then(|run| run.laid(point));
        let mut total = Ext::ZERO;
        self.runs(&mut |start, run, coefficient| {
            let begin = place + start;
            let sum = match (run, &laid) {
                (None, _) => point.get(begin),
                (Some(_), Some(laid)) => laid.at(begin),
                (Some(run), None) => {
                    (0..run.size).map(|index| run.get(index) * point.get(begin + index * run.stride)).sum()
                }
            };
            total += coefficient * sum;
        });
        total
    }
}

/// The factor of two dimensions that are one run of elements, where it is simple.
fn joined(outer: &Dim, inner: &Dim) -> Option<Arc<Factor>> {
    match (&*outer.factor, &*inner.factor) {
        (Factor::Ones, Factor::Ones) => Some(outer.factor.clone()),
        (Factor::Eq(high, _), Factor::Eq(low, _))
            if outer.from == 0 && inner.from == 0 && inner.size == 1 << low.len() =>
        {
            Some(Factor::eq([high.as_slice(), low].concat()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weight(sizes: [usize; 3], gaps: [usize; 2], start: usize) -> Weight {
        let factor = |size: usize, seed: u64| {
            let point = (0..u64::from(size.next_power_of_two().trailing_zeros()))
                .map(|at| Ext::from_u64(seed + at * at));
            Factor::eq(point.collect())
        };
        let inner = sizes[2] + gaps[1];
        let strides = [(sizes[1] - 1) * inner + sizes[2] + gaps[0], inner, 1];
        let dims = sizes.iter().zip(strides).enumerate();
        let dims =
            dims.map(|(at, (size, stride))| Dim::whole(*size, stride, factor(*size, 7 * at as u64 + 2)));
        Weight { coefficient: Ext::from_u8(3), start, dims: dims.collect() }.tidied()
    }

    proptest! {
        #[test]
        fn parts_of_a_weight_are_the_weight(
            sizes in [1usize..5, 1usize..6, 1usize..7], gaps in [0usize..4, 0usize..3], start in 0usize..9, cuts in [0usize..90, 0usize..90],
        ) {
            let weight = weight(sizes, gaps, start);
            let mut whole = vec![Ext::ZERO; 256];
            weight.add_to(&mut whole, Ext::ONE);
            let mut ends = [0, cuts[0], cuts[1], 256];
            ends.sort_unstable();
            let mut parts = vec![Ext::ZERO; 256];
            for pair in ends.windows(2) {
                for part in weight.within(pair[0], pair[1] - pair[0]) {
                    part.add_to(&mut parts[pair[0]..pair[1]], Ext::ONE);
                }
            }
            prop_assert_eq!(&whole, &parts);
            prop_assert_eq!(weight.mass(), whole.iter().copied().sum());
            prop_assert_eq!(weight.count(), whole.iter().enumerate().map(|(at, by)| *by * Val::from_usize(at)).sum());
            let point: Vec<Ext> = (0..9).map(|at| Ext::from_u64(at * 5 + 11)).collect();
            let table = eq::table(&point, Ext::ONE);
            let hand: Ext = whole.iter().zip(&table[20..]).map(|(weight, eq)| *weight * *eq).sum();
            prop_assert_eq!(weight.at(&eq::Point::new(&point), 20), hand);
        }
    }
}
