//! Proof of Gradient: contests in which hidden test data decide who is paid for learning.
//!
//! Each listed goal has one contest after the other, all of the same span. Nobody votes on quality: the pay follows from rows that
//! were sealed before the contest began and that a beacon calls when the candidates can no longer change.
//!
//! ```text
//! any time before   examiners seal shards of test rows: a salted digest and a bond              `shard`
//! commit            validators enter a head that accepted turns led to: a salted digest, a bond  `candidate`
//! reveal            the integers of the candidates; who shows none loses the bond
//! open, 1st block   the beacon of that block draws shards by their bonds; the first are called   `lots`, `course`
//! open              their examiners show the rows, which are public from then on; who does not loses the bond, and in
//!                   the second half spare ones are called in place of those
//! score             everybody runs all candidates on all rows, a few in each block              `score`
//! score, last       pay, the bonds of the shards, the next parent                               `pay`, `successor`
//! ```
//!
//! What a candidate is measured against is the *parent*, a model that this module keeps. It is the goal's first model until a
//! contest finds a better one (`successor`). A contest is *void*, and its share is carried, when there are too few
//! shards, no candidate, or too few of the called shards are opened.
//!
//! Rows and models travel in transactions and stay in the state until the contest is over, so they are small: see
//! [`ContestParams::MAX_MODEL`] and [`ContestParams::MAX_SHARD`]. A goal with more has no contests ([`ContestFault::Large`]).

mod action;
mod candidate;
mod cluster;
mod course;
mod entry;
mod event;
mod fault;
mod lots;
mod params;
mod pay;
mod purse;
mod rank;
mod royalty;
mod score;
mod shard;
mod successor;

pub use action::ContestAction;
pub use candidate::candidate_digest;
pub use cluster::firsts;
pub use entry::{
    Candidate, Contest, Lineage, Outcome, Parent, Placing, ShardId, Sold, TestShard, contest_entry,
};
pub use event::{ContestEvent, Void};
pub use fault::ContestFault;
pub use lots::lots;
pub use params::{ContestParams, Place, Window};
pub use pay::{Entrant, Judged, divide, judge};
pub use purse::Purse;
pub use rank::{Verdict, verdicts};
pub use royalty::{most_royalties, royalties};
pub use score::{Tests, middle_mean, score};
pub use shard::seal;
pub use successor::{Ranked, successor};

use crate::key::section;
use crate::section::{Part, Section};
use bitneuron_core::{Bytes, GoalId, NodeId};

/// What the state holds of contests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contests {
    /// The contests that are on.
    pub(crate) open: Section<GoalId, Contest>,
    pub(crate) shards: Section<(GoalId, ShardId), TestShard>,
    /// The rows of those that were opened in this contest.
    pub(crate) rows: Section<(GoalId, ShardId), Bytes>,
    pub(crate) candidates: Section<(GoalId, NodeId), Candidate>,
    /// The models that were revealed in this contest.
    pub(crate) models: Section<(GoalId, NodeId), Bytes>,
    pub(crate) parents: Section<GoalId, Parent>,
    /// What was sold to each author and merged.
    pub(crate) lineages: Section<(GoalId, NodeId), Lineage>,
    /// The names of the rows that were tests in a contest, by its number.
    pub(crate) tested: Section<(GoalId, u64), Vec<u64>>,
    /// How the last contest ended.
    pub(crate) outcomes: Section<GoalId, Outcome>,
}

impl Contests {
    pub(crate) fn sections(&self) -> [(u8, &dyn Part); 9] {
        [
            (section::CONTESTS, &self.open),
            (section::TEST_SHARDS, &self.shards),
            (section::TEST_ROWS, &self.rows),
            (section::CANDIDATES, &self.candidates),
            (section::MODELS, &self.models),
            (section::PARENTS, &self.parents),
            (section::LINEAGES, &self.lineages),
            (section::TESTED, &self.tested),
            (section::OUTCOMES, &self.outcomes),
        ]
    }

    pub(crate) fn sections_mut(&mut self) -> [(u8, &mut dyn Part); 9] {
        [
            (section::CONTESTS, &mut self.open),
            (section::TEST_SHARDS, &mut self.shards),
            (section::TEST_ROWS, &mut self.rows),
            (section::CANDIDATES, &mut self.candidates),
            (section::MODELS, &mut self.models),
            (section::PARENTS, &mut self.parents),
            (section::LINEAGES, &mut self.lineages),
            (section::TESTED, &mut self.tested),
            (section::OUTCOMES, &mut self.outcomes),
        ]
    }
}
