//! The reference book: best price first, then earliest; trades at the earlier order's price.
//!
//! A clearing takes the bids of a lot from the best down, and each takes the best offers that fit it. All bids rank
//! offers alike and all offers rank bids alike, so this greedy walk finds the one matching in which nobody envies
//! justly: whoever waits could not have had a deal that went to somebody ranked after him. It does not depend on the
//! order of transactions within a block but for ties.
//!
//! Cost. After a clearing no two orders that rest can trade, so later only pairs with a *fresh* order are looked at, each
//! once: a fresh bid walks all offers, a resting bid the fresh ones. Walks skip what is too dear or of too low a grade.
//! What remains are pairs that price and grade allow and consent forbids. A clearing looks at no more pairs than fresh
//! orders times the capacity of a side: with 16,384 and the 3,400 orders for which a block of the main network has gas,
//! 6·10⁷. Placing is logarithmic.
//!
//! A side that is full takes in whatever has a better price than its worst order, which goes back to its owner. So nobody
//! shuts a lot with orders that are not meant: they give way to any that are.

use super::{
    Listed, OrderRecord, Orderbook, RecordProof, Resting, deals::Deals, ladder::Rung, lot::Lot,
    records::Records,
};
use crate::{
    deal::{Deal, DealId, Event},
    error::{MarketError, ParamsError},
    goods::Good,
    order::{Order, OrderId},
    params::MarketParams,
    transfer::Transfer,
};
use bitneuron_core::{Digest, Height, NodeId, Outbox, hash::Hasher};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What must be known of an order until it expires, open or not.
#[derive(Debug, Clone, Copy)]
struct Placed {
    id: OrderId,
    by: NodeId,
    nonce: u64,
    at: Height,
}

/// A price-time book.
#[derive(Debug, Clone)]
pub struct PriceTime<G: Good> {
    params: MarketParams,
    /// Open orders, by sequence.
    open: BTreeMap<u64, Resting<G>>,
    ids: BTreeMap<OrderId, u64>,
    lots: BTreeMap<G::Lot, Lot>,
    /// The orders placed since the last clearing, by lot.
    fresh: BTreeMap<G::Lot, Lot>,
    /// Used nonces, with the expiry of the order that used each.
    used: BTreeMap<(NodeId, u64), Height>,
    placed: BTreeMap<(Height, u64), Placed>,
    deals: Deals<G>,
    records: Records,
    /// The orders whose listing has changed since the last [`Self::take_changes`], with their place among those placed.
    changed: BTreeMap<OrderId, (Height, u64)>,
    /// The number of orders ever placed.
    sequence: u64,
    /// That number at the last clearing.
    cleared: u64,
}

impl<G: Good> PriceTime<G> {
    /// An empty book.
    ///
    /// # Errors
    /// The parameters are out of bounds.
    pub fn new(params: MarketParams) -> Result<Self, ParamsError> {
        params.validate()?;
        let mut book = Self {
            params,
            open: BTreeMap::new(),
            ids: BTreeMap::new(),
            lots: BTreeMap::new(),
            fresh: BTreeMap::new(),
            used: BTreeMap::new(),
            placed: BTreeMap::new(),
            deals: Deals::new(),
            records: Records::new(G::MARKET),
            changed: BTreeMap::new(),
            sequence: 0,
            cleared: 0,
        };
        book.flush();
        Ok(book)
    }

    /// The parameters.
    pub const fn params(&self) -> &MarketParams {
        &self.params
    }

    /// Goes on by other parameters: orders that rest stay as they are, open deals fall due by the new ones.
    ///
    /// # Errors
    /// The parameters are out of bounds; nothing has changed.
    pub fn retune(&mut self, params: MarketParams) -> Result<(), ParamsError> {
        params.validate()?;
        self.params = params;
        self.deals.retune(&params.deals);
        Ok(())
    }

    /// An open order.
    pub fn order(&self, id: OrderId) -> Option<&Resting<G>> {
        self.ids.get(&id).and_then(|sequence| self.open.get(sequence))
    }

    /// The open orders, earliest first.
    pub fn orders(&self) -> impl Iterator<Item = &Resting<G>> {
        self.open.values()
    }

    /// The proof of an order's record ([`OrderRecord::digest`] under the order's id) against [`Orderbook::root`].
    pub fn prove_order(&self, id: OrderId) -> Option<RecordProof> {
        self.records.prove(id.0)
    }

    /// The proof of an open deal ([`Deal::record`] under the deal's id) against [`Orderbook::root`].
    pub fn prove_deal(&self, id: DealId) -> Option<RecordProof> {
        self.records.prove(id)
    }

    /// The number of orders ever placed.
    pub const fn placed(&self) -> u64 {
        self.sequence
    }

