//! What somebody does in a contest.

use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, Bytes, Digest, GoalId, NodeId};
use serde::{Deserialize, Serialize};

/// A step in a contest of a goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContestAction {
    /// Seals a shard of test rows.
    Seal {
        /// [`crate::seal`].
        seal: Digest,
        /// What the examiner puts up, at least [`crate::ContestParams::shard_bond`]: the more, the more often such a shard is called.
        bond: Amount,
    },
    /// Takes back a shard that was not called, while candidates are entered.
    Withdraw(Digest),
    /// Shows the integers of the goal's first model, which the first candidates are measured against.
    Found(Bytes),
    /// Enters the author's head as its candidate, with a bond.
    Commit {
        /// How many turns led to the head: another may settle before this is in a block.
        turns: u64,
        /// [`crate::candidate_digest`].
        digest: Digest,
    },
    /// Shows the candidate.
    Reveal {
        /// What the commitment was salted with.
        salt: Digest,
        /// Its integers ([`bitneuron_core::exact::ExactParams::to_bytes`]).
        model: Bytes,
    },
    /// Shows the rows of a shard that is called: they are public from then on.
    Open {
        /// What the seal was salted with.
        salt: Digest,
        /// The rows ([`bitneuron_core::exact::ExactData::to_bytes`]).
        rows: Bytes,
    },
}

impl ContestAction {
    /// Whether the judge is asked about it.
    pub(crate) const fn is_judged(&self) -> bool {
        matches!(self, Self::Found(_) | Self::Reveal { .. })
    }

    /// How many entries it writes.
    pub(crate) const fn writes(&self) -> u64 {
        match self {
            Self::Found(_) => 2,
            Self::Withdraw(_) => 3,
            Self::Seal { .. } | Self::Commit { .. } | Self::Reveal { .. } | Self::Open { .. } => 5,
        }
    }
}

impl State {
    /// The gas of what a step asks of everybody beside reading and writing it: hashing what it shows, and, for a
    /// candidate, running it on all shards later.
    pub(crate) fn contest_gas(&self, goal: GoalId, action: &ContestAction) -> u64 {
        let hashed = |bytes: &Bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match action {
            ContestAction::Reveal { model, .. } => {
                let entry = self.goals.get(&goal);
                let scored = entry.map_or(0, |entry| self.params.contest.score_gas(&entry.goal));
                hashed(model).saturating_add(scored)
            }
            ContestAction::Found(bytes) | ContestAction::Open { rows: bytes, .. } => hashed(bytes),
            _ => 0,
        }
    }
}

impl Draft<'_> {
    pub(crate) fn contest(
        &mut self,
        by: NodeId,
        goal: GoalId,
        action: &ContestAction,
    ) -> Result<(), Refused> {
        self.state.contested(goal)?;
        match action {
            ContestAction::Seal { seal, bond } => self.seal_shard(by, goal, *seal, *bond),
            ContestAction::Withdraw(seal) => self.withdraw_shard(by, goal, *seal),
            ContestAction::Found(model) => self.found(goal, model),
            ContestAction::Commit { turns, digest } => self.enter(by, goal, *turns, *digest),
            ContestAction::Reveal { salt, model } => self.reveal(by, goal, *salt, model),
            ContestAction::Open { salt, rows } => self.open_shard(by, goal, *salt, rows),
        }
    }
}
