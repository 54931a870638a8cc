//! Churn: nodes go and come back.
//!
//! Sessions and absences are exponential and independent, from a stream of each node. A scheduled kill adds to that:
//! a node is up when neither churn nor a kill keeps it down.

use crate::{Address, Stream, distribution, link::micros};
use std::{collections::BTreeSet, time::Duration};

/// What being down means for a node. Either way messages that arrive meanwhile are lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outage {
    /// The process ends: timers and work are lost, and [`Node::restart`](crate::Node::restart) is called on return.
    #[default]
    Crash,
    /// The process sleeps: timers and work are kept, and those due meanwhile happen on return, in their order.
    Suspend,
}

/// Random sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Churn {
    /// The mean length of a session.
    pub up: Duration,
    /// The mean length of an absence.
    pub down: Duration,
    /// What an absence means.
    pub outage: Outage,
    /// Nodes that always stay.
    pub spared: BTreeSet<Address>,
}

impl Churn {
    /// Sessions and absences of these means that suspend nodes.
    pub const fn new(up: Duration, down: Duration) -> Self {
        Self { up, down, outage: Outage::Suspend, spared: BTreeSet::new() }
    }

    /// The length of the next session or absence.
    pub(crate) fn span(&self, up: bool, stream: &mut Stream) -> u64 {
        let mean = if up { self.up } else { self.down };
        distribution::exponential(stream.next(), micros(mean)).max(1)
    }
}
