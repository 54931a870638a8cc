//! Votes and proposals, and the bytes that are signed.
//!
//! What is signed is the statement's canonical encoding behind a domain and the chain's id
//! ([`bitneuron_core::sign::message`]), nothing else: so a certificate can rebuild the signed bytes of every vote
//! it holds, and a vote is not valid on another chain or as another kind of statement.

use bitneuron_core::{ChainId, Digest, Height, Keypair, NodeId, Signature, Wire, encode, sign};
use serde::{Deserialize, Serialize};

const VOTE: &str = "bitneuron vote v1";
const PROPOSAL: &str = "bitneuron proposal v1";

/// The two votes of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// "I have seen this block and it is valid."
    Prevote,
    /// "I have seen a quorum of prevotes for this block."
    Precommit,
}

/// What one voter says in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// The height voted on.
    pub height: Height,
    /// The round, counted from 0.
    pub round: u32,
    /// Which of the round's votes this is.
    pub stage: Stage,
    /// The block, or `None` for "no block in this round".
    pub block: Option<Digest>,
    /// The voter.
    pub by: NodeId,
}

impl Wire for Vote {
    const LIMIT: usize = 128;
}

impl Vote {
    /// Signs; `by` must be the key's name, else nobody accepts the vote.
    pub fn sign(self, key: &Keypair, chain: ChainId) -> SignedVote {
        SignedVote { vote: self, signature: key.sign(VOTE, chain, &encode(&self)) }
    }
}

/// A vote with its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignedVote {
    /// The vote.
    pub vote: Vote,
    /// The signature of [`Vote::by`].
    pub signature: Signature,
}

impl Wire for SignedVote {
    const LIMIT: usize = 192;
}

impl SignedVote {
    /// The bytes that the voter signs, for this chain.
    pub fn message(&self, chain: ChainId) -> Vec<u8> {
        sign::message(VOTE, chain, &encode(&self.vote))
    }

    /// Whether the voter really signed this, for this chain.
    pub fn is_signed(&self, chain: ChainId) -> bool {
        sign::verify(self.vote.by, VOTE, chain, &encode(&self.vote), &self.signature)
    }
}

/// Whether all these votes are signed by their voters, for this chain: checked as one batch, which costs less than half.
pub(crate) fn are_signed(
    votes: &[SignedVote],
    chain: ChainId,
    check: impl FnOnce(&[(NodeId, &[u8], Signature)]) -> bool,
) -> bool {
    let texts: Vec<_> = votes.iter().map(|signed| signed.message(chain)).collect();
    let pairs = votes.iter().zip(&texts);
    let batch: Vec<_> =
        pairs.map(|(signed, text)| (signed.vote.by, text.as_slice(), signed.signature)).collect();
    check(&batch)
}

/// The first of these votes that its voter did not sign, for this chain; one by one only when the batch does not hold.
pub fn forged(votes: &[SignedVote], chain: ChainId) -> Option<&SignedVote> {
    let all = are_signed(votes, chain, sign::verify_batch);
    if all { None } else { votes.iter().find(|signed| !signed.is_signed(chain)) }
}

/// What a proposer says: this block in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// The height.
    pub height: Height,
    /// The round, counted from 0.
    pub round: u32,
    /// The earlier round in which the block had a quorum of prevotes, when it is proposed again.
    pub proof_round: Option<u32>,
    /// The block.
    pub block: Digest,
    /// The proposer of this round.
    pub by: NodeId,
}

impl Wire for Proposal {
    const LIMIT: usize = 128;
}

impl Proposal {
    /// Signs; `by` must be the key's name, else nobody accepts the proposal.
    pub fn sign(self, key: &Keypair, chain: ChainId) -> SignedProposal {
        SignedProposal { proposal: self, signature: key.sign(PROPOSAL, chain, &encode(&self)) }
    }
}

/// A proposal with its signature. It names the block by its id, so it fits into evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SignedProposal {
    /// The proposal.
    pub proposal: Proposal,
    /// The signature of [`Proposal::by`].
    pub signature: Signature,
}

impl Wire for SignedProposal {
    const LIMIT: usize = 192;
}

impl SignedProposal {
    /// Whether the proposer really signed this, for this chain.
    pub fn is_signed(&self, chain: ChainId) -> bool {
        sign::verify(self.proposal.by, PROPOSAL, chain, &encode(&self.proposal), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::{Seed, decode};

    const CHAIN: ChainId = ChainId(Digest([1; 32]));

    #[test]
    fn a_signature_covers_every_field_and_the_chain() {
        let key = Keypair::from_seed(Seed::from_number(1));
        let vote = Vote {
            height: Height(5),
            round: 2,
            stage: Stage::Prevote,
            block: Some(Digest([2; 32])),
            by: key.id(),
        };
        let signed = vote.sign(&key, CHAIN);
        assert!(signed.is_signed(CHAIN));
        assert!(!signed.is_signed(ChainId(Digest([2; 32]))));
        let other = Keypair::from_seed(Seed::from_number(2)).id();
        for changed in [
            Vote { height: Height(6), ..vote },
            Vote { round: 3, ..vote },
            Vote { stage: Stage::Precommit, ..vote },
            Vote { block: None, ..vote },
            Vote { by: other, ..vote },
        ] {
            assert!(!SignedVote { vote: changed, ..signed }.is_signed(CHAIN), "{changed:?}");
        }
    }

    #[test]
    fn a_proposal_is_no_vote_and_bytes_have_one_form() {
        let key = Keypair::from_seed(Seed::from_number(1));
        let proposal = Proposal {
            height: Height(5),
            round: 2,
            proof_round: Some(1),
            block: Digest([2; 32]),
            by: key.id(),
        };
        let signed = proposal.sign(&key, CHAIN);
        assert!(signed.is_signed(CHAIN));
        assert!(
            !SignedProposal { proposal: Proposal { proof_round: None, ..proposal }, ..signed }
                .is_signed(CHAIN)
        );
        assert!(!sign::verify(key.id(), VOTE, CHAIN, &encode(&proposal), &signed.signature));
        let bytes = encode(&signed);
        assert_eq!(decode::<SignedProposal>(&bytes), Ok(signed));
        for at in 0..bytes.len() {
            let mut mutant = bytes.clone();
            mutant[at] ^= 1;
            assert!(
                decode::<SignedProposal>(&mutant).map_or(true, |other| !other.is_signed(CHAIN)),
                "byte {at}"
            );
        }
    }
}
