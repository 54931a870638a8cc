#![doc = include_str!("../README.md")]
//! # Tour
//! An [`Order`] says what somebody sells or buys, at which limit, until when. Its [`Good`] says what must fit besides
//! the price; [`DataMarket`] is the good of models for a goal. An [`Orderbook`] takes orders in and clears them into
//! [`Deal`]s; [`PriceTime`] is the reference. A deal waits for [`Event`]s that the ledger has judged and ends settled,
//! late or refuted. Whatever happens to tokens leaves as a [`Transfer`], and [`Escrows`] shows that none is lost.
//!
//! All amounts are checked integers in units of 10⁻⁹ token; all times are heights. An event at the height where
//! something expires or falls due is too late: spans are half-open everywhere.
//!
//! With feature `suite` the module `suite` checks the laws of [`Orderbook`] for any implementation.
#![forbid(unsafe_code)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod book;
pub mod deal;
pub mod error;
pub mod fee;
pub mod goods;
pub mod order;
pub mod params;
#[cfg(feature = "suite")]
pub mod suite;
pub mod transfer;

pub use book::{Listed, Open, OrderRecord, Orderbook, PriceTime, RecordProof, Resting};
pub use deal::{Deal, DealId, Duty, Event, State};
pub use error::{MarketError, ParamsError};
pub use fee::{BasisPoints, BondRule, FeeSplit, Shares};
pub use goods::{
    Good,
    consent::{Buyers, Consent, ConsentError},
    data::{DataMarket, DataTerms},
};
pub use order::{Order, OrderId, Side};
pub use params::{DealParams, MarketParams, OrderParams};
pub use transfer::{Escrow, Escrows, Imbalance, Payee, Transfer};
