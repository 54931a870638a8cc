//! Driving the engine and applying what it decides.

use super::{BEGIN, Validator, ValidatorError, offence};
use crate::history::look;
use crate::message::{Notice, Tip};
use crate::plan::Plan;
use crate::role::{Effect, Report};
use crate::work::{Done, Executed, Invalid, Job, Outcome, is_fault};
use bitneuron_consensus::{self as consensus, Block, Certificate, Header};
use bitneuron_core::{Digest, Height, NodeId, Outbox, Time};
use bitneuron_ledger::{Action, Built, DRAW_GAS, Event, Refutation, SignedTx};
use bitneuron_net::Channel;
use std::sync::Arc;

/// How many paces ago a block was built whose decision is news to whoever is behind only.
const LATE: u32 = 8;
/// What reading a block and checking its builder's draw costs beside the checks of its claims.
const BLOCK_GAS: u64 = 50_000 + DRAW_GAS;

impl Validator {
    /// Begins the height after the last decided one.
    pub(super) fn begin(&mut self, now: Time, out: &mut Outbox<Effect>) -> Result<(), ValidatorError> {
        let height = self.height().next();
        let epoch = height.epoch(self.state.params().epoch);
        let Some(electorate) = self.state.electorate(epoch) else { return Ok(()) };
        self.falsehoods.clear();
        let left = (self.began, std::mem::take(&mut self.executed));
        self.began = now;
        let parent = self.parent();
        let begun = self.drive(now, consensus::Input::Begin { height, electorate, parent }, out);
        if begun.is_err() {
            (self.began, self.executed) = left;
        }
        begun
    }

    fn parent(&self) -> Digest {
        self.tip.as_ref().map_or(Digest::ZERO, |tip| tip.header.id())
    }

    /// Steps the engine and performs its effects.
    pub(super) fn drive(
        &mut self,
        now: Time,
        input: consensus::Input,
        out: &mut Outbox<Effect>,
    ) -> Result<(), ValidatorError> {
        let mut inner = Outbox::new();
        self.engine.step(now, input, &mut inner)?;
        for effect in inner {
            match effect {
                consensus::Effect::Broadcast(bytes) => {
                    for to in self.plan.validators.iter().filter(|id| **id != self.key.id()) {
                        out.push(Effect::Send { to: *to, channel: Channel::VOTE, bytes: bytes.clone() });
                    }
                }
                consensus::Effect::Send { to, bytes } => {
                    out.push(Effect::Send { to, channel: Channel::VOTE, bytes });
                }
                consensus::Effect::Timer { id, after } => out.push(Effect::Timer { id: id.0, after }),
                consensus::Effect::CancelTimer(id) => out.push(Effect::CancelTimer(id.0)),
                consensus::Effect::Build { height, round, parent } => {
                    self.build(now, height, round, parent, out);
                }
                consensus::Effect::Judge(block) => self.ask_judge(now, block, out),
                consensus::Effect::Commit { block, certificate } => {
                    self.decided(now, block, certificate, out);
                }
                consensus::Effect::Recall { to, first, most } => self.recall(to, first, most, out),
                consensus::Effect::Accuse(evidence) => self.submit(Action::Accuse(evidence), out),
                consensus::Effect::Persist(bytes) => out.push(Effect::Persist(bytes)),
                consensus::Effect::Offence { by, why } => {
                    out.push(offence(by, why.to_string()));
                    self.convict(why, out);
                }
            }
        }
        Ok(())
    }

    /// Brings whoever signed a block with a false claim before the ledger.
    fn convict(&mut self, why: consensus::Refused, out: &mut Outbox<Effect>) {
        let content = |block: &Digest| self.falsehoods.get(block).cloned();
        let refutation = match why {
            consensus::Refused::InvalidBlock(proposal) => content(&proposal.proposal.block)
                .map(|content| Refutation::Proposed { proposal: *proposal, content }),
            consensus::Refused::InvalidPrecommit(vote) => {
                let block = vote.vote.block.and_then(|block| content(&block));
                block.map(|content| Refutation::Precommitted { vote: *vote, content })
            }
            _ => None,
        };
        if let Some(refutation) = refutation {
            self.submit(Action::Refute(refutation), out);
        }
    }

