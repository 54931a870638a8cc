//! What a validator owes for turns that are not settled: answers to audits, moves in disputes.
//!
//! The witness of a claim is kept from its proof until the claim is settled, taken back or too late to be accepted. Whoever
//! loses it cannot answer, and who cannot answer loses.

use super::Validator;
use crate::role::Effect;
use crate::work::{Job, Outcome};
use bitneuron_core::claim::{Claim, Demand, Turn};
use bitneuron_core::{Bytes, Digest, Height, Outbox, Seed, decode, encode};
use bitneuron_ledger::{Action, Event, PendingTurn, TurnId};
use bitneuron_zk::{Accepted, Proof, Prover, TurnWitness};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The witnesses of own claims that may still be doubted, by claim.
#[derive(Debug, Default)]
pub(super) struct Owed {
    witnesses: BTreeMap<Digest, Kept>,
}

#[derive(Debug)]
struct Kept {
    witness: Arc<TurnWitness>,
    /// The last height at which the claim may be accepted.
    last: Height,
}

impl Owed {
    pub(super) fn keep(&mut self, claim: &Claim, witness: Arc<TurnWitness>, window: u64) {
        let last = Height(claim.context().height.0.saturating_add(window));
        self.witnesses.insert(claim.digest(), Kept { witness, last });
    }

    /// Forgets what nobody can ask for any more.
    pub(super) fn forget<'a>(&mut self, now: Height, pending: impl Iterator<Item = &'a PendingTurn>) {
        let asked: Vec<Digest> = pending.map(|turn| turn.claim.digest()).collect();
        self.witnesses.retain(|claim, kept| kept.last > now || asked.contains(claim));
    }
}

/// A claim that is in doubt, with all that its author needs to defend it.
struct Doubted {
    claim: Claim,
    witness: Arc<TurnWitness>,
    prover: Arc<dyn Prover<Turn>>,
}

impl Doubted {
    /// What the author's proof system says.
    fn say(
        &self,
        say: impl FnOnce(
            &dyn bitneuron_zk::Defence<Turn>,
            &Accepted<'_, Turn>,
            &TurnWitness,
        ) -> Result<Bytes, bitneuron_zk::ProveError>,
    ) -> Option<Bytes> {
        let (public, proof) = (decode(self.claim.public()).ok()?, decode::<Proof>(self.claim.proof()).ok()?);
        let accepted = Accepted { context: self.claim.context(), public: &public, proof: &proof };
        say(self.prover.defence()?, &accepted, &self.witness).ok()
    }
}

impl Validator {
    /// Does what a decided block asks of this validator.
    pub(super) fn defend(&self, events: &[Event], out: &mut Outbox<Effect>) {
        let me = self.key.id();
        for event in events {
            match event {
                Event::TurnAudited { turn, .. } if turn.author == me => self.answer_audit(*turn, out),
                Event::DisputeMoved { turn, asked } if *asked == me && turn.author == me => {
                    self.reply(*turn, out);
                }
                _ => {}
            }
        }
    }

    fn doubted(&self, id: TurnId) -> Option<(Doubted, &PendingTurn)> {
        let pending = self.state.pending_turn(id)?;
        let witness = self.owed.witnesses.get(&pending.claim.digest())?.witness.clone();
        Some((Doubted { claim: pending.claim.clone(), witness, prover: self.prover.clone() }, pending))
    }

    /// Answers an audit as the chain demands, as a job.
    fn answer_audit(&self, id: TurnId, out: &mut Outbox<Effect>) {
        let Some((doubted, pending)) = self.doubted(id) else { return };
        let Some(beacon) = pending.beacon else { return };
        let answers = self.answers.clone();
        let Ok(public) = decode::<Turn>(doubted.claim.public()) else { return };
        let gas = self.plan.turn_gas.saturating_add(answers.as_ref().map_or(0, |prover| prover.gas(&public)));
        let demand = self.state.params().audits.demand;
        out.push(Effect::Work(Job::priced("answer audit", gas, move || {
            let answer = match demand {
                Demand::Openings => {
                    doubted.say(|defence, accepted, witness| defence.answer(accepted, witness, beacon))
                }
                Demand::Proof(_) => answers.and_then(|prover| {
                    let entropy = Seed(doubted.claim.digest().0);
                    let proof = prover.prove(doubted.claim.context(), &public, &doubted.witness, entropy);
                    proof.ok().map(|proof| encode(&proof).into())
                }),
            };
            let action = answer.map(|answer| Box::new(Action::Answer { turn: id, answer }));
            Outcome::Defended(action)
        })));
    }

    /// Makes the move that a dispute asks for, as a job.
    fn reply(&self, id: TurnId, out: &mut Outbox<Effect>) {
        let Some((doubted, pending)) = self.doubted(id) else { return };
        let Some(referee) = pending.dispute.as_ref().map(|dispute| dispute.referee.clone()) else { return };
        let gas = self.plan.turn_gas;
        out.push(Effect::Work(Job::priced("reply to challenger", gas, move || {
            let step = doubted.say(|defence, accepted, witness| defence.reply(accepted, witness, &referee));
            let action = step.map(|step| Box::new(Action::Move { turn: id, step }));
            Outcome::Defended(action)
        })));
    }

    /// An answer or a move is ready: put it to the vote.
    pub(super) fn defended(&mut self, action: Option<Box<Action>>, out: &mut Outbox<Effect>) {
        if let Some(action) = action {
            self.submit(*action, out);
        }
    }
}
