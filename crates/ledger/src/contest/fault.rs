//! Why something about a contest is refused.

use super::params::ContestParams;
use bitneuron_core::Amount;
use thiserror::Error;

/// Why something about a contest is refused. Nothing has changed then, and no bond is lost for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContestFault {
    /// Only listed goals have contests.
    #[error("the goal is not listed")]
    Unlisted,
    /// Models or shards that are too large for the chain.
    #[error(
        "models of more than {} bytes, or shards of more than {}",
        ContestParams::MAX_MODEL,
        ContestParams::MAX_SHARD
    )]
    Large,
    /// No contest of this goal is on.
    #[error("no contest is on")]
    NoContest,
    /// Not in this window of the contest.
    #[error("not in this window")]
    Window,
    /// Sealed, entered, revealed, opened or known before.
    #[error("done before")]
    Repeated,
    /// No such sealed shard.
    #[error("no such sealed shard of this examiner")]
    NoShard,
    /// Less than a seal costs, or no more than the least that stands in a full registry.
    #[error("a bond of {0} where more is needed")]
    Bond(Amount),
    /// A shard that nobody asks to be opened.
    #[error("the shard is not called")]
    NotCalled,
    /// The author's head is not one that so many accepted turns led to, or none did.
    #[error("not the head of this author")]
    NoHead,
    /// The author has entered no candidate.
    #[error("no candidate of this author")]
    NoCandidate,
    /// Not what was committed to.
    #[error("not what was committed to")]
    Commitment,
    /// Bytes that are no model of the goal, or another than the head.
    #[error("not the model")]
    Model,
    /// Bytes that are no rows of the goal, or not as many as a shard has.
    #[error("not the rows of a shard")]
    Rows,
    /// More than a quarter of the rows were tests before.
    #[error("{0} of the rows were tests before")]
    Tested(usize),
}
