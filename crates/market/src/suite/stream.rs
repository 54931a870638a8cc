//! Random input for a book: few traders, goals, prices and scores, so that orders meet, tie and exclude each other.

use crate::{
    deal::Event,
    goods::{
        consent::{Buyers, Consent},
        data::{DataMarket, DataTerms},
    },
    order::{Order, Side},
    params::{DealParams, MarketParams, OrderParams},
};
use bitneuron_core::{Amount, Commitment, Digest, GoalId, Height, NodeId, Seed};

/// Small spans, so that a trial sees everything lapse, and sides that fill up.
pub(super) fn params() -> MarketParams {
    MarketParams {
        orders: OrderParams { lifetime: 12, max_quantity: 5, capacity: 9, ..OrderParams::default() },
        deals: DealParams { deliver: 2, prove: 3, ..DealParams::default() },
    }
}

/// Draws numbers from a seed.
#[derive(Debug)]
pub(super) struct Stream {
    seed: Seed,
    drawn: u64,
    nonce: u64,
}

impl Stream {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, drawn: 0, nonce: 0 }
    }

    /// A number below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.drawn = self.drawn.saturating_add(1);
        Digest(self.seed.derive_number("draw", self.drawn).0).to_u64().checked_rem(bound).unwrap_or(0)
    }

    fn byte(&mut self, bound: u8) -> u8 {
        u8::try_from(self.below(u64::from(bound))).unwrap_or(0)
    }

    fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(u64::from(bound))).unwrap_or(0)
    }

    pub(super) fn node(&mut self) -> NodeId {
        NodeId([self.byte(7); 32])
    }

    /// One of a list.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let at = self.below(u64::try_from(list.len()).unwrap_or(1).max(1));
        list.get(usize::try_from(at).unwrap_or(0))
    }

    pub(super) fn event(&mut self) -> Event {
        match self.below(7) {
            0..3 => Event::Delivered,
            3..6 => Event::Proven,
            _ => Event::Refuted { informer: Some(self.node()).filter(|node| node.0 < [4; 32]) },
        }
    }

    /// An order that is valid now, with a new nonce.
    pub(super) fn order(&mut self, at: Height) -> Order<DataMarket> {
        let goal = GoalId(Digest([self.byte(2); 32]));
        // Odd units leave remainders in every fraction.
        let price =
            Amount(u128::from(self.below(6).saturating_mul(2_000_000_003).saturating_add(1_000_000_007)));
        let quantity = self.small(3).saturating_add(1);
        let (side, terms, bond) = if self.below(2) == 0 {
            let bond = params().orders.bond.least(price);
            (Side::Offer, self.offer(goal, quantity, at), bond)
        } else {
            (Side::Bid, DataTerms::Bid { goal, min_score: self.small(4) }, Amount::ZERO)
        };
        self.nonce = self.nonce.saturating_add(1);
        let lasts = self.below(params().orders.lifetime).saturating_add(1);
        let expires = Height(at.0.saturating_add(lasts));
        Order { by: self.node(), side, price, quantity, terms, expires, nonce: self.nonce, bond }
    }

    fn offer(&mut self, goal: GoalId, quantity: u32, at: Height) -> DataTerms {
        let (one, other) = (self.node(), self.node());
        let mut list = vec![one.min(other), one.max(other)];
        list.dedup();
        let buyers = match self.below(4) {
            0 => Buyers::Only(list),
            1 => Buyers::Except(list),
            _ => Buyers::Anyone,
        };
        let lasts = self.below(10).saturating_add(1);
        let until = Height(at.0.saturating_add(lasts));
        DataTerms::Offer {
            goal,
            packet: Digest([self.byte(255); 32]),
            model: Commitment::merkle(Digest([self.byte(12); 32])),
            score: self.small(5),
            consent: Consent { goals: vec![goal], buyers, until, uses: quantity },
        }
    }

    /// The order with one thing wrong that every book must see.
    pub(super) fn spoil(&mut self, mut order: Order<DataMarket>, at: Height) -> Order<DataMarket> {
        match self.below(9) {
            0 => order.price = Amount::ZERO,
            1 => order.quantity = 0,
            2 => order.expires = at,
            3 => order.expires = Height(u64::MAX),
            4 => order.price = Amount(Amount::SUPPLY.0.saturating_add(1)),
            5 => {
                order.side = if order.side == Side::Offer { Side::Bid } else { Side::Offer };
                order.bond = Amount::ZERO;
            }
            6 => order.quantity = 6,
            7 => {
                order.price =
                    Amount(Amount::TOKEN.0.div_euclid(u128::from(order.quantity).max(1)).saturating_sub(1));
            }
            _ => {
                let short = Amount(params().orders.bond.least(order.price).0.saturating_sub(1));
                order.bond = short;
            }
        }
        order
    }
}