    /// Looks old decisions up for a peer that is behind, as a job. Whoever keeps none finds none.
    fn recall(&self, to: NodeId, first: Height, most: usize, out: &mut Outbox<Effect>) {
        let history = self.history.clone();
        out.push(Effect::Work(Job::priced("recall", BLOCK_GAS, move || {
            let found = history.map(|history| look(history.as_ref(), first, most));
            Outcome::Recalled { to, decisions: found.unwrap_or_default() }
        })));
    }

    /// Puts a block together, as a job.
    fn build(&mut self, now: Time, height: Height, round: u32, parent: Digest, out: &mut Outbox<Effect>) {
        let mut header = Header::draft(self.plan.chain, height, parent, self.key.id(), now);
        let mut candidates = self.precommits_to_bring();
        candidates.extend(self.mempool.candidates());
        let (state, judge) = (self.state.clone(), self.judge.clone());
        let key = self.key.clone();
        out.push(Effect::Work(Job::new("build", move || {
            header.draw = state.next_slot().map_or(header.draw, |slot| slot.draw(&key));
            let built = state.build(header, &candidates, judge.as_ref());
            let gas = BLOCK_GAS.saturating_add(judge.take_spent());
            Done { gas, outcome: Outcome::Built { round, built: built.ok().map(Box::new) } }
        })));
    }

    pub(super) fn built(
        &mut self,
        now: Time,
        round: u32,
        built: Option<Box<Built>>,
        out: &mut Outbox<Effect>,
    ) -> Result<(), ValidatorError> {
        let Some(built) = built else { return Ok(()) };
        let Built { block, state, events, dropped, .. } = *built;
        let block = Arc::new(block);
        let executed = Arc::new(Executed { state: Arc::new(state), events });
        let input = consensus::Input::Built { height: block.header.height, round, block: block.clone() };
        self.drive_with(now, block.id(), Some(executed), input, out)?;
        for (transaction, why) in dropped {
            let digest = transaction.digest();
            match &transaction.tx.action {
                // A signed claim that does not hold is itself the proof of its author's fault.
                Action::Claim(claim) if is_fault(&why) => {
                    self.mempool.remove(&digest);
                    self.submit(Action::Refute(Refutation::Claim(claim.clone())), out);
                }
                _ => self.mempool.failed(&digest),
            }
        }
        Ok(())
    }

    /// Steps the engine, which may decide the block at once, with the state after that block at hand.
    fn drive_with(
        &mut self,
        now: Time,
        block: Digest,
        after: Option<Arc<Executed>>,
        input: consensus::Input,
        out: &mut Outbox<Effect>,
    ) -> Result<(), ValidatorError> {
        let fresh = after.filter(|_| !self.executed.contains_key(&block));
        let added = fresh.map(|after| self.executed.insert(block, after)).is_some();
        let driven = self.drive(now, input, out);
        if driven.is_err() && added {
            self.executed.remove(&block);
        }
        driven
    }

    /// Judges a block, as a job.
    fn ask_judge(&self, now: Time, block: Arc<Block>, out: &mut Outbox<Effect>) {
        let (state, judge) = (self.state.clone(), self.judge.clone());
        let known = self.executed.get(&block.id()).cloned();
        // A block from the future would stop the clock of all that follow.
        let timely = block.header.time <= now.after(Plan::DRIFT);
        out.push(Effect::Work(Job::new("judge", move || {
            let run = || {
                let executed = state.execute(&block, judge.as_ref());
                let (state, events) = executed.map_err(|why| Box::new(Invalid::new(&block, why)))?;
                Ok(Arc::new(Executed { state: Arc::new(state), events }))
            };
            let after = known.map_or_else(run, Ok);
            let gas = BLOCK_GAS.saturating_add(judge.take_spent());
            Done { gas, outcome: Outcome::Judged { block: block.id(), after, timely } }
        })));
    }

