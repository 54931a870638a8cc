//! The one state transition, and the builder that runs it to put a block together.
//!
//! ```text
//! block = beginning (expiries, audits, opening of a round) · transactions in order ·
//!         end (settling, clearing, rewards, fee, beacon, border)
//! ```
//!
//! A block is valid when it follows on the state, its builder's draw is proved, every transaction in it succeeds within the
//! gas limit, and its stated root and next voters are those that come out. There are no failed transactions on the chain. A draft is a copy of the state, so
//! a block that is refused has changed nothing; a candidate that fails while a block is built is undone. An action
//! changes the order book last, which cannot be undone.
//!
//! Two things about a header only its judge can know: whether its time lies in the future, for which one needs a clock,
//! and whether its builder was drawn, for which one needs the voting round. Here time must grow and the builder must be a
//! free member of the electorate.

use crate::event::{Event, Merit};
use crate::fee::{gas, next_base_fee, plain_gas};
use crate::receipt::{self, Cause, Receipt};
use crate::state::BEACONS;
use crate::tx::{Action, Candidate, SignedTx, Tx};
use crate::{HeaderFault, Refused, State};
use bitneuron_consensus::{Block, Electorate, Header};
use bitneuron_core::claim::{self, CheckClaim, Claim, Demand, Opening, Score, Settles, Turn};
use bitneuron_core::{Amount, Bytes, Digest, Epoch, Height, NodeId, Time, Wire, decode, encode};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

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
    gas: u64,
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

/// A block put together from candidates.
#[derive(Debug)]
pub struct Built {
    /// The block; its header states the root that execution gives.
    pub block: Block,
    /// The state after it.
    pub state: State,
    /// What happened in it.
    pub events: Vec<Event>,
    /// The candidates that cannot be in it, with the reason.
    pub dropped: Vec<(Arc<SignedTx>, Refused)>,
    /// The gas that it uses.
    pub gas: u64,
}

impl State {
    /// Executes a block: the only way from one state to the next.
    ///
    /// # Errors
    /// Why the block is invalid; this state is never changed.
    pub fn execute(&self, block: &Block, check: &dyn CheckClaim) -> Result<(Self, Vec<Event>), Refused> {
        if !block.is_consistent() {
            return Err(HeaderFault::Body.into());
        }
        let mut draft = Draft::begin(self, &block.header, check)?;
        let refused = |at, why| Refused::Transaction { at, why: Box::new(why) };
        let read = |(at, bytes): (usize, &Bytes)| decode(bytes).map_err(|error| refused(at, error.into()));
        let all: Vec<SignedTx> = block.transactions.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let sizes = block.transactions.iter().map(|bytes| bytes.len());
        let mut all: Vec<Candidate<'_>> =
            all.iter().zip(sizes).map(|(signed, size)| Candidate::of(signed, size)).collect();
        Candidate::verify_all(&mut all, self.chain, check);
        for (at, candidate) in all.iter().enumerate() {
            draft.apply(candidate).map_err(|why| refused(at, why))?;
        }
        draft.end()?;
        let receipts = draft.receipts();
        draft.state.seal(receipts)?;
        let (stated, found) = (block.header.state, draft.state.root());
        if stated != found {
            return Err(HeaderFault::Root { stated, found }.into());
        }
        if block.header.next_voters != name(draft.state.next_voters()) {
            return Err(HeaderFault::Voters.into());
        }
        draft.state.tip = block.id();
        Ok((draft.state, draft.events))
    }

