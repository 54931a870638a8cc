//! Candidates: heads that validators enter before they can know which rows will test them.
//!
//! A candidate is its author's head when it was entered, to which an accepted turn led: the proof that it was trained from what the
//! author held, bought and registered is on the chain already, and nobody can enter a model that he did not make. The
//! commitment is salted and binds chain, goal, contest and author. What is revealed must be both.

use super::entry::{Candidate, Contest, Outcome, Parent, escrow};
use super::event::ContestEvent;
use super::fault::ContestFault;
use super::params::Window;
use crate::account::Pocket;
use crate::{Refused, State, TurnFault, draft::Draft};
use bitneuron_core::exact::ExactParams;
use bitneuron_core::hash::Hasher;
use bitneuron_core::{Amount, Bytes, ChainId, Commitment, Digest, GoalId, NodeId};

/// What an author commits to when it enters `head` in a contest.
pub fn candidate_digest(
    chain: ChainId,
    goal: GoalId,
    contest: u64,
    author: NodeId,
    salt: Digest,
    head: Commitment,
) -> Digest {
    let mut hasher = Hasher::new("bitneuron candidate v1");
    hasher.update(&chain.0.0).update(&goal.0.0).number(contest).update(&author.0).update(&salt.0);
    hasher.number(u64::from(head.scheme)).update(&head.root.0).finish()
}

impl State {
    /// The window of the height that the last block had, or of that of the block at hand.
    pub(super) fn window(&self) -> Window {
        self.params.contest.place(self.clock.height).window
    }

    /// The contest of a goal that is on.
    pub fn contest(&self, goal: GoalId) -> Option<&Contest> {
        self.contests.open.get(&goal)
    }

    /// The candidates of the contest that is on, by author.
    pub fn candidates(&self, goal: GoalId) -> impl Iterator<Item = (NodeId, &Candidate)> {
        let all = (goal, NodeId([0; 32]))..=(goal, NodeId([255; 32]));
        self.contests.candidates.range(all).map(|((_, author), candidate)| (*author, candidate))
    }

    /// How the last contest of a goal that was paid ended.
    pub fn outcome(&self, goal: GoalId) -> Option<&Outcome> {
        self.contests.outcomes.get(&goal)
    }

    /// What candidates are measured against; `None` before anybody has shown the goal's first model.
    pub fn parent(&self, goal: GoalId) -> Option<&Parent> {
        self.contests.parents.get(&goal)
    }

    /// The integers of the parent.
    ///
    /// # Errors
    /// There is none.
    pub fn parent_model(&self, goal: GoalId) -> Result<ExactParams, Refused> {
        let parent = self.parent(goal).ok_or(ContestFault::Model)?;
        self.read_model(goal, &parent.model)
    }

    /// The integers of a model in a contest.
    pub(super) fn read_model(&self, goal: GoalId, bytes: &[u8]) -> Result<ExactParams, Refused> {
        let layout = self.registered(goal)?.goal.net.layout();
        ExactParams::from_bytes(bytes, &layout).ok_or_else(|| ContestFault::Model.into())
    }

    /// The contest of a goal, in this window.
    pub(super) fn contest_in(&self, goal: GoalId, window: Window) -> Result<&Contest, Refused> {
        let contest = self.contests.open.get(&goal).ok_or(ContestFault::NoContest)?;
        if self.window() == window { Ok(contest) } else { Err(ContestFault::Window.into()) }
    }

    /// How many goals have contests.
    pub(super) fn contested_goals(&self) -> Vec<GoalId> {
        let fits =
            |(_, entry): &(&GoalId, &crate::GoalEntry)| entry.listed && self.params.contest.fits(&entry.goal);
        self.goals.iter().filter(fits).map(|(id, _)| *id).collect()
    }
}

impl Draft<'_> {
    pub(super) fn found(&mut self, goal: GoalId, model: &Bytes) -> Result<(), Refused> {
        if self.state.contests.parents.contains_key(&goal) {
            return Err(ContestFault::Repeated.into());
        }
        let integers = self.state.read_model(goal, model)?;
        let initial = self.state.registered(goal)?.goal.initial;
        self.is_committed(initial, &integers)?;
        self.state.contests.parents.set(goal, Parent { model: model.clone(), found: None });
        self.events.push(ContestEvent::Founded.of(goal));
        Ok(())
    }

    /// Whether these are the integers of a committed model.
    fn is_committed(&mut self, commitment: Commitment, model: &ExactParams) -> Result<(), Refused> {
        let chain = self.state.chain;
        let committed = self.judge(|judge| Ok(judge.commits(commitment, model, chain)))?;
        if committed { Ok(()) } else { Err(ContestFault::Model.into()) }
    }

    pub(super) fn enter(
        &mut self,
        author: NodeId,
        goal: GoalId,
        turns: u64,
        digest: Digest,
    ) -> Result<(), Refused> {
        let mut contest = self.state.contest_in(goal, Window::Commit)?.clone();
        if !self.state.is_able(author) {
            return Err(TurnFault::Author(author).into());
        }
        if self.state.contests.candidates.contains_key(&(goal, author)) {
            return Err(ContestFault::Repeated.into());
        }
        let head = self.state.head(goal, author).filter(|head| head.turns > 0 && head.turns == turns);
        let head = head.ok_or(ContestFault::NoHead)?;
        let goals = self.state.contested_goals().len();
        let room = self.state.params.contest.room(&self.state.registered(goal)?.goal, goals);
        if contest.entered as usize >= room {
            return Err(Refused::Full("candidates"));
        }
        let bond = self.state.params.contest.candidate_bond;
        self.state.shift(Pocket::Account(author), Pocket::Escrow(escrow(goal, author, digest)), bond)?;
        let stake = self.state.stakes.get(&author).map(|stake| stake.bonded).unwrap_or_default();
        let (order, head, losses) = (contest.entered, head.model, Vec::new());
        let candidate = Candidate { order, digest, head, stake, bond, losses };
        self.state.contests.candidates.set((goal, author), candidate);
        contest.entered = contest.entered.saturating_add(1);
        self.state.contests.open.set(goal, contest);
        self.state.enter_lineage(goal, author);
        self.events.push(ContestEvent::Entered { author }.of(goal));
        Ok(())
    }

    pub(super) fn reveal(
        &mut self,
        author: NodeId,
        goal: GoalId,
        salt: Digest,
        model: &Bytes,
    ) -> Result<(), Refused> {
        let number = self.state.contest_in(goal, Window::Reveal)?.number;
        let candidate = self.state.contests.candidates.get(&(goal, author)).cloned();
        let candidate = candidate.ok_or(ContestFault::NoCandidate)?;
        if self.state.contests.models.contains_key(&(goal, author)) {
            return Err(ContestFault::Repeated.into());
        }
        let head = candidate.head;
        if candidate_digest(self.state.chain, goal, number, author, salt, head) != candidate.digest {
            return Err(ContestFault::Commitment.into());
        }
        let integers = self.state.read_model(goal, model)?;
        self.is_committed(head, &integers)?;
        self.end_bond(goal, author, candidate.digest, candidate.bond, true)?;
        self.state.contests.candidates.set((goal, author), Candidate { bond: Amount::ZERO, ..candidate });
        self.state.contests.models.set((goal, author), model.clone());
        self.events.push(ContestEvent::Revealed { author }.of(goal));
        Ok(())
    }
}
