//! The lab: where a rule is tried among many nodes, before it is trusted.
//!
//! [`GossipLab`] plays Algorithm 1 of any model among any number of nodes and measures it round by round.

mod gossip;

pub use crate::rows::Rows;
pub use gossip::{GossipLab, LabError, LabReport, LabRound};
