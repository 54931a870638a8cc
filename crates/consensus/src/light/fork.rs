//! Two decided headers of one height: what a light client reports, and whom it convicts.

use super::LightBlock;
use crate::{Evidence, SignedVote, Stage};
use bitneuron_core::{ChainId, NodeId};
use std::collections::BTreeMap;

/// Two headers of one height, each with a certificate that a client would believe.
///
/// With less than a third of the weight at fault there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The header believed first.
    pub known: LightBlock,
    /// The other.
    pub other: LightBlock,
    /// Proof against everybody who signed both in one round, for the ledger.
    pub evidence: Vec<Evidence>,
    /// Who signed both in different rounds: at least one of them broke a lock, but two signatures do not show who had reason
    /// to change.
    pub suspects: Vec<NodeId>,
    /// Members of the believed voters who signed a header with *other* voters, which no honest one does.
    pub forgers: Vec<NodeId>,
}

impl Fork {
    /// Holds two certified headers of one height against each other.
    pub fn new(known: LightBlock, other: LightBlock, chain: ChainId) -> Self {
        let votes = |block: &LightBlock| -> BTreeMap<NodeId, SignedVote> {
            block.certificate.statements(Stage::Precommit).map(|signed| (signed.vote.by, signed)).collect()
        };
        let (first, second) = (votes(&known), votes(&other));
        let both = || second.iter().filter_map(|(by, signed)| Some((*by, *first.get(by)?, *signed)));
        let evidence = both().filter_map(|(_, a, b)| Evidence::votes(a, b).ok());
        let evidence: Vec<_> = evidence.filter(|evidence| evidence.check(chain).is_ok()).collect();
        let rounds = (known.certificate.round, other.certificate.round);
        let suspects = both().filter(|_| rounds.0 != rounds.1).map(|(by, ..)| by).collect();
        let strange = known.header.voters != other.header.voters;
        let forges = |by: &&NodeId| strange && known.voters.weight_of(**by).is_some();
        let forgers = second.keys().filter(forges).copied().collect();
        Self { known, other, evidence, suspects, forgers }
    }

    /// Everybody whose guilt is shown, in order of names.
    pub fn guilty(&self) -> Vec<NodeId> {
        let mut names: Vec<_> = self.evidence.iter().map(Evidence::offender).collect();
        names.extend(&self.forgers);
        names.sort_unstable();
        names.dedup();
        names
    }
}
