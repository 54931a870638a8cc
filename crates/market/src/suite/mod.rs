//! The laws of [`Orderbook`] as checks for anybody's implementation.
//!
//! A trial feeds a book of [`DataMarket`] goods a random stream of orders, replays, cancellations, clearings,
//! events and lapses, most of them valid, and writes down what the book does. Each law is then a property of that log.
//! Cases come from a seed, so a violation repeats.

mod laws;
mod stream;
mod trial;

use crate::{book::Orderbook, goods::data::DataMarket, params::MarketParams, transfer::Imbalance};
use bitneuron_core::Seed;
use thiserror::Error;

/// The law that was broken, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// Law 1.
    #[error("conservation: {0}")]
    Conservation(&'static str),
    /// Law 1, as a stream of transfers shows it.
    #[error("conservation: {0}")]
    Imbalance(#[from] Imbalance),
    /// Law 2.
    #[error("limits: {0}")]
    Limits(&'static str),
    /// Law 3.
    #[error("fit: {0}")]
    Fit(&'static str),
    /// Law 4.
    #[error("price: {0}")]
    Price(&'static str),
    /// Law 5.
    #[error("time: {0}")]
    Time(&'static str),
    /// Law 6.
    #[error("exhaustion: {0}")]
    Exhaustion(&'static str),
    /// Law 7.
    #[error("return: {0}")]
    Return(&'static str),
    /// Law 8.
    #[error("replay: {0}")]
    Replay(&'static str),
    /// Law 9.
    #[error("refusal is free: {0}")]
    Refusal(&'static str),
    /// Law 10.
    #[error("merit: {0}")]
    Merit(&'static str),
    /// Law 11.
    #[error("binding: {0}")]
    Binding(&'static str),
    /// Law 12.
    #[error("determinism: {0}")]
    Determinism(&'static str),
    /// Law 13.
    #[error("service: {0}")]
    Service(&'static str),
}

/// Checks all laws on a few trials. `make` gives an empty book with these parameters.
///
/// # Errors
/// The first law broken.
pub fn check<B: Orderbook<DataMarket>>(
    make: impl Fn(MarketParams) -> B,
    seed: Seed,
) -> Result<(), Violation> {
    for number in 0..6 {
        let seed = seed.derive_number("trial", number);
        let log = trial::run(make(stream::params()), seed);
        laws::all(&log)?;
        if !log.repeats(&trial::run(make(stream::params()), seed)) {
            return Err(Violation::Determinism("a second run differs"));
        }
    }
    Ok(())
}