    /// Puts a block together: the candidates in their order, without those that fail or find no room.
    ///
    /// A candidate that fails pays nothing, so what the judge does for failures is bounded: once it has cost a quarter
    /// of the gas limit, whatever needs the judge waits for another block, and so does what an author sends after a
    /// failure of his. No build asks more than 2¼ blocks of compute of the judge, whoever sends what.
    ///
    /// Of `draft` the chain, height, parent, builder, time and draw ([`State::next_slot`]) are taken; a time that is not later
    /// than the last block's is moved to the first that is.
    ///
    /// # Errors
    /// No block of this builder can follow on this state.
    pub fn build(
        &self,
        mut draft: Header,
        candidates: &[Arc<SignedTx>],
        check: &dyn CheckClaim,
    ) -> Result<Built, Refused> {
        draft.time = draft.time.max(Time(self.clock.time.0.saturating_add(1)));
        draft.voters = name(self.next_voters());
        let mut run = Draft::begin(self, &draft, check)?;
        let (mut transactions, mut dropped) = (Vec::new(), Vec::new());
        for candidate in candidates {
            let bytes = encode(candidate.as_ref());
            match run.attempt(&Candidate::of(candidate, bytes.len())) {
                Ok(()) => transactions.push(Bytes(bytes)),
                // What finds no room now may find some in the next block.
                Err(Refused::Gas { needed, .. }) if needed <= self.params.fees.limit => {}
                Err(Refused::Size(_)) => {}
                Err(why) => dropped.push((Arc::clone(candidate), why)),
            }
        }
        run.end()?;
        let receipts = run.receipts();
        run.state.seal(receipts)?;
        draft.state = run.state.root();
        draft.next_voters = name(run.state.next_voters());
        let block = Block::new(draft, transactions);
        run.state.tip = block.id();
        Ok(Built { block, state: run.state, events: run.events, dropped, gas: run.gas })
    }

    /// Whether a transaction may wait for a block: well signed, in time, new and able to pay. Claims are not checked; the
    /// judge is asked about the signature alone.
    ///
    /// # Errors
    /// Why it may not.
    pub fn admits(&self, signed: &SignedTx, judge: &dyn CheckClaim) -> Result<(), Refused> {
        let size = encode(signed).len();
        if size > SignedTx::LIMIT {
            return Err(Refused::Size(size));
        }
        self.admissible(&Candidate::of(signed, size), self.clock.height.next(), judge)?;
        let (needed, limit) = (plain_gas(signed, size), self.params.fees.limit);
        if needed > limit {
            return Err(Refused::Gas { needed, limit });
        }
        let (needed, held) = (self.fee(needed)?, self.balance(signed.tx.by));
        if needed > held { Err(Refused::Balance { needed, held }) } else { Ok(()) }
    }

    /// In time, new and signed, the cheapest first.
    fn admissible(
        &self,
        candidate: &Candidate<'_>,
        at: Height,
        judge: &dyn CheckClaim,
    ) -> Result<(), Refused> {
        let Candidate { signed, digest, verified, .. } = *candidate;
        let (expires, last) = (signed.tx.expires, Height(at.0.saturating_add(self.params.tx_lifetime)));
        if expires < at || expires > last {
            return Err(Refused::Expires { expires, first: at, last });
        }
        if self.seen.contains_key(&(expires, digest)) {
            return Err(Refused::Replayed(digest));
        }
        let valid = verified || signed.is_signed_before(digest, self.chain, judge);
        if valid { Ok(()) } else { Err(Refused::Signature(signed.tx.by)) }
    }

