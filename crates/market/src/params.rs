//! The parameters of a market, all in one place, with the bounds that no vote can cross.
//!
//! Spans are in heights. A span of w after height m covers the heights m+1 … m+w.

use crate::{
    error::ParamsError,
    fee::{BasisPoints, BondRule, FeeSplit},
};
use bitneuron_core::Amount;
use serde::{Deserialize, Serialize};

/// The rules for orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderParams {
    /// The longest time from placing to expiry.
    pub lifetime: u64,
    /// How many heights after placing an order may be cancelled, for free.
    pub cancel_after: u64,
    /// The least bond of an offer.
    pub bond: BondRule,
    /// The least that a bid locks, all units together.
    pub bid_floor: Amount,
    /// The most units of an order.
    pub max_quantity: u32,
    /// The most open orders on each side of a lot.
    pub capacity: u32,
}

impl Default for OrderParams {
    /// A day of two-second blocks; cancel after 1; 10 % and 1 token; 4,096 units; 16,384 orders.
    fn default() -> Self {
        Self {
            lifetime: 43_200,
            cancel_after: 1,
            bond: BondRule::default(),
            bid_floor: Amount::TOKEN,
            max_quantity: 4_096,
            capacity: 16_384,
        }
    }
}

/// The rules for deals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealParams {
    /// How long after the match the good may be delivered. Its lapse is the seller's fault: where the buyer keeps
    /// silent, the seller posts the good on chain.
    pub deliver: u64,
    /// How long after the match the seller's claim may be proven. Its lapse is the seller's fault.
    pub prove: u64,
    /// The fraction of the bond that a late seller loses to the treasury.
    pub late: BasisPoints,
    /// The fraction of a refuted seller's bond that goes to the informer; the treasury gets the rest.
    pub informer: BasisPoints,
    /// How the price of a settled deal is divided.
    pub split: FeeSplit,
}

impl Default for DealParams {
    /// Three heights for each duty, so that a deal has ended before the next round of four heights clears.
    fn default() -> Self {
        Self {
            deliver: 3,
            prove: 3,
            late: BasisPoints(5_000),
            informer: BasisPoints(500),
            split: FeeSplit::default(),
        }
    }
}

impl OrderParams {
    /// The longest lifetime that can be set.
    pub const MAX_LIFETIME: u64 = 10_000_000;
    /// The largest quantity that can be allowed: a bid's record names everything it took and has room for so much.
    pub const MAX_QUANTITY: u32 = 32_000;

    /// Checks the bounds.
    ///
    /// # Errors
    /// The first bound crossed.
    pub fn validate(&self) -> Result<(), ParamsError> {
        span(self.lifetime, Self::MAX_LIFETIME)?;
        span(self.cancel_after, self.lifetime)?;
        fraction(self.bond.part, BasisPoints::WHOLE)?;
        if !(1..=Self::MAX_QUANTITY).contains(&self.max_quantity) {
            return Err(ParamsError::Quantity(self.max_quantity));
        }
        if self.capacity == 0 { Err(ParamsError::Capacity) } else { Ok(()) }
    }
}

impl DealParams {
    /// The longest span of a duty that can be set.
    pub const MAX_SPAN: u64 = 1_000_000;
    /// The largest share of an informer.
    pub const MAX_INFORMER: BasisPoints = BasisPoints(500);

    /// Checks the bounds.
    ///
    /// # Errors
    /// The first bound crossed.
    pub fn validate(&self) -> Result<(), ParamsError> {
        span(self.deliver, Self::MAX_SPAN)?;
        span(self.prove, Self::MAX_SPAN)?;
        fraction(self.late, BasisPoints::WHOLE)?;
        fraction(self.informer, Self::MAX_INFORMER)?;
        self.split.validate()
    }
}

/// All parameters of one market. The default is the devnet's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketParams {
    /// For orders.
    pub orders: OrderParams,
    /// For deals.
    pub deals: DealParams,
}

impl MarketParams {
    /// The devnet: rounds of four heights.
    pub fn devnet() -> Self {
        Self::default()
    }

    /// The main network: 300 heights to deliver, 900 more to prove.
    pub fn mainnet() -> Self {
        let deals = DealParams { deliver: 300, prove: 1_200, ..DealParams::default() };
        Self { orders: OrderParams::default(), deals }
    }

    /// Checks all bounds.
    ///
    /// # Errors
    /// The first bound crossed.
    pub fn validate(&self) -> Result<(), ParamsError> {
        self.orders.validate()?;
        self.deals.validate()
    }
}

fn span(span: u64, most: u64) -> Result<(), ParamsError> {
    if (1..=most).contains(&span) { Ok(()) } else { Err(ParamsError::Span(span)) }
}

fn fraction(part: BasisPoints, most: BasisPoints) -> Result<(), ParamsError> {
    if part <= most { Ok(()) } else { Err(ParamsError::Fraction(part.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold() {
        assert_eq!(MarketParams::devnet().validate(), Ok(()));
        assert_eq!(MarketParams::mainnet().validate(), Ok(()));
        let orders = |change: fn(&mut OrderParams)| {
            let mut params = MarketParams::default();
            change(&mut params.orders);
            params.validate()
        };
        let deals = |change: fn(&mut DealParams)| {
            let mut params = MarketParams::default();
            change(&mut params.deals);
            params.validate()
        };
        assert_eq!(orders(|p| p.lifetime = 0), Err(ParamsError::Span(0)));
        assert_eq!(orders(|p| p.lifetime = u64::MAX), Err(ParamsError::Span(u64::MAX)));
        assert_eq!(orders(|p| p.cancel_after = 0), Err(ParamsError::Span(0)));
        assert_eq!(orders(|p| p.bond.part.0 = 10_001), Err(ParamsError::Fraction(10_001)));
        assert_eq!(orders(|p| p.capacity = 0), Err(ParamsError::Capacity));
        assert_eq!(orders(|p| p.max_quantity = 0), Err(ParamsError::Quantity(0)));
        assert_eq!(orders(|p| p.max_quantity = 32_001), Err(ParamsError::Quantity(32_001)));
        assert_eq!(deals(|p| p.deliver = 0), Err(ParamsError::Span(0)));
        assert_eq!(deals(|p| p.prove = 1_000_001), Err(ParamsError::Span(1_000_001)));
        assert_eq!(deals(|p| p.late.0 = 10_001), Err(ParamsError::Fraction(10_001)));
        assert_eq!(deals(|p| p.informer.0 = 501), Err(ParamsError::Fraction(501)));
        assert_eq!(deals(|p| p.split.seller.0 = 9_001), Err(ParamsError::Split(10_001)));
    }
}
