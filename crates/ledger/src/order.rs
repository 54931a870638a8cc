//! Orders as entries: where an order stands is short, so that a light client is shown it in little; what it says stands beside it.

use crate::State;
use bitneuron_core::{Height, NodeId};
use bitneuron_market::{DataMarket, Listed, Open, OrderId};
use serde::{Deserialize, Serialize};

/// Where an order stands, from its placing until it expires. The order's id is the digest of what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEntry {
    /// The owner.
    pub by: NodeId,
    /// The nonce used.
    pub nonce: u64,
    /// When the order and this entry end.
    pub expires: Height,
    /// When it was placed.
    pub placed: Height,
    /// Its place in time: the number of orders placed before it.
    pub sequence: u64,
    /// Units not traded; none of an order that was filled or cancelled.
    pub remaining: u32,
}

impl OrderEntry {
    fn of(listed: &Listed<DataMarket>) -> Self {
        let Listed { by, nonce, expires, placed, sequence, ref open } = *listed;
        let remaining = open.as_ref().map_or(0, |open| open.remaining);
        Self { by, nonce, expires, placed, sequence, remaining }
    }

    /// The listing of an order of which this is left.
    pub(crate) fn listed(self, open: Option<Open<DataMarket>>) -> Listed<DataMarket> {
        let Self { by, nonce, expires, placed, sequence, .. } = self;
        Listed { by, nonce, expires, placed, sequence, open }
    }
}

impl State {
    /// Where an order stands; `None` when it was never placed or has expired.
    pub fn order(&self, id: OrderId) -> Option<&OrderEntry> {
        self.orders.get(&id)
    }

    /// Takes over what the book says of an order.
    pub(crate) fn list(&mut self, id: OrderId, listed: Option<Listed<DataMarket>>) {
        match &listed {
            Some(listed) => self.orders.set(id, OrderEntry::of(listed)),
            None => self.orders.unset(&id),
        }
        match listed.and_then(|listed| listed.open) {
            Some(open) => self.terms.set(id, open),
            None => self.terms.unset(&id),
        }
    }
}
