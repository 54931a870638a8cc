//! Evidence: two statements that no honest voter signs both.
//!
//! *Double vote*: two votes of one voter for one height, round and stage. *Double proposal*: two proposals of one
//! proposer for one height and round. The pair stands in a canonical order and [`Evidence::subject`] names the
//! misdeed (who, where, of which kind) rather than the pair, so that a misdeed is punished once however many
//! pairs or signatures prove it. The ledger asks in addition whether the offender was a member at that height;
//! whether a *proposed block* holds a false claim is the ledger's own judgement, for which it takes a
//! [`SignedProposal`].

use crate::{
    Refused,
    vote::{SignedProposal, SignedVote, Stage},
};
use bitneuron_core::{ChainId, Digest, Height, NodeId, Wire, hash::Hasher};
use serde::{Deserialize, Serialize};

/// Proof of a misdeed in voting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Two votes for one height, round and stage, the lesser first.
    DoubleVote(SignedVote, SignedVote),
    /// Two proposals for one height and round, the lesser first.
    DoubleProposal(SignedProposal, SignedProposal),
}

impl Wire for Evidence {
    const LIMIT: usize = 512;
}

impl Evidence {
    /// Joins two votes in canonical order.
    ///
    /// # Errors
    /// They do not contradict each other. Signatures are checked by [`Evidence::check`].
    pub fn votes(a: SignedVote, b: SignedVote) -> Result<Self, Refused> {
        let evidence = if a.vote < b.vote { Self::DoubleVote(a, b) } else { Self::DoubleVote(b, a) };
        if evidence.is_conflict() { Ok(evidence) } else { Err(Refused::NoConflict) }
    }

    /// Joins two proposals in canonical order.
    ///
    /// # Errors
    /// They do not contradict each other. Signatures are checked by [`Evidence::check`].
    pub fn proposals(a: SignedProposal, b: SignedProposal) -> Result<Self, Refused> {
        let evidence =
            if a.proposal < b.proposal { Self::DoubleProposal(a, b) } else { Self::DoubleProposal(b, a) };
        if evidence.is_conflict() { Ok(evidence) } else { Err(Refused::NoConflict) }
    }

    /// Whether this proves a misdeed on `chain`; who committed it.
    ///
    /// # Errors
    /// No contradiction, not in order, or a bad signature.
    pub fn check(&self, chain: ChainId) -> Result<NodeId, Refused> {
        if !self.is_conflict() {
            return Err(Refused::NoConflict);
        }
        let signed = match self {
            Self::DoubleVote(a, b) => a.is_signed(chain) && b.is_signed(chain),
            Self::DoubleProposal(a, b) => a.is_signed(chain) && b.is_signed(chain),
        };
        if signed { Ok(self.offender()) } else { Err(Refused::Signature(self.offender())) }
    }

    /// Two different statements, in order, that answer the same question.
    fn is_conflict(&self) -> bool {
        match self {
            Self::DoubleVote(a, b) => {
                let (a, b) = (&a.vote, &b.vote);
                (a.by, a.height, a.round, a.stage) == (b.by, b.height, b.round, b.stage) && a < b
            }
            Self::DoubleProposal(a, b) => {
                let (a, b) = (&a.proposal, &b.proposal);
                (a.by, a.height, a.round) == (b.by, b.height, b.round) && a < b
            }
        }
    }

    /// Who is accused.
    pub fn offender(&self) -> NodeId {
        match self {
            Self::DoubleVote(a, _) => a.vote.by,
            Self::DoubleProposal(a, _) => a.proposal.by,
        }
    }

    /// The height of the misdeed.
    pub fn height(&self) -> Height {
        match self {
            Self::DoubleVote(a, _) => a.vote.height,
            Self::DoubleProposal(a, _) => a.proposal.height,
        }
    }

