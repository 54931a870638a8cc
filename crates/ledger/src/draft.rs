//! A block on its way: the state that it changes, what happened so far, and what it used.
//!
//! A draft works on a copy of the state. A candidate that fails while a block is built is undone; an action changes the
//! order book last, which cannot be undone.

use crate::ahead::Drawn;
use crate::event::Event;
use crate::fee::{Paid, gas, next_base_fee, plain_gas};
use crate::receipt::{self, Cause, Receipt};
use crate::state::BEACONS;
use crate::tx::{Action, Candidate, Tx};
use crate::{Refused, State};
use bitneuron_consensus::{Block, Header, SignedVote};
use bitneuron_core::claim::{self, CheckClaim, Claim, Demand, Opening, Score, Settles, Turn};
use bitneuron_core::{Amount, Digest, Epoch, NodeId};
use std::collections::BTreeSet;
use std::ops::Range;

/// The most bytes of transactions in a block.
pub const MAX_BODY: usize = 12 << 20;

/// A state on its way through a block.
pub(crate) struct Draft<'a> {
    pub(crate) state: State,
    pub(crate) events: Vec<Event>,
    check: &'a dyn CheckClaim,
    /// What the block has earned its builder so far, without a cap: all for a head of a listed goal that moved, and what
    /// the treasury took of the deals that were settled.
    pub(crate) merit: Amount,
    builder: NodeId,
    /// What the builder drew.
    output: Digest,
    pub(crate) gas: u64,
    bytes: usize,
    count: usize,
    /// What was kept of the fee of the transaction at hand: nobody but the treasury got it.
    pub(crate) kept: Amount,
    /// Whether the judge was at work for the transaction at hand.
    judged: bool,
    /// The accepted transactions, with the number of events before and after each.
    accepted: Vec<(Cause, Range<usize>)>,
    /// The gas of checks for candidates that failed, and whose they were.
    wasted: u64,
    failed: BTreeSet<NodeId>,
}

impl<'a> Draft<'a> {
    /// A block on its way, of which the draw may be known.
    pub(crate) fn begin(
        before: &State,
        header: &Header,
        drawn: Option<Drawn>,
        check: &'a dyn CheckClaim,
    ) -> Result<Self, Refused> {
        before.understands()?;
        let output = before.follows(header, drawn)?;
        let (mut state, builder) = (before.clone(), header.proposer);
        let attendance = before.attendance();
        if attendance.heights > 0 {
            state.attendance.set((), attendance);
        }
        let mut draft = Self {
            state,
            events: Vec::new(),
            check,
            merit: Amount::ZERO,
            builder,
            output,
            gas: 0,
            bytes: 0,
            count: 0,
            kept: Amount::ZERO,
            judged: false,
            accepted: Vec::new(),
            wasted: 0,
            failed: BTreeSet::new(),
        };
        let state = &mut draft.state;
        state.clock.height = header.height;
        state.clock.time = header.time;
        let now = header.height;
        state.beacons.prune_front(|height| height.0.saturating_add(BEACONS) >= now.0);
        state.receipts.prune_front(|height| height.0.saturating_add(BEACONS) > now.0);
        state.seen.prune_front(|(expires, _)| *expires >= now);
        state.release_rewards()?;
        draft.lapse();
        draft.draw_audits();
        draft.expire()?;
        draft.open_round();
        draft.score_contests()?;
        Ok(draft)
    }

    /// Asks the judge, and remembers that it had work.
    pub(crate) fn judge<T>(
        &mut self,
        ask: impl FnOnce(&dyn CheckClaim) -> Result<T, claim::Refused>,
    ) -> Result<T, claim::Refused> {
        use claim::Refused::{TooCostly, Unavailable, Unknown};
        let verdict = ask(self.check);
        self.judged = !matches!(verdict, Err(Unknown(_) | Unavailable(_) | TooCostly { .. }));
        verdict
    }

    /// What the proof of a claim says that it opens.
    pub(crate) fn openings(&self, claim: &Claim) -> Vec<Opening> {
        self.check.openings(claim)
    }

