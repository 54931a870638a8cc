//! Why something is refused: one error for the whole crate.
//!
//! The same values name a peer's misdeed in [`crate::Effect::Offence`], so that a program can tell a garbled
//! message from a forged one.

use crate::vote::{SignedProposal, SignedVote};
use bitneuron_core::{DecodeError, Digest, Height, NodeId, Weight};
use thiserror::Error;

/// Why an electorate, a certificate, evidence, a message or an input is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// The bytes are no encoding of what they should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An electorate without members.
    #[error("no members")]
    Empty,
    /// More members or votes than allowed.
    #[error("{count} entries, at most {limit} allowed")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A member whose weight is zero.
    #[error("{0} has no weight")]
    Weightless(NodeId),
    /// A name that appears twice or out of order.
    #[error("{0} appears twice or out of order")]
    Disorder(NodeId),
    /// Three times the total weight does not fit in 64 bits.
    #[error("total weight {0} exceeds a third of 2^64")]
    TooHeavy(u128),
    /// A weight rule under which a split stake changes its weight.
    #[error("weights by {0} grow when a stake is split")]
    NotSybilNeutral(&'static str),
    /// Somebody who has no vote here.
    #[error("{0} is not a member")]
    Stranger(NodeId),
    /// Somebody whose turn it is not.
    #[error("it is not the turn of {0} to propose")]
    NotProposer(NodeId),
    /// A signature that does not verify.
    #[error("bad signature of {0}")]
    Signature(NodeId),
    /// Too little weight signed.
    #[error("weight {} signed, {} needed", signed.0, needed.0)]
    Light {
        /// The weight that signed.
        signed: Weight,
        /// The least weight that suffices.
        needed: Weight,
    },
    /// Two statements that do not contradict each other.
    #[error("not two conflicting statements of one author, in order")]
    NoConflict,
    /// Statements in one bundle that are about different things.
    #[error("a bundle of unrelated statements")]
    Unrelated,
    /// Another height than the one expected.
    #[error("height {found}, expected {expected}")]
    Height {
        /// The height received.
        found: Height,
        /// The height expected (at least).
        expected: Height,
    },
    /// The body is not what the block's name commits to.
    #[error("the body is not that of block {0}")]
    Unbound(Digest),
    /// The block belongs to another chain, height, parent, round or proposer.
    #[error("block {0} does not belong here")]
    Misplaced(Digest),
    /// The block was judged invalid; the signed proposal is what the ledger needs to punish its author.
    #[error("block {} was judged invalid", .0.proposal.block)]
    InvalidBlock(Box<SignedProposal>),
    /// A precommit for a block that was judged invalid; the signed vote is what the ledger needs to punish its author.
    #[error("precommitted an invalid block")]
    InvalidPrecommit(Box<SignedVote>),
    /// A pool from which no committee is safe enough.
    #[error("a pool of weight {} against an adversary of {}", pool.0, adversary.0)]
    Pool {
        /// The weight of the pool.
        pool: Weight,
        /// What the adversary is assumed to hold.
        adversary: Weight,
    },
    /// A committee of more seats than allowed.
    #[error("a committee of {0} seats is too large")]
    Seats(u64),
    /// No height has begun.
    #[error("no height has begun")]
    Idle,
    /// The voting core failed; the engine takes no more inputs, so that it cannot vote on a broken state.
    #[error("stopped: {0}")]
    Stopped(String),
}
