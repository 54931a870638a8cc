//! A book that is made again from its listings after every clearing is the same book.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::{Digest, Height, NodeId, Outbox, Seed};
use bitneuron_market::{
    DataMarket, Deal, DealId, Event, Listed, MarketError, MarketParams, Order, OrderId, Orderbook, PriceTime,
    Transfer, suite::check,
};
use std::collections::BTreeMap;

/// Keeps what somebody would store, and nothing else, from one clearing to the next.
struct Reborn {
    book: PriceTime<DataMarket>,
    listings: BTreeMap<OrderId, Listed<DataMarket>>,
    deals: BTreeMap<DealId, Deal<DataMarket>>,
}

impl Reborn {
    fn new(params: MarketParams) -> Self {
        let book = PriceTime::new(params).unwrap();
        Self { book, listings: BTreeMap::new(), deals: BTreeMap::new() }
    }

    fn hear(&mut self, deal: &Deal<DataMarket>) {
        if deal.state.is_final() {
            self.deals.remove(&deal.id);
        } else {
            self.deals.insert(deal.id, deal.clone());
        }
    }

    fn again(&mut self) {
        for (id, listed) in self.book.take_changes() {
            match listed {
                Some(listed) => self.listings.insert(id, listed),
                None => self.listings.remove(&id),
            };
        }
        let (params, placed) = (*self.book.params(), self.book.placed());
        let book =
            PriceTime::restore(params, self.listings.clone(), self.deals.values().cloned(), placed).unwrap();
        assert_eq!(book.root(), self.book.root());
        assert!(book.orders().eq(self.book.orders()));
        self.book = book;
    }
}

impl Orderbook<DataMarket> for Reborn {
    fn place(
        &mut self,
        order: Order<DataMarket>,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<OrderId, MarketError> {
        self.book.place(order, at, out)
    }

    fn cancel(
        &mut self,
        id: OrderId,
        by: NodeId,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<(), MarketError> {
        self.book.cancel(id, by, at, out)
    }

    fn clear(&mut self, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<DataMarket>> {
        let deals = self.book.clear(at, out);
        deals.iter().for_each(|deal| self.hear(deal));
        self.again();
        deals
    }

    fn settle(
        &mut self,
        deal: DealId,
        event: Event,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<Deal<DataMarket>, MarketError> {
        let deal = self.book.settle(deal, event, at, out)?;
        self.hear(&deal);
        Ok(deal)
    }

    fn expire(&mut self, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<DataMarket>> {
        let late = self.book.expire(at, out);
        late.iter().for_each(|deal| self.hear(deal));
        late
    }

    fn deal(&self, id: DealId) -> Option<&Deal<DataMarket>> {
        self.book.deal(id)
    }

    fn root(&self) -> Digest {
        self.book.root()
    }
}

#[test]
fn a_book_made_again_keeps_the_laws() {
    for seed in 0..4 {
        assert_eq!(check(Reborn::new, Seed::from_number(seed)), Ok(()));
    }
}
