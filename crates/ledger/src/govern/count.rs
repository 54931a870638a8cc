//! The end of an epoch: votes are counted, what has passed is done, and tokens are counted for the votes to come.

use super::ballot::Votes;
use super::proposal::{Outcome, Proposal, ProposalId, Stage};
use crate::account::Pocket;
use crate::event::Event;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::Epoch;

impl State {
    /// The proposals that are not over, the oldest first.
    fn unsettled(&self) -> Vec<(ProposalId, Proposal)> {
        let unsettled = self.proposals().filter(|(_, proposal)| !proposal.is_over());
        unsettled.map(|(id, proposal)| (id, *proposal)).collect()
    }

    /// Forgets proposals that have been over for as long as payments are counted.
    fn forget_proposals(&mut self, now: Epoch) {
        let (span, over) = (self.params.govern.span, self.docket().over);
        self.proposals.prune(|id, proposal| match proposal.stage {
            Stage::Over { at, .. } => at.0.saturating_add(span) > now.0 || over.contains(id),
            Stage::Open | Stage::Passed(_) => true,
        });
    }
}

impl Draft<'_> {
    /// The end of an epoch.
    pub(crate) fn govern(&mut self) -> Result<(), Refused> {
        let now = self.state.epoch();
        for (id, proposal) in self.state.unsettled() {
            let passed = match proposal.stage {
                Stage::Open if proposal.closes() <= now => self.count(id, proposal)?,
                Stage::Passed(due) => Some(due),
                Stage::Open | Stage::Over { .. } => None,
            };
            if passed.is_some_and(|due| due <= now) {
                self.carry_out(id);
            }
        }
        self.state.forget_proposals(now);
        self.end_pause(Epoch(now.0.saturating_add(1)));
        Ok(())
    }

    /// The beginning of an epoch, when nothing else is left to do at the border: counts the tokens for the proposals that wait for
    /// it. So the root of the epoch's first state proves what anybody can vote with.
    pub(crate) fn count_tokens(&mut self, epoch: Epoch) -> Result<(), Refused> {
        let waiting = self.state.unsettled().into_iter();
        let waiting: Vec<_> = waiting.filter(|(_, proposal)| proposal.snapshot == epoch).collect();
        if waiting.is_empty() {
            self.state.take_snapshot(epoch);
            return Ok(());
        }
        if self.state.all_votable() < self.state.params.govern.least {
            waiting.iter().try_for_each(|(id, _)| self.close(*id, Outcome::Asleep))?;
            self.state.take_snapshot(epoch);
            return Ok(());
        }
        self.state.take_snapshot(epoch);
        let votable = self.state.all_votable();
        for (proposal, known) in waiting {
            self.state.proposals.set(proposal, Proposal { votable, ..known });
            self.events.push(Event::VoteOpened { proposal, votable });
        }
        Ok(())
    }

    /// Counts the votes on a proposal; when what has passed is due.
    fn count(&mut self, id: ProposalId, proposal: Proposal) -> Result<Option<Epoch>, Refused> {
        if let Some(outcome) = proposal.votes.stops(&proposal.rule, proposal.votable) {
            self.close(id, outcome)?;
            return Ok(None);
        }
        let due = Epoch(self.state.epoch().0.saturating_add(proposal.rule.delay));
        self.state.shift(id.deposit(), Pocket::Account(proposal.by), proposal.rule.deposit)?;
        self.state.proposals.set(id, Proposal { stage: Stage::Passed(due), ..proposal });
        self.events.push(Event::ProposalPassed { proposal: id, by: proposal.by, votes: proposal.votes, due });
        Ok(Some(due))
    }

    /// Does what has passed, or nothing of it.
    fn carry_out(&mut self, id: ProposalId) {
        let Some(proposal) = self.state.proposals.get(&id).copied() else { return };
        let (params, events) = (self.state.params.clone(), self.events.len());
        let before = self.state.begin();
        let outcome = if self.enact(&proposal.motion).is_ok() {
            Outcome::Done
        } else {
            self.state.undo(before);
            self.state.params = params;
            self.events.truncate(events);
            Outcome::Void
        };
        self.end_proposal(id, proposal, outcome);
    }

    /// A proposal did not pass.
    fn close(&mut self, id: ProposalId, outcome: Outcome) -> Result<(), Refused> {
        let Some(proposal) = self.state.proposals.get(&id).copied() else { return Ok(()) };
        let to = if outcome.costs() { Pocket::Treasury } else { Pocket::Account(proposal.by) };
        self.state.shift(id.deposit(), to, proposal.rule.deposit)?;
        self.end_proposal(id, proposal, outcome);
        Ok(())
    }

    fn end_proposal(&mut self, id: ProposalId, proposal: Proposal, outcome: Outcome) {
        let (at, by, votes) = (self.state.epoch(), proposal.by, proposal.votes);
        self.state.proposals.set(id, Proposal { stage: Stage::Over { at, outcome }, ..proposal });
        if votes != Votes::default() {
            let mut docket = self.state.docket();
            docket.over.push(id);
            self.state.keep_docket(docket);
        }
        self.events.push(Event::ProposalEnded { proposal: id, by, votes, outcome });
    }
}
