//! The court: all testimony of honest nodes together.

use crate::{Certificate, Electorate, Guilt, Message, SignedVote, Stage, Testimony, vote::forged};
use bitneuron_core::{ChainId, Height, NodeId, Weight, decode};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What honest nodes have seen and said.
#[derive(Debug)]
pub(super) struct Court {
    chain: ChainId,
    heights: BTreeMap<Height, Testimony>,
    /// Messages that hold several votes, until it is known who votes.
    bundles: BTreeSet<Arc<[u8]>>,
}

impl Court {
    pub(super) const fn new(chain: ChainId) -> Self {
        Self { chain, heights: BTreeMap::new(), bundles: BTreeSet::new() }
    }

    /// Reads a vote, or keeps a bundle of votes.
    pub(super) fn hear(&mut self, bytes: &Arc<[u8]>) {
        match decode::<Message>(bytes) {
            Ok(Message::Vote(signed)) => self.add(&signed),
            Ok(Message::Round(_) | Message::Polka(_) | Message::Have { .. }) => {
                self.bundles.insert(Arc::clone(bytes));
            }
            _ => {}
        }
    }

    /// Reads the bundles that honest nodes did not refuse.
    pub(super) fn settle<'a>(&mut self, voters: impl Fn(Height) -> Option<&'a Arc<Electorate>>) {
        let quorum = |certificate: &Certificate, stage| {
            let heavy = voters(certificate.height).is_some_and(|voters| certificate.weight(voters).is_ok());
            if heavy { certificate.statements(stage).collect() } else { Vec::new() }
        };
        for bytes in std::mem::take(&mut self.bundles) {
            let votes = match decode::<Message>(&bytes) {
                Ok(Message::Round(proof)) => proof.votes,
                Ok(Message::Polka(polka)) => quorum(&polka, Stage::Prevote),
                Ok(Message::Have { certificate, .. }) => quorum(&certificate, Stage::Precommit),
                _ => Vec::new(),
            };
            if forged(&votes, self.chain).is_none() {
                votes.iter().for_each(|signed| self.add(signed));
            }
        }
    }

    fn add(&mut self, signed: &SignedVote) {
        let height = signed.vote.height;
        let testimony = self.heights.entry(height).or_insert_with(|| Testimony::new(self.chain, height));
        // A forged vote is no testimony.
        let _ = testimony.add(signed);
    }

    /// Whom it blames at each height.
    pub(super) fn blamed<'a>(
        &self,
        voters: impl Fn(Height) -> Option<&'a Arc<Electorate>>,
    ) -> Vec<(Height, NodeId, Guilt)> {
        let heights = self
            .heights
            .iter()
            .filter_map(|(height, testimony)| Some((*height, testimony.blamed(voters(*height)?))));
        heights
            .flat_map(|(height, blamed)| blamed.into_iter().map(move |(id, guilt)| (height, id, guilt)))
            .collect()
    }

    /// The weight of whom it blames at a height.
    pub(super) fn weight(&self, height: Height, voters: &Electorate) -> Weight {
        self.heights.get(&height).map_or(Weight(0), |testimony| testimony.weight(voters))
    }
}

/// Heights at which somebody voted twice, and how many of these honest nodes have evidence of.
pub(super) fn proven(
    blamed: &[(Height, NodeId, Guilt)],
    evidence: &BTreeSet<(Height, NodeId)>,
) -> (u64, u64) {
    let twice = blamed.iter().filter(|(_, _, guilt)| *guilt == Guilt::Twice);
    twice.fold((0, 0), |(seen, proven), (height, id, _)| {
        (seen + 1, proven + u64::from(evidence.contains(&(*height, *id))))
    })
}
