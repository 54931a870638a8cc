//! What an accepted claim owes until it is final.
//!
//! Some proofs convince at once. Others are believed once a window has passed in which a beacon may *audit* the claim, so
//! that its author owes an answer, and anybody may *dispute* it, so that both parties owe moves. The ledger keeps the time
//! and the money; what an answer or a move says is judged behind [`CheckClaim`](super::CheckClaim), in bytes of the backend.

use crate::Bytes;
use serde::{Deserialize, Serialize};

/// When an accepted claim is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Settles {
    /// With the check.
    AtOnce,
    /// After this many heights without a successful doubt.
    After(u64),
}

/// What answers an audit: agreed by all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Demand {
    /// Openings of the pieces that the beacon drew.
    Openings,
    /// A whole proof of the same claim by another proof system, named by its number.
    Proof(u16),
}

/// Who owes a move in a dispute, or lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Party {
    /// Whose claim it is.
    Author,
    /// Who says that it is false.
    Challenger,
}

/// What follows from a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// Somebody owes the next move.
    Asks {
        /// Who.
        party: Party,
        /// What the referee must remember until then.
        referee: Bytes,
    },
    /// The end.
    Verdict {
        /// Who was wrong.
        guilty: Party,
    },
}
