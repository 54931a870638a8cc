//! Churn: nodes go and come back.
//!
//! Sessions and absences are independent, from a stream of each node: exponential, or drawn anew in each slot of time, or as
//! they were recorded. A scheduled kill adds to that: a node is up when neither churn nor a kill keeps it down.

use crate::{Address, Chance, Stream, distribution, link::micros};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// What being down means for a node. Either way messages that arrive meanwhile are lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outage {
    /// The process ends: timers and work are lost, and [`Node::restart`](crate::Node::restart) is called on return.
    #[default]
    Crash,
    /// The process sleeps: timers and work are kept, and those due meanwhile happen on return, in their order.
    Suspend,
}

/// How long nodes stay and are away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sessions {
    /// Exponential spans.
    Exponential {
        /// The mean length of a session.
        up: Duration,
        /// The mean length of an absence.
        down: Duration,
    },
    /// In each slot of time a node is up with this chance, whatever was before.
    Independent {
        /// The length of a slot.
        slot: Duration,
        /// How likely a node is up.
        online: Chance,
    },
    /// Recorded spans, a session and an absence in turn, repeated for ever. Node `i` lives by record `i`, counted round; a node
    /// with an empty record stays.
    Recorded(Arc<[Vec<Duration>]>),
}

/// Comings and goings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Churn {
    /// How long nodes stay and are away.
    pub sessions: Sessions,
    /// What an absence means.
    pub outage: Outage,
    /// Nodes that always stay.
    pub spared: BTreeSet<Address>,
}

impl Churn {
    /// Exponential sessions and absences of these means that suspend nodes.
    pub const fn new(up: Duration, down: Duration) -> Self {
        Self::of(Sessions::Exponential { up, down })
    }

    /// In each slot a node is up with this chance; absences suspend it.
    pub const fn independent(slot: Duration, online: Chance) -> Self {
        Self::of(Sessions::Independent { slot, online })
    }

    /// Such sessions, with absences that suspend nodes.
    pub const fn of(sessions: Sessions) -> Self {
        Self { sessions, outage: Outage::Suspend, spared: BTreeSet::new() }
    }

    /// The length of change number `change` of a node, from 0: a session where `up`, an absence otherwise.
    pub(crate) fn span(&self, node: Address, change: u64, up: bool, stream: &mut Stream) -> u64 {
        let span = match &self.sessions {
            Sessions::Exponential { up: stay, down } => {
                distribution::exponential(stream.next(), micros(if up { *stay } else { *down }))
            }
            Sessions::Independent { slot, online } => {
                slots(*online, change == 0, up, stream).saturating_mul(micros(*slot))
            }
            Sessions::Recorded(records) => recorded(records, node, change).map_or(u64::MAX, micros),
        };
        span.max(1)
    }
}

/// How many slots a node stays as it is. The first session may have none.
fn slots(online: Chance, first: bool, up: bool, stream: &mut Stream) -> u64 {
    if (up && online >= Chance::ALWAYS) || (!up && online == Chance::NEVER) {
        return u64::MAX;
    }
    let mut count = u64::from(!first);
    while stream.happens(online) == up {
        count += 1;
    }
    count
}

fn recorded(records: &[Vec<Duration>], node: Address, change: u64) -> Option<Duration> {
    let record = records.get(node as usize % records.len().max(1))?;
    // Only whole pairs: a lone session at the end would turn day into night.
    let whole = record.len() as u64 & !1;
    record.get(change.checked_rem(whole)? as usize).copied()
}
