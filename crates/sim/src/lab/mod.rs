//! The lab: where a rule is tried among many nodes, before it is trusted.
//!
//! [`GossipLab`] plays Algorithm 1 of any model among any number of nodes and measures it round by round.

mod gossip;
mod graph;
mod topology;

pub use crate::rows::Rows;
pub use gossip::{
    Answer, Cast, Ceiling, GossipLab, LabError, LabReport, LabRound, MakeUpdate, NodeWrapper, Parting,
    Sampling, Teller,
};
pub use graph::Graph;
pub use topology::Topology;
