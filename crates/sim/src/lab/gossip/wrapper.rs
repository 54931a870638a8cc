//! Where adversaries come in: what a node trains on, how it trains, and what it sends can be wrapped.
//!
//! Everything that an attacker on learning does is one of these three: poisoned rows are other data, a free rider is an update
//! that does not update, and a lie is a codec that packs something else than the model that it is given. What the codec unpacks
//! is what the node receives. Codecs of honest nodes pass here too: a conspiracy that is supposed to know all models reads
//! them there.

use super::Teller;
use crate::Address;
use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::{Update, gossip::ModelCodec};
use std::fmt;
use std::sync::Arc;

/// A conspiracy that may be played in any number of labs.
pub trait NodeWrapper: Send + Sync + fmt::Debug {
    /// Those who take part in one run among so many nodes.
    fn cast(&self, nodes: u32, seed: Seed) -> Box<dyn Cast>;
}

/// The conspirators of one run. Methods are called once for each node, in the order of addresses.
pub trait Cast {
    /// Whether a node is one of them; such nodes are not judged.
    fn lies(&self, node: Address) -> bool;

    /// The rows that a node trains on.
    fn rows(&mut self, node: Address, rows: Arc<Dataset>) -> Arc<Dataset> {
        let _ = node;
        rows
    }

    /// How a node trains.
    fn update(&mut self, node: Address, update: Box<dyn Update>) -> Box<dyn Update> {
        let _ = node;
        update
    }

    /// How a node trains where what it sends follows from its model ([`GossipLab::run_choco`](super::GossipLab::run_choco)), so
    /// that a lie has to be its model.
    fn model(&mut self, node: Address, update: Box<dyn Update>) -> Box<dyn Update> {
        let _ = node;
        update
    }

    /// How a node packs its model and unpacks others'.
    fn codec(&mut self, node: Address, codec: Box<dyn ModelCodec>) -> Box<dyn ModelCodec> {
        let _ = node;
        codec
    }

    /// What a node tells other peer samplers instead of the names that its own would tell.
    fn teller(&mut self, node: Address) -> Option<Teller> {
        let _ = node;
        None
    }
}
