//! Pads: what they are used for, and the proof that some of them are products of others.
//!
//! Checks of masked messages are linear in pads but where two messages are multiplied: there the product of their pads
//! is a pad of its own, and one small sumcheck shows of all such pads together that they are products,
//! `Σ_x eq(τ, x)·(p(x)·q(x) − pq(x)) = 0`. Its cube has one variable more, at whose 1 there is one random element on
//! either side, at different places: the products stay what they are, and the values at the last point become uniform, so
//! they are sent as they are.

use super::channel::{Channel, Short, advance};
use super::eq;
use super::field::Ext;
use super::product::{bits, fold};
use super::settle::Form;
use p3_field::PrimeCharacteristicRing;

/// Pads of all messages, in the order in which they are sent, then products of pads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// Pads that messages and the last check use.
    pub(super) plain: usize,
    /// Pads that are products.
    pub(super) products: usize,
    rounds: usize,
    instances: usize,
    leaves: usize,
}

impl Plan {
    /// For a system whose products take so many rounds and whose fractions fill a cube of so many variables.
    pub(super) fn new(rounds: usize, instances: usize, leaves: usize) -> Self {
        let fractions: usize =
            if leaves == 0 { 0 } else { 1 + (0..leaves).map(|layer| 3 * layer + 4).sum::<usize>() };
        let products = instances + 3 * leaves;
        let last = last(products);
        Self { plain: 3 * rounds + 2 * instances + fractions + last, products, rounds, instances, leaves }
    }

    /// The first of the two pads that blind the values which the check of products shows.
    pub(super) fn blinds(&self) -> Option<usize> {
        (self.products > 0).then(|| self.plain - last(self.products))
    }

    /// All pads.
    pub(super) const fn all(&self) -> usize {
        self.plain + self.products
    }

    /// The pads whose products the checks speak of: those of the tree's layers, then those of the products' operands.
    pub(super) fn pairs(&self) -> Vec<(usize, usize)> {
        let mut pairs = Vec::with_capacity(self.products);
        let mut next = usize::from(self.leaves > 0);
        for layer in 0..self.leaves {
            next += 3 * layer;
            let [n0, d0, n1, d1] = [next, next + 1, next + 2, next + 3];
            pairs.extend([(d1, n0), (d0, n1), (d0, d1)]);
            next += 4;
        }
        next += 3 * self.rounds;
        pairs.extend((0..self.instances).map(|instance| (next + 2 * instance, next + 2 * instance + 1)));
        pairs
    }

    /// The pad that is the `k`-th product.
    pub(super) const fn product(&self, k: usize) -> usize {
        self.plain + k
    }
}

/// The pads of the check of so many products: its two blinds and those of its messages.
fn last(products: usize) -> usize {
    if products == 0 { 0 } else { 3 * (bits(products.max(2)) + 1) + 2 }
}

/// Shows on either side that pad `plan.product(k)` is the product of the `k`-th pair; the claims that remain.
pub(super) fn run(
    plan: &Plan,
    pairs: &[(usize, usize)],
    pads: Option<&[Ext]>,
    channel: &mut Channel<'_>,
) -> Result<Vec<Form>, Short> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let inner = bits(pairs.len().max(2));
    let blinds = channel.skip(2);
    let tau = channel.point(inner + 1);
    let weights = eq::table(&tau, Ext::ONE);
    let products = (0..pairs.len()).map(|k| (plan.product(k), weights[k])).collect();
    let mut claim = Form { pads: products, ..Form::default() };
    let half = 1 << inner;
    let mut tables = pads.map(|pads| {
        let mut sides = [vec![Ext::ZERO; 2 * half], vec![Ext::ZERO; 2 * half]];
        for (k, (p, q)) in pairs.iter().enumerate() {
            sides[0][k] = pads[*p];
            sides[1][k] = pads[*q];
        }
        sides[0][half] = pads[blinds];
        sides[1][half + 1] = pads[blinds + 1];
        let [a, b] = sides;
        (a, b, weights.clone())
    });
    let mut point = Vec::with_capacity(inner + 1);
    for _ in 0..=inner {
        let mut sums = [Ext::ZERO; 3];
        if let Some((a, b, e)) = &tables {
            let half = a.len() / 2;
            for i in 0..half {
                let (da, db, de) = (a[i + half] - a[i], b[i + half] - b[i], e[i + half] - e[i]);
                let (a2, b2, e2) = (a[i + half] + da, b[i + half] + db, e[i + half] + de);
                sums[0] += a[i] * b[i] * e[i];
                sums[1] += a2 * b2 * e2;
                sums[2] += (a2 + da) * (b2 + db) * (e2 + de);
            }
        }
        let messages = [channel.send(sums[0])?, channel.send(sums[1])?, channel.send(sums[2])?];
        let r = channel.draw();
        advance(&mut claim, messages, r);
        if let Some((a, b, e)) = &mut tables {
            [a, b, e].into_iter().for_each(|table| fold(table, r));
        }
        point.push(r);
    }
    let (a, b) = tables.as_ref().map_or((Ext::ZERO, Ext::ZERO), |(a, b, _)| (a[0], b[0]));
    let (a, b) = (channel.clear(a)?, channel.clear(b)?);
    claim.constant -= eq::between(&tau, &point) * a * b;
    let reached = eq::table(&point, Ext::ONE);
    let side = |value: Ext, of: &dyn Fn(&(usize, usize)) -> usize, blind: usize, at: usize| Form {
        constant: -value,
        values: Vec::new(),
        pads: pairs
            .iter()
            .enumerate()
            .map(|(k, pair)| (of(pair), reached[k]))
            .chain([(blind, reached[half + at])])
            .collect(),
    };
    Ok(vec![claim, side(a, &|pair| pair.0, blinds, 0), side(b, &|pair| pair.1, blinds + 1, 1)])
}
