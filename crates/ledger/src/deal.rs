//! Deals on the ledger: what the market matched, and what both sides say about it.
//!
//! The market knows what follows from what; the ledger finds out what is true. A deal is *delivered* when its buyer says
//! so, or when the seller posts the packet that it sold and that decodes to the model it promised: the buyer never decides
//! alone. It is *proven* when the seller's score claim holds: of this deal, this model and exactly the score that was
//! offered. With both it is paid in the same block. A settled deal is kept until the turn in which its buyer may merge it
//! is over.

use crate::event::Event;
use crate::plan::part;
use crate::{Refused, State, draft::Draft, goal::score};
use bitneuron_core::claim::{Claim, Score, Settles};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{
    Amount, Bytes, ChainId, Digest, GoalId, Height, Keypair, Layout, NodeId, Outbox, Signature, Wire, decode,
    encode, sign,
};
use bitneuron_market::{
    self as market, DataMarket, DataTerms, Deal, DealId, Duty, Order, OrderId, Orderbook as _,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

const DELIVERY: &str = "bitneuron delivery v1";

/// The digest under which a packet is sold.
pub fn packet_digest(packet: &[u8]) -> Digest {
    Digest::of("bitneuron packet v1", packet)
}

/// What a seller states when it delivers: these bytes for that deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The deal.
    pub deal: DealId,
    /// [`packet_digest`] of what is delivered.
    pub packet: Digest,
}

impl Wire for Delivery {
    const LIMIT: usize = 128;
}

impl Delivery {
    /// Signs; the key must be the seller's, else it says nothing.
    pub fn sign(self, key: &Keypair, chain: ChainId) -> SignedDelivery {
        SignedDelivery { delivery: self, signature: key.sign(DELIVERY, chain, &encode(&self)) }
    }
}

/// A delivery with its signature. Who signed is known from the deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The seller's signature.
    pub signature: Signature,
}

impl Wire for SignedDelivery {
    const LIMIT: usize = 256;
}

impl SignedDelivery {
    /// Whether `by` really signed this, for this chain.
    pub fn is_signed(&self, by: NodeId, chain: ChainId) -> bool {
        sign::verify(by, DELIVERY, chain, &encode(&self.delivery), &self.signature)
    }
}

/// A deal as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The deal.
    pub deal: Deal<DataMarket>,
    /// What the buyer may do with it, once it is settled.
    pub good: Option<Good>,
}

/// A model that its buyer may merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    /// The round in whose turn it may be merged.
    pub round: u64,
    /// How heavy it is in the merge, by score and the seller's reputation.
    pub part: u64,
    /// Whether it was merged.
    pub used: bool,
    /// Whether the turn that merged it is not settled.
    pub pending: bool,
}

/// The open deal in the value of an entry ([`crate::key::deal`]); `None` when it is settled.
pub fn open_deal(value: &[u8]) -> Option<Deal<DataMarket>> {
    crate::entry::value_of::<Sale>(value).map(|sale| sale.deal).filter(|deal| !deal.state.is_final())
}

impl State {
    /// An open deal.
    pub fn open_deal(&self, id: DealId) -> Option<&Deal<DataMarket>> {
        self.deals.get(&id).map(|sale| &sale.deal).filter(|deal| !deal.state.is_final())
    }

    /// The deals that are open or may still be merged, by id.
    pub fn deals(&self) -> impl Iterator<Item = &Sale> {
        self.deals.values()
    }

    pub(crate) fn deal_to_end(&self, id: DealId) -> Result<&Deal<DataMarket>, Refused> {
        self.open_deal(id).ok_or(Refused::NoDeal(id))
    }

    /// Forgets settled deals whose turn is over and settled.
    pub(crate) fn forget_deals(&mut self) {
        let (params, now) = (self.params.clone(), self.clock.height.0);
        self.deals.prune(|_, sale| {
            sale.good.is_none_or(|good| {
                let end = good.round.saturating_add(1).saturating_mul(params.round);
                good.pending || end.saturating_add(params.turns.window) >= now
            })
        });
    }
}

