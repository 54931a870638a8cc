//! The prover's side of [`super::fraction`]: all leaves, and above them the sums of pairs up to the root.
//!
//! A layer's first half is what its branch 0 holds; neighbours in a sum are an element of one half and its like in the other.
//! The leaves are most of a proof's numbers, so they and the layer above them are never kept beside the others: leaves are
//! made from the nodes' elements wherever they are read ([`leaves`]), that layer when its turn comes.

mod halves;
mod leaves;
mod rounds;

use super::field::{Ext, Val};
use super::fraction::{Denominator, Forest};
use super::system::System;
use super::values::Values;
use halves::Table;
use leaves::Leaves;
use p3_field::{ExtensionField, Field, PrimeCharacteristicRing};
pub(super) use rounds::Rounds;

/// Elements of the base field in one vector register.
type Lane = <Val as Field>::Packing;
/// Elements of the extension in so many registers.
type Packed = <Ext as ExtensionField<Val>>::ExtensionPacking;

/// The variables of the largest tree that is kept as a whole.
const WHOLE: usize = 12;

/// A tree, from its root to the layer that was reached.
pub(super) struct Tree<'a> {
    leaves: Leaves<'a>,
    /// The layers that are kept and not yet reached, the next one last.
    layers: Vec<Table>,
    /// Numerator and denominator of both halves of the layer before, at its point.
    ends: [Ext; 4],
    root: Ext,
}

impl<'a> Tree<'a> {
    /// Adds up the fractions of a system's leaves.
    pub(super) fn grow(
        system: &'a System,
        forest: &Forest,
        values: &'a Values,
        challenges: Denominator,
    ) -> Self {
        let leaves = Leaves::new(system, forest, values, challenges);
        let lowest =
            if leaves.variables() <= WHOLE { Table::Scalar(leaves.whole()) } else { leaves.second_layer() };
        let mut layers = vec![lowest];
        while let Some(above) = layers.last().and_then(Table::reduced) {
            layers.push(above);
        }
        let root = layers.last().map_or(Ext::ZERO, |top| {
            let [_, d0, _, d1] = top.ends();
            d0 * d1
        });
        Self { leaves, layers, ends: [Ext::ZERO; 4], root }
    }

    /// The denominator of the sum of all leaves.
    pub(super) const fn root(&self) -> Ext {
        self.root
    }

    /// The rounds of the next layer, about the point that the one before ended with.
    pub(super) fn enter(&mut self, point: &[Ext], lambda: Ext) -> Rounds<'_> {
        let [n0, d0, n1, d1] = self.ends;
        let branch = point.first().copied().unwrap_or(Ext::ZERO);
        let claim = n0 + branch * (n1 - n0) + lambda * (d0 + branch * (d1 - d0));
        match self.layers.pop() {
            Some(layer) => Rounds::of(layer, point, lambda, claim),
            None if point.len() + 2 == self.leaves.variables() => {
                Rounds::of(self.leaves.first_layer(), point, lambda, claim)
            }
            None => Rounds::of_leaves(&self.leaves, point, lambda, claim),
        }
    }

    /// Remembers what a layer's rounds ended with.
    pub(super) const fn leave(&mut self, ends: [Ext; 4]) {
        self.ends = ends;
    }
}
