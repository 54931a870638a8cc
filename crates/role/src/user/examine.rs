//! Examining: rows that a user set aside test the candidates of one contest.
//!
//! The user seals them when it enters the network, and does not train on them. They stay with it until a validator proves that
//! the chain calls them; then they are shown to all, are no test any more, and the user trains on them, too.

use super::User;
use crate::message::Notice;
use crate::role::{Effect, Report};
use bitneuron_core::exact::ExactData;
use bitneuron_core::{Bytes, Dataset, Digest, NodeId, Outbox, Seed};
use bitneuron_ledger::{Action, ContestAction, ShardId, contest_entry, key, seal};
use std::sync::Arc;

/// A shard that is sealed and not opened.
#[derive(Debug)]
pub(super) struct Shard {
    salt: Digest,
    rows: Bytes,
    /// How many they are, the last of all the data.
    count: usize,
    data: Arc<Dataset>,
}

impl Shard {
    /// The last `count` rows of somebody's data; none where there is nothing to set aside.
    pub(super) fn new(data: &Arc<Dataset>, count: usize, seed: Seed) -> Option<Self> {
        let first = data.len().checked_sub(count).filter(|_| count > 0)?;
        let rows: Vec<usize> = (first..data.len()).collect();
        let rows = ExactData::from_dataset(&data.select(&rows)).ok()?.to_bytes();
        Some(Self { salt: Digest(seed.derive("test shard").0), rows, count, data: data.clone() })
    }

    /// What there is to train on meanwhile.
    pub(super) fn rest(&self) -> Arc<Dataset> {
        let rows: Vec<usize> = (0..self.data.len().saturating_sub(self.count)).collect();
        Arc::new(self.data.select(&rows))
    }
}

impl User {
    /// The name of its shard on the chain.
    fn shard_id(&self, shard: &Shard) -> ShardId {
        let (chain, goal, examiner) = (self.plan.chain, self.plan.goal.id(), self.id());
        ShardId { examiner, seal: seal(chain, goal, examiner, shard.salt, &shard.rows) }
    }

    /// Seals its shard, if it has one.
    pub(super) fn seal(&mut self, out: &mut Outbox<Effect>) {
        let Some(seal) = self.shard.as_ref().map(|shard| self.shard_id(shard).seal) else { return };
        let bond = self.params.1.contest.shard_bond;
        let (goal, step) = (self.plan.goal.id(), ContestAction::Seal { seal, bond });
        self.submit(Action::Contest { goal, step }, out);
    }

    /// A validator shows that a contest calls this user's shard: open it.
    pub(super) fn called(&mut self, from: NodeId, notice: &Notice, out: &mut Outbox<Effect>) {
        let Some(own) = self.shard.as_ref().map(|shard| self.shard_id(shard)) else { return };
        let goal = self.plan.goal.id();
        let proved = self.light.entry(from, notice, &key::contest(goal)).ok().flatten();
        let calls =
            proved.and_then(|value| contest_entry(&value.0)).is_some_and(|contest| contest.calls(own));
        if !calls {
            let why = "showed no contest that calls this shard".to_owned();
            return out.push(Effect::Report(Report::Offence { by: from, why }));
        }
        if let Some(Shard { salt, rows, data, .. }) = self.shard.take() {
            self.whole = Some(data);
            let step = ContestAction::Open { salt, rows };
            self.submit(Action::Contest { goal, step }, out);
        }
    }
}
