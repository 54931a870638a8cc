//! An order book written as plainly as possible: lists, sorting, every pair looked at. It can be given one fault.

use bitneuron_core::{Amount, Digest, Height, NodeId, Outbox, hash::Hasher};
use bitneuron_market::{
    DataMarket, DataTerms, Deal, DealId, Event, MarketError, MarketParams, Order, OrderId, Orderbook, Side,
    State, Transfer,
};
use std::{cmp::Reverse, collections::BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each test binary uses its own faults")]
pub(crate) enum Fault {
    None,
    LosesSurplus,
    Overfills,
    IgnoresConsent,
    SellsTwice,
    WorstFirst,
    LatestFirst,
    OneDealAtATime,
    KeepsHalf,
    AnybodyCancels,
    ForgetsNonces,
    LocksBeforeChecking,
    PaysOnDelivery,
    HidesDeals,
    RefusesOdd,
    RefusesWhenFull,
    IsNeverFull,
    EvictsTheBest,
    KeepsWhatItEvicts,
    Salted(u64),
}

#[derive(Debug, Clone)]
struct Entry {
    id: OrderId,
    order: Order<DataMarket>,
    sequence: u64,
    placed: Height,
    left: u32,
    taken: BTreeSet<Digest>,
}

#[derive(Debug, Clone)]
pub(crate) struct Naive {
    params: MarketParams,
    fault: Fault,
    entries: Vec<Entry>,
    deals: Vec<Deal<DataMarket>>,
    used: Vec<(NodeId, u64, Height)>,
    sequence: u64,
}

impl Naive {
    pub(crate) fn new(params: MarketParams, fault: Fault) -> Self {
        Self { params, fault, entries: vec![], deals: vec![], used: vec![], sequence: 0 }
    }

    fn matches(&self, offer: &Entry, bid: &Entry, at: Height) -> bool {
        let DataTerms::Offer { goal, score, consent, model, .. } = &offer.order.terms else { return false };
        let DataTerms::Bid { goal: wanted, min_score } = &bid.order.terms else { return false };
        let consents = at < consent.until && consent.buyers.admit(bid.order.by);
        offer.left > 0
            && bid.left > 0
            && goal == wanted
            && score >= min_score
            && offer.order.price <= bid.order.price
            && offer.order.by != bid.order.by
            && at < offer.order.expires
            && at < bid.order.expires
            && (consents || self.fault == Fault::IgnoresConsent)
            && (!bid.taken.contains(&model.root) || self.fault == Fault::SellsTwice)
    }

    /// Indices of a side, best first, goals apart.
    fn ranked(&self, side: Side) -> Vec<usize> {
        let mut ranked: Vec<_> =
            (0..self.entries.len()).filter(|i| self.entries[*i].order.side == side).collect();
        ranked.sort_by_key(|i| {
            let entry = &self.entries[*i];
            let mut rank = i128::try_from(entry.order.price.0).unwrap();
            if (side == Side::Bid) != (self.fault == Fault::WorstFirst) {
                rank = -rank;
            }
            let latest = self.fault == Fault::LatestFirst;
            let time = if latest { u64::MAX - entry.sequence } else { entry.sequence };
            (entry.order.terms.goal(), rank, time)
        });
        ranked
    }

    fn trade(
        &mut self,
        offer: usize,
        bid: usize,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Deal<DataMarket> {
        let (sells, buys) = (&self.entries[offer], &self.entries[bid]);
        let earlier = if sells.sequence < buys.sequence { sells } else { buys };
        let trade = (1, earlier.order.price);
        let mut own = Outbox::new();
        let pair = ((sells.id, &sells.order), (buys.id, &buys.order));
        let deal = Deal::strike(pair.0, pair.1, trade, at, &mut own).unwrap();
        if self.fault != Fault::LosesSurplus {
            out.extend(own);
        }
        let DataTerms::Offer { model, .. } = deal.terms else { unreachable!() };
        self.entries[offer].left -= 1;
        if self.fault != Fault::Overfills {
            self.entries[bid].left -= 1;
        }
        self.entries[bid].taken.insert(model.root);
        deal
    }

    /// The entry that gives way to an order, if its side is full.
    fn worst(&self, order: &Order<DataMarket>) -> Result<Option<usize>, MarketError> {
        let capacity = self.params.orders.capacity;
        let lot = |order: &Order<DataMarket>| (order.side, order.terms.goal());
        let mut side: Vec<_> =
            (0..self.entries.len()).filter(|i| lot(&self.entries[*i].order) == lot(order)).collect();
        side.sort_by_key(|i| {
            let entry = &self.entries[*i];
            let price = i128::try_from(entry.order.price.0).unwrap();
            (if order.side == Side::Offer { price } else { -price }, entry.sequence)
        });
        if side.len() < capacity as usize || self.fault == Fault::IsNeverFull {
            return Ok(None);
        }
        let last = if self.fault == Fault::EvictsTheBest { side[0] } else { side[side.len() - 1] };
        let (new, old) = (order.price, self.entries[last].order.price);
        let better = if order.side == Side::Offer { new < old } else { new > old };
        if better && self.fault != Fault::RefusesWhenFull {
            Ok(Some(last))
        } else {
            Err(MarketError::Full(capacity))
        }
    }

    fn release(&self, entry: &Entry, out: &mut Outbox<Transfer>) {
        let mut amount = entry.order.lock(entry.left).unwrap();
        if self.fault == Fault::KeepsHalf {
            amount = Amount(amount.0 / 2);
        }
        if amount > Amount::ZERO {
            out.push(Transfer::Refund { escrow: entry.id, to: entry.order.by, amount });
        }
    }
}

impl Orderbook<DataMarket> for Naive {
    fn place(
        &mut self,
        order: Order<DataMarket>,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<OrderId, MarketError> {
        let (id, by, nonce) = (order.id(), order.by, order.nonce);
        let amount = order.lock(order.quantity).ok_or(MarketError::TooMuch)?;
        let lock = Transfer::Lock { escrow: id, from: by, amount };
        if self.fault == Fault::LocksBeforeChecking {
            out.push(lock);
        }
        order.check(at, &self.params.orders)?;
        let used = self.used.iter().any(|(who, n, until)| (*who, *n) == (by, nonce) && at < *until);
        if (used && self.fault != Fault::ForgetsNonces) || (nonce % 2 == 1 && self.fault == Fault::RefusesOdd)
        {
            return Err(MarketError::Replay { by, nonce });
        }
        let worst = self.worst(&order)?;
        if self.fault != Fault::LocksBeforeChecking {
            out.push(lock);
        }
        if let Some(worst) = worst {
            let gone = self.entries.remove(worst);
            if self.fault != Fault::KeepsWhatItEvicts {
                self.release(&gone, out);
            }
        }
        self.used.push((by, nonce, order.expires));
        let (left, sequence) = (order.quantity, self.sequence);
        self.entries.push(Entry { id, order, sequence, placed: at, left, taken: BTreeSet::new() });
        self.sequence += 1;
        Ok(id)
    }

    fn cancel(
        &mut self,
        id: OrderId,
        by: NodeId,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<(), MarketError> {
        let found = self.entries.iter().position(|entry| entry.id == id && entry.left > 0);
        let index = found.ok_or(MarketError::NoOrder(id))?;
        let entry = &self.entries[index];
        if entry.order.by != by && self.fault != Fault::AnybodyCancels {
            return Err(MarketError::NotOwner { order: id, by });
        }
        if at.0 < entry.placed.0 + self.params.orders.cancel_after {
            return Err(MarketError::TooEarly(at));
        }
        let entry = self.entries.remove(index);
        self.release(&entry, out);
        Ok(())
    }

    fn clear(&mut self, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<DataMarket>> {
        let mut deals = vec![];
        let offers = self.ranked(Side::Offer);
        for bid in self.ranked(Side::Bid) {
            for offer in &offers {
                if self.matches(&self.entries[*offer], &self.entries[bid], at)
                    && (deals.is_empty() || self.fault != Fault::OneDealAtATime)
                {
                    deals.push(self.trade(*offer, bid, at, out));
                }
            }
        }
        self.entries.retain(|entry| entry.left > 0);
        self.deals.extend(deals.iter().cloned());
        deals
    }

    fn settle(
        &mut self,
        id: DealId,
        event: Event,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<Deal<DataMarket>, MarketError> {
        let index = self.deals.iter().position(|deal| deal.id == id).ok_or(MarketError::NoDeal(id))?;
        let deal = &mut self.deals[index];
        if self.fault == Fault::PaysOnDelivery && event == Event::Delivered && deal.state == State::Locked {
            deal.step(Event::Proven, at, &self.params.deals, out)?;
        }
        deal.step(event, at, &self.params.deals, out)?;
        let deal = deal.clone();
        self.deals.retain(|deal| !deal.state.is_final());
        Ok(deal)
    }

    fn expire(&mut self, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<DataMarket>> {
        let mut gone: Vec<Entry> = self.entries.iter().filter(|e| e.order.expires <= at).cloned().collect();
        gone.sort_by_key(|entry| (entry.order.expires, entry.sequence));
        gone.iter().for_each(|entry| self.release(entry, out));
        self.entries.retain(|entry| at < entry.order.expires);
        let params = self.params.deals;
        self.deals.sort_by_key(|deal| (deal.due(&params), deal.id));
        let mut late = vec![];
        for deal in &mut self.deals {
            if deal.expire(at, &params, out).is_some() {
                late.push(deal.clone());
            }
        }
        self.deals.retain(|deal| !deal.state.is_final());
        late
    }

    fn deal(&self, id: DealId) -> Option<&Deal<DataMarket>> {
        self.deals.iter().find(|deal| deal.id == id)
    }

    fn root(&self) -> Digest {
        let mut hasher = Hasher::new("naive book");
        if let Fault::Salted(salt) = self.fault {
            hasher.number(salt);
        }
        for entry in &self.entries {
            hasher.update(&entry.id.0.0).number(u64::from(entry.left));
        }
        if self.fault != Fault::HidesDeals {
            let mut deals: Vec<_> = self.deals.iter().map(Deal::record).collect();
            deals.sort_unstable_by_key(|digest| Reverse(*digest));
            for deal in deals {
                hasher.update(&deal.0);
            }
        }
        hasher.number(self.sequence).finish()
    }
}
