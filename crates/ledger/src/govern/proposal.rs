//! Proposals, from the deposit to their end, and the votes on them.

use super::ballot::{Ballot, Choice, Votes};
use super::fault::GovernFault;
use super::motion::Motion;
use super::params::Rule;
use crate::account::Pocket;
use crate::event::Event;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, Digest, Epoch, NodeId};
use bitneuron_market::OrderId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of a proposal, counted from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProposalId(pub u64);

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proposal {}", self.0)
    }
}

impl ProposalId {
    /// The escrow that holds the deposit.
    pub(super) fn deposit(self) -> Pocket {
        let name = Digest::of("bitneuron proposal's deposit v1", &self.0.to_le_bytes());
        Pocket::Escrow(OrderId(name))
    }
}

/// How a proposal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It passed and was done.
    Done,
    /// It passed, but could not be done any more.
    Void,
    /// Too few were for it.
    Rejected,
    /// Too many would not have it at all.
    Vetoed,
    /// Too few voted.
    NoQuorum,
    /// Too little in all could vote when its votes were to be counted.
    Asleep,
}

impl Outcome {
    /// Whether the deposit is lost.
    pub const fn costs(self) -> bool {
        matches!(self, Self::Vetoed | Self::NoQuorum)
    }
}

/// Where a proposal is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Votes will be taken, or are.
    Open,
    /// It passed, and is done at the end of this epoch.
    Passed(Epoch),
    /// It is over.
    Over {
        /// Since the end of this epoch.
        at: Epoch,
        /// How it ended.
        outcome: Outcome,
    },
}

/// A proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Whose it is: who put the deposit down.
    pub by: NodeId,
    /// What is proposed.
    pub motion: Motion,
    /// What it takes, as it was when it was proposed.
    pub rule: Rule,
    /// At the beginning of this epoch tokens are counted; votes are taken from the next one on.
    pub snapshot: Epoch,
    /// What all could vote with then; zero before.
    pub votable: Amount,
    /// What was voted.
    pub votes: Votes,
    /// Where it is.
    pub stage: Stage,
}

fn later(epoch: Epoch, by: u64) -> Epoch {
    Epoch(epoch.0.saturating_add(by))
}

impl Proposal {
    /// The most proposals of one kind that are not over, so that nobody fills the docket for another kind.
    pub const MAX_OPEN: usize = 8;

    /// The first epoch in which votes are taken.
    pub fn opens(&self) -> Epoch {
        later(self.snapshot, 1)
    }

    /// The last epoch in which votes are taken.
    pub fn closes(&self) -> Epoch {
        later(self.snapshot, self.rule.voting)
    }

    /// The least weight of a vote, so that there are at most 2²⁰ of them.
    pub fn least(&self) -> Amount {
        Amount((self.votable.0 >> 20).max(1))
    }

    /// Whether it is over.
    pub const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }
}

impl State {
    /// A proposal, until its time is forgotten.
    pub fn proposal(&self, id: ProposalId) -> Option<&Proposal> {
        self.proposals.get(&id)
    }

    /// All proposals that are remembered, the oldest first.
    pub fn proposals(&self) -> impl Iterator<Item = (ProposalId, &Proposal)> {
        self.proposals.iter().map(|(id, proposal)| (*id, proposal))
    }

    /// The vote of a holder.
    pub fn ballot(&self, proposal: ProposalId, voter: NodeId) -> Option<Ballot> {
        self.ballots.get(&(proposal, voter)).copied()
    }
}

impl Draft<'_> {
    /// Puts a proposal up, for a deposit.
    pub(crate) fn propose(&mut self, by: NodeId, motion: Motion) -> Result<(), Refused> {
        let kind = motion.kind();
        let open = |proposal: &&super::Proposal| proposal.motion.kind() == kind && !proposal.is_over();
        if self.state.proposals.values().filter(open).count() >= Proposal::MAX_OPEN {
            return Err(Refused::Full("proposals of this kind"));
        }
        let rule = *self.state.params.govern.rule(kind);
        let mut docket = self.state.docket();
        let id = ProposalId(docket.proposed);
        self.state.shift(Pocket::Account(by), id.deposit(), rule.deposit)?;
        self.state.may_enact(&motion)?;
        docket.proposed = docket.proposed.saturating_add(1);
        self.state.keep_docket(docket);
        let (snapshot, votable, votes) = (later(self.state.epoch(), 1), Amount::ZERO, Votes::default());
        let proposal = Proposal { by, motion, rule, snapshot, votable, votes, stage: Stage::Open };
        self.state.proposals.set(id, proposal);
        self.events.push(Event::Proposed { proposal: id, by, motion });
        Ok(())
    }

    /// Votes, or votes otherwise than before.
    pub(crate) fn vote(&mut self, by: NodeId, id: ProposalId, choice: Choice) -> Result<(), Refused> {
        let now = self.state.epoch();
        let taken = |proposal: &Proposal| {
            proposal.stage == Stage::Open && (proposal.opens()..=proposal.closes()).contains(&now)
        };
        let proposal = self.state.proposals.get(&id).copied().filter(taken);
        let mut proposal = proposal.ok_or(GovernFault::Closed(id))?;
        let (held, least) = (self.state.held_at(proposal.snapshot, by), proposal.least());
        if held < least {
            return Err(GovernFault::Small { held, least }.into());
        }
        let ballot = Ballot { choice, weight: held };
        if let Some(before) = self.state.ballot(id, by) {
            if before == ballot {
                return Err(GovernFault::Idle.into());
            }
            proposal.votes.remove(before);
        }
        proposal.votes.add(ballot);
        self.state.proposals.set(id, proposal);
        self.state.ballots.set((id, by), ballot);
        self.events.push(Event::Voted { proposal: id, who: by, choice, weight: held });
        Ok(())
    }
}