    /// What the answer to an audit of a claim says that it opens.
    pub(crate) fn audit_openings(&self, claim: &Claim, demand: Demand, answer: &[u8]) -> Vec<Opening> {
        self.check.audit_openings(claim, demand, answer)
    }

    /// Whether all these votes are signed by their voters, looked at together.
    pub(crate) fn are_signed(&mut self, votes: &[SignedVote]) -> bool {
        self.judged = true;
        let chain = self.state.chain;
        let texts: Vec<Vec<u8>> = votes.iter().map(|signed| signed.message(chain)).collect();
        let pairs = votes.iter().zip(&texts);
        let items: Vec<_> =
            pairs.map(|(signed, text)| (signed.vote.by, text.as_slice(), signed.signature)).collect();
        self.check.verify_all(&items)
    }

    /// When a claim that the judge accepted is final.
    pub(crate) fn settles(&self, claim: &Claim) -> Settles {
        self.check.settles(claim)
    }

    /// Applies a candidate or changes nothing.
    pub(crate) fn attempt(&mut self, candidate: &Candidate<'_>) -> Result<(), Refused> {
        let Candidate { signed, size, .. } = *candidate;
        let needed = gas(signed, size, self.check, &self.state);
        if let Some(author) = answerable(&signed.tx)
            && (self.wasted >= self.state.params.fees.limit / 4 || self.failed.contains(&author))
        {
            return Err(Refused::Gas { needed, limit: 0 });
        }
        let (before, events) = (self.state.begin(), self.events.len());
        let used = (self.gas, self.bytes, self.count, self.merit);
        self.judged = false;
        self.apply(candidate).inspect_err(|_| {
            self.state.undo(before);
            self.events.truncate(events);
            (self.gas, self.bytes, self.count, self.merit) = used;
            if self.judged {
                self.wasted = self.wasted.saturating_add(needed.saturating_sub(plain_gas(signed, 0)));
                self.failed.extend(answerable(&signed.tx));
            }
        })
    }

    pub(crate) fn apply(&mut self, candidate: &Candidate<'_>) -> Result<(), Refused> {
        let Candidate { signed, digest, size, .. } = *candidate;
        self.bytes = self.bytes.saturating_add(size);
        self.count = self.count.saturating_add(1);
        if self.bytes > MAX_BODY || self.count > Block::MAX_TRANSACTIONS {
            return Err(Refused::Size(size));
        }
        self.state.admissible(candidate, self.state.clock.height, self.check)?;
        let needed = gas(signed, size, self.check, &self.state);
        let limit = self.state.params.fees.limit.saturating_sub(self.gas);
        if needed > limit {
            return Err(Refused::Gas { needed, limit });
        }
        self.gas = self.gas.saturating_add(needed);
        let Paid { fee, kept, tip } = self.state.charge(&signed.tx, needed, self.builder)?;
        self.kept = kept;
        self.state.seen.set((signed.tx.expires, digest), ());
        let before = self.events.len();
        self.act(signed.tx.by, &signed.tx.action)?;
        let cause = Cause::Transaction { digest, by: signed.tx.by, gas: needed, fee, tip };
        self.accepted.push((cause, before..self.events.len()));
        debug_assert_eq!(self.state.total(), Amount::SUPPLY, "tokens were made or lost");
        Ok(())
    }

    fn act(&mut self, by: NodeId, action: &Action) -> Result<(), Refused> {
        match action {
            Action::Transfer { to, amount } => self.transfer(by, *to, *amount),
            Action::Bond(amount) => self.bond(by, *amount),
            Action::Unbond(amount) => self.unbond(by, *amount),
            Action::RegisterGoal(goal) => self.register_goal(by, goal),
            Action::RegisterData { goal, root } => self.register_data(by, *goal, *root),
            Action::Place(order) => self.place(by, order),
            Action::Cancel(order) => self.cancel(by, *order),
            Action::Receipt { deal } => self.receipt(by, *deal),
            Action::Post { deal, packet, base } => self.post(by, *deal, packet, base.as_ref()),
            Action::CommitTurn { goal, commitment } => self.commit_turn(by, *goal, *commitment),
            Action::Contest { goal, step } => self.contest(by, *goal, step),
            Action::Claim(claim) => self.claim(claim),
            Action::Answer { turn, answer } => self.answer(*turn, answer),
            Action::Challenge { turn, step } => self.challenge(by, *turn, step),
            Action::Move { turn, step } => self.make_move(by, *turn, step),
            Action::Refute(refutation) => self.refute(by, refutation),
            Action::Accuse(evidence) => self.accuse(by, evidence),
            Action::Propose(motion) => self.propose(by, *motion),
            Action::Vote { proposal, choice } => self.vote(by, *proposal, *choice),
            Action::CallPause => self.call_pause(by),
            Action::Attend { height, round, votes } => self.attend(*height, *round, votes),
        }
    }

