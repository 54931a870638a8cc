//! The lab: where a rule is tried among many nodes, before it is trusted.
//!
//! A [`Lab`] plays [`Experiment`]s: sweeps over data, models, rules, codecs, attacks and seeds, by one of three engines, and writes
//! what came out as JSON, CSV, Markdown and a page. The engines can be used by themselves:
//!
//! | engine | its nodes | what only it has |
//! |---|---|---|
//! | [`NeighbourhoodLab`] | [`Validator`](bitneuron_learning::gossip::Validator), Algorithm 3: models *and rows* of all neighbours, as sets | stake, names and sybils; rows that are pushed and capped; liars who speak last; the influence of lies |
//! | [`GossipLab`] | [`Peer`](bitneuron_learning::gossip::Peer), Algorithm 1 in every manner, one model at a time or those of a period; CHOCO; federated averaging | samplers, token accounts, models in parts, spread periods, 10⁵ nodes |
//! | [`ServerLab`] | none: gradients with momentum at a server, as in most papers | figures to compare with what others published |
//!
//! The first two meet where peers push to all neighbours and learn once a period from the set (`Gather::Period`): decentralised
//! SGD by one machine or the other, and to the same accuracy (a test plays both). Robust rules are judged by the first, for there
//! a rule gets a set that carries weights, and the liar the strongest place; what gossip costs is measured by the second.

mod codec;
mod course;
mod experiment;
mod faults;
mod gossip;
mod graph;
mod keep;
mod keys;
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
pub use experiment::{Experiment, ExperimentError, MAX_RUNS, Trial};
pub use gossip::{
    Answer, Cast, Ceiling, GossipLab, LabError, LabReport, LabRound, MakeUpdate, NodeWrapper, Parting,
    Sampling, Teller,
};
pub use graph::Graph;
pub use keys::{KEYS, Key};
pub(crate) use neighbourhood::alias;
pub use neighbourhood::{Assault, NeighbourhoodLab, Voices};
pub use published::{frontier_files, matrix_file};
pub use results::{Cell, Estimate, Rank, Results, Run};
pub use runner::{Lab, Progress};
pub use server::ServerLab;
pub use shelf::{Halves, MakeData, MakeModel};
pub use topology::Topology;
