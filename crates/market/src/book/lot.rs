//! The two sides of a lot.

use super::ladder::{Ladder, Rung};
use crate::{
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

    /// Puts an order on its side.
    pub(super) fn insert<G: Good>(&mut self, order: &Order<G>, sequence: u64) {
        self.side(order.side).insert(rung(order, sequence));
    }

    /// Takes an order off its side, if it is there.
    pub(super) fn remove<G: Good>(&mut self, order: &Order<G>, sequence: u64) {
        self.side(order.side).remove(rung(order, sequence).place());
    }

    /// The bids that may find an offer here when `fresh` has come since they last looked, best first: fresh ones that
    /// reach any offer, and resting ones that reach a fresh offer. Sequences from `cleared` on are fresh.
    pub(super) fn seekers(&self, fresh: &Self, cleared: u64) -> Vec<Rung> {
        let reach = |bids: &Ladder, offers: &Ladder| -> Vec<Rung> {
            let found = offers.best().map(|best| bids.within(!best, !offers.reach()).copied());
            found.into_iter().flatten().collect()
        };
        let mut seekers = reach(&fresh.bids, &self.offers);
        let resting = reach(&self.bids, &fresh.offers);
        seekers.extend(resting.into_iter().filter(|bid| bid.sequence < cleared));
        seekers.sort_unstable_by_key(Rung::place);
        seekers
    }

    /// The sequences of the offers within the limits of a bid, best first.
    pub(super) fn within(&self, bid: Rung) -> impl Iterator<Item = u64> {
        self.offers.within(!bid.rank, !bid.reach).map(|offer| offer.sequence)
    }
}