    /// The name of the misdeed: equal for every pair that proves the same one.
    pub fn subject(&self) -> Digest {
        let (kind, round) = match self {
            Self::DoubleVote(a, _) if a.vote.stage == Stage::Prevote => (0, a.vote.round),
            Self::DoubleVote(a, _) => (1, a.vote.round),
            Self::DoubleProposal(a, _) => (2, a.proposal.round),
        };
        let mut hasher = Hasher::new("bitneuron misdeed v1");
        hasher.update(&self.offender().0).number(self.height().0).number(u64::from(round)).number(kind);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vote::{Proposal, Vote};
    use bitneuron_core::{Keypair, Seed, decode, encode};

    const CHAIN: ChainId = ChainId(Digest([1; 32]));

    fn vote(key: &Keypair, round: u32, stage: Stage, block: Option<u8>) -> SignedVote {
        let block = block.map(|n| Digest([n; 32]));
        Vote { height: Height(3), round, stage, block, by: key.id() }.sign(key, CHAIN)
    }

    #[test]
    fn one_misdeed_has_one_form_and_one_subject() {
        let key = Keypair::from_seed(Seed::from_number(1));
        let [nil, a, b] = [None, Some(1), Some(2)].map(|block| vote(&key, 0, Stage::Prevote, block));
        let evidence = Evidence::votes(a, nil).expect("conflict");
        assert_eq!(Evidence::votes(nil, a), Ok(evidence.clone()));
        assert_eq!(evidence.check(CHAIN), Ok(key.id()));
        assert_eq!(Evidence::votes(b, a).expect("conflict").subject(), evidence.subject());
        assert_eq!(decode::<Evidence>(&encode(&evidence)), Ok(evidence.clone()));
        let later = [None, Some(1)].map(|block| vote(&key, 1, Stage::Prevote, block));
        let stage = [None, Some(1)].map(|block| vote(&key, 0, Stage::Precommit, block));
        for [x, y] in [later, stage] {
            assert_ne!(Evidence::votes(x, y).expect("conflict").subject(), evidence.subject());
        }
    }

    #[test]
    fn what_is_no_misdeed() {
        let [key, other] = [1, 2].map(|n| Keypair::from_seed(Seed::from_number(n)));
        let a = vote(&key, 0, Stage::Prevote, Some(1));
        for b in [
            a,
            vote(&key, 1, Stage::Prevote, Some(2)),
            vote(&key, 0, Stage::Precommit, Some(2)),
            vote(&other, 0, Stage::Prevote, Some(2)),
        ] {
            assert_eq!(Evidence::votes(a, b), Err(Refused::NoConflict));
            assert_eq!(Evidence::DoubleVote(a, b).check(CHAIN), Err(Refused::NoConflict));
        }
        let b = vote(&key, 0, Stage::Prevote, Some(2));
        assert_eq!(Evidence::DoubleVote(b, a).check(CHAIN), Err(Refused::NoConflict), "out of order");
        assert!(Evidence::DoubleVote(a, b).check(ChainId(Digest([2; 32]))).is_err(), "another chain");
        let framed = SignedVote { signature: a.signature, ..b };
        assert_eq!(Evidence::DoubleVote(a, framed).check(CHAIN), Err(Refused::Signature(key.id())));
    }

    #[test]
    fn two_proposals_of_a_round_are_one() {
        let key = Keypair::from_seed(Seed::from_number(1));
        let proposal =
            Proposal { height: Height(3), round: 4, proof_round: None, block: Digest([1; 32]), by: key.id() };
        let a = proposal.sign(&key, CHAIN);
        let b = Proposal { block: Digest([2; 32]), ..proposal }.sign(&key, CHAIN);
        let c = Proposal { proof_round: Some(1), ..proposal }.sign(&key, CHAIN);
        let evidence = Evidence::proposals(b, a).expect("conflict");
        assert_eq!(evidence.check(CHAIN), Ok(key.id()));
        assert_eq!(Evidence::proposals(a, c).expect("conflict").subject(), evidence.subject());
        assert_eq!(Evidence::proposals(a, a), Err(Refused::NoConflict));
        let next = Proposal { round: 5, ..proposal }.sign(&key, CHAIN);
        assert_eq!(Evidence::proposals(a, next), Err(Refused::NoConflict));
    }
}
