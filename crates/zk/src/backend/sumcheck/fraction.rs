//! Tables and ranges: LogUp by a GKR tree of fractions.
//!
//! Every looked-up element gives a fraction `1/(α − element)`, every entry of a table `−count/(α − entry)`; all looked-up
//! elements are entries if and only if, but for a small chance over `α`, the fractions sum to zero (Haböck 2022). Elements
//! of tables with two columns are `value + β·second`, and a tag keeps tables apart. The sum is shown by a tree that adds
//! fractions in pairs (Papini and Haböck 2023), layer by layer from the root; its messages are masked like all others, and
//! what is left are claims about pads and about the leaves at one point.
//!
//! Blocks of leaves fill aligned powers of two, largest first, each dimension padded by itself; a leaf that belongs to no
//! block is 0/1.

use super::channel::{Channel, Masked, Short, advance};
use super::eq;
use super::field::Ext;
use super::product::{bits, multiplied};
use super::settle::Form;
use super::system::{Leaf, Numerator, System};
use super::tree::{Rounds, Tree};
use super::values::Values;
use super::weight::{Factor, Weight};
use p3_field::PrimeCharacteristicRing;
use std::sync::Arc;

/// Where the blocks of leaves lie.
#[derive(Debug)]
pub(super) struct Forest {
    /// Start and bits of each block, in the order of the system's leaves.
    pub(super) blocks: Vec<(usize, usize)>,
    /// The variables of the cube of all leaves; 0 where there are none.
    pub(super) variables: usize,
}

impl Forest {
    pub(super) fn new(system: &System) -> Self {
        let size = |leaf: &Leaf| system.shape(leaf.value).iter().map(|size| bits(*size)).sum::<usize>();
        let sizes: Vec<usize> = system.leaves.iter().map(size).collect();
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(sizes[*at]));
        let mut blocks = vec![(0, 0); sizes.len()];
        let mut end = 0usize;
        for at in order {
            blocks[at] = (end, sizes[at]);
            end += 1 << sizes[at];
        }
        let variables = if end == 0 { 0 } else { bits(end).max(1) };
        Self { blocks, variables }
    }
}

/// The challenges of denominators.
#[derive(Debug, Clone, Copy)]
pub(super) struct Denominator {
    pub(super) alpha: Ext,
    pub(super) beta: Ext,
}

impl Denominator {
    pub(super) fn draw(channel: &mut Channel<'_>) -> Self {
        Self { alpha: channel.draw(), beta: channel.draw() }
    }

    /// `α − β²·tag`, from which a leaf's value and `β` times its second are taken.
    pub(super) fn base(&self, tag: u64) -> Ext {
        self.alpha - self.beta.square() * Ext::from_u64(tag)
    }
}

/// Goes down the tree on either side; the claims that remain, with those about the leaves at the last point. `pairs` gets the
/// pads whose products the claims speak of.
pub(super) fn run(
    system: &System,
    forest: &Forest,
    values: Option<&Values>,
    channel: &mut Channel<'_>,
    pairs: &mut Vec<(usize, usize)>,
    product_pad: impl Fn(usize) -> usize,
) -> Result<Vec<Form>, Short> {
    let challenges = Denominator::draw(channel);
    if forest.variables == 0 {
        return Ok(Vec::new());
    }
    let mut tree = values.map(|values| Tree::grow(system, forest, values, challenges));
    let root = channel.send(tree.as_ref().map_or(Ext::ZERO, Tree::root))?;
    let (mut numerator, mut denominator) = (Form::default(), root.form());
    let mut point: Vec<Ext> = Vec::new();
    let mut claims = Vec::with_capacity(forest.variables + 2);
    for layer in 0..forest.variables {
        let lambda = channel.draw();
        let mut claim = numerator;
        claim.add(&denominator, lambda);
        let mut rounds = tree.as_mut().map(|tree| tree.enter(&point, lambda));
        let mut reached = Vec::with_capacity(layer + 1);
        for _ in 0..layer {
            let values = rounds.as_mut().map_or([Ext::ZERO; 3], Rounds::message);
            let messages = [channel.send(values[0])?, channel.send(values[1])?, channel.send(values[2])?];
            let r = channel.draw();
            advance(&mut claim, messages, r);
            rounds = rounds.map(|rounds| rounds.fold(r));
            reached.push(r);
        }
        let ends = rounds.map_or([Ext::ZERO; 4], |rounds| rounds.ends());
        if let Some(tree) = &mut tree {
            tree.leave(ends);
        }
        let [n0, d0, n1, d1] =
            [channel.send(ends[0])?, channel.send(ends[1])?, channel.send(ends[2])?, channel.send(ends[3])?];
        let weight = -eq::between(&point, &reached);
        for (a, b, by) in [(d1, n0, Ext::ONE), (d0, n1, Ext::ONE), (d0, d1, lambda)] {
            claim.add(&multiplied(a, b, product_pad(pairs.len())), weight * by);
            pairs.push((a.pad, b.pad));
        }
        claims.push(claim);
        let branch = channel.draw();
        numerator = between(n0, n1, branch);
        denominator = between(d0, d1, branch);
        reached.insert(0, branch);
        point = reached;
    }
    claims.extend(leaves(system, forest, challenges, &point, &numerator, &denominator));
    Ok(claims)
}

/// The value at `branch` of the line through two messages.
fn between(zero: Masked, one: Masked, branch: Ext) -> Form {
    let mut form = zero.form();
    form.scale(Ext::ONE - branch);
    form.add(&one.form(), branch);
    form
}

/// Numerators and denominators of all leaves at a point are what the tree says.
fn leaves(
    system: &System,
    forest: &Forest,
    challenges: Denominator,
    point: &[Ext],
    numerator: &Form,
    denominator: &Form,
) -> [Form; 2] {
    let (mut above, mut below) = (Form::default(), Form { constant: Ext::ONE, ..Form::default() });
    for (leaf, (start, size)) in system.leaves.iter().zip(&forest.blocks) {
        let (high, low) = point.split_at(point.len() - size);
        let weight = weight(system.shape(leaf.value), low, eq::at(high, start >> size));
        let mass = weight.mass();
        // Where a block's padding is, a denominator is 1; inside it is the leaf's.
        below.constant += (challenges.base(leaf.tag) - Ext::ONE) * mass;
        below.values.push((leaf.value, weight.clone().scaled(-Ext::ONE)));
        if let Some(second) = leaf.second {
            below.values.push((second, weight.clone().scaled(-challenges.beta)));
        }
        match leaf.numerator {
            Numerator::Plus => above.constant += mass,
            Numerator::Minus => above.constant -= mass,
            Numerator::Used(counts) => above.values.push((counts, weight.scaled(-Ext::ONE))),
        }
    }
    above.add(numerator, -Ext::ONE);
    below.add(denominator, -Ext::ONE);
    [above, below]
}

/// The value at a point whose coordinates are those of the dimensions, one after the other.
pub(super) fn weight(shape: &[usize], mut point: &[Ext], scale: Ext) -> Weight {
    let factors: Vec<Arc<Factor>> = shape
        .iter()
        .map(|size| {
            let (own, rest) = point.split_at(bits(*size));
            point = rest;
            Factor::eq(own.to_vec())
        })
        .collect();
    Weight::over(shape, &factors, scale)
}
