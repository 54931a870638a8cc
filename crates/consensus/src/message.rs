//! What validators say to each other on the wire.
//!
//! Blocks travel as their own bytes inside the message, so that a copy of a known proposal costs one hash-free
//! look at its signed part and never a second decoding. Whoever sees a vote or a proposal for the first time passes it
//! on, conflicting ones included: a vote unchanged, a proposal as [`Message::Offered`], without the block. The proposer
//! has sent the block to everybody; whoever has not got it asks those who say that they have.

use crate::{
    Block, Certificate,
    vote::{SignedProposal, SignedVote},
};
use bitneuron_core::{Bytes, Digest, Height, Wire, encode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A message between validators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A vote.
    Vote(SignedVote),
    /// A proposal with the block it names.
    Proposal {
        /// The signed statement.
        signed: SignedProposal,
        /// The encoded [`Block`].
        block: Bytes,
    },
    /// A quorum of *prevotes* for a block, in the form of a certificate.
    Polka(Certificate),
    /// Votes that justify a round.
    Round(RoundProof),
    /// Asks for the decided block of a height.
    Want(Height),
    /// Answers with a decided block and its certificate.
    Have {
        /// The encoded [`Block`].
        block: Bytes,
        /// The precommits that decided it.
        certificate: Certificate,
    },
    /// A proposal whose block the speaker has.
    Offered(SignedProposal),
    /// Asks for a block that was offered; answered with its [`Message::Proposal`], or with the decision of the height.
    Fetch {
        /// The height.
        height: Height,
        /// The block.
        block: Digest,
    },
}

/// Votes of one round that justify leaving it or jumping to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundProof {
    /// The height.
    pub height: Height,
    /// The round of the votes.
    pub round: u32,
    /// What the votes justify.
    pub kind: RoundKind,
    /// The votes, one per voter.
    pub votes: Vec<SignedVote>,
}

/// What a [`RoundProof`] justifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoundKind {
    /// Entering the round of the votes: more than a third of the weight is there.
    Enter,
    /// Leaving the round of the votes: more than two thirds of the weight have precommitted something.
    Leave,
}

impl Wire for Message {
    const LIMIT: usize = Block::LIMIT + (256 << 10);
}

impl Message {
    /// The height the message is about.
    pub fn height(&self) -> Height {
        match self {
            Self::Vote(signed) => signed.vote.height,
            Self::Proposal { signed, .. } | Self::Offered(signed) => signed.proposal.height,
            Self::Polka(certificate) | Self::Have { certificate, .. } => certificate.height,
            Self::Round(proof) => proof.height,
            Self::Want(height) | Self::Fetch { height, .. } => *height,
        }
    }

    /// The block that the message names, if it names one.
    pub fn block(&self) -> Option<Digest> {
        match self {
            Self::Vote(signed) => signed.vote.block,
            Self::Proposal { signed, .. } | Self::Offered(signed) => Some(signed.proposal.block),
            Self::Fetch { block, .. } => Some(*block),
            Self::Polka(certificate) | Self::Have { certificate, .. } => Some(certificate.block),
            Self::Round(_) | Self::Want(_) => None,
        }
    }

    /// The encoding, in the form in which one copy is shared by all receivers.
    pub fn to_bytes(&self) -> Arc<[u8]> {
        encode(self).into()
    }
}
