//! Market: orders placed and matched.

use super::{Options, attempt};
use crate::{
    Failure,
    cost::{cpu_of, median_of},
    reading::Reading,
    scene::orders,
};

/// Orders of one sample.
const ORDERS: u64 = 100_000;

pub(super) fn measure(options: Options) -> Vec<Reading> {
    let mut readings = attempt("orders_per_second", || {
        let rate = ours()?;
        Ok(vec![Reading::row("orders_per_second", rate).note("blocks of 1,000 orders, cleared after each")])
    });
    let ours = readings.first().and_then(|reading| reading.value);
    readings.extend(attempt("orders_vs_orderbook_rs", || compare(ours, options)));
    readings
}

fn ours() -> Result<f64, Failure> {
    median_of(|| {
        let orders: Vec<_> = (0..ORDERS).map(orders::order).collect();
        let (deals, seconds) = cpu_of(|| orders::play(orders));
        deals?;
        Ok(ORDERS as f64 / seconds)
    })
}

fn compare(ours: Option<f64>, options: Options) -> Result<Vec<Reading>, Failure> {
    if !options.peers {
        return Err("needs --peers".into());
    }
    let ours = ours.ok_or("ours is not known")?;
    let peer = peer()?;
    Ok(vec![
        Reading::row("orders_vs_orderbook_rs", ours / peer),
        Reading::extra("orderbook_rs_orders_per_second", "1/s", peer),
    ])
}

#[cfg(feature = "peers")]
fn peer() -> Result<f64, Failure> {
    crate::peer::orderbook::orders_per_second(ORDERS)
}

#[cfg(not(feature = "peers"))]
fn peer() -> Result<f64, Failure> {
    Err("needs the cargo feature `peers`".into())
}
