//! Disputes: a challenger that ran a pending turn's program itself says that the claim is false.
//!
//! It puts up a bond and makes the first move; each later move is one of whoever was asked. What a move says is judged
//! behind [`CheckClaim::rule`](bitneuron_core::claim::CheckClaim::rule), which gives what the referee must remember or the
//! verdict. Here time is kept: who is asked and silent loses.
//!
//! ```text
//! the author lost      it is slashed, the challenger is the informer and has its bond back,
//!                      the turn is taken back
//! the challenger lost  its bond is the author's; the window goes on for as long as the dispute took
//! ```

use crate::account::Pocket;
use crate::event::Event;
use crate::pending::{OpenDispute, PendingTurn, TurnId};
use crate::refute::lie;
use crate::slash::{Charge, Offence};
use crate::{Refused, State, TurnFault, draft::Draft};
use bitneuron_core::claim::{Party, Ruling};
use bitneuron_core::{Height, NodeId};

impl State {
    /// The last height for a move that is asked for now.
    fn patience(&self) -> Height {
        Height(self.clock.height.0.saturating_add(self.params.audits.patience))
    }
}

impl Draft<'_> {
    /// Opens a dispute with the challenger's first move.
    pub(crate) fn challenge(&mut self, by: NodeId, id: TurnId, step: &[u8]) -> Result<(), Refused> {
        let turn = self.state.pending.get(&id).cloned().ok_or(TurnFault::NotPending)?;
        let beacon = turn.beacon.ok_or(TurnFault::NotAsked)?;
        if turn.dispute.is_some() {
            return Err(TurnFault::Disputed.into());
        }
        if by == id.author {
            return Err(Refused::NotParty(by));
        }
        let bond = self.state.params.audits.bond;
        self.state.shift(Pocket::Account(by), Pocket::Escrow(id.bond()), bond)?;
        let ruling = self.judge(|judge| judge.rule(&turn.claim, beacon, None, step))?;
        let (opened, until) = (self.state.clock.height, self.state.patience());
        let dispute =
            OpenDispute { challenger: by, bond, opened, asked: by, until, referee: Vec::new().into() };
        self.events.push(Event::TurnDisputed { turn: id, challenger: by });
        self.follow(id, turn, &dispute, ruling)
    }

    /// The next move of a dispute.
    pub(crate) fn make_move(&mut self, by: NodeId, id: TurnId, step: &[u8]) -> Result<(), Refused> {
        let turn = self.state.pending.get(&id).cloned().ok_or(TurnFault::NotPending)?;
        let (Some(dispute), Some(beacon)) = (turn.dispute.clone(), turn.beacon) else {
            return Err(TurnFault::NotAsked.into());
        };
        if dispute.asked != by {
            return Err(Refused::NotParty(by));
        }
        let ruling = self.judge(|judge| judge.rule(&turn.claim, beacon, Some(&dispute.referee), step))?;
        self.follow(id, turn, &dispute, ruling)
    }

    /// Does what a ruling says.
    fn follow(
        &mut self,
        id: TurnId,
        turn: PendingTurn,
        dispute: &OpenDispute,
        ruling: Ruling,
    ) -> Result<(), Refused> {
        match ruling {
            Ruling::Asks { party, referee } => {
                let asked = match party {
                    Party::Author => id.author,
                    Party::Challenger => dispute.challenger,
                };
                let until = self.state.patience();
                let dispute = OpenDispute { asked, until, referee, ..dispute.clone() };
                self.state.pending.set(id, PendingTurn { dispute: Some(dispute), ..turn });
                self.events.push(Event::DisputeMoved { turn: id, asked });
                Ok(())
            }
            Ruling::Verdict { guilty } => self.decide(id, turn, dispute, guilty),
        }
    }

    /// The end of a dispute.
    fn decide(
        &mut self,
        id: TurnId,
        turn: PendingTurn,
        dispute: &OpenDispute,
        guilty: Party,
    ) -> Result<(), Refused> {
        let bond = Pocket::Escrow(id.bond());
        match guilty {
            Party::Challenger => {
                self.state.shift(bond, Pocket::Account(id.author), dispute.bond)?;
                let took = self.state.clock.height.0.saturating_sub(dispute.opened.0);
                let until = Height(turn.until.0.saturating_add(took));
                self.state.pending.set(id, PendingTurn { dispute: None, until, ..turn });
                self.events.push(Event::DisputeEnded { turn: id, guilty: dispute.challenger });
            }
            Party::Author => {
                self.state.shift(bond, Pocket::Account(dispute.challenger), dispute.bond)?;
                self.events.push(Event::DisputeEnded { turn: id, guilty: id.author });
                let (statement, height) = (turn.claim.statement(), turn.claim.context().height);
                let subject = lie(id.author, statement, id.goal.0, height);
                self.state.pending.set(id, PendingTurn { dispute: None, ..turn });
                if !self.state.is_punished(subject) {
                    let (who, offence, informer) = (id.author, Offence::LostDispute, dispute.challenger);
                    self.slash(&Charge { who, offence, committed: height, subject, informer, price: None })?;
                }
                self.reverse(id)?;
            }
        }
        Ok(())
    }

    /// Whoever was asked and is silent loses.
    pub(crate) fn end_disputes(&mut self) -> Result<(), Refused> {
        let now = self.state.clock.height;
        let late = |turn: &PendingTurn| turn.dispute.as_ref().is_some_and(|dispute| dispute.until <= now);
        let silent: Vec<TurnId> =
            self.state.pending().filter(|(_, turn)| late(turn)).map(|(id, _)| id).collect();
        for id in silent {
            let Some(turn) = self.state.pending.get(&id).cloned() else { continue };
            let Some(dispute) = turn.dispute.clone() else { continue };
            let guilty = if dispute.asked == id.author { Party::Author } else { Party::Challenger };
            self.decide(id, turn, &dispute, guilty)?;
        }
        Ok(())
    }
}
