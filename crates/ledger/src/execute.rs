//! The one state transition, and the builder that runs it to put a block together.
//!
//! ```text
//! block = beginning (expiries, audits, opening of a round) · transactions in order ·
//!         end (settling, clearing, rewards, fee, beacon, border)
//! ```
//!
//! A block is valid when it follows on the state, its builder's draw is proved, every transaction in it succeeds within the
//! gas limit, and its stated root and next voters are those that come out. There are no failed transactions on the
//! chain. A [`Draft`] works on a copy of the state, so a block that is refused has changed nothing.
//!
//! Two things about a header only its judge can know: whether its time lies in the future, for which one needs a clock,
//! and whether its builder was drawn, for which one needs the voting round. Here time must grow and the builder must be a
//! free member of the electorate.

use crate::ahead::{Drawn, Looked};
use crate::draft::Draft;
use crate::event::Event;
use crate::fee::plain_gas;
use crate::tx::{Action, Candidate, SignedTx};
use crate::{HeaderFault, Params, Refused, State};
use bitneuron_consensus::{Block, Electorate, Header};
use bitneuron_core::claim::{CheckClaim, Claim};
use bitneuron_core::{Bytes, Digest, Height, Time, Wire, encode};
use std::sync::Arc;

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
        self.execute_looked(block, &Looked::read(block)?, check)
    }

    /// Executes a block of which something is known.
    pub(crate) fn execute_looked(
        &self,
        block: &Block,
        looked: &Looked,
        check: &dyn CheckClaim,
    ) -> Result<(Self, Vec<Event>), Refused> {
        let mut draft = Draft::begin(self, &block.header, looked.drawn, check)?;
        let mut all = looked.candidates(block);
        if !all.iter().all(|one| one.verified) {
            Candidate::verify_all(&mut all, self.chain, check);
        }
        self.foresee(all.iter().map(|candidate| candidate.signed), check);
        for (at, candidate) in all.iter().enumerate() {
            draft.apply(candidate).map_err(|why| Refused::Transaction { at, why: Box::new(why) })?;
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
        let mut run = Draft::begin(self, &draft, None, check)?;
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
        self.affords(&signed.tx, needed)
    }

    /// Lets the judge look at the claims of a block together: as many as a block has gas for.
    fn foresee<'a>(&self, transactions: impl Iterator<Item = &'a SignedTx>, check: &dyn CheckClaim) {
        let mut left = self.params.fees.limit;
        let claims = transactions.filter_map(|signed| match &signed.tx.action {
            Action::Claim(claim) => Some(claim),
            _ => None,
        });
        let claims: Vec<&Claim> = claims
            .take_while(|claim| match left.checked_sub(check.gas(claim)) {
                Some(rest) => {
                    left = rest;
                    true
                }
                None => false,
            })
            .collect();
        check.foresee(&claims);
    }

    /// In time, new and signed, the cheapest first.
    pub(crate) fn admissible(
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

    /// Whether this program knows the protocol by which the chain goes on.
    pub(crate) fn understands(&self) -> Result<(), Refused> {
        let (needed, known) = (self.params.protocol, Params::PROTOCOL);
        if needed <= known { Ok(()) } else { Err(Refused::Protocol { needed, known }) }
    }

    /// Whether a header follows on this state; what its builder drew, looked at unless it is known.
    pub(crate) fn follows(&self, header: &Header, known: Option<Drawn>) -> Result<Digest, Refused> {
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
        let known = known.filter(|drawn| drawn.voters == header.voters).map(|drawn| drawn.output);
        let output = known.or_else(|| voters.slot(self.chain, expected).output(id, &header.draw));
        Ok(output.ok_or(HeaderFault::Draw(id))?)
    }
}

/// The name of an electorate; an epoch without one is over before it begins.
fn name(voters: Option<Arc<Electorate>>) -> Digest {
    voters.map_or(Digest::ZERO, |voters| voters.digest())
}
