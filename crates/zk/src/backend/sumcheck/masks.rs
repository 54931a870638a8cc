//! What hides what: the random cells of the proof's own group, in one place.
//!
//! | mask | what it makes uniform |
//! |---|---|
//! | pads | round messages and the tree's root: each has a pad of its own |
//! | products | messages that are multiplied: operands of products, values of the tree's layers |
//! | blinds | the two values that the check of products of pads shows |
//! | veil | messages of the last sumcheck, the value at its point, the group's own value |
//!
//! The first three are enough for all messages before the last challenge, whatever the cells are, for no pad serves twice.
//! Given these messages, all that follows is linear in the cells; that the veil is enough for it is a matter of rank, which a
//! test settles for each family of shapes.

use super::field::{Ext, Val};
use super::protocol::Frame;
use super::system::VEIL;
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};

/// Which masks are on: all of them, but in tests that show what each is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is switched by itself")]
pub(super) struct Masks {
    pub(super) pads: bool,
    pub(super) products: bool,
    pub(super) blinds: bool,
    pub(super) veil: bool,
}

impl Masks {
    pub(super) const ALL: Self = Self { pads: true, products: true, blinds: true, veil: true };

    /// The veil's cells, uniform.
    pub(super) fn veil(self, random: &mut impl FnMut() -> Val) -> Vec<Val> {
        (0..VEIL).map(|_| self.veil.then(&mut *random).unwrap_or(Val::ZERO)).collect()
    }

    /// All pads: uniform ones, then the products.
    pub(super) fn pads(self, frame: &Frame<'_>, random: &mut impl FnMut() -> Val) -> Vec<Ext> {
        let on = self.on(frame);
        let plain = on.into_iter().map(|on| {
            let coefficients = [random(), random(), random()];
            if on { Ext::from_basis_coefficients_fn(|at| coefficients[at]) } else { Ext::ZERO }
        });
        let mut pads: Vec<Ext> = plain.collect();
        let products: Vec<Ext> = frame.plan.pairs().iter().map(|(a, b)| pads[*a] * pads[*b]).collect();
        pads.extend(products);
        pads
    }

    /// Whether each plain pad is on.
    pub(super) fn on(self, frame: &Frame<'_>) -> Vec<bool> {
        let mut on = vec![self.pads; frame.plan.plain];
        frame.plan.pairs().iter().for_each(|(a, b)| {
            on[*a] = self.products;
            on[*b] = self.products;
        });
        if let Some(first) = frame.plan.blinds() {
            on[first..first + 2].fill(self.blinds);
        }
        on
    }
}
