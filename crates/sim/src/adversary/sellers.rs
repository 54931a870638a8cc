//! Dishonest sellers: users by their [`Conduct`].

use bitneuron_compress::{Compressor, Dense, Packet, Registry};
use bitneuron_core::{Bytes, Layout, Params, Seed};
use bitneuron_role::{Conduct, model::open_packet};
use std::sync::Arc;

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
    fn packet(&self, honest: &Packet, registry: &Registry, layout: &Arc<Layout>) -> Option<Packet> {
        let model = open_packet(registry, honest, layout).ok()?.to_params();
        let flipped = model.values().iter().map(|value| -value).collect();
        Dense.compress(&Params::new(flipped, layout.clone()).ok()?, Seed::default()).ok()
    }
}
