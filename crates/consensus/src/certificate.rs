//! Certificates: the precommits of more than two thirds of the weight for one block.
//!
//! A certificate and the electorate of its height are all that a light client needs. Two certificates for
//! different blocks of one height share voters of more than a third of the weight, who each signed both: that is
//! evidence against every one of them, unless the votes are of different rounds (then a lock was broken).

use crate::{
    Electorate, Refused,
    vote::{SignedVote, Stage, Vote, forged},
};
use bitneuron_core::{ChainId, Digest, Height, NodeId, Signature, Weight, Wire};
use serde::{Deserialize, Serialize};

/// Proof that a block was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The height.
    pub height: Height,
    /// The round in which the block was decided.
    pub round: u32,
    /// The block.
    pub block: Digest,
    /// Who signed, sorted by name, with the signatures of their precommits.
    pub votes: Vec<(NodeId, Signature)>,
}

impl Wire for Certificate {
    const LIMIT: usize = 128 << 10;
}

impl Certificate {
    /// The signed votes of which the certificate consists, were they of `stage`.
    pub fn statements(&self, stage: Stage) -> impl Iterator<Item = SignedVote> + '_ {
        self.votes.iter().map(move |(by, signature)| {
            let vote =
                Vote { height: self.height, round: self.round, stage, block: Some(self.block), by: *by };
            SignedVote { vote, signature: *signature }
        })
    }

    /// The weight of the signers, whose signatures are *not* looked at.
    ///
    /// # Errors
    /// Names out of order or twice, a stranger, or no quorum.
    pub fn weight(&self, electorate: &Electorate) -> Result<Weight, Refused> {
        if let Some(pair) = self.votes.array_windows().find(|[a, b]| a.0 >= b.0) {
            return Err(Refused::Disorder(pair[1].0));
        }
        let signed = electorate.weigh(self.votes.iter().map(|vote| vote.0))?;
        let needed = electorate.quorum();
        if signed < needed { Err(Refused::Light { signed, needed }) } else { Ok(signed) }
    }
}

/// Checks certificates.
pub trait CheckCertificate: Send + Sync {
    /// Whether `certificate` proves its block to be decided by `electorate`, which must be that of its height.
    ///
    /// # Errors
    /// A stranger or a repeated name among the signers, too little weight, or a bad signature.
    fn check(&self, certificate: &Certificate, electorate: &Electorate) -> Result<(), Refused>;
}

const _: Option<&dyn CheckCertificate> = None;

/// The reference: sorted unique members, more than two thirds of the weight, every signature valid. Signatures are verified
/// as one batch; by the rule of [`bitneuron_core::sign`] the verdict about one never depends on the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuorumCheck {
    /// The chain whose certificates are checked.
    pub chain: ChainId,
}

impl CheckCertificate for QuorumCheck {
    fn check(&self, certificate: &Certificate, electorate: &Electorate) -> Result<(), Refused> {
        certificate.weight(electorate)?;
        let votes: Vec<_> = certificate.statements(Stage::Precommit).collect();
        forged(&votes, self.chain).map_or(Ok(()), |vote| Err(Refused::Signature(vote.vote.by)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::{Epoch, Keypair, Seed, decode, encode};

    const CHAIN: ChainId = ChainId(Digest([1; 32]));
    const BLOCK: Digest = Digest([4; 32]);

    fn keys() -> Vec<Keypair> {
        let mut keys: Vec<_> = (0..4).map(|n| Keypair::from_seed(Seed::from_number(n))).collect();
        keys.sort_by_key(Keypair::id);
        keys
    }

    fn certificate(signers: &[usize]) -> (Certificate, Electorate) {
        let keys = keys();
        let weights = [36, 30, 20, 14].map(Weight);
        let members = keys.iter().map(Keypair::id).zip(weights);
        let electorate = Electorate::new(Epoch(0), members, Digest::ZERO).expect("allowed");
        let vote = |key: &Keypair| Vote {
            height: Height(7),
            round: 1,
            stage: Stage::Precommit,
            block: Some(BLOCK),
            by: key.id(),
        };
        let sign = |at: &usize| (keys[*at].id(), vote(&keys[*at]).sign(&keys[*at], CHAIN).signature);
        let votes = signers.iter().map(sign).collect();
        (Certificate { height: Height(7), round: 1, block: BLOCK, votes }, electorate)
    }

    #[test]
    fn more_than_two_thirds_certify() {
        let check = QuorumCheck { chain: CHAIN };
        let (good, electorate) = certificate(&[0, 1, 3]);
        assert_eq!(check.check(&good, &electorate), Ok(()));
        assert_eq!(decode::<Certificate>(&encode(&good)), Ok(good.clone()));
        let (light, _) = certificate(&[0, 1]);
        let refused = Refused::Light { signed: Weight(66), needed: Weight(67) };
        assert_eq!(check.check(&light, &electorate), Err(refused));
        let (twice, _) = certificate(&[0, 0, 1]);
        assert!(matches!(check.check(&twice, &electorate), Err(Refused::Disorder(_))));
        let (unsorted, _) = certificate(&[1, 0, 3]);
        assert!(matches!(check.check(&unsorted, &electorate), Err(Refused::Disorder(_))));
    }

    #[test]
    fn forgeries_are_refused() {
        let check = QuorumCheck { chain: CHAIN };
        let (good, electorate) = certificate(&[0, 1, 2, 3]);
        let other_chain = QuorumCheck { chain: ChainId(Digest([2; 32])) };
        let first = Err(Refused::Signature(good.votes[0].0));
        assert_eq!(other_chain.check(&good, &electorate), first);
        for forged in [
            Certificate { height: Height(8), ..good.clone() },
            Certificate { round: 0, ..good.clone() },
            Certificate { block: Digest([5; 32]), ..good.clone() },
        ] {
            assert_eq!(check.check(&forged, &electorate), first);
        }
        let mut swapped = good.clone();
        (swapped.votes[2].1, swapped.votes[3].1) = (good.votes[3].1, good.votes[2].1);
        assert_eq!(check.check(&swapped, &electorate), Err(Refused::Signature(good.votes[2].0)));
        let mut stranger = good;
        stranger.votes.push((NodeId([255; 32]), stranger.votes[0].1));
        assert_eq!(check.check(&stranger, &electorate), Err(Refused::Stranger(NodeId([255; 32]))));
    }
}
