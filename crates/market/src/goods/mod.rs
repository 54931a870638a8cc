//! Goods: what can be traded, and when an offer and a bid fit.
//!
//! A book knows nothing of a good but this trait. Price and time are the book's; everything else that must agree is
//! the good's: [`Good::lot`] and [`Good::grade`] are the parts of it that a book can index, [`Good::compatible`] is
//! the whole of it.

pub mod consent;
pub mod data;

use crate::{error::MarketError, order::Order};
use bitneuron_core::{Digest, Height};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// Something that can be traded. A marker type: its values are never made.
///
/// Laws:
/// 1. *Lots are apart*: compatible orders have the same lot.
/// 2. *Grades suffice*: for compatible orders the offer's grade is at least the bid's.
/// 3. *Purity*: every method depends on its arguments only.
pub trait Good: Clone + Debug + PartialEq + Eq + Send + Sync + 'static {
    /// The market's name; part of every order's id, so that an order of one market is none of another.
    const MARKET: &'static str;
    /// The longest encoding of [`Good::Terms`] in bytes.
    const LIMIT: usize;
    /// What is promised or wanted.
    type Terms: Clone + Debug + PartialEq + Eq + Serialize + DeserializeOwned + Send + Sync;
    /// The part of a market in which orders can meet at all.
    type Lot: Clone + Debug + Ord + Send + Sync;

    /// The lot of these terms.
    fn lot(terms: &Self::Terms) -> Self::Lot;

    /// The grade that an offer promises, or the least that a bid accepts.
    fn grade(_terms: &Self::Terms) -> u64 {
        0
    }

    /// What a bid takes at most once, however many units and under however many offers it is sold; `None` when every
    /// unit is as good as the next.
    fn identity(_terms: &Self::Terms) -> Option<Digest> {
        None
    }

    /// Checks the terms of an order that is placed at this height.
    ///
    /// # Errors
    /// Why the order is refused; a good of somebody else uses [`MarketError::Terms`].
    fn check(order: &Order<Self>, at: Height) -> Result<(), MarketError>;

    /// Whether these two may trade at this height, price and time aside.
    fn compatible(offer: &Order<Self>, bid: &Order<Self>, at: Height) -> bool;
}
