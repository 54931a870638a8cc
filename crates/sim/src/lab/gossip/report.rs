//! What came out of a lab, and why none could be played.

use crate::{Address, Tally};
use bitneuron_compress::CompressError;
use bitneuron_core::{Digest, params::ParamsError};
use bitneuron_learning::{
    ModelError, UpdateError, eval::Spread, gossip::GossipError, partition::PartitionError,
};
use bitneuron_net::SamplingError;
use thiserror::Error;

/// Why a lab could not be played.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabError {
    /// A setting that makes no network.
    #[error("{0} must be positive")]
    Setting(&'static str),
    /// Settings that do not go together.
    #[error("{0}")]
    Together(&'static str),
    /// The rows cannot be spread as asked.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The data do not fit the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The data cannot be learned from.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// The compressor loses too much of a model.
    #[error(transparent)]
    Codec(#[from] CompressError),
    /// The peer sampler cannot have these sizes.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// The model cannot be cut like this.
    #[error(transparent)]
    Parts(#[from] ParamsError),
    /// A peer refused its own turn.
    #[error("node {node}: {why}")]
    Peer {
        /// Which node.
        node: Address,
        /// Why.
        why: GossipError,
    },
}

/// The state at the end of a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabRound {
    /// Its number, from 1.
    pub round: u64,
    /// The worst, mean and best accuracy of the judged nodes.
    pub accuracy: Spread,
    /// Messages sent so far.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What the same rows and updates reach where there is a centre, after as many passes over them as there were rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceiling {
    /// All rows in one place.
    pub centralised: f64,
    /// Rows with the nodes, and a server that averages all of them in every round, over the same links.
    pub federated: f64,
    /// The bytes of that.
    pub federated_bytes: u64,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct LabReport {
    /// One entry for each round.
    pub rounds: Vec<LabRound>,
    /// What became of all messages.
    pub tally: Tally,
    /// Packets that could not be used.
    pub offences: u64,
    /// The mean entropy of the labels that a node holds, in bits.
    pub label_entropy: f64,
    /// In how many pieces the graph is; models never reach from one to another.
    pub pieces: u32,
    /// Whom the sampler of each node showed it in the end, where nodes have samplers.
    pub views: Option<Vec<Vec<Address>>>,
    /// What a centre would have reached, if asked for.
    pub ceiling: Option<Ceiling>,
    /// The hash over every event, if asked for.
    pub trace: Option<Digest>,
}

impl LabReport {
    /// The mean accuracy of the nodes judged last; zero of no rounds.
    pub fn accuracy(&self) -> f64 {
        self.rounds.last().map_or(0.0, |last| last.accuracy.mean)
    }

    /// All messages sent.
    pub fn messages(&self) -> u64 {
        self.rounds.last().map_or(0, |last| last.messages)
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        self.rounds.last().map_or(0, |last| last.bytes)
    }

    /// The first round at whose end the mean accuracy was at least this.
    pub fn reached(&self, accuracy: f64) -> Option<&LabRound> {
        self.rounds.iter().find(|round| round.accuracy.mean >= accuracy)
    }
}
