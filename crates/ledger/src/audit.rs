//! Audits: what a beacon asks of the author of a pending turn.
//!
//! The beacon of the height *after* the claim's draws, so that whoever built the block with the claim could not choose it;
//! a part of all turns is audited, by `H(beacon ‖ claim) < part`. The questions follow from the beacon and are the proof
//! system's business, and so is the judgement of the answer; the ledger keeps the time. Whoever has the answer may bring it.
//! A wrong one is refused and changes nothing. An audit that is not answered in time is lost: its author is slashed and the
//! turn taken back.

use crate::event::Event;
use crate::pending::{PendingTurn, TurnId};
use crate::slash::Offence;
use crate::{Params, Refused, State, TurnFault, execute::Draft};
use bitneuron_core::{Digest, Height, encode, hash::Hasher};

impl Params {
    /// Whether a beacon audits a claim.
    fn samples(&self, beacon: Digest, claim: Digest) -> bool {
        let drawn = Hasher::new("bitneuron sampled turn v1").update(&beacon.0).update(&claim.0).finish();
        drawn.to_u64() % 10_000 < u64::from(self.audits.sampled.0)
    }
}

/// The name of the misdeed that an unanswered audit is.
fn silence(id: TurnId) -> Digest {
    Digest::of("bitneuron unanswered audit v1", &encode(&id))
}

impl State {
    /// The pending turns that owe an answer.
    pub fn audited(&self) -> impl Iterator<Item = (TurnId, &PendingTurn)> {
        self.pending().filter(|(_, turn)| turn.due.is_some())
    }
}

impl Draft<'_> {
    /// Draws the audits of the turns that were claimed before the last block.
    pub(crate) fn draw_audits(&mut self) {
        let now = self.state.clock.height;
        let waits =
            |(id, turn): &(TurnId, &PendingTurn)| turn.beacon.is_none() && id.at.0.saturating_add(1) < now.0;
        let waiting: Vec<TurnId> = self.state.pending().filter(waits).map(|(id, _)| id).collect();
        for id in waiting {
            let Some(beacon) = self.state.beacons.get(&id.at.next()).copied() else { continue };
            let Some(mut turn) = self.state.pending.get(&id).cloned() else { continue };
            turn.beacon = Some(beacon);
            if self.state.params.samples(beacon, turn.claim.digest()) {
                let due = Height(now.0.saturating_add(self.state.params.audits.patience));
                turn.due = Some(due);
                self.events.push(Event::TurnAudited { turn: id, due });
            }
            self.state.pending.set(id, turn);
        }
    }

    /// Somebody brings the answer to an audit.
    pub(crate) fn answer(&mut self, id: TurnId, answer: &[u8]) -> Result<(), Refused> {
        let turn = self.state.pending.get(&id).cloned().ok_or(TurnFault::NotPending)?;
        let (Some(_), Some(beacon)) = (turn.due, turn.beacon) else { return Err(TurnFault::NotAsked.into()) };
        let demand = self.state.params.audits.demand;
        self.judge(|judge| judge.audit(&turn.claim, beacon, demand, answer))?;
        self.state.pending.set(id, PendingTurn { due: None, ..turn });
        self.events.push(Event::AuditAnswered { turn: id });
        Ok(())
    }

    /// Audits whose time is over are lost.
    pub(crate) fn lose_audits(&mut self) -> Result<(), Refused> {
        let now = self.state.clock.height;
        let late = |turn: &PendingTurn| turn.due.is_some_and(|due| due <= now);
        let lost: Vec<TurnId> =
            self.state.pending().filter(|(_, turn)| late(turn)).map(|(id, _)| id).collect();
        for id in lost {
            // It may have fallen with an earlier one.
            if self.state.pending.contains_key(&id) {
                // Nobody informed: the beacon asked.
                self.slash(id.author, Offence::LostAudit, silence(id), id.author)?;
                self.reverse(id)?;
            }
        }
        Ok(())
    }
}
