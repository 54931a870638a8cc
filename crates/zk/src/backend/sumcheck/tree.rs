//! The prover's side of [`super::fraction`]: the leaves, and Plonky3's tree behind a challenger that masks.

use super::field::{Challenger, Ext, Val, element};
use super::fraction::{Denominator, Forest};
use super::product::bits;
use super::system::{Numerator, System};
use super::values::Values;
use p3_challenger::{CanObserve, CanSample, CanSampleBits, FieldChallenger};
use p3_field::{
    BasedVectorSpace, ExtensionField, Field, PackedFieldExtension, PackedValue, PrimeCharacteristicRing,
};
use p3_multi_stark::fractional_gkr::{Fraction, LeafNumerator, prove_fractional_gkr};
use p3_multilinear_util::poly::{Poly, PolyMaybePacked};

type Packed = <Ext as ExtensionField<Val>>::ExtensionPacking;
/// Elements of one vector register.
const WIDTH: usize = <Val as Field>::Packing::WIDTH;
/// The fewest leaves that are packed.
const LEAST: usize = 4 * WIDTH;
/// The coefficients of an extension element.
const DEGREE: usize = 3;

/// The masked messages of the tree over all leaves.
pub(super) fn grow(
    system: &System,
    forest: &Forest,
    values: &Values,
    challenges: Denominator,
    challenger: &Challenger,
    pads: &[Ext],
    deaf: bool,
) -> Vec<Ext> {
    if forest.variables == 0 {
        return Vec::new();
    }
    let (numerators, denominators) = leaves(system, forest, values, challenges);
    let numerators = Poly::new(numerators);
    let mut masking = Masking {
        inner: challenger.clone(),
        pads: pads
            .iter()
            .flat_map(|pad| BasedVectorSpace::<Val>::as_basis_coefficients_slice(pad).to_vec())
            .collect(),
        held: Vec::new(),
        begun: false,
        deaf,
        sent: Vec::new(),
    };
    let fraction = Fraction { n: LeafNumerator::Base(&numerators), d: &denominators };
    prove_fractional_gkr::<Val, Ext, Masking>(fraction, &mut masking);
    let message = |coefficients: &[Val]| Ext::from_basis_coefficients_fn(|at| coefficients[at]);
    masking.sent.chunks_exact(DEGREE).map(message).collect()
}

fn leaves(
    system: &System,
    forest: &Forest,
    values: &Values,
    challenges: Denominator,
) -> (Vec<Val>, PolyMaybePacked<Val, Ext>) {
    let size = 1 << forest.variables;
    let mut numerators = vec![Val::ZERO; size];
    // Blocks follow each other without gaps: what is filled is packed at once, since all leaves together are large.
    let mut packed: Vec<Packed> = Vec::with_capacity(size / WIDTH);
    let mut open: Vec<Ext> = Vec::new();
    let mut order: Vec<usize> = (0..system.leaves.len()).collect();
    order.sort_by_key(|at| forest.blocks[*at].0);
    for at in order {
        let (leaf, (start, bits)) = (&system.leaves[at], forest.blocks[at]);
        let base = challenges.base(leaf.tag);
        let first = values.integers(leaf.value);
        let second = leaf.second.map(|second| values.integers(second));
        let counts = match leaf.numerator {
            Numerator::Used(counts) => Some(values.integers(counts)),
            _ => None,
        };
        let sign = if matches!(leaf.numerator, Numerator::Minus) { -Val::ONE } else { Val::ONE };
        let held = open.len();
        open.resize(held + (1 << bits), Ext::ONE);
        let mut fill = |index: usize, at: usize| {
            let mut denominator = base - element(first[index]);
            if let Some(second) = second {
                denominator -= challenges.beta * element(second[index]);
            }
            open[held + at] = denominator;
            numerators[start + at] = counts.map_or(sign, |counts| -element(counts[index]));
        };
        places(system.shape(leaf.value), 0, 0, &mut fill);
        if size >= LEAST && open.len() >= WIDTH {
            let full = open.len() / WIDTH * WIDTH;
            packed.extend(open[..full].chunks(WIDTH).map(Packed::from_ext_slice));
            open.drain(..full);
        }
    }
    open.resize(size - packed.len() * WIDTH, Ext::ONE);
    if size < LEAST {
        return (numerators, PolyMaybePacked::Scalar(Poly::new(open)));
    }
    packed.extend(open.chunks(WIDTH).map(Packed::from_ext_slice));
    (numerators, PolyMaybePacked::Packed(Poly::new(packed)))
}

/// Calls `f` with each flat index of a tensor and its place in a block whose dimensions are powers of two.
fn places(shape: &[usize], index: usize, place: usize, f: &mut impl FnMut(usize, usize)) {
    match shape {
        [] => f(index, place),
        [size] => (0..*size).for_each(|at| f(index + at, place + at)),
        [size, inner @ ..] => {
            let step: usize = inner.iter().product();
            let stride = 1 << inner.iter().map(|size| bits(*size)).sum::<usize>();
            (0..*size).for_each(|at| places(inner, index + at * step, place + at * stride, f));
        }
    }
}

/// Adds a pad to every message of a library's prover.
///
/// What is observed before the first challenge is the library's own description of its run, which this protocol's transcript
/// binds otherwise and which is left out, and then one message, the tree's root.
#[derive(Clone)]
struct Masking {
    inner: Challenger,
    pads: Vec<Val>,
    held: Vec<Val>,
    begun: bool,
    /// Challenges do not depend on what is observed ([`super::channel::Channel`]).
    deaf: bool,
    sent: Vec<Val>,
}

impl Masking {
    fn show(&mut self, value: Val) {
        let masked = value + self.pads[self.sent.len()];
        self.sent.push(masked);
        if !self.deaf {
            self.inner.observe(masked);
        }
    }

    fn begin(&mut self) {
        if !self.begun {
            self.begun = true;
            let held = std::mem::take(&mut self.held);
            let root = held.len().saturating_sub(DEGREE);
            held[root..].iter().for_each(|value| self.show(*value));
        }
    }
}

impl CanObserve<Val> for Masking {
    fn observe(&mut self, value: Val) {
        if self.begun { self.show(value) } else { self.held.push(value) }
    }
}

impl CanSample<Val> for Masking {
    fn sample(&mut self) -> Val {
        self.begin();
        self.inner.sample()
    }
}

impl CanSampleBits<usize> for Masking {
    fn sample_bits(&mut self, bits: usize) -> usize {
        self.begin();
        self.inner.sample_bits(bits)
    }
}

impl FieldChallenger<Val> for Masking {}
