//! Leaves, made from the elements of nodes wherever they are read.

use super::halves::{Halves, Table, pack, sum};
use super::{Lane, Packed};
use crate::backend::sumcheck::field::{Ext, Val, element};
use crate::backend::sumcheck::fraction::{Denominator, Forest};
use crate::backend::sumcheck::product::bits;
use crate::backend::sumcheck::system::{Numerator, System};
use crate::backend::sumcheck::values::Values;
use p3_field::{PackedValue, PrimeCharacteristicRing};

/// Leaves that are read at once.
const CHUNK: usize = 1 << 10;

/// All leaves of a system.
pub(super) struct Leaves<'a> {
    blocks: Vec<Block<'a>>,
    variables: usize,
    beta: Ext,
}

/// Leaves of one kind.
struct Block<'a> {
    start: usize,
    end: usize,
    /// The dimensions of its tensors, those that need no padding joined with the ones before them.
    outer: Vec<usize>,
    inner: usize,
    base: Ext,
    value: &'a [i64],
    second: Option<&'a [i64]>,
    used: Option<&'a [i64]>,
    sign: Val,
}

/// Leaves that stand at the same place of each quarter of all of them.
pub(super) struct Quarters {
    n: [Vec<Val>; 4],
    d: [Vec<Packed>; 4],
}

impl Quarters {
    /// Numerators of a quarter.
    pub(super) fn n(&self, quarter: usize) -> &[Lane] {
        Lane::pack_slice(&self.n[quarter])
    }

    /// Denominators of a quarter.
    pub(super) fn d(&self, quarter: usize) -> &[Packed] {
        &self.d[quarter]
    }

    fn fraction(&self, quarter: usize, at: usize) -> (Lane, Packed) {
        (self.n(quarter)[at], self.d[quarter][at])
    }

    /// The sums of pairs at a place, two of the layer above.
    fn sums(&self, at: usize) -> [(Packed, Packed); 2] {
        [[0, 2], [1, 3]].map(|[a, b]| sum(self.fraction(a, at), self.fraction(b, at)))
    }
}

impl<'a> Leaves<'a> {
    pub(super) fn new(
        system: &'a System,
        forest: &Forest,
        values: &'a Values,
        challenges: Denominator,
    ) -> Self {
        let blocks = system.leaves.iter().zip(&forest.blocks).map(|(leaf, (start, bits))| {
            let (outer, inner) = joined(system.shape(leaf.value));
            let used = match leaf.numerator {
                Numerator::Used(used) => Some(values.integers(used)),
                Numerator::Plus | Numerator::Minus => None,
            };
            Block {
                start: *start,
                end: start + (1 << bits),
                outer,
                inner,
                base: challenges.base(leaf.tag),
                value: values.integers(leaf.value),
                second: leaf.second.map(|second| values.integers(second)),
                used,
                sign: if matches!(leaf.numerator, Numerator::Minus) { -Val::ONE } else { Val::ONE },
            }
        });
        let mut blocks: Vec<Block<'a>> = blocks.collect();
        blocks.sort_by_key(|block| block.start);
        Self { blocks, variables: forest.variables, beta: challenges.beta }
    }

    pub(super) const fn variables(&self) -> usize {
        self.variables
    }

    /// Reads leaves one after the other. What belongs to no block is 0/1.
    fn read(&self, from: usize, numerators: &mut [Val], denominators: &mut [Ext]) {
        let to = from + numerators.len();
        numerators.fill(Val::ZERO);
        denominators.fill(Ext::ONE);
        let first = self.blocks.partition_point(|block| block.end <= from);
        for block in self.blocks[first..].iter().take_while(|block| block.start < to) {
            let part = from.max(block.start) - block.start..to.min(block.end) - block.start;
            block.runs(part.start, part.end, |place, index, length| {
                let at = block.start + place - from;
                let (numerators, denominators) =
                    (&mut numerators[at..][..length], &mut denominators[at..][..length]);
                for (denominator, value) in denominators.iter_mut().zip(&block.value[index..]) {
                    *denominator = block.base - element(*value);
                }
                if let Some(second) = block.second {
                    for (denominator, second) in denominators.iter_mut().zip(&second[index..]) {
                        *denominator -= self.beta * element(*second);
                    }
                }
                match block.used {
                    None => numerators.fill(block.sign),
                    Some(used) => numerators
                        .iter_mut()
                        .zip(&used[index..])
                        .for_each(|(numerator, used)| *numerator = -element(*used)),
                }
            });
        }
    }

