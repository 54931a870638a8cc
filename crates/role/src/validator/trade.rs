//! Buying models and answering users.

use super::{MAX_SUBSCRIBERS, Validator, offence};
use crate::message::Message;
use crate::model::open_packet;
use crate::role::{Effect, Report};
use bitneuron_compress::{CompressError, Difference, Packet};
use bitneuron_consensus::Block;
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Amount, Bytes, Commitment, GoalId, Height, NodeId, Outbox, decode};
use bitneuron_ledger::{Action, Event, Refutation, Sale, SignedDelivery, SignedTx, Tx, key, packet_digest};
use bitneuron_market::{DataMarket, DataTerms, Deal, DealId, Duty, Order, Side};
use std::collections::BTreeSet;

/// How many deliveries may wait for their deals.
const MAX_EARLY: usize = 256;

/// A delivery for a deal that is not open here.
pub(super) struct Early {
    pub(super) signed: SignedDelivery,
    pub(super) packet: Bytes,
    /// Whether a block was decided since.
    pub(super) waited: bool,
}

impl Validator {
    /// Bids for models of the coming round.
    pub(super) fn bid(&mut self, out: &mut Outbox<Effect>) {
        self.salt = self.salt.saturating_add(1);
        let order = Order {
            by: self.key.id(),
            side: Side::Bid,
            price: self.price,
            quantity: self.quantity,
            terms: DataTerms::Bid { goal: self.plan.goal.id(), min_score: 0 },
            expires: Height(self.height().0.saturating_add(self.plan.round_heights())),
            nonce: self.salt,
            bond: Amount::ZERO,
        };
        self.submit(Action::Place(order), out);
    }

    /// Shows a seller that it sold: whom this validator bought from, and who listens to it.
    pub(super) fn call(&self, deal: &Deal<DataMarket>, out: &mut Outbox<Effect>) {
        let concerned = deal.buyer == self.key.id() || self.subscribers.contains(&deal.seller);
        if let Some(notice) = self.notice(&key::deal(deal.id)).filter(|_| concerned) {
            Self::send(deal.seller, &Message::Matched { deal: deal.id, notice }, out);
        }
    }

    /// Shows sellers who listen to this validator which of their deliveries were not confirmed.
    pub(super) fn remind(&self, out: &mut Outbox<Effect>) {
        let waits = |deal: &&Deal<DataMarket>| deal.state.owed().contains(&Duty::Deliver);
        let deals = self.state.deals().map(|sale| &sale.deal).filter(waits);
        for deal in deals.filter(|deal| self.subscribers.contains(&deal.seller)) {
            if let Some(notice) = self.notice(&key::deal(deal.id)) {
                Self::send(deal.seller, &Message::Unconfirmed { deal: deal.id, notice }, out);
            }
        }
    }

    /// A seller delivers: confirm what was bought, or show that it is something else.
    pub(super) fn delivered(&mut self, from: NodeId, delivery: Early, out: &mut Outbox<Effect>) {
        let (signed, packet) = (&delivery.signed, &delivery.packet);
        let Some(deal) = self.state.open_deal(signed.delivery.deal).cloned() else {
            // A seller may know of the deal before its buyer does.
            let room = self.early.len() < MAX_EARLY && !self.early.contains_key(&from);
            if room && packet.len() <= self.plan.limits().bytes {
                self.early.insert(from, delivery);
            } else {
                out.push(offence(from, "delivered for no open deal"));
            }
            return;
        };
        let mine =
            deal.buyer == self.key.id() && deal.seller == from && signed.is_signed(from, self.plan.chain);
        if !mine || signed.delivery.packet != packet_digest(packet) {
            return out.push(offence(from, "delivered what it did not sign"));
        }
        if !deal.state.owed().contains(&Duty::Deliver) || !self.examined.insert(deal.id) {
            return;
        }
        let Some((sold, model, _)) = deal.promise() else { return };
        if signed.delivery.packet != sold {
            out.push(offence(from, "delivered other bytes than it sold"));
            return self.complain(deal.id, Refutation::Delivery(signed.clone()), out);
        }
        let read = Packet::from_bytes(packet, self.plan.limits());
        let base = read.as_ref().ok().and_then(|packet| self.base(packet));
        match read.and_then(|packet| self.open(&packet, base)) {
            Ok(integers) if integers.commitment() == model => {
                self.models.insert(model, integers);
                return self.submit(Action::Receipt { deal: deal.id }, out);
            }
            Ok(_) => out.push(offence(from, "sold a packet that holds another model")),
            Err(error) => {
                out.push(offence(from, format!("sold a packet that cannot be opened: {error}")));
                // Whether it is false shows when its seller posts it with the model that it starts from.
                if matches!(error, CompressError::Base(_)) && self.conduct.refutes() {
                    return;
                }
            }
        }
        let base = base.map(ExactParams::to_bytes);
        self.complain(deal.id, Refutation::Packet { deal: deal.id, packet: delivery.packet, base }, out);
    }