    /// Whether a header follows on this state; what its builder drew.
    fn follows(&self, header: &Header) -> Result<Digest, Refused> {
        let rule = |holds: bool, fault: HeaderFault| if holds { Ok(()) } else { Err(fault) };
        let expected = self.clock.height.next();
        rule(header.chain == self.chain, HeaderFault::Chain)?;
        rule(header.height == expected, HeaderFault::Height { found: header.height, expected })?;
        rule(header.parent == self.tip, HeaderFault::Parent)?;
        rule(header.time > self.clock.time, HeaderFault::Time)?;
        let epoch = expected.epoch(self.params.epoch);
        let (id, electorate) = (header.proposer, self.electorate(epoch));
        let members = electorate.as_ref().map_or(&[][..], |electorate| electorate.members());
        rule(members.iter().any(|member| member.id == id), HeaderFault::Proposer(id))?;
        // Whoever is jailed builds no blocks from then on, though its weight stays until its electorate is over. Were
        // all in jail, the chain would stand still, so then all may.
        let may = self.is_free(id, epoch) || !members.iter().any(|member| self.is_free(member.id, epoch));
        rule(may, HeaderFault::Jailed(id))?;
        let voters = electorate.ok_or(HeaderFault::Voters)?;
        rule(header.voters == voters.digest(), HeaderFault::Voters)?;
        let output = voters.slot(self.chain, expected).output(id, &header.draw);
        Ok(output.ok_or(HeaderFault::Draw(id))?)
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn begin(before: &State, header: &Header, check: &'a dyn CheckClaim) -> Result<Self, Refused> {
        let output = before.follows(header)?;
        let (state, builder) = (before.clone(), header.proposer);
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
        draft.lapse();
        draft.draw_audits();
        draft.expire()?;
        draft.open_round();
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

    /// When a claim that the judge accepted is final.
    pub(crate) fn settles(&self, claim: &Claim) -> Settles {
        self.check.settles(claim)
    }

    /// Applies a candidate or changes nothing.
    fn attempt(&mut self, candidate: &Candidate<'_>) -> Result<(), Refused> {
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

    fn apply(&mut self, candidate: &Candidate<'_>) -> Result<(), Refused> {
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
        let fee = self.state.charge(signed.tx.by, needed)?;
        self.kept = fee.saturating_sub(self.state.params.fees.voters.floor_of(fee));
        self.state.seen.set((signed.tx.expires, digest), ());
        let before = self.events.len();
        self.act(signed.tx.by, &signed.tx.action)?;
        let cause = Cause::Transaction { digest, by: signed.tx.by, gas: needed, fee };
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
            Action::Post { deal, packet } => self.post(by, *deal, packet),
            Action::CommitTurn { goal, commitment } => self.commit_turn(by, *goal, *commitment),
            Action::Claim(claim) => self.claim(claim),
            Action::Answer { turn, answer } => self.answer(*turn, answer),
            Action::Challenge { turn, step } => self.challenge(by, *turn, step),
            Action::Move { turn, step } => self.make_move(by, *turn, step),
            Action::Refute(refutation) => self.refute(by, refutation),
            Action::Accuse(evidence) => self.accuse(by, evidence),
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

    fn end(&mut self) -> Result<(), Refused> {
        self.settle_turns()?;
        self.clear()?;
        self.reward(self.builder, Merit::Block, self.merit.min(self.state.params.rewards.block))?;
        self.state.clock.base_fee =
            next_base_fee(self.state.clock.base_fee, self.gas, &self.state.params.fees);
        self.state.note(self.output);
        self.state.attend(self.builder);
        if self.state.is_border() {
            self.border()?;
        }
        debug_assert_eq!(self.state.total(), Amount::SUPPLY, "tokens were made or lost");
        Ok(())
    }

    /// What each transaction did and the block by itself, last; their root goes into the state.
    fn receipts(&mut self) -> Vec<Receipt> {
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
        self.divide(crate::account::Pocket::Voters, self.state.pools.voters, next)?;
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
        let after = state.electorates.last_key_value();
        let voters = after.map_or(0, |(_, seats)| u32::try_from(seats.0.members().len()).unwrap_or(u32::MAX));
        self.events.push(Event::EpochStarted { epoch: next, voters });
        Ok(())
    }
}

/// The name of an electorate; an epoch without one is over before it begins.
fn name(voters: Option<Arc<Electorate>>) -> Digest {
    voters.map_or(Digest::ZERO, |voters| voters.digest())
}

/// Who answers for what the judge is asked: the author of a claim, whoever carries it; `None` when it is not asked.
fn answerable(tx: &Tx) -> Option<NodeId> {
    match &tx.action {
        Action::Claim(claim) => Some(claim.by()),
        Action::Post { .. }
        | Action::Refute(_)
        | Action::Answer { .. }
        | Action::Challenge { .. }
        | Action::Move { .. } => Some(tx.by),
        _ => None,
    }
}
