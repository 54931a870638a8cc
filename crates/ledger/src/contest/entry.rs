//! What stands in the state about contests.

use bitneuron_core::hash::Hasher;
use bitneuron_core::{Amount, Bytes, Commitment, Digest, GoalId, Height, NodeId};
use bitneuron_market::OrderId;
use serde::{Deserialize, Serialize};

/// A contest that is on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contest {
    /// Its number.
    pub number: u64,
    /// How many candidates were entered.
    pub entered: u32,
    /// The shards that the beacon drew, in its order; the last ones stand by.
    pub drawn: Vec<ShardId>,
    /// How many of them are called.
    pub called: u32,
    /// The shards that were opened, in the order of the draw, once no more may be.
    pub tests: Vec<ShardId>,
    /// The parent's losses on them in micro-nats, once they are known.
    pub base: Vec<i64>,
}

/// The name of a sealed shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardId {
    /// Whose rows they are.
    pub examiner: NodeId,
    /// Their seal ([`crate::seal`]).
    pub seal: Digest,
}

impl Contest {
    /// Whether a shard is called: its examiner must open it.
    pub fn calls(&self, shard: ShardId) -> bool {
        self.drawn.iter().take(self.called as usize).any(|called| *called == shard)
    }
}

/// The contest in the value of an entry ([`crate::key::contest`]).
pub fn contest_entry(value: &[u8]) -> Option<Contest> {
    crate::entry::value_of(value)
}

/// A sealed shard of test rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestShard {
    /// When it was sealed.
    pub at: Height,
    /// What its examiner put up.
    pub bond: Amount,
}

/// A model that was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// How many were entered before it.
    pub order: u32,
    /// What its author committed to ([`crate::candidate_digest`]).
    pub digest: Digest,
    /// The head that it must be: the author's when it was entered.
    pub head: Commitment,
    /// What the author had at stake then.
    pub stake: Amount,
    /// What the author put up, until it is revealed.
    pub bond: Amount,
    /// Its losses on the tests in micro-nats, once they are known.
    pub losses: Vec<i64>,
}

impl Candidate {
    /// Whether its integers are known.
    pub fn is_revealed(&self) -> bool {
        self.bond == Amount::ZERO
    }
}

/// What candidates are measured against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Its integers ([`bitneuron_core::exact::ExactParams::to_bytes`]).
    pub model: Bytes,
    /// The contest that found it; none found the goal's first model.
    pub found: Option<u64>,
}

/// A model that an author bought and merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sold {
    /// What was paid for it.
    pub price: Amount,
    /// The model.
    pub model: Digest,
    /// Who sold it.
    pub seller: NodeId,
}

/// What was sold to an author and kept in its merges: the dearest, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Since it entered its last candidate.
    pub since: Vec<Sold>,
    /// What that candidate was made of, while its contest is on.
    pub entered: Vec<Sold>,
}

/// How a contest ended for one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placing {
    /// Whose it was.
    pub author: NodeId,
    /// By how many micro-nats it is better than the parent, beyond the margin.
    pub score: i64,
    /// Whether it was the first of its kind.
    pub first: bool,
    /// What it was paid.
    pub pay: Amount,
}

/// How a contest ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its number.
    pub contest: u64,
    /// The candidates in the order of their commitments.
    pub candidates: Vec<Placing>,
    /// How many shards tested them.
    pub tests: u32,
    /// What candidates, examiners and sellers were paid together.
    pub paid: Amount,
    /// Whether there is a new parent.
    pub moved: bool,
}

/// The escrow that holds the bond of a shard or a candidate.
pub(super) fn escrow(goal: GoalId, who: NodeId, digest: Digest) -> OrderId {
    let mut hasher = Hasher::new("bitneuron contest bond v1");
    OrderId(hasher.update(&goal.0.0).update(&who.0).update(&digest.0).finish())
}
