//! Contests: entering what was learned, showing it, and calling examiners.
//!
//! Late in the window for candidates, when heads stand still for some heights, a validator enters its settled head; it keeps the
//! integers, for its head moves on before they are to be shown.

use super::Validator;
use crate::message::Message;
use crate::role::Effect;
use bitneuron_core::exact::ExactParams;
use bitneuron_core::hash::Hasher;
use bitneuron_core::{Digest, Height, Outbox};
use bitneuron_ledger::contest::{Place, Window};
use bitneuron_ledger::{Action, Contest, ContestAction, ShardId, candidate_digest, key};

/// A candidate that was entered.
#[derive(Debug)]
pub(super) struct Entry {
    contest: u64,
    digest: Digest,
    salt: Digest,
    model: ExactParams,
}

/// In how many of the last rounds of the window a candidate is entered, should it fail at first.
const ROUNDS: u64 = 2;
/// After how many heights what did not get into a block is shown again.
const AGAIN: u64 = 3;

impl Validator {
    /// Does in contests what the next height is for.
    pub(super) fn compete(&mut self, out: &mut Outbox<Effect>) {
        let (goal, next) = (self.plan.goal.id(), self.height().next());
        if self.state.parent(goal).is_none() {
            return self.show_first(next, out);
        }
        let state = self.state.clone();
        let Some(contest) = state.contest(goal) else { return };
        let place = self.state.params().contest.place(next);
        match place.window {
            Window::Commit => self.enter(contest.number, place, next, out),
            Window::Reveal if place.at.is_multiple_of(AGAIN) => self.show_candidate(out),
            Window::Open => self.call_examiners(contest, out),
            Window::Reveal | Window::Score => {}
        }
    }

    fn contest_step(&mut self, step: ContestAction, out: &mut Outbox<Effect>) {
        let goal = self.plan.goal.id();
        self.submit(Action::Contest { goal, step }, out);
    }

    /// Somebody must show the first model: validators take turns.
    fn show_first(&mut self, next: Height, out: &mut Outbox<Effect>) {
        let count = self.plan.validators.len().max(1) as u64;
        let turn = usize::try_from(next.0 % count).ok().and_then(|at| self.plan.validators.get(at));
        if turn == Some(&self.id()) {
            self.contest_step(ContestAction::Found(self.plan.initial.to_bytes()), out);
        }
    }

    fn enter(&mut self, contest: u64, place: Place, next: Height, out: &mut Outbox<Effect>) {
        let (goal, me, chain) = (self.plan.goal.id(), self.id(), self.plan.chain);
        let late = place.left <= self.plan.round_heights().saturating_mul(ROUNDS);
        // Heads move in the last phase of a round.
        let still = self.state.params().phase(next) == 0;
        let entered = self.state.candidates(goal).any(|(author, _)| author == me);
        if !late || !still || entered {
            return;
        }
        let Some(head) = self.state.head(goal, me).filter(|head| head.turns > 0) else { return };
        let Some(model) = self.models.get(&head.model).cloned() else { return };
        // A signature that nobody sees is a secret of its key.
        let secret = self.key.sign("bitneuron contest salt v1", chain, &contest.to_le_bytes());
        let salt = Hasher::new("bitneuron contest salt v1").update(&secret.to_bytes()).finish();
        let digest = candidate_digest(chain, goal, contest, me, salt, head.model);
        self.entry = Some(Entry { contest, digest, salt, model });
        self.contest_step(ContestAction::Commit { turns: head.turns, digest }, out);
    }

    /// Shows what was entered, unless it is shown already.
    fn show_candidate(&mut self, out: &mut Outbox<Effect>) {
        let (goal, me) = (self.plan.goal.id(), self.id());
        let Some(entry) = &self.entry else { return };
        let hidden = self.state.candidates(goal).any(|(author, candidate)| {
            author == me && candidate.digest == entry.digest && !candidate.is_revealed()
        });
        let on = self.state.contest(goal).is_some_and(|contest| contest.number == entry.contest);
        if hidden && on {
            let (salt, model) = (entry.salt, entry.model.to_bytes());
            self.contest_step(ContestAction::Reveal { salt, model }, out);
        }
    }

    /// Shows examiners who listen to this validator that their shards are called, until they are opened.
    fn call_examiners(&self, contest: &Contest, out: &mut Outbox<Effect>) {
        let goal = self.plan.goal.id();
        let closed =
            |shard: &&ShardId| contest.calls(**shard) && self.state.test_rows(goal, **shard).is_none();
        for shard in
            contest.drawn.iter().filter(closed).filter(|shard| self.subscribers.contains(&shard.examiner))
        {
            if let Some(notice) = self.notice(&key::contest(goal)) {
                Self::send(shard.examiner, &Message::Called { notice }, out);
            }
        }
    }
}