    /// The orders whose listing has changed since the last call, by id, with what it is now; `None` when they expired.
    pub fn take_changes(&mut self) -> Vec<(OrderId, Option<Listed<G>>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|(id, place)| (id, self.listed(place))).collect()
    }

    fn listed(&self, (expires, sequence): (Height, u64)) -> Option<Listed<G>> {
        let Placed { by, nonce, at, .. } = *self.placed.get(&(expires, sequence))?;
        let closed = || Listed { by, nonce, expires, placed: at, sequence, open: None };
        Some(self.open.get(&sequence).map_or_else(closed, Listed::of))
    }

    /// The book with these listings, by id, and these open deals, of which `placed` orders were ever placed: as it was
    /// after its last clearing.
    ///
    /// # Errors
    /// The parameters are out of bounds. Listings that contradict each other give another root than the book had.
    pub fn restore(
        params: MarketParams,
        listings: impl IntoIterator<Item = (OrderId, Listed<G>)>,
        deals: impl IntoIterator<Item = Deal<G>>,
        placed: u64,
    ) -> Result<Self, ParamsError> {
        let mut book = Self::new(params)?;
        (book.sequence, book.cleared) = (placed, placed);
        listings.into_iter().for_each(|(id, listed)| book.list(id, listed));
        deals.into_iter().for_each(|deal| book.keep(&deal));
        book.flush();
        Ok(book)
    }

    fn list(&mut self, id: OrderId, listed: Listed<G>) {
        self.records.set(id.0, Some(listed.record().digest()));
        let Listed { by, nonce, expires, placed: at, sequence, open } = listed;
        self.placed.insert((expires, sequence), Placed { id, by, nonce, at });
        // Of two that used a nonce one after the other the later counts.
        let used = self.used.entry((by, nonce)).or_insert(expires);
        *used = expires.max(*used);
        if let Some(open) = open {
            let (order, taken) = (Arc::new(open.order), open.taken.into_iter().collect());
            self.ids.insert(id, sequence);
            self.lots.entry(G::lot(&order.terms)).or_default().insert(&order, sequence);
            let resting = Resting { id, order, sequence, placed: at, remaining: open.remaining, taken };
            self.open.insert(sequence, resting);
        }
    }

    /// Counts and hashes all changes.
    fn flush(&mut self) {
        self.count();
        self.records.flush();
    }

    /// The book's counters are a record too, for later clearings depend on them.
    fn count(&mut self) {
        let key = Digest::of("bitneuron market counters v1", G::MARKET.as_bytes());
        let value = Hasher::new("bitneuron market counters v1 value")
            .number(self.sequence)
            .number(self.cleared)
            .finish();
        self.records.set(key, Some(value));
    }

    /// Writes the record of an order, which may have just closed.
    fn note(&mut self, sequence: u64) {
        match self.open.get(&sequence) {
            Some(resting) if resting.remaining > 0 => {
                self.records.set(resting.id.0, Some(resting.record().digest()));
                self.changed.insert(resting.id, (resting.order.expires, sequence));
            }
            Some(_) => drop(self.close(sequence)),
            None => {}
        }
    }

    /// Takes an order out of the book; its record stays until it expires and keeps the nonce.
    fn close(&mut self, sequence: u64) -> Option<Resting<G>> {
        let resting = self.open.remove(&sequence)?;
        self.ids.remove(&resting.id);
        let lot = G::lot(&resting.order.terms);
        for index in [&mut self.lots, &mut self.fresh] {
            let Some(orders) = index.get_mut(&lot) else { continue };
            orders.remove(&resting.order, sequence);
            if orders.len() == 0 {
                index.remove(&lot);
            }
        }
        let record = OrderRecord { remaining: 0, taken: Vec::new(), ..resting.record() };
        self.records.set(resting.id.0, Some(record.digest()));
        self.changed.insert(resting.id, (resting.order.expires, sequence));
        Some(resting)
    }

    /// Closes an order and returns what it holds for units not traded.
    fn withdraw(&mut self, sequence: u64, out: &mut Outbox<Transfer>) {
        let Some(resting) = self.close(sequence) else { return };
        if let Some(amount) = resting.order.lock(resting.remaining) {
            Transfer::Refund { escrow: resting.id, to: resting.order.by, amount }.emit(out);
        }
    }

    fn keep(&mut self, deal: &Deal<G>) {
        self.records.set(deal.id, (!deal.state.is_final()).then(|| deal.record()));
        self.deals.put(deal, &self.params.deals);
    }

    /// Lets the bids of a lot take what fits them, best first.
    fn meet(&mut self, lot: &G::Lot, at: Height, deals: &mut Vec<Deal<G>>, out: &mut Outbox<Transfer>) {
        let (mut last, mut stairs) = (None, self.fresh.get(lot).map(Lot::stairs));
        // The last fresh order may go while older ones remain; then nothing is left to look at.
        while let (Some(all), Some(fresh)) = (self.lots.get(lot), self.fresh.get(lot)) {
            let stairs = match &mut stairs {
                Some(stairs) if stairs.stand(fresh) => stairs,
                stale => stale.insert(fresh.stairs()),
            };
            let Some(bid) = all.seeker(fresh, stairs, last) else { break };
            last = Some(bid.place());
            deals.extend(self.seek(lot, bid, at, out));
        }
    }

    /// Lets one bid take what fits it, best first.
    fn seek(&mut self, lot: &G::Lot, rung: Rung, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<G>> {
        let index = if rung.sequence < self.cleared { &self.fresh } else { &self.lots };
        let (mut deals, mut touched) = (Vec::new(), Vec::new());
        let Some(offers) = index.get(lot) else { return deals };
        let mut offers = offers.within(rung).peekable();
        if offers.peek().is_none() {
            return deals;
        }
        let Some(mut bid) = self.open.remove(&rung.sequence) else { return deals };
        for sequence in offers {
            if bid.remaining == 0 {
                break;
            }
            let Some(offer) = self.open.get_mut(&sequence) else { continue };
            if let Some(deal) = bid.trade(offer, at, out) {
                deals.push(deal);
                touched.push(sequence);
            }
        }
        self.open.insert(rung.sequence, bid);
        if !deals.is_empty() {
            touched.push(rung.sequence);
        }
        touched.into_iter().for_each(|sequence| self.note(sequence));
        deals.iter().for_each(|deal| self.keep(deal));
        deals
    }
}

