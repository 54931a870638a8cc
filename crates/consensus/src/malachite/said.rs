//! What this node has signed at the open height: the last guard against contradicting itself.
//!
//! The core never votes twice on one question, as long as it remembers. Should it ever ask for a signature that contradicts an
//! earlier one, by a fault of its own or of a log, the engine stops rather than sign.

use crate::vote::{SignedProposal, Stage, Vote};
use bitneuron_core::Digest;
use std::collections::BTreeMap;

/// The node's own statements of one height.
#[derive(Debug, Default)]
pub(super) struct Said {
    votes: BTreeMap<(u32, Stage), Option<Digest>>,
    proposals: BTreeMap<u32, SignedProposal>,
}

impl Said {
    /// Notes a vote; whether it contradicts none before.
    pub(super) fn vote(&mut self, vote: &Vote) -> bool {
        *self.votes.entry((vote.round, vote.stage)).or_insert(vote.block) == vote.block
    }

    /// Notes a proposal; whether it contradicts none before.
    pub(super) fn proposal(&mut self, signed: SignedProposal) -> bool {
        self.proposals.entry(signed.proposal.round).or_insert(signed).proposal == signed.proposal
    }

    /// What was proposed in a round.
    pub(super) fn proposed(&self, round: u32) -> Option<&SignedProposal> {
        self.proposals.get(&round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vote::Proposal;
    use bitneuron_core::{ChainId, Height, Keypair, Seed};

    #[test]
    fn one_answer_for_each_question() {
        let (mut said, key) = (Said::default(), Keypair::from_seed(Seed::from_number(1)));
        let vote = |round, stage, block: Option<u8>| {
            let block = block.map(|block| Digest([block; 32]));
            Vote { height: Height(1), round, stage, block, by: key.id() }
        };
        assert!(said.vote(&vote(0, Stage::Prevote, Some(1))));
        assert!(said.vote(&vote(0, Stage::Prevote, Some(1))), "again");
        assert!(!said.vote(&vote(0, Stage::Prevote, None)));
        assert!(said.vote(&vote(0, Stage::Precommit, None)) && said.vote(&vote(1, Stage::Prevote, None)));
        let propose = |block| {
            let block = Digest([block; 32]);
            let proposal = Proposal { height: Height(1), round: 2, proof_round: None, block, by: key.id() };
            proposal.sign(&key, ChainId::default())
        };
        assert!(said.proposal(propose(1)) && said.proposal(propose(1)) && !said.proposal(propose(2)));
        assert_eq!(said.proposed(2), Some(&propose(1)));
    }
}
