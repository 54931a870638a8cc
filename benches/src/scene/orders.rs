//! A stream of orders for one goal, half offers, half bids, about two of three of which find a partner.
//!
//! Limits are uniform in 1 … 1,000 tokens, each order one unit, all models of one score: what a plain price-time book of
//! any library can play too.

use crate::Failure;
use bitneuron::{
    core::{Amount, Commitment, Digest, GoalId, Height, NodeId, Outbox, Seed},
    market::{
        Buyers, Consent, DataMarket, DataTerms, MarketParams, Order, OrderParams, Orderbook as _, PriceTime,
        Side,
    },
};

/// Orders in a block; the book is cleared after each.
pub const BLOCK: usize = 1_000;
/// The highest limit, in tokens.
const HIGHEST: u64 = 1_000;

/// What of an order any book understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain {
    /// Whether it sells.
    pub sells: bool,
    /// Its limit in tokens.
    pub price: u64,
}

/// The order of this number.
pub fn plain(number: u64) -> Plain {
    let [a, b, c, ..] = Seed::from_number(number).0;
    let drawn = u64::from(u16::from_le_bytes([a, b]));
    Plain { sells: c.is_multiple_of(2), price: 1 + drawn * HIGHEST / 65_536 }
}

/// The same as an order of the data market.
pub fn order(number: u64) -> Order<DataMarket> {
    let Plain { sells, price } = plain(number);
    let name = Digest(Seed::from_number(number).derive("order").0);
    let goal = GoalId(Digest([7; 32]));
    let consent = Consent { goals: vec![goal], buyers: Buyers::Anyone, until: Height(u64::MAX), uses: 1 };
    let terms = if sells {
        DataTerms::Offer { goal, packet: name, model: Commitment::merkle(name), score: 100, consent }
    } else {
        DataTerms::Bid { goal, min_score: 100 }
    };
    Order {
        by: NodeId(name.0),
        side: if sells { Side::Offer } else { Side::Bid },
        price: Amount::tokens(price),
        quantity: 1,
        terms,
        expires: Height(10_000),
        nonce: number,
        bond: if sells { Amount::tokens(HIGHEST / 10) } else { Amount::ZERO },
    }
}

/// Places orders in blocks, clears after each, and returns the number of deals.
///
/// # Errors
/// The book refuses an order.
pub fn play(orders: Vec<Order<DataMarket>>) -> Result<usize, Failure> {
    let rules = OrderParams { capacity: u32::MAX, ..OrderParams::default() };
    let mut book = PriceTime::new(MarketParams { orders: rules, ..MarketParams::devnet() })?;
    let (mut out, mut deals, mut height) = (Outbox::new(), 0, Height(0));
    let mut orders = orders.into_iter().peekable();
    while orders.peek().is_some() {
        height = Height(height.0 + 1);
        for order in orders.by_ref().take(BLOCK) {
            book.place(order, height, &mut out)?;
        }
        deals += book.clear(height, &mut out).len();
        std::hint::black_box(out.drain().count());
    }
    Ok(deals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_half_and_many_meet() {
        let sells = (0..10_000).filter(|number| plain(*number).sells).count();
        assert!((4_700..5_300).contains(&sells), "{sells}");
        let deals = play((0..10_000).map(order).collect()).unwrap();
        assert!((2_400..4_000).contains(&deals), "{deals}");
    }
}
