//! Bringing precommits before the ledger, for whoever builds a block: voters are paid for what was seen of them.

use super::Validator;
use bitneuron_consensus::SignedVote;
use bitneuron_core::{Amount, Height, NodeId, Signature};
use bitneuron_ledger::{Action, HEARD, Roll, SignedTx, Tx};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Validator {
    /// What the engine has heard and the ledger has not, as transactions for the next block.
    pub(super) fn precommits_to_bring(&mut self) -> Vec<Arc<SignedTx>> {
        let state = self.state.clone();
        let rolls = state.attendance().rolls;
        rolls.iter().flat_map(|roll| self.bring(roll, &state.missing(roll))).collect()
    }

    /// The precommits of those who are missing at a height, by round: usually all are of one.
    fn bring(&mut self, roll: &Roll, missing: &[NodeId]) -> Vec<Arc<SignedTx>> {
        let mut rounds = BTreeMap::<u32, Vec<(NodeId, Signature)>>::new();
        for SignedVote { vote, signature } in self.engine.precommits(roll.height, roll.block) {
            if missing.contains(&vote.by) {
                rounds.entry(vote.round).or_default().push((vote.by, signature));
            }
        }
        let height = roll.height;
        rounds
            .into_iter()
            .map(|(round, votes)| self.attend(Action::Attend { height, round, votes }))
            .collect()
    }

    fn attend(&mut self, action: Action) -> Arc<SignedTx> {
        self.salt = self.salt.saturating_add(1);
        let expires = Height(self.height().0.saturating_add(HEARD as u64));
        let tx = Tx { by: self.id(), expires, salt: self.salt, tip: Amount::ZERO, action };
        Arc::new(tx.sign(&self.key, self.plan.chain))
    }
}