impl<G: Good> Orderbook<G> for PriceTime<G> {
    fn place(
        &mut self,
        order: Order<G>,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<OrderId, MarketError> {
        order.check(at, &self.params.orders)?;
        let (by, nonce) = (order.by, order.nonce);
        if self.used.get(&(by, nonce)).is_some_and(|until| at < *until) {
            return Err(MarketError::Replay { by, nonce });
        }
        let (lot, capacity) = (G::lot(&order.terms), self.params.orders.capacity);
        let worst = self.lots.get(&lot).map_or(Ok(None), |orders| orders.room(&order, capacity))?;
        let (id, sequence) = (order.id(), self.sequence);
        let amount = order.lock(order.quantity).ok_or(MarketError::TooMuch)?;
        Transfer::Lock { escrow: id, from: by, amount }.emit(out);
        if let Some(worst) = worst {
            self.withdraw(worst, out);
        }

        self.used.insert((by, nonce), order.expires);
        self.placed.insert((order.expires, sequence), Placed { id, by, nonce, at });
        self.ids.insert(id, sequence);
        self.lots.entry(lot.clone()).or_default().insert(&order, sequence);
        self.fresh.entry(lot).or_default().insert(&order, sequence);
        let (remaining, taken) = (order.quantity, BTreeSet::new());
        let order = Arc::new(order);
        self.open.insert(sequence, Resting { id, order, sequence, placed: at, remaining, taken });
        self.note(sequence);
        self.sequence = sequence.saturating_add(1);
        self.count();
        Ok(id)
    }

    fn cancel(
        &mut self,
        id: OrderId,
        by: NodeId,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<(), MarketError> {
        let resting = self.order(id).ok_or(MarketError::NoOrder(id))?;
        if resting.order.by != by {
            return Err(MarketError::NotOwner { order: id, by });
        }
        let from = Height(resting.placed.0.saturating_add(self.params.orders.cancel_after));
        if at < from {
            return Err(MarketError::TooEarly(from));
        }
        self.withdraw(resting.sequence, out);
        Ok(())
    }

    fn clear(&mut self, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<G>> {
        let mut deals = Vec::new();
        let lots: Vec<G::Lot> = self.fresh.keys().cloned().collect();
        for lot in lots {
            self.meet(&lot, at, &mut deals, out);
        }
        self.fresh.clear();
        self.cleared = self.sequence;
        self.flush();
        deals
    }

    fn settle(
        &mut self,
        deal: DealId,
        event: Event,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<Deal<G>, MarketError> {
        let mut deal = self.deals.get(deal).ok_or(MarketError::NoDeal(deal))?.clone();
        deal.step(event, at, &self.params.deals, out)?;
        self.keep(&deal);
        Ok(deal)
    }

    fn expire(&mut self, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<G>> {
        while let Some(entry) = self.placed.first_entry().filter(|entry| entry.key().0 <= at) {
            let ((expires, sequence), placed) = entry.remove_entry();
            self.withdraw(sequence, out);
            // A later order may have used the nonce since.
            if self.used.get(&(placed.by, placed.nonce)) == Some(&expires) {
                self.used.remove(&(placed.by, placed.nonce));
            }
            self.records.set(placed.id.0, None);
            self.changed.insert(placed.id, (expires, sequence));
        }
        let late = self.deals.expire(at, &self.params.deals, out);
        late.iter().for_each(|deal| self.records.set(deal.id, None));
        late
    }

    fn deal(&self, id: DealId) -> Option<&Deal<G>> {
        self.deals.get(id)
    }

    fn root(&self) -> Digest {
        self.records.root()
    }
}