    pub(super) fn judged(
        &mut self,
        now: Time,
        block: Digest,
        after: Result<Arc<Executed>, Box<Invalid>>,
        timely: bool,
        out: &mut Outbox<Effect>,
    ) -> Result<(), ValidatorError> {
        if let Some((decided, certificate)) = self.undone.take_if(|(decided, _)| decided.id() == block) {
            match after {
                Ok(executed) => self.commit(now, &decided, certificate, &executed, out),
                Err(invalid) => {
                    let (height, why) = (decided.header.height, Arc::new(invalid.why));
                    out.push(Effect::Report(Report::Halted { height, why }));
                }
            }
            return Ok(());
        }
        let after = after.map_err(|invalid| {
            invalid.content.map(|content| self.falsehoods.insert(block, content));
        });
        let valid = after.is_ok() && timely;
        self.drive_with(now, block, after.ok(), consensus::Input::Judged { block, valid }, out)
    }

    /// A block is decided: commit it. One that was decided without this node's vote is executed first, as a job.
    fn decided(&mut self, now: Time, block: Arc<Block>, certificate: Certificate, out: &mut Outbox<Effect>) {
        if let Some(executed) = self.executed.remove(&block.id()) {
            return self.commit(now, &block, certificate, &executed, out);
        }
        self.undone = Some((block.clone(), certificate));
        self.ask_judge(now, block, out);
    }

    /// Applies a decided block and tells everybody concerned.
    fn commit(
        &mut self,
        now: Time,
        block: &Arc<Block>,
        certificate: Certificate,
        executed: &Executed,
        out: &mut Outbox<Effect>,
    ) {
        let changed = self.state.params() != executed.state.params();
        self.state = executed.state.clone();
        let tip = Tip { header: block.header.clone(), certificate: certificate.clone() };
        self.tip = Some(tip.clone());
        let height = block.header.height;
        for transaction in &block.transactions {
            self.mempool.remove(&SignedTx::digest_of(transaction));
        }
        self.mempool.expire(height.next());
        self.answered.clear();
        let message = self.news(tip);
        self.subscribers.iter().for_each(|to| Self::send(*to, &message, out));
        if changed {
            self.show_params(self.subscribers.iter().copied(), out);
        }
        let events: Arc<[Event]> = executed.events.clone().into();
        let report = Report::Committed {
            block: block.clone(),
            certificate,
            events: events.clone(),
            state: self.state.clone(),
            began: self.began,
        };
        out.push(Effect::Report(report));
        self.forget();
        self.react(height, &events, out);
        self.defend(&events, out);
        self.compete(out);
        self.receive_posted(block, &events, out);
        self.receive_early(out);
        // Whoever is far behind does not wait between blocks that were decided long ago.
        let late = block.header.time.after(LATE * self.plan.pace) < now;
        if !late {
            self.fetch(out);
        }
        let next = if late { now } else { self.began.after(self.plan.pace) };
        out.push(Effect::Timer { id: BEGIN, after: next.since(now) });
    }

    /// What a decided block means for trade and learning.
    fn react(&mut self, height: Height, events: &[Event], out: &mut Outbox<Effect>) {
        for event in events {
            match event {
                Event::DealMade(deal) => self.call(deal, out),
                Event::TurnCommitted { author, .. } if *author == self.key.id() => self.prove(out),
                _ => {}
            }
        }
        match self.plan.phase(height) {
            1 => self.play(out),
            2 => self.remind(out),
            3 => self.bid(out),
            _ => {}
        }
    }

    /// An entry of the state that is there, with its proof under the last header.
    pub(super) fn notice(&self, key: &[u8]) -> Option<Notice> {
        let (tip, entry) = (self.tip.clone()?, self.state.prove(key));
        entry.claimed().is_some().then_some(Notice { tip, entry })
    }
}
