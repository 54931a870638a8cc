//! Why the market refuses.

use crate::{
    deal::{DealId, Event},
    goods::consent::ConsentError,
    order::OrderId,
};
use bitneuron_core::{Amount, Height, NodeId};
use std::error::Error as StdError;
use thiserror::Error;

/// Why an order, a cancellation or an event was refused. State, root and outbox are then unchanged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MarketError {
    /// An order for no price.
    #[error("the price is zero")]
    NoPrice,
    /// An order for no unit.
    #[error("the quantity is zero")]
    NoQuantity,
    /// An order that would lock more than all tokens.
    #[error("price or bond times quantity is more than the supply")]
    TooMuch,
    /// An offer with too small a bond.
    #[error("a bond of {given} for each unit, at least {least} needed")]
    Bond {
        /// What is needed.
        least: Amount,
        /// What the order has.
        given: Amount,
    },
    /// A bid with a bond: its tokens are locked in full, so it has none.
    #[error("a bid carries no bond")]
    BondOnBid,
    /// A bid locks too little.
    #[error("a bid of {given}, at least {least} needed")]
    Small {
        /// The least.
        least: Amount,
        /// What this one locks.
        given: Amount,
    },
    /// Too many units.
    #[error("more than {0} units")]
    Many(u32),
    /// The order's time is over.
    #[error("expired at height {expires}, now {at}")]
    Expired {
        /// The first height at which it is not valid.
        expires: Height,
        /// Now.
        at: Height,
    },
    /// The order would stay for too long.
    #[error("expires at height {expires}, at most {latest} allowed")]
    TooLong {
        /// The height it names.
        expires: Height,
        /// The latest allowed.
        latest: Height,
    },
    /// An offer with the terms of a bid, or the reverse.
    #[error("the terms belong to the other side")]
    WrongSide,
    /// The owner's consent does not cover the order.
    #[error("consent: {0}")]
    Consent(#[from] ConsentError),
    /// Terms refused by a good that this crate does not know.
    #[error("terms: {0}")]
    Terms(Box<dyn StdError + Send + Sync>),
    /// The owner has used this nonce.
    #[error("nonce {nonce} of {by:?} is used")]
    Replay {
        /// The owner.
        by: NodeId,
        /// The nonce.
        nonce: u64,
    },
    /// No room in the lot.
    #[error("the side of the lot holds {0} open orders already, none worse")]
    Full(u32),
    /// No such open order.
    #[error("no open order {0:?}")]
    NoOrder(OrderId),
    /// Somebody else's order.
    #[error("{by:?} does not own order {order:?}")]
    NotOwner {
        /// The order.
        order: OrderId,
        /// Who asked.
        by: NodeId,
    },
    /// An order that cannot be cancelled yet.
    #[error("cannot be cancelled before height {0}")]
    TooEarly(Height),
    /// No such open deal.
    #[error("no open deal {0:?}")]
    NoDeal(DealId),
    /// The deal knows this already.
    #[error("{0:?} happened before")]
    Repeated(Event),
    /// The deal's time is over.
    #[error("due before height {due}, now {at}")]
    TooLate {
        /// The first height that is too late.
        due: Height,
        /// Now.
        at: Height,
    },
}

/// Why parameters are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// The parts of a price do not make a whole.
    #[error("the parts sum to {0} of 10,000 basis points")]
    Split(u32),
    /// The network keeps too little.
    #[error("judges and treasury keep {0} basis points, too little")]
    Kept(u32),
    /// A fraction of more than the whole, or an informer's share above its bound.
    #[error("{0} basis points are too many")]
    Fraction(u16),
    /// A span of heights out of bounds.
    #[error("a span of {0} heights is out of bounds")]
    Span(u64),
    /// A lot that holds nothing.
    #[error("no capacity")]
    Capacity,
    /// The most units of an order are none or too many.
    #[error("orders of at most {0} units")]
    Quantity(u32),
}
