//! What happens in contests.

use super::entry::ShardId;
use bitneuron_core::{Amount, GoalId, NodeId};
use serde::{Deserialize, Serialize};

/// Why a contest paid nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Void {
    /// Nobody has shown the integers of the goal's first model.
    Parent,
    /// Too few sealed shards.
    Shards,
    /// No candidate was revealed.
    Candidates,
    /// Too few of the called shards were opened.
    Opened,
}

/// Something that happened in a contest. Exhaustive on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContestEvent {
    /// A shard of test rows was sealed.
    Sealed(ShardId),
    /// A sealed shard was taken back.
    Withdrawn(ShardId),
    /// A sealed shard made room for one with a higher bond, and its own was given back.
    Displaced(ShardId),
    /// The integers of the goal's first model are known.
    Founded,
    /// A contest is on from the next height on.
    Begun {
        /// Its number.
        contest: u64,
        /// How many shards may be called.
        shards: u32,
    },
    /// A candidate was entered.
    Entered {
        /// Whose.
        author: NodeId,
    },
    /// A candidate was revealed.
    Revealed {
        /// Whose.
        author: NodeId,
    },
    /// Shards are called.
    Called(Vec<ShardId>),
    /// A called shard was opened: its rows are public.
    Opened(ShardId),
    /// A bond was lost: a candidate was not revealed, a called shard not opened or at odds with the others.
    Forfeited {
        /// Whose.
        who: NodeId,
        /// How much.
        amount: Amount,
    },
    /// The losses of candidates are known.
    Scored {
        /// Whose.
        authors: Vec<NodeId>,
    },
    /// A contest is over and paid: see [`crate::Outcome`].
    Paid {
        /// Its number.
        contest: u64,
        /// What candidates, examiners and sellers got together.
        amount: Amount,
        /// Whether candidates are measured against a new parent from now on.
        moved: bool,
    },
    /// A contest is over, or did not begin, and pays nothing; what it would have paid stays for later ones.
    Void {
        /// Its number.
        contest: u64,
        /// Why.
        why: Void,
    },
}

impl ContestEvent {
    pub(crate) fn concerns(&self) -> Vec<NodeId> {
        match self {
            Self::Sealed(shard) | Self::Withdrawn(shard) | Self::Displaced(shard) | Self::Opened(shard) => {
                vec![shard.examiner]
            }
            Self::Entered { author } | Self::Revealed { author } => vec![*author],
            Self::Forfeited { who, .. } => vec![*who],
            Self::Called(shards) => shards.iter().map(|shard| shard.examiner).collect(),
            Self::Scored { authors } => authors.clone(),
            Self::Founded | Self::Begun { .. } | Self::Paid { .. } | Self::Void { .. } => Vec::new(),
        }
    }

    pub(crate) const fn of(self, goal: GoalId) -> crate::Event {
        crate::Event::Contest { goal, what: self }
    }
}
