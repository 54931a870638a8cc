//! What must be kept of an order so that a book can be made again: by whoever stores a ledger.
//!
//! A book is the listings of all orders that have not expired, its open deals and the number of orders ever placed, as they
//! are after a clearing. The rest of it are indices.

use super::{OrderRecord, Resting};
use crate::{goods::Good, order::Order};
use bitneuron_core::{Digest, Height, NodeId};
use serde::{Deserialize, Serialize};

/// An order from its placing until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Listed<G: Good> {
    /// The owner.
    pub by: NodeId,
    /// The nonce used.
    pub nonce: u64,
    /// When the order and this listing end.
    pub expires: Height,
    /// When it was placed.
    pub placed: Height,
    /// Its place in time: the number of orders placed before it.
    pub sequence: u64,
    /// What is left of it, unless it was filled or cancelled.
    pub open: Option<Open<G>>,
}

/// What is left of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Open<G: Good> {
    /// The order as it was placed.
    pub order: Order<G>,
    /// Units not traded.
    pub remaining: u32,
    /// The identities that a bid has taken, ascending.
    pub taken: Vec<Digest>,
}

impl<G: Good> Listed<G> {
    /// The listing of an open order.
    pub(super) fn of(resting: &Resting<G>) -> Self {
        let (order, taken) = (resting.order.as_ref().clone(), resting.taken.iter().copied().collect());
        Self {
            by: order.by,
            nonce: order.nonce,
            expires: order.expires,
            placed: resting.placed,
            sequence: resting.sequence,
            open: Some(Open { order, remaining: resting.remaining, taken }),
        }
    }

    /// What a light client is shown of it.
    pub fn record(&self) -> OrderRecord {
        let (remaining, taken) =
            self.open.as_ref().map_or((0, Vec::new()), |open| (open.remaining, open.taken.clone()));
        OrderRecord {
            by: self.by,
            nonce: self.nonce,
            expires: self.expires,
            placed: self.placed,
            sequence: self.sequence,
            remaining,
            taken,
        }
    }
}
