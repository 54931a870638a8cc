//! The two sides of a lot.

use super::ladder::{Ladder, Rung};
use crate::{
    error::MarketError,
    goods::Good,
    order::{Order, Side},
};

/// The open orders of a lot.
#[derive(Debug, Clone, Default)]
pub(super) struct Lot {
    offers: Ladder,
    bids: Ladder,
}

/// The place of an order on its side.
fn rung<G: Good>(order: &Order<G>, sequence: u64) -> Rung {
    let (price, grade) = (order.price.0, G::grade(&order.terms));
    match order.side {
        Side::Offer => Rung { rank: price, sequence, reach: grade },
        Side::Bid => Rung { rank: !price, sequence, reach: !grade },
    }
}

impl Lot {
    /// How many orders are open.
    pub(super) const fn len(&self) -> usize {
        self.offers.len().saturating_add(self.bids.len())
    }

    const fn side(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Offer => &mut self.offers,
            Side::Bid => &mut self.bids,
        }
    }

    /// Whether an order finds room among at most `capacity` on its side: `Ok` with the sequence of the worst, which then
    /// gives way, when the side is full and the worst has a worse price.
    pub(super) fn room<G: Good>(&self, order: &Order<G>, capacity: u32) -> Result<Option<u64>, MarketError> {
        let side = match order.side {
            Side::Offer => &self.offers,
            Side::Bid => &self.bids,
        };
        if side.len() < capacity as usize {
            return Ok(None);
        }
        let worst = side.worst().filter(|worst| rung(order, u64::MAX).rank < worst.rank);
        worst.map(|worst| Some(worst.sequence)).ok_or(MarketError::Full(capacity))
    }

    /// Puts an order on its side.
    pub(super) fn insert<G: Good>(&mut self, order: &Order<G>, sequence: u64) {
        self.side(order.side).insert(rung(order, sequence));
    }

    /// Takes an order off its side, if it is there.
    pub(super) fn remove<G: Good>(&mut self, order: &Order<G>, sequence: u64) {
        self.side(order.side).remove(rung(order, sequence).place());
    }

    /// The next bid after a place that may find an offer here when `fresh` has come since the bids last looked: a fresh
    /// one that may reach any offer, or any that reaches a fresh offer, which `stairs` tell.
    pub(super) fn seeker(&self, fresh: &Self, stairs: &Stairs, after: Option<(u128, u64)>) -> Option<Rung> {
        let (best, reach) = (self.offers.best()?, self.offers.reach());
        let new = fresh.bids.first_after(after, |rank, least| !rank >= best && !least <= reach);
        let old = self.bids.first_after(after, |rank, least| stairs.lead(!rank, !least));
        match (new, old) {
            (Some(new), Some(old)) => Some(if new.place() < old.place() { new } else { old }),
            (one, other) => one.or(other),
        }
    }

    /// The stairs of the offers here.
    pub(super) fn stairs(&self) -> Stairs {
        let mut steps: Vec<(u128, u64)> = Vec::new();
        for offer in self.offers.within(u128::MAX, 0) {
            if steps.last().is_none_or(|step| step.1 < offer.reach) {
                steps.push((offer.rank, offer.reach));
            }
        }
        Stairs { offers: self.offers.len(), steps }
    }

    /// The sequences of the offers within the limits of a bid, best first.
    pub(super) fn within(&self, bid: Rung) -> impl Iterator<Item = u64> {
        self.offers.within(!bid.rank, !bid.reach).map(|offer| offer.sequence)
    }
}

/// The highest grade that some offers have at each price: prices and grades, both rising.
#[derive(Debug, Clone)]
pub(super) struct Stairs {
    offers: usize,
    steps: Vec<(u128, u64)>,
}

impl Stairs {
    /// Whether an offer costs at most `price` and has at least `grade`.
    fn lead(&self, price: u128, grade: u64) -> bool {
        let above = self.steps.partition_point(|step| step.0 <= price);
        above.checked_sub(1).and_then(|at| self.steps.get(at)).is_some_and(|step| step.1 >= grade)
    }

    /// Whether no offer of the lot has gone since.
    pub(super) const fn stand(&self, lot: &Lot) -> bool {
        self.offers == lot.offers.len()
    }
}
