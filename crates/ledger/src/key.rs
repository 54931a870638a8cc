//! The keys of the entries that a light client asks for.
//!
//! A key is the number of its section, then the canonical encoding of the name. [`crate::Value::read`] reads the value as
//! the type given here.

use crate::contest::ShardId;
use crate::entry::key_of;
use crate::govern::ProposalId;
use crate::vesting::{Holder, Lock};
use bitneuron_core::{Digest, Epoch, GoalId, Height, NodeId};
use bitneuron_market::OrderId;

/// The sections of the state.
pub(crate) mod section {
    pub(crate) const CLOCK: u8 = 0;
    pub(crate) const POOLS: u8 = 1;
    pub(crate) const ACCOUNTS: u8 = 2;
    pub(crate) const ESCROWS: u8 = 3;
    pub(crate) const STAKES: u8 = 4;
    pub(crate) const STANDINGS: u8 = 5;
    pub(crate) const GOALS: u8 = 6;
    pub(crate) const DATA: u8 = 7;
    pub(crate) const HEADS: u8 = 8;
    pub(crate) const BOOK: u8 = 9;
    pub(crate) const DEALS: u8 = 10;
    pub(crate) const TURNS: u8 = 11;
    pub(crate) const FROZEN: u8 = 12;
    pub(crate) const BEACONS: u8 = 13;
    pub(crate) const ELECTORATES: u8 = 14;
    pub(crate) const MISDEEDS: u8 = 15;
    pub(crate) const ACCEPTED: u8 = 16;
    pub(crate) const PENDING: u8 = 17;
    pub(crate) const ORDERS: u8 = 18;
    pub(crate) const RECEIPTS: u8 = 19;
    pub(crate) const OPENED: u8 = 20;
    pub(crate) const TALLY: u8 = 21;
    pub(crate) const GRANTS: u8 = 22;
    pub(crate) const ATTENDANCE: u8 = 23;
    // Contests have numbers of their own from here on.
    pub(crate) const CONTESTS: u8 = 30;
    pub(crate) const TEST_SHARDS: u8 = 31;
    pub(crate) const TEST_ROWS: u8 = 32;
    pub(crate) const CANDIDATES: u8 = 33;
    pub(crate) const MODELS: u8 = 34;
    pub(crate) const PARENTS: u8 = 35;
    pub(crate) const LINEAGES: u8 = 36;
    pub(crate) const TESTED: u8 = 37;
    pub(crate) const OUTCOMES: u8 = 38;
    // Governance has numbers of its own from here on.
    pub(crate) const PARAMS: u8 = 40;
    pub(crate) const DOCKET: u8 = 41;
    pub(crate) const PROPOSALS: u8 = 42;
    pub(crate) const BALLOTS: u8 = 43;
    pub(crate) const HOLDINGS: u8 = 44;
    pub(crate) const PAUSE: u8 = 45;
    pub(crate) const TERMS: u8 = 46;
}

/// The clock: height, time, base fee. Its value is a [`crate::Clock`].
pub fn clock() -> Vec<u8> {
    key_of(section::CLOCK, &())
}

/// What is counted over an epoch, among it how dear reputation is: a [`crate::Tally`].
pub fn tally() -> Vec<u8> {
    key_of(section::TALLY, &())
}

/// The parameters by which the next block is built: [`crate::Params`].
pub fn params() -> Vec<u8> {
    key_of(section::PARAMS, &())
}

/// A proposal, a [`crate::govern::Proposal`].
pub fn proposal(id: ProposalId) -> Vec<u8> {
    key_of(section::PROPOSALS, &id)
}

/// The vote of a holder on a proposal, a [`crate::govern::Ballot`]; until some time after the proposal's end.
pub fn ballot(proposal: ProposalId, voter: NodeId) -> Vec<u8> {
    key_of(section::BALLOTS, &(proposal, voter))
}

/// Whether trade is paused, a [`crate::govern::Pause`]; absent while there never was one nor a call for one.
pub fn pause() -> Vec<u8> {
    key_of(section::PAUSE, &())
}

/// The balance of an account, locked or not: an [`bitneuron_core::Amount`].
pub fn account(id: NodeId) -> Vec<u8> {
    key_of(section::ACCOUNTS, &id)
}

/// What somebody was granted under a lock, an [`bitneuron_core::Amount`].
pub fn grant(lock: Lock, holder: Holder) -> Vec<u8> {
    key_of(section::GRANTS, &(lock, holder))
}

/// The stake of a validator, a [`crate::Stake`].
pub fn stake(id: NodeId) -> Vec<u8> {
    key_of(section::STAKES, &id)
}

/// What is known of a node, from which its reputation follows: a [`crate::Standing`].
pub fn standing(id: NodeId) -> Vec<u8> {
    key_of(section::STANDINGS, &id)
}

/// Who attended this epoch, a [`crate::Attendance`]; absent until its second block.
pub fn attendance() -> Vec<u8> {
    key_of(section::ATTENDANCE, &())
}

/// A goal, a [`crate::GoalEntry`].
pub fn goal(id: GoalId) -> Vec<u8> {
    key_of(section::GOALS, &id)
}

/// The head of a validator for a goal, a [`crate::Head`].
pub fn head(goal: GoalId, author: NodeId) -> Vec<u8> {
    key_of(section::HEADS, &(goal, author))
}

/// A deal, a [`crate::Sale`].
pub fn deal(id: Digest) -> Vec<u8> {
    key_of(section::DEALS, &id)
}

/// What accepted proofs opened of a group of hiding commitments, a [`crate::Opened`].
pub fn opened(group: Digest) -> Vec<u8> {
    key_of(section::OPENED, &group)
}

/// The contest of a goal that is on, a [`crate::Contest`].
pub fn contest(goal: GoalId) -> Vec<u8> {
    key_of(section::CONTESTS, &goal)
}

/// A sealed shard of test rows, a [`crate::TestShard`].
pub fn test_shard(goal: GoalId, shard: ShardId) -> Vec<u8> {
    key_of(section::TEST_SHARDS, &(goal, shard))
}

/// A candidate of the contest that is on, with its losses once they are known: a [`crate::Candidate`].
pub fn candidate(goal: GoalId, author: NodeId) -> Vec<u8> {
    key_of(section::CANDIDATES, &(goal, author))
}

/// What candidates for a goal are measured against, a [`crate::Parent`].
pub fn parent(goal: GoalId) -> Vec<u8> {
    key_of(section::PARENTS, &goal)
}

/// How the last contest of a goal that was paid ended, an [`crate::Outcome`].
pub fn outcome(goal: GoalId) -> Vec<u8> {
    key_of(section::OUTCOMES, &goal)
}

/// The electorate of an epoch, a [`bitneuron_consensus::Electorate`].
pub fn electorate(epoch: Epoch) -> Vec<u8> {
    key_of(section::ELECTORATES, &epoch)
}

/// Where an order stands, from its placing until it expires: an [`crate::OrderEntry`].
pub fn order(id: OrderId) -> Vec<u8> {
    key_of(section::ORDERS, &id)
}

/// What an open order says, and what it has taken: a [`bitneuron_market::Open`] of the data market. Whoever knows the order knows
/// most of it, for the id is its digest.
pub fn terms(id: OrderId) -> Vec<u8> {
    key_of(section::TERMS, &id)
}

/// The root over the receipts of one of the last 64 heights, a [`Digest`].
pub fn receipts(height: Height) -> Vec<u8> {
    key_of(section::RECEIPTS, &height)
}
