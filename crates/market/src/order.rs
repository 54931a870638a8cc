//! Orders: what somebody wants to sell or buy, and what is locked while the order is open.
//!
//! An order states a limit *per unit* and a number of units. Placing it locks, in units of 10⁻⁹ token,
//!
//! ```text
//! bid: price · quantity          offer: bond · quantity,   bond ≥ max(⌈price·b/10⁴⌉, floor)
//! ```
//!
//! with b = 1,000 bp and a floor of 1 token by default, which is also the least that a bid locks in all. Both products stay within the supply, so no later sum of parts
//! can overflow. An order is valid *before* the height [`Order::expires`]. The pair (owner, nonce) is used once while the
//! order could still be replayed, that is until it expires; after that its bytes are refused for ever.
//!
//! The order's id is the digest of its bytes under the market's name. Signatures, balances and the existence of what
//! the terms name are the ledger's business.

use crate::{error::MarketError, goods::Good, params::OrderParams};
use bitneuron_core::{Amount, Digest, Height, NodeId, Wire, codec::encode, hash::Hasher};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The digest that names an order, and the key of its escrow.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderId(pub Digest);

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "order {:?}", self.0)
    }
}

/// The two sides of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Sells.
    Offer,
    /// Buys.
    Bid,
}

/// A wish to trade a good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Order<G: Good> {
    /// The owner.
    pub by: NodeId,
    /// Which side.
    pub side: Side,
    /// The limit for each unit: the least an offer takes, the most a bid gives.
    pub price: Amount,
    /// How many units.
    pub quantity: u32,
    /// What exactly.
    pub terms: G::Terms,
    /// The first height at which the order is no longer valid.
    pub expires: Height,
    /// A number that the owner uses once.
    pub nonce: u64,
    /// What an offer stakes on each unit; zero for a bid.
    pub bond: Amount,
}

impl<G: Good> Wire for Order<G> {
    /// The fixed fields take 89 bytes, the version one.
    const LIMIT: usize = G::LIMIT.saturating_add(96);
}

impl<G: Good> Order<G> {
    /// The order's id.
    pub fn id(&self) -> OrderId {
        let mut hasher = Hasher::new("bitneuron order v1");
        OrderId(hasher.part(G::MARKET.as_bytes()).part(&encode(self)).finish())
    }

    /// What one unit locks.
    pub const fn unit_lock(&self) -> Amount {
        match self.side {
            Side::Offer => self.bond,
            Side::Bid => self.price,
        }
    }

    /// What `units` of this order lock; `None` on overflow, as it cannot for a checked order.
    pub fn lock(&self, units: u32) -> Option<Amount> {
        times(self.unit_lock(), units)
    }

    /// Checks the rules that need no book.
    ///
    /// # Errors
    /// The first rule broken.
    pub fn check(&self, at: Height, params: &OrderParams) -> Result<(), MarketError> {
        if self.price == Amount::ZERO {
            return Err(MarketError::NoPrice);
        }
        if self.quantity == 0 {
            return Err(MarketError::NoQuantity);
        }
        if self.quantity > params.max_quantity {
            return Err(MarketError::Many(params.max_quantity));
        }
        let within = |amount| times(amount, self.quantity).is_some_and(|all| all <= Amount::SUPPLY);
        if !within(self.price) || !within(self.bond) {
            return Err(MarketError::TooMuch);
        }
        self.check_bond(params)?;
        if self.expires <= at {
            return Err(MarketError::Expired { expires: self.expires, at });
        }
        let latest = Height(at.0.saturating_add(params.lifetime));
        if self.expires > latest {
            return Err(MarketError::TooLong { expires: self.expires, latest });
        }
        G::check(self, at)
    }

    fn check_bond(&self, params: &OrderParams) -> Result<(), MarketError> {
        let least = params.bond.least(self.price);
        match self.side {
            Side::Offer if self.bond < least => Err(MarketError::Bond { least, given: self.bond }),
            Side::Bid if self.bond > Amount::ZERO => Err(MarketError::BondOnBid),
            Side::Bid => {
                let (least, given) = (params.bid_floor, self.lock(self.quantity).unwrap_or_default());
                if given < least { Err(MarketError::Small { least, given }) } else { Ok(()) }
            }
            Side::Offer => Ok(()),
        }
    }
}

/// `amount · units`, or `None` on overflow.
pub(crate) fn times(amount: Amount, units: u32) -> Option<Amount> {
    amount.0.checked_mul(u128::from(units)).map(Amount)
}