impl Draft<'_> {
    pub(crate) fn place(&mut self, by: NodeId, order: &Order<DataMarket>) -> Result<(), Refused> {
        self.state.trades()?;
        if order.by != by {
            return Err(Refused::NotParty(by));
        }
        let goal = &self.state.registered(order.terms.goal())?.goal;
        if let DataTerms::Offer { score, .. } = &order.terms
            && *score > goal.metric_set.rows
        {
            return Err(Refused::Mismatch("more right rows than the metric set has"));
        }
        // The book comes last: what it takes in is not taken out again.
        let (needed, held) = (order.lock(order.quantity).unwrap_or_default(), self.state.spendable(by));
        if needed > held {
            return Err(Refused::Balance { needed, held });
        }
        let (mut out, now) = (Outbox::new(), self.state.clock.height);
        let order = Arc::make_mut(&mut self.state.book).place(order.clone(), now, &mut out)?;
        self.perform(out)?;
        self.events.push(Event::OrderPlaced { order, by });
        Ok(())
    }

    pub(crate) fn cancel(&mut self, by: NodeId, order: OrderId) -> Result<(), Refused> {
        let (mut out, now) = (Outbox::new(), self.state.clock.height);
        Arc::make_mut(&mut self.state.book).cancel(order, by, now, &mut out)?;
        self.perform(out)?;
        self.events.push(Event::OrderCancelled(order));
        Ok(())
    }

    /// Matches what can be matched.
    pub(crate) fn clear(&mut self) -> Result<(), Refused> {
        let (mut out, now) = (Outbox::new(), self.state.clock.height);
        let deals = Arc::make_mut(&mut self.state.book).clear(now, &mut out);
        self.perform(out)?;
        for deal in deals {
            self.state.deals.set(deal.id, Sale { deal: deal.clone(), good: None });
            self.events.push(Event::DealMade(deal));
        }
        Ok(())
    }

    /// Ends what is late.
    pub(crate) fn expire(&mut self) -> Result<(), Refused> {
        let (mut out, now) = (Outbox::new(), self.state.clock.height);
        let late = Arc::make_mut(&mut self.state.book).expire(now, &mut out);
        self.perform(out)?;
        for deal in late {
            self.state.deals.unset(&deal.id);
            self.state.blame_late_deal(deal.seller, deal.total);
            if let market::State::Late(duty) = deal.state {
                self.events.push(Event::DealLate { deal, duty });
            }
        }
        Ok(())
    }

    pub(crate) fn receipt(&mut self, by: NodeId, id: DealId) -> Result<(), Refused> {
        if self.state.deal_to_end(id)?.buyer != by {
            return Err(Refused::NotParty(by));
        }
        self.events.push(Event::Delivered { deal: id, posted: false });
        self.settle(id, market::Event::Delivered)
    }

    pub(crate) fn post(
        &mut self,
        by: NodeId,
        id: DealId,
        packet: &[u8],
        base: Option<&Bytes>,
    ) -> Result<(), Refused> {
        let deal = self.state.deal_to_end(id)?;
        if deal.seller != by {
            return Err(Refused::NotParty(by));
        }
        let (sold, model, _) = deal.promise().ok_or(Refused::NoDeal(id))?;
        if sold != packet_digest(packet) {
            return Err(Refused::Mismatch("another packet than was sold"));
        }
        if !deal.state.owed().contains(&Duty::Deliver) {
            return Err(market::MarketError::Repeated(market::Event::Delivered).into());
        }
        // The digest alone says nothing of what the buyer can use.
        let (layout, base) = self.base(deal.terms.goal(), base)?;
        let chain = self.state.chain;
        if self.judge(|judge| judge.opens(packet, base.as_ref(), &layout, chain))? != model {
            return Err(Refused::Mismatch("a packet of another model than was sold"));
        }
        self.events.push(Event::Delivered { deal: id, posted: true });
        self.settle(id, market::Event::Delivered)
    }

    /// The layout of a goal's models, and the model that a packet was shown with as its base.
    pub(crate) fn base(
        &self,
        goal: GoalId,
        base: Option<&Bytes>,
    ) -> Result<(Arc<Layout>, Option<ExactParams>), Refused> {
        let layout = self.state.registered(goal)?.goal.net.layout();
        let read = |bytes: &Bytes| ExactParams::from_bytes(bytes, &layout);
        let base = base.map(|bytes| read(bytes).ok_or(Refused::Mismatch("a base that is no model")));
        let base = base.transpose()?;
        Ok((layout, base))
    }

    /// A seller's claim about what it sold.
    pub(crate) fn score_claim(&mut self, claim: &Claim) -> Result<(), Refused> {
        let context = claim.context();
        let deal = self.state.deal_to_end(context.subject)?;
        let id = deal.id;
        if context.by != deal.seller {
            return Err(Refused::NotParty(context.by));
        }
        if context.height != deal.made {
            return Err(Refused::Mismatch("another height than that of the deal"));
        }
        let stated: Score = decode(claim.public())?;
        let (_, model, right) = deal.promise().ok_or(Refused::NoDeal(id))?;
        if stated.goal.id() != deal.terms.goal() || stated.model != model || stated.right != right {
            return Err(Refused::Mismatch("another goal, model or score than was offered"));
        }
        if !deal.state.owed().contains(&Duty::Prove) {
            return Err(market::MarketError::Repeated(market::Event::Proven).into());
        }
        self.spend(self.openings(claim), &BTreeSet::new())?;
        self.judge(|judge| judge.check(claim))?;
        // What is paid cannot be taken back.
        if self.settles(claim) != Settles::AtOnce {
            return Err(Refused::Unsettled);
        }
        self.events.push(Event::Proven(id));
        self.settle(id, market::Event::Proven)
    }

    /// Tells the market what is true of a deal, and keeps what follows. The last step of an action: nothing after the
    /// book can fail, for what the market moves is in escrow.
    pub(crate) fn settle(&mut self, id: DealId, event: market::Event) -> Result<(), Refused> {
        let (mut out, now) = (Outbox::new(), self.state.clock.height);
        let deal = Arc::make_mut(&mut self.state.book).settle(id, event, now, &mut out)?;
        self.perform(out)?;
        match (deal.state, event) {
            (market::State::Settled, _) => {
                if self.state.is_listed(deal.terms.goal()) {
                    let kept = self.state.params.market.deals.split.divide(deal.total).treasury;
                    self.merit = self.merit.checked_add(kept).unwrap_or(Amount::SUPPLY);
                }
                let kept = self.state.params.market.deals.split.divide(deal.total).treasury;
                self.state.end_well(deal.seller, deal.buyer, kept);
                let good = self.good(&deal, now);
                self.state.deals.set(id, Sale { deal: deal.clone(), good: Some(good) });
                self.events.push(Event::DealSettled(deal));
            }
            (market::State::Refuted, market::Event::Refuted { informer }) => {
                self.state.deals.unset(&id);
                let informer = informer.unwrap_or(deal.seller);
                self.events.push(Event::DealRefuted { deal, informer });
            }
            _ => self.state.deals.set(id, Sale { deal, good: None }),
        }
        Ok(())
    }

    fn good(&self, deal: &Deal<DataMarket>, now: Height) -> Good {
        let rows = self.state.goals.get(&deal.terms.goal()).map_or(0, |entry| entry.goal.metric_set.rows);
        let right = deal.promise().map_or(0, |promise| promise.2);
        let part = part(score(right, rows), self.state.reputation(deal.seller));
        Good { round: self.state.params.turn_round(now), part, used: false, pending: false }
    }
}