    /// Something else came than was bought.
    fn complain(&mut self, deal: DealId, shown: Refutation, out: &mut Outbox<Effect>) {
        let refutes = self.conduct.refutes();
        self.submit(if refutes { Action::Refute(shown) } else { Action::Receipt { deal } }, out);
    }

    /// The model that a packet is a difference from, if it is one and that model is here.
    fn base(&self, packet: &Packet) -> Option<&ExactParams> {
        Difference::of(packet).ok().flatten().and_then(|difference| self.models.get(&difference.base()))
    }

    fn open(&self, packet: &Packet, base: Option<&ExactParams>) -> Result<ExactParams, CompressError> {
        open_packet(&self.plan.registry, packet, self.plan.layout(), |_| base)
    }

    /// A block is decided: look again at the deliveries that came before their deals; a deal that is still unknown in the
    /// block after is none.
    pub(super) fn receive_early(&mut self, out: &mut Outbox<Effect>) {
        for (from, mut delivery) in std::mem::take(&mut self.early) {
            let known = self.state.open_deal(delivery.signed.delivery.deal).is_some();
            if known {
                self.delivered(from, delivery, out);
            } else if delivery.waited {
                out.push(offence(from, "delivered for no open deal"));
            } else {
                delivery.waited = true;
                self.early.insert(from, delivery);
            }
        }
    }

    /// Takes from a block the models that were posted to this validator. They need no receipt, and the ledger has opened
    /// them before it counted them as delivered.
    pub(super) fn receive_posted(&mut self, block: &Block, events: &[Event], out: &mut Outbox<Effect>) {
        let me = self.key.id();
        let posted = |event: &Event| matches!(event, Event::Delivered { posted: true, .. });
        if !events.iter().any(posted) {
            return;
        }
        for bytes in &block.transactions {
            let Ok(SignedTx { tx: Tx { by, action: Action::Post { deal, packet, base }, .. }, .. }) =
                decode(bytes)
            else {
                continue;
            };
            let bought = self.state.deals().find(|sale| sale.deal.id == deal && sale.deal.buyer == me);
            let Some((_, model, _)) = bought.and_then(|sale| sale.deal.promise()) else { continue };
            // The ledger has seen that it is the one that the packet names.
            let base = base.and_then(|bytes| ExactParams::from_bytes(&bytes, self.plan.layout()));
            let read = Packet::from_bytes(&packet, self.plan.limits());
            match read.and_then(|packet| self.open(&packet, base.as_ref())) {
                Ok(integers) => drop(self.models.insert(model, integers)),
                Err(error) => {
                    out.push(offence(by, format!("posted a packet that cannot be opened: {error}")));
                }
            }
        }
    }

    /// Serves its head with the proof that it is the committed one.
    pub(super) fn answer(&mut self, to: NodeId, goal: GoalId, out: &mut Outbox<Effect>) {
        if self.answered.len() >= MAX_SUBSCRIBERS || !self.answered.insert(to) {
            return;
        }
        let notice = self.notice(&key::head(goal, self.key.id()));
        if let (Some(notice), Some(model)) = (notice, self.head()) {
            let model = model.to_bytes();
            out.push(self.metered(&model));
            Self::send(to, &Message::Head { notice, model }, out);
        }
    }

