//! Dishonest sellers: users by their [`Conduct`].

use bitneuron_compress::{Compressor, Dense, Packet};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::{Bytes, Seed};
use bitneuron_role::Conduct;

/// Claims that its model is nearly perfect.
#[derive(Debug, Clone, Copy)]
pub struct Liar;

impl Conduct for Liar {
    fn score(&self, right: u32, rows: u32) -> u32 {
        rows.saturating_sub(1).max(right.saturating_add(1))
    }
}

/// Delivers other bytes than it sold.
#[derive(Debug, Clone, Copy)]
pub struct Swapper;

impl Conduct for Swapper {
    fn delivery(&self, sold: Bytes) -> Bytes {
        Bytes(sold.iter().rev().copied().collect())
    }
}

/// Sells its model with all signs flipped, and tells the truth about its score.
#[derive(Debug, Clone, Copy)]
pub struct Flipper;

impl Conduct for Flipper {
    fn packet(&self, honest: &ExactParams) -> Option<Packet> {
        let mut flipped = honest.to_params();
        flipped.values_mut().iter_mut().for_each(|value| *value = -*value);
        Dense.compress(&flipped, Seed::default()).ok()
    }
}
