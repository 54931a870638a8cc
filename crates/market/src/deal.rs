//! Deals: a match on its way from locked tokens to paid or returned ones.
//!
//! ```text
//!            Delivered ─────► Delivered ─── Proven ───┐
//!   Locked ─┤                                         ├─► Settled     price paid by the split, bond back
//!            Proven ────────► Proven ───── Delivered ─┘
//!   Locked, Delivered, Proven ─── Refuted ────────────► Refuted       price back, whole bond slashed
//!   Locked, Delivered, Proven ─── a duty lapses ──────► Late          price back, half the bond slashed
//! ```
//!
//! *Delivered* means that the good reached the buyer (his receipt) or that the seller posted it on chain: the buyer
//! never decides alone. *Proven* means that the seller's claim about it was accepted. *Refuted* means that something
//! the seller signed, a claim or a delivery, is false. The ledger judges these; a deal only knows what follows.
//!
//! Both duties are the seller's and both spans count from the match, so they may be fulfilled in either order. An event
//! counts *before* the due height and expiry works *from* it, so calling [`Deal::expire`] at the beginning or at the
//! end of a block makes no difference.

use crate::{
    error::MarketError,
    goods::Good,
    order::{Order, OrderId, Side, times},
    params::DealParams,
    transfer::{Payee, Transfer},
};
use bitneuron_core::{Amount, Digest, Height, NodeId, Outbox, Wire, codec::encode, hash::Hasher};
use serde::{Deserialize, Serialize};

/// The digest that names a deal: of its market and its two orders, which meet at most once. It is the subject of the
/// seller's claim ([`bitneuron_core::Context::subject`]).
pub type DealId = Digest;

/// What a side owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Duty {
    /// To deliver the good to the buyer or to the chain.
    Deliver,
    /// To prove the claim about it.
    Prove,
}

impl Duty {
    /// Who is at fault when it lapses.
    pub const fn debtor(self) -> Side {
        match self {
            Self::Deliver | Self::Prove => Side::Offer,
        }
    }

    /// The first height at which a deal made at `made` is too late for this duty.
    pub const fn due(self, made: Height, params: &DealParams) -> Height {
        let span = match self {
            Self::Deliver => params.deliver,
            Self::Prove => params.prove,
        };
        Height(made.0.saturating_add(span).saturating_add(1))
    }
}

/// Where a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// Tokens are locked, nothing else has happened.
    Locked,
    /// Delivered, not yet proven.
    Delivered,
    /// Proven, not yet delivered.
    Proven,
    /// Delivered and proven; paid.
    Settled,
    /// A duty lapsed.
    Late(Duty),
    /// Something the seller signed was false.
    Refuted,
}

impl State {
    /// Whether nothing can happen any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Late(_) | Self::Refuted)
    }

    /// What is still owed.
    pub const fn owed(self) -> &'static [Duty] {
        match self {
            Self::Locked => &[Duty::Deliver, Duty::Prove],
            Self::Delivered => &[Duty::Prove],
            Self::Proven => &[Duty::Deliver],
            Self::Settled | Self::Late(_) | Self::Refuted => &[],
        }
    }
}

/// What the ledger has found out about a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Event {
    /// The good that the deal names reached the buyer or the chain.
    Delivered,
    /// The seller's claim about it was accepted.
    Proven,
    /// A claim or a delivery that the seller signed is false.
    Refuted {
        /// Who showed it and gets the informer's share; nobody when the chain found it by itself.
        informer: Option<NodeId>,
    },
}

/// A trade between one offer and one bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Deal<G: Good> {
    /// Its name.
    pub id: DealId,
    /// The offer, whose escrow holds the bond.
    pub offer: OrderId,
    /// The bid, whose escrow holds the price.
    pub bid: OrderId,
    /// Who sells.
    pub seller: NodeId,
    /// Who buys.
    pub buyer: NodeId,
    /// What the seller promised.
    pub terms: G::Terms,
    /// How many units.
    pub quantity: u32,
    /// The price of one unit.
    pub price: Amount,
    /// The price of all units: what is locked of the buyer's tokens.
    pub total: Amount,
    /// The bond of all units: what is locked of the seller's tokens.
    pub bond: Amount,
    /// The height of the match.
    pub made: Height,
    /// Where it stands.
    pub state: State,
}

impl<G: Good> Wire for Deal<G> {
    /// The fixed fields take 225 bytes at most, the version one.
    const LIMIT: usize = G::LIMIT.saturating_add(256);
}

impl<G: Good> Deal<G> {
    /// The name of the deal between these orders.
    pub fn name(offer: OrderId, bid: OrderId) -> DealId {
        let mut hasher = Hasher::new("bitneuron deal v1");
        hasher.part(G::MARKET.as_bytes()).update(&offer.0.0).update(&bid.0.0).finish()
    }

