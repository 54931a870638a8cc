//! What a claim is bound to, and what it commits to.

use crate::{ChainId, Digest, Height, NodeId};
use serde::{Deserialize, Serialize};

/// The place of a claim: a proof made for one context fails in every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Context {
    /// The chain.
    pub chain: ChainId,
    /// The height whose state the claim speaks about.
    pub height: Height,
    /// Who claims.
    pub by: NodeId,
    /// What the claim is about: a deal, a goal, a query.
    pub subject: Digest,
}

/// A binding commitment to a tensor or a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Commitment {
    /// How the root was made; [`Commitment::BLAKE3_MERKLE`] today.
    pub scheme: u16,
    /// The root.
    pub root: Digest,
}

impl Commitment {
    /// A BLAKE3 Merkle tree over the canonical bytes ([`crate::merkle`]).
    pub const BLAKE3_MERKLE: u16 = 1;

    /// The commitment with this BLAKE3 Merkle root.
    pub const fn merkle(root: Digest) -> Self {
        Self { scheme: Self::BLAKE3_MERKLE, root }
    }
}
