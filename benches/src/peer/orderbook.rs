//! `orderbook-rs`: a lock-free price-time book. It matches an order when it is added.

use crate::{
    Failure,
    cost::{cpu_of, median_of},
    scene::orders::{Plain, plain},
};
use orderbook_rs::{Id, OrderBook, Side, TimeInForce};

/// Orders that it places and matches in a CPU second, of the stream that ours is measured on.
///
/// # Errors
/// It refuses an order.
pub fn orders_per_second(count: u64) -> Result<f64, Failure> {
    median_of(|| {
        let orders: Vec<Plain> = (0..count).map(plain).collect();
        let book: OrderBook = OrderBook::new("goal");
        let (result, seconds) = cpu_of(|| play(&book, &orders));
        result?;
        Ok(count as f64 / seconds)
    })
}

fn play(book: &OrderBook, orders: &[Plain]) -> Result<(), Failure> {
    for (number, Plain { sells, price }) in (1..).zip(orders) {
        let side = if *sells { Side::Sell } else { Side::Buy };
        book.add_limit_order(Id::from_u64(number), u128::from(*price), 1, side, TimeInForce::Gtc, None)?;
    }
    Ok(())
}