    /// All leaves as they are.
    pub(super) fn whole(&self) -> Halves<Ext> {
        let size = 1 << self.variables;
        let (mut n, mut d) = (vec![Val::ZERO; size], vec![Ext::ONE; size]);
        self.read(0, &mut n, &mut d);
        let mut n0: Vec<Ext> = n.into_iter().map(Ext::from).collect();
        let (n1, d1) = (n0.split_off(size / 2), d.split_off(size / 2));
        Halves { n0, d0: d, n1, d1 }
    }

    /// Calls `f` with the leaves at all places, `chunk` places at a time.
    pub(super) fn quarters(&self, chunk: usize, mut f: impl FnMut(&Quarters)) {
        let quarter = 1 << (self.variables - 2);
        let mut denominators = vec![Ext::ONE; chunk];
        let empty = || vec![Val::ZERO; chunk];
        let mut quarters = Quarters { n: [empty(), empty(), empty(), empty()], d: Default::default() };
        for from in (0..quarter).step_by(chunk) {
            for (place, (n, d)) in quarters.n.iter_mut().zip(&mut quarters.d).enumerate() {
                self.read(from + place * quarter, n, &mut denominators);
                *d = pack(&denominators);
            }
            f(&quarters);
        }
    }

    /// The layer above the leaves.
    pub(super) fn first_layer(&self) -> Table {
        let mut layer = Halves::with_capacity((1 << (self.variables - 2)) / Lane::WIDTH);
        self.quarters(CHUNK, |quarters| {
            for at in 0..CHUNK / Lane::WIDTH {
                let [zero, one] = quarters.sums(at);
                layer.push0(zero);
                layer.push1(one);
            }
        });
        layer.into()
    }

    /// The layer above that one.
    pub(super) fn second_layer(&self) -> Table {
        let half = (1 << (self.variables - 3)) / Lane::WIDTH;
        let mut layer = Halves::with_capacity(half);
        self.quarters(CHUNK, |quarters| {
            for at in 0..CHUNK / Lane::WIDTH {
                let [zero, one] = quarters.sums(at);
                let both = sum(zero, one);
                if layer.n0.len() < half { layer.push0(both) } else { layer.push1(both) }
            }
        });
        layer.into()
    }
}

impl Block<'_> {
    /// Calls `f` with place, flat index and length of each run of elements between two places.
    fn runs(&self, from: usize, to: usize, mut f: impl FnMut(usize, usize, usize)) {
        let bits = bits(self.inner);
        let mut place = from;
        while place < to {
            let (row, column) = (place >> bits, place & ((1 << bits) - 1));
            let end = to.min((row + 1) << bits);
            if let Some(row) = index(&self.outer, row)
                && column < self.inner
            {
                f(place, row * self.inner + column, (self.inner - column).min(end - place));
            }
            place = end;
        }
    }
}

/// The flat index at a place where each dimension is padded; `None` for padding.
fn index(shape: &[usize], mut place: usize) -> Option<usize> {
    let (mut index, mut stride) = (0, 1);
    for size in shape.iter().rev() {
        let at = place & (size.next_power_of_two() - 1);
        place >>= bits(*size);
        if at >= *size {
            return None;
        }
        index += at * stride;
        stride *= size;
    }
    Some(index)
}

/// The dimensions before the innermost, and the innermost with all before it that its padding lets stand.
fn joined(shape: &[usize]) -> (Vec<usize>, usize) {
    let (mut outer, mut inner) = (shape.to_vec(), 1usize);
    while inner.is_power_of_two()
        && let Some(size) = outer.pop()
    {
        inner *= size;
    }
    (outer, inner)
}