    /// Joins two orders for `quantity` units at `price` each; what the bid had locked above that goes back.
    ///
    /// `None`, and nothing emitted, when the price is outside a limit or the quantity outside an order.
    pub fn strike(
        offer: (OrderId, &Order<G>),
        bid: (OrderId, &Order<G>),
        (quantity, price): (u32, Amount),
        at: Height,
        out: &mut Outbox<Transfer>,
    ) -> Option<Self> {
        let ((offer, sells), (bid, buys)) = (offer, bid);
        let fits = (1..=sells.quantity.min(buys.quantity)).contains(&quantity);
        if !fits || price < sells.price {
            return None;
        }
        let surplus = times(buys.price.checked_sub(price)?, quantity)?;
        let deal = Self {
            id: Self::name(offer, bid),
            offer,
            bid,
            seller: sells.by,
            buyer: buys.by,
            terms: sells.terms.clone(),
            quantity,
            price,
            total: times(price, quantity)?,
            bond: sells.lock(quantity)?,
            made: at,
            state: State::Locked,
        };
        Transfer::Refund { escrow: bid, to: buys.by, amount: surplus }.emit(out);
        Some(deal)
    }

    /// The value of an open deal in a book's tree of records, under the deal's id.
    pub fn record(&self) -> Digest {
        Digest::of("bitneuron deal record v1", &encode(self))
    }

    /// The first height at which a duty lapses; `None` when nothing is owed.
    pub fn due(&self, params: &DealParams) -> Option<Height> {
        self.state.owed().iter().map(|duty| duty.due(self.made, params)).min()
    }

    /// Takes in one event.
    ///
    /// # Errors
    /// The deal has ended, is due, or knows this already; nothing is changed.
    pub fn step(
        &mut self,
        event: Event,
        at: Height,
        params: &DealParams,
        out: &mut Outbox<Transfer>,
    ) -> Result<(), MarketError> {
        let due = self.due(params).ok_or(MarketError::NoDeal(self.id))?;
        if at >= due {
            return Err(MarketError::TooLate { due, at });
        }
        self.state = match (self.state, event) {
            (State::Locked, Event::Delivered) => State::Delivered,
            (State::Locked, Event::Proven) => State::Proven,
            (State::Delivered, Event::Proven) | (State::Proven, Event::Delivered) => State::Settled,
            (_, Event::Refuted { .. }) => State::Refuted,
            _ => return Err(MarketError::Repeated(event)),
        };
        match (self.state, event) {
            (State::Settled, _) => self.pay(params, out),
            (State::Refuted, Event::Refuted { informer }) => self.punish(informer, params, out),
            _ => {}
        }
        Ok(())
    }

    /// Ends the deal when a duty has lapsed, and says which.
    pub fn expire(&mut self, at: Height, params: &DealParams, out: &mut Outbox<Transfer>) -> Option<Duty> {
        let due = |duty: &&Duty| duty.due(self.made, params);
        let duty = *self.state.owed().iter().min_by_key(due).filter(|duty| due(duty) <= at)?;
        self.state = State::Late(duty);
        self.refund_price(out);
        let lost = params.late.ceil_of(self.bond);
        Transfer::Slash { escrow: self.offer, to: Payee::Treasury, amount: lost }.emit(out);
        self.refund_bond(self.bond.saturating_sub(lost), out);
        Some(duty)
    }

    /// Settled: the price by the split, the bond back.
    fn pay(&self, params: &DealParams, out: &mut Outbox<Transfer>) {
        let shares = params.split.divide(self.total);
        let parts = [
            (Payee::Account(self.seller), shares.seller),
            (Payee::Judges, shares.judges),
            (Payee::Treasury, shares.treasury),
        ];
        for (to, amount) in parts {
            Transfer::Pay { escrow: self.bid, to, amount }.emit(out);
        }
        self.refund_bond(self.bond, out);
    }

    /// Refuted: the price back, the whole bond lost.
    fn punish(&self, informer: Option<NodeId>, params: &DealParams, out: &mut Outbox<Transfer>) {
        self.refund_price(out);
        let mut rest = self.bond;
        // Nobody is rewarded for informing against himself.
        if let Some(informer) = informer.filter(|informer| *informer != self.seller) {
            let reward = params.informer.floor_of(self.bond);
            rest = rest.saturating_sub(reward);
            let to = Payee::Account(informer);
            Transfer::Slash { escrow: self.offer, to, amount: reward }.emit(out);
        }
        Transfer::Slash { escrow: self.offer, to: Payee::Treasury, amount: rest }.emit(out);
    }

    fn refund_price(&self, out: &mut Outbox<Transfer>) {
        Transfer::Refund { escrow: self.bid, to: self.buyer, amount: self.total }.emit(out);
    }

    fn refund_bond(&self, amount: Amount, out: &mut Outbox<Transfer>) {
        Transfer::Refund { escrow: self.offer, to: self.seller, amount }.emit(out);
    }
}
