//! Lineage royalty: what the sellers of data and models get when what was made of them proves better.
//!
//! The data slice is divided over the candidates as their pay is, then within a candidate over what its author bought and kept in
//! merges, by price. A copy, which somebody else sold before or which the same candidate holds twice, weighs 1/32. Users are not
//! scored themselves: every such score gains by selling the same again with noise. Here the buyer whose stake and
//! improvement bring the royalty is the one who loses by buying copies.
//!
//! All royalties of a candidate together are at most what the treasury kept of what it is made of:
//!
//! ```text
//! royalties ≤ Σ treasury(price)·u        u = 1, or 1/32 for a copy
//! ```
//!
//! So an author that sells to itself through a user of its own never gets more of a price back than the treasury kept of it, and has
//! lost the judges' part beside. Without the bound it pays to turn over tokens with oneself wherever a lineage brings more than
//! its purchases cost the network's users in fees.

use super::entry::{Lineage, Sold};
use super::params::ContestParams;
use super::pay::divide;
use crate::State;
use bitneuron_core::{Amount, Digest, GoalId, NodeId};
use bitneuron_market::{DealId, FeeSplit};
use std::collections::{BTreeMap, BTreeSet};

impl Lineage {
    /// The most sales that are remembered for one candidate: the dearest.
    pub const MAX: usize = 256;

    fn remember(&mut self, sold: Sold) {
        let at = self.since.partition_point(|known| *known < sold);
        self.since.insert(at, sold);
        if self.since.len() > Self::MAX {
            self.since.remove(0);
        }
    }
}

/// How heavy each sale is, in 32nds of its price: by candidate, in the order in which they were entered, the dearest first.
fn weights(sold: &[Vec<Sold>]) -> Vec<Vec<u128>> {
    let mut sellers: BTreeMap<Digest, NodeId> = BTreeMap::new();
    let mut of_one = |sold: &Vec<Sold>| {
        let mut own = BTreeSet::new();
        let mut weigh = |sold: &Sold| {
            let seller = *sellers.entry(sold.model).or_insert(sold.seller);
            let original = seller == sold.seller && own.insert(sold.model);
            sold.price.0.saturating_mul(if original { ContestParams::COPY } else { 1 })
        };
        // The dearest first, as they are the least likely to be copies.
        sold.iter().rev().map(&mut weigh).collect()
    };
    sold.iter().map(&mut of_one).collect()
}

/// What sellers get of what each candidate brought, in the order in which the candidates were entered; `sold` is what each is made
/// of. What a candidate that bought nothing brought is not paid.
pub fn royalties(pots: &[Amount], sold: &[Vec<Sold>]) -> Vec<(NodeId, Amount)> {
    let mut paid = Vec::new();
    for ((pot, sold), weights) in pots.iter().zip(sold).zip(weights(sold)) {
        let parts = divide(*pot, &weights);
        paid.extend(sold.iter().rev().map(|sold| sold.seller).zip(parts));
    }
    paid
}

/// The most that all royalties of each candidate may be: what the treasury kept of what it is made of, copies by a 32nd.
pub fn most_royalties(sold: &[Vec<Sold>], split: &FeeSplit) -> Vec<Amount> {
    let of_one = |weights: Vec<u128>| {
        let sum = weights.into_iter().fold(0u128, u128::saturating_add);
        split.divide(Amount(sum.checked_div(ContestParams::COPY).unwrap_or(0))).treasury
    };
    weights(sold).into_iter().map(of_one).collect()
}

/// Cuts pots down to what may still be paid of each, and takes it from that.
pub(super) fn within(pots: Vec<Amount>, left: &mut [Amount]) -> Vec<Amount> {
    let cut = |(pot, left): (Amount, &mut Amount)| {
        let paid = pot.min(*left);
        *left = left.saturating_sub(paid);
        paid
    };
    pots.into_iter().zip(left).map(cut).collect()
}

impl State {
    /// A model that an author bought stayed in a merge that is final.
    pub(crate) fn remember_sold(&mut self, goal: GoalId, author: NodeId, id: DealId) {
        let Some(sale) = self.deals.get(&id) else { return };
        let Some((_, model, _)) = sale.deal.promise() else { return };
        let sold = Sold { price: sale.deal.total, model: model.root, seller: sale.deal.seller };
        let mut lineage = self.contests.lineages.get(&(goal, author)).cloned().unwrap_or_default();
        lineage.remember(sold);
        self.contests.lineages.set((goal, author), lineage);
    }

    /// An author enters its head: what it bought from now on belongs to its next candidate.
    pub(super) fn enter_lineage(&mut self, goal: GoalId, author: NodeId) {
        if let Some(lineage) = self.contests.lineages.get(&(goal, author)).cloned() {
            let entered = Lineage { since: Vec::new(), entered: lineage.since };
            self.contests.lineages.set((goal, author), entered);
        }
    }

    /// A contest is over: what its candidates were made of is forgotten, and what was sold to those who take no turns any more.
    pub(super) fn end_lineages(&mut self, goal: GoalId) {
        let all = (goal, NodeId([0; 32]))..=(goal, NodeId([255; 32]));
        let known: Vec<_> =
            self.contests.lineages.range(all).map(|(key, lineage)| (*key, lineage.clone())).collect();
        for (key, lineage) in known {
            if lineage.since.is_empty() || !self.is_able(key.1) {
                self.contests.lineages.unset(&key);
            } else if !lineage.entered.is_empty() {
                self.contests.lineages.set(key, Lineage { entered: Vec::new(), ..lineage });
            }
        }
    }
}
