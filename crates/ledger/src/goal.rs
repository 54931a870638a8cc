//! The registry: goals, the data that authors step on, and the heads of their lineages.
//!
//! A goal of the genesis is *listed*: learning for it is paid ([`crate::contest`]). Anybody may register more for a price; those have heads and
//! deals but earn neither rewards nor reputation, else a goal that its owner solves at will would mine both. Each validator has its
//! own lineage for each goal, beginning with the goal's first model; *the* model of a goal is the head with the best
//! proven score, ties to the lowest name.

use crate::account::Pocket;
use crate::event::Event;
use crate::{Refused, State, TurnFault, draft::Draft};
use bitneuron_core::exact::DataRoot;
use bitneuron_core::goal::Goal;
use bitneuron_core::{Commitment, Digest, GoalId, Height, NodeId};
use serde::{Deserialize, Serialize};

/// A goal as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalEntry {
    /// The goal.
    pub goal: Goal,
    /// Whether it has contests, and its turns count for reputation.
    pub listed: bool,
}

/// The head of one validator for one goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The model.
    pub model: Commitment,
    /// How many rows were right when it was scored.
    pub right: u32,
    /// How many rows it was scored on; 0 before the first turn.
    pub rows: u32,
    /// How many turns led to it.
    pub turns: u64,
    /// The height of the last.
    pub at: Height,
}

impl Head {
    pub(crate) const fn first(goal: &Goal) -> Self {
        Self { model: goal.initial, right: 0, rows: 0, turns: 0, at: Height(0) }
    }

    /// The proven score in units of 2⁻¹⁶; zero before the first turn.
    pub fn score(&self) -> u32 {
        score(self.right, self.rows)
    }
}

/// A score in units of 2⁻¹⁶ of the rows; no rows score nothing.
pub fn score(right: u32, rows: u32) -> u32 {
    let scaled = u64::from(right.min(rows)) << 16;
    scaled.checked_div(u64::from(rows)).and_then(|score| u32::try_from(score).ok()).unwrap_or(0)
}

/// The commitment to a head, from the value of its entry ([`crate::key::head`]).
pub fn head_commitment(value: &[u8]) -> Option<Commitment> {
    crate::entry::value_of::<Head>(value).map(|head| head.model)
}

/// Whether data can serve a goal: its columns, and other features than those of the metric set, on which nobody may learn.
/// Labels may well be alike.
pub(crate) fn fits(goal: &Goal, root: &DataRoot) -> bool {
    let metric = &goal.metric_set;
    root.features != metric.features && root.columns == goal.net.features() && root.rows > 0
}

impl State {
    /// A goal.
    ///
    /// # Errors
    /// It is not registered.
    pub(crate) fn registered(&self, id: GoalId) -> Result<&GoalEntry, Refused> {
        self.goals.get(&id).ok_or(Refused::NoGoal(id))
    }

    /// Whether a goal is listed.
    pub(crate) fn is_listed(&self, id: GoalId) -> bool {
        self.goals.get(&id).is_some_and(|entry| entry.listed)
    }

    /// The head of an author: the goal's first model before any turn; `None` without such a goal.
    pub fn head(&self, goal: GoalId, author: NodeId) -> Option<Head> {
        let first = Head::first(&self.goals.get(&goal)?.goal);
        Some(self.heads.get(&(goal, author)).copied().unwrap_or(first))
    }

    /// The heads of a goal, by author.
    pub fn heads(&self, goal: GoalId) -> impl Iterator<Item = (NodeId, &Head)> {
        let (first, last) = ((goal, NodeId([0; 32])), (goal, NodeId([255; 32])));
        self.heads.range(first..=last).map(|((_, author), head)| (*author, head))
    }

    /// The model of a goal: the head with the best proven score, ties to the lowest name. `None` before any turn.
    pub fn model(&self, goal: GoalId) -> Option<(NodeId, Head)> {
        let mut best: Option<(NodeId, Head)> = None;
        for (author, head) in self.heads(goal).filter(|(_, head)| head.turns > 0) {
            if best.is_none_or(|(_, other)| head.score() > other.score()) {
                best = Some((author, *head));
            }
        }
        best
    }

    /// Whether a turn on these data may be committed at this height.
    pub fn is_usable(&self, goal: GoalId, author: NodeId, root: DataRoot, at: Height) -> bool {
        self.data.get(&(goal, author, root)).is_some_and(|usable| *usable <= at)
    }
}

impl Draft<'_> {
    pub(crate) fn register_goal(&mut self, by: NodeId, goal: &Goal) -> Result<(), Refused> {
        let id = goal.id();
        if self.state.goals.contains_key(&id) {
            return Err(Refused::Registered);
        }
        if self.state.goals.len() >= self.state.params.turns.goals as usize {
            return Err(Refused::Full("goals"));
        }
        self.state.shift(Pocket::Account(by), Pocket::Treasury, self.state.params.turns.goal_price)?;
        goal.validate()?;
        self.state.goals.set(id, GoalEntry { goal: goal.clone(), listed: false });
        self.events.push(Event::GoalRegistered(id));
        Ok(())
    }

    pub(crate) fn register_data(&mut self, by: NodeId, goal: GoalId, root: DataRoot) -> Result<(), Refused> {
        let entry = self.state.registered(goal)?;
        if !self.state.is_able(by) {
            return Err(TurnFault::Author(by).into());
        }
        if !fits(&entry.goal, &root) {
            return Err(Refused::Data);
        }
        if self.state.data.contains_key(&(goal, by, root)) {
            return Err(Refused::Registered);
        }
        let none = Commitment { scheme: 0, root: Digest::ZERO };
        let first = DataRoot { rows: 0, columns: 0, features: none, labels: none };
        let mine = self.state.data.range((goal, by, first)..);
        let mine = mine.take_while(|((for_goal, author, _), _)| (*for_goal, *author) == (goal, by));
        if mine.count() >= self.state.params.turns.data as usize {
            return Err(Refused::Full("data sets"));
        }
        let usable = Height(self.state.clock.height.0.saturating_add(self.state.params.epoch));
        self.state.data.set((goal, by, root), usable);
        self.events.push(Event::DataRegistered { goal, author: by, usable });
        Ok(())
    }
}
