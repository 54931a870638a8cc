//! Order books: the trait, what rests in a book, and the records that a light client checks.

mod deals;
mod ladder;
mod listed;
mod lot;
pub mod price_time;
mod records;

pub use listed::{Listed, Open};
pub use price_time::PriceTime;
pub use records::RecordProof;

use crate::{
    deal::{Deal, DealId, Event},
    error::MarketError,
    goods::Good,
    order::{Order, OrderId},
    transfer::Transfer,
};
use bitneuron_core::{Amount, Digest, Height, NodeId, Outbox, Wire, hash::Hasher};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// A book of orders and the deals that came of them.
///
/// A block of the ledger calls it in this order: [`place`](Self::place), [`cancel`](Self::cancel) and
/// [`settle`](Self::settle) as transactions come, with [`expire`](Self::expire) once, before or after them, and at the
/// end [`clear`](Self::clear). The ledger performs the transfers in order. Before placing it checks the signature and
/// that the owner has [`Order::lock`] of [`Order::quantity`] units to spare.
///
/// Laws:
/// 1. *Conservation*: for each order, locked = held + refunded + paid + slashed after every call, and nothing is held
///    once the order and its deals have ended.
/// 2. *Limits*: a deal's price is within both limits, and no order trades more units than it has.
/// 3. *Fit*: only compatible orders meet, never two of one owner, and a bid takes one
///    [identity](Good::identity) once.
/// 4. *Price*: after a clearing, no order waits that could have had a deal which went to one with a worse limit.
/// 5. *Time*: the same between orders with equal limits, for the one placed earlier.
/// 6. *Exhaustion*: after a clearing no two open orders could still trade.
/// 7. *Return*: the owner, and nobody else, can cancel an open order when its time has come, and gets back everything
///    that it still holds for units not traded.
/// 8. *Replay*: a pair of owner and nonce is accepted once while its order is not expired, and one order only once.
/// 9. *Refusal is free*: on `Err` the root and the outbox are what they were.
/// 10. *Merit*: events lead where [`Deal::step`] leads; nobody is paid but for a deal that was delivered and proven, and
///     nobody slashed but for one that is refuted or late.
/// 11. *Binding*: the root changes whenever an order or a deal does.
/// 12. *Determinism*: equal calls give equal deals, transfers and roots.
/// 13. *Service*: an order or event is accepted exactly when it breaks no rule. On a full side
///     ([`OrderParams::capacity`](crate::OrderParams::capacity)) an order is accepted when its price is better than the
///     worst there; of those with the worst price the latest gives way and gets back everything that it still holds.
pub trait Orderbook<G: Good> {
    /// Takes an order in and locks its tokens.
    ///
    /// # Errors
    /// The order breaks a rule, its nonce is used, or its side of the lot is full of orders no worse.
    fn place(
        &mut self,
        order: Order<G>,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<OrderId, MarketError>;

    /// Takes an order out and returns what it holds for units not traded. Its deals go on.
    ///
    /// # Errors
    /// No such open order, not the owner's wish, or too early.
    fn cancel(
        &mut self,
        id: OrderId,
        by: NodeId,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<(), MarketError>;

    /// Matches what can be matched and returns the new deals, in the order in which they were struck.
    fn clear(&mut self, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<G>>;

    /// Takes in what the ledger found out about a deal and returns the deal as it is then.
    ///
    /// # Errors
    /// No such open deal, the event came before, or it is too late.
    fn settle(
        &mut self,
        deal: DealId,
        event: Event,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Result<Deal<G>, MarketError>;

    /// Returns the tokens of expired orders, ends the deals that are late and returns those.
    fn expire(&mut self, at: Height, out: &mut Outbox<Transfer>) -> Vec<Deal<G>>;

    /// An open deal.
    fn deal(&self, id: DealId) -> Option<&Deal<G>>;

    /// The commitment to all open orders, open deals and used nonces.
    fn root(&self) -> Digest;
}

/// An order in a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting<G: Good> {
    /// Its id.
    pub id: OrderId,
    /// The order as it was placed.
    pub order: Arc<Order<G>>,
    /// Its place in time: the number of orders placed before it.
    pub sequence: u64,
    /// The height at which it was placed.
    pub placed: Height,
    /// Units not traded.
    pub remaining: u32,
    /// The identities that a bid has taken.
    pub taken: BTreeSet<Digest>,
}

impl<G: Good> Resting<G> {
    /// How many units this bid can take of an offer at this height, 0 when they do not fit.
    pub fn fits(&self, offer: &Self, at: Height) -> u32 {
        let (buys, sells) = (&*self.order, &*offer.order);
        let fits = buys.price >= sells.price
            && buys.by != sells.by
            && at < buys.expires
            && at < sells.expires
            && G::compatible(sells, buys, at);
        match G::identity(&sells.terms) {
            _ if !fits => 0,
            Some(identity) if self.taken.contains(&identity) => 0,
            Some(_) => self.remaining.min(offer.remaining).min(1),
            None => self.remaining.min(offer.remaining),
        }
    }

    /// Trades what fits at the price of the earlier order.
    pub(crate) fn trade(
        &mut self,
        offer: &mut Self,
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Option<Deal<G>> {
        let units = self.fits(offer, at);
        let earlier = if self.sequence < offer.sequence { &self.order } else { &offer.order };
        let price: Amount = earlier.price;
        let deal = Deal::strike((offer.id, &offer.order), (self.id, &self.order), (units, price), at, out)?;
        self.remaining = self.remaining.saturating_sub(units);
        offer.remaining = offer.remaining.saturating_sub(units);
        self.taken.extend(G::identity(&offer.order.terms));
        Some(deal)
    }

    /// What a light client is shown of this order.
    pub fn record(&self) -> OrderRecord {
        OrderRecord {
            by: self.order.by,
            nonce: self.order.nonce,
            expires: self.order.expires,
            placed: self.placed,
            sequence: self.sequence,
            remaining: self.remaining,
            taken: self.taken.iter().copied().collect(),
        }
    }
}

/// What a book's root says about an order, from its placing until it expires. With no unit remaining it has been
/// filled or cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The owner.
    pub by: NodeId,
    /// The nonce used.
    pub nonce: u64,
    /// When the order and this record end.
    pub expires: Height,
    /// When it was placed.
    pub placed: Height,
    /// Its place in time.
    pub sequence: u64,
    /// Units not traded.
    pub remaining: u32,
    /// The identities that an open bid has taken, ascending.
    pub taken: Vec<Digest>,
}

impl Wire for OrderRecord {
    /// Room for 32,000 identities.
    const LIMIT: usize = 1 << 20;
}

impl OrderRecord {
    /// The value of this record in the book's tree, under the order's id.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("bitneuron order record v1");
        hasher.update(&self.by.0);
        for number in [self.nonce, self.expires.0, self.placed.0, self.sequence, u64::from(self.remaining)] {
            hasher.number(number);
        }
        // The list comes last and its members have one length, so no other record gives this message.
        for identity in &self.taken {
            hasher.update(&identity.0);
        }
        hasher.finish()
    }
}
