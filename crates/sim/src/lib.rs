#![doc = include_str!("../README.md")]
//! # Tour
//! A [`World`] owns [`Node`]s and takes events from its [`Queue`], one at a time. The node concerned is called with a
//! [`Context`]; the commands it gives there are performed in order when it returns. A message goes through the
//! [`Network`], which may delay, lose or block it; work occupies the node's one virtual processor; [`Churn`] and
//! [`World::kill`] take nodes down and up.
//!
//! Everything is integers and everything random is a function of one seed, in such a way that nodes do not disturb
//! each other's luck: each has its own [`Stream`], and the fate of a message depends on its sender and on how many it
//! sent before. So a scenario can be cut down, and what remains happens as before.
//!
//! Protocols are [`Machine`](bitneuron_core::Machine)s; [`MachineNode`] puts one into the world with a [`Bridge`] that
//! translates its inputs and effects. A [`Player`] is a node that may be an adversary.
#![forbid(unsafe_code)]

pub mod adversary;
mod ahead;
pub mod attack;
pub mod churn;
pub mod contest;
pub mod digits;
pub mod distribution;
pub mod lab;
pub mod link;
pub mod machine_node;
pub mod meter;
mod model;
pub mod node;
mod place;
pub mod queue;
mod rehearsal;
pub mod report;
pub mod role_node;
mod rows;
pub mod scenario;
mod slab;
pub mod stream;
#[cfg(feature = "suite")]
pub mod suite;
pub mod trace;
mod unread;
pub mod world;

pub use adversary::{Player, Scene, Tactic};
pub use churn::{Churn, Outage, Sessions};
pub use link::{Blocks, Latency, Link, Network, Partition, Quantiles};
pub use machine_node::{Bridge, MachineNode};
pub use meter::{Meter, Tally};
pub use node::{Address, Command, Context, Node, Parcel, Payload};
pub use queue::Queue;
pub use stream::{Chance, Stream};
pub use trace::Trace;
pub use world::{Setting, World};