    /// Asks one validator after the other, block by block, for the model that the next turn begins at, while it is not here:
    /// after a crash, or when others went on without this node.
    pub(super) fn fetch(&self, out: &mut Outbox<Effect>) {
        let me = self.key.id();
        let Some(front) = self.state.front(self.plan.goal.id(), me) else { return };
        if self.models.contains_key(&front.model) {
            return;
        }
        let others: Vec<NodeId> = self.plan.validators.iter().filter(|id| **id != me).copied().collect();
        let turn = (self.height().0 as usize).checked_rem(others.len());
        if let Some(to) = turn.and_then(|at| others.get(at)) {
            Self::send(*to, &Message::Fetch(front.model), out);
        }
    }

    /// Gives another validator the integers of a model, if they are here.
    pub(super) fn lend(&mut self, to: NodeId, commitment: Commitment, out: &mut Outbox<Effect>) {
        if !self.plan.validators.contains(&to) {
            return out.push(offence(to, "only validators have heads"));
        }
        let Some(model) = self.models.get(&commitment).map(ExactParams::to_bytes) else { return };
        if self.answered.insert(to) {
            out.push(self.metered(&model));
            Self::send(to, &Message::Model { commitment, model }, out);
        }
    }

    /// Another validator shows the integers of a head.
    pub(super) fn learn_of(
        &mut self,
        from: NodeId,
        commitment: Commitment,
        model: &[u8],
        out: &mut Outbox<Effect>,
    ) {
        if !self.plan.validators.contains(&from) {
            return out.push(offence(from, "only validators have heads"));
        }
        let is_head = |model: &ExactParams| self.heads.admits(commitment, model, self.plan.chain);
        match ExactParams::from_bytes(model, self.plan.layout()).filter(is_head) {
            Some(model) => {
                self.models.insert(commitment, model);
                let front = self.state.front(self.plan.goal.id(), self.key.id());
                if front.is_some_and(|front| front.model == commitment) {
                    return; // It was lent.
                }
                if self.shown.insert(from, commitment).is_some_and(|before| before != commitment) {
                    self.forget();
                }
            }
            None => out.push(offence(from, "showed a head that is not what it commits to")),
        }
    }

    /// Forgets the models that nobody needs any more and the deals that are over. What is kept is bounded by the
    /// validators and the deals: θ₀, all heads, pending ones too, what each validator showed last, what was bought and may still be merged,
    /// and what the own turn is made of.
    pub(super) fn forget(&mut self) {
        let (goal, me) = (self.plan.goal.id(), self.key.id());
        let mut needed = BTreeSet::from([self.plan.goal.initial]);
        needed.extend(self.state.heads(goal).map(|(_, head)| head.model));
        needed.extend(self.state.pending().map(|(_, turn)| turn.head.model));
        needed.extend(self.shown.values().chain(&self.ingredients));
        if let Some((turn, _)) = &self.turn {
            needed.extend([turn.before, turn.after]);
            needed.extend(turn.inputs.iter().map(|input| input.model));
        }
        let usable = |sale: &&Sale| !sale.deal.state.is_final() || sale.good.is_some_and(|good| !good.used);
        let bought = self.state.deals().filter(usable).filter(|sale| sale.deal.buyer == me);
        needed.extend(bought.filter_map(|sale| sale.deal.promise()).map(|(_, model, _)| model));
        self.models.retain(|commitment, _| needed.contains(commitment));
        self.owed.forget(self.state.height(), self.state.pending().map(|(_, turn)| turn));
        self.examined.retain(|deal| self.state.open_deal(*deal).is_some());
    }

    pub(super) fn metered(&self, model: &Bytes) -> Effect {
        Effect::Report(Report::ModelSent { bytes: model.len() as u64, dense: self.plan.dense_bytes() })
    }
}
