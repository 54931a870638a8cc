//! The lab: where a rule is tried among many nodes, before it is trusted.
//!
//! A [`Lab`] plays [`Experiment`]s: sweeps over data, models, rules, codecs, attacks and seeds, by one of three engines, and writes
//! what came out as JSON, CSV, Markdown and a page. The engines can be used by themselves:
//!
//! * [`NeighbourhoodLab`]: a node merges the models of all its neighbours as a set; here robust rules play;
//! * [`GossipLab`]: Algorithm 1, one model at a time;
//! * [`ServerLab`]: gradients at a server, as in most papers, for comparison.

mod codec;
mod course;
mod experiment;
mod gossip;
mod graph;
mod keep;
mod neighbourhood;
mod published;
mod report;
mod results;
mod runner;
mod server;
mod shelf;
mod topology;
mod trial;

pub use crate::rows::Rows;
pub use codec::{CODECS, codec};
pub use course::{Course, Point};
pub use experiment::{Experiment, ExperimentError, KEYS, Key, MAX_RUNS, Trial};
pub use gossip::{
    Answer, Cast, Ceiling, GossipLab, LabError, LabReport, LabRound, MakeUpdate, NodeWrapper, Parting,
    Sampling, Teller,
};
pub use graph::Graph;
pub(crate) use neighbourhood::alias;
pub use neighbourhood::{Assault, NeighbourhoodLab, Voices};
pub use published::frontier_files;
pub use results::{Cell, Estimate, Rank, Results, Run};
pub use runner::{Lab, Progress};
pub use server::ServerLab;
pub use shelf::{Halves, MakeData, MakeModel};
pub use topology::Topology;