    fn claim(&mut self, claim: &Claim) -> Result<(), Refused> {
        if !claim.is_signed_before(self.state.chain, self.check) {
            return Err(Refused::Signature(claim.by()));
        }
        let statement = claim.statement();
        if statement == claim::statement(Score::DOMAIN) {
            self.score_claim(claim)
        } else if statement == claim::statement(Turn::DOMAIN) {
            self.turn_claim(claim)
        } else {
            Err(Refused::Statement(statement))
        }
    }

    pub(crate) fn end(&mut self) -> Result<(), Refused> {
        self.settle_turns()?;
        self.clear()?;
        self.state.credit_block(self.builder, self.merit);
        self.state.clock.base_fee =
            next_base_fee(self.state.clock.base_fee, self.gas, &self.state.params.fees);
        self.state.note(self.output);
        self.state.attend(self.builder);
        self.state.forget_votes();
        self.run_contests()?;
        if self.state.is_border() {
            self.border()?;
        }
        debug_assert_eq!(self.state.total(), Amount::SUPPLY, "tokens were made or lost");
        Ok(())
    }

    /// What each transaction did and the block by itself, last; their root goes into the state.
    pub(crate) fn receipts(&mut self) -> Vec<Receipt> {
        let (height, mut own, mut receipts, mut at) = (self.state.clock.height, Vec::new(), Vec::new(), 0);
        let events = |range: Range<usize>| self.events.get(range).unwrap_or_default().to_vec();
        for (index, (cause, range)) in (0..).zip(std::mem::take(&mut self.accepted)) {
            own.extend(events(at..range.start));
            at = range.end;
            receipts.push(Receipt { height, index, cause, events: events(range) });
        }
        own.extend(events(at..self.events.len()));
        let index = u32::try_from(receipts.len()).unwrap_or(u32::MAX);
        receipts.push(Receipt { height, index, cause: Cause::Block, events: own });
        self.state.receipts.set(height, receipt::root(&receipts));
        receipts
    }

    /// The end of an epoch.
    fn border(&mut self) -> Result<(), Refused> {
        let next = Epoch(self.state.epoch().0.saturating_add(1));
        // Before anything is taken, for a vote may pardon it.
        self.govern()?;
        self.pay_dividends()?;
        self.state.attendance.unset(&());
        self.judge_presence()?;
        self.take_penalties()?;
        self.release()?;
        let state = &mut self.state;
        state.seed_next();
        state.close_tally();
        state.fade();
        state.queue();
        state.elect(Epoch(next.0.saturating_add(1)));
        state.forget_electorates();
        state.forget_misdeeds();
        state.forget_grants();
        let after = state.electorates.last_key_value();
        let voters = after.map_or(0, |(_, seats)| u32::try_from(seats.0.members().len()).unwrap_or(u32::MAX));
        self.events.push(Event::EpochStarted { epoch: next, voters });
        self.count_tokens(next)
    }
}

/// Who answers for what the judge is asked: the author of a claim, whoever carries it; `None` when it is not asked.
fn answerable(tx: &Tx) -> Option<NodeId> {
    match &tx.action {
        Action::Claim(claim) => Some(claim.by()),
        Action::Contest { step, .. } => step.is_judged().then_some(tx.by),
        Action::Post { .. }
        | Action::Refute(_)
        | Action::Answer { .. }
        | Action::Challenge { .. }
        | Action::Move { .. }
        | Action::Attend { .. } => Some(tx.by),
        _ => None,
    }
}
