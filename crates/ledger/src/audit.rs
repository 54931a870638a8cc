//! Audits: what a beacon asks of the author of a pending turn.
//!
//! The beacon of the height *after* the claim's draws, so that whoever built the block with the claim could not choose it;
//! a part of all turns is audited, by `H(beacon ‖ claim) < part`. The questions follow from the beacon and are the proof
//! system's business, and so is the judgement of the answer; the ledger keeps the time. Whoever has the answer may bring it.
//! A wrong one is refused and changes nothing. An audit that is not answered in time is lost: its author is slashed and the
//! turn taken back.

use crate::event::Event;
use crate::opened::borrowed;
use crate::params::Bound;
use crate::pending::{PendingTurn, TurnId};
use crate::slash::{Charge, Offence};
use crate::{Params, Refused, State, TurnFault, draft::Draft};
use bitneuron_core::claim::Demand;
use bitneuron_core::{Amount, Digest, Height, decode, encode, hash::Hasher};
use bitneuron_market::BasisPoints;
use serde::{Deserialize, Serialize};

/// What turns owe whose proofs do not convince at once.
///
/// A liar that gains r by each turn and loses s when it is caught with chance p loses in the mean as long as p·(r + s) > r.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditParams {
    /// The part of all such turns that beacons audit.
    pub sampled: BasisPoints,
    /// What answers an audit: openings of what the beacon drew, or a whole proof of another proof system. All judges must
    /// know that system, else every audit is lost.
    pub demand: Demand,
    /// How many anchors of a run an audit draws, where openings answer it; outputs are always asked for.
    pub units: u32,
    /// How many heights a turn waits before it settles.
    pub window: u64,
    /// How many heights there are for the answer to an audit, and for each move of a dispute.
    pub patience: u64,
    /// What a challenger puts up.
    pub bond: Amount,
}

impl AuditParams {
    /// The heights from a claim to the first block in which its audit can be answered.
    const DRAWN: u64 = 2;

    pub(crate) fn mainnet() -> Self {
        Self {
            sampled: BasisPoints(10_000),
            demand: Demand::Openings,
            units: 8,
            window: 16,
            patience: 4,
            bond: Amount::tokens(1_000),
        }
    }

    pub(crate) fn validate(&self, bound: Bound) -> Result<(), Refused> {
        bound(self.sampled.0 <= 10_000, "no more turns are audited than there are")?;
        bound((1..=256).contains(&self.units), "an audit asks for 1 to 256 units")?;
        bound((1..=60).contains(&self.patience), "an answer has 1 to 60 heights")?;
        let answered = self.patience.saturating_add(Self::DRAWN);
        bound(self.window >= answered && self.window <= 1_000, "a window outlasts its audit and ends")?;
        bound(
            self.bond >= Amount::TOKEN && self.bond <= Amount::SUPPLY,
            "a challenger's bond is at least a token",
        )
    }
}

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
    /// Draws the audits of the turns that were claimed before the last block: the beacon after theirs is known now.
    pub(crate) fn draw_audits(&mut self) {
        let now = self.state.clock.height;
        let waiting: Vec<TurnId> =
            self.state.pending().filter(|(_, turn)| turn.beacon.is_none()).map(|(id, _)| id).collect();
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
        let openings = self.audit_openings(&turn.claim, demand, answer);
        self.spend(openings, &borrowed(&decode(turn.claim.public())?))?;
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
                let (who, offence, subject) = (id.author, Offence::LostAudit, silence(id));
                self.slash(&Charge { who, offence, committed: id.at, subject, informer: who, price: None })?;
                self.reverse(id)?;
            }
        }
        Ok(())
    }
}
