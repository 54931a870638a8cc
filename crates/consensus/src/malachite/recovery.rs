//! Coming back after a crash: what was recorded of the open height is fed to the core again.
//!
//! The core is a function of its inputs, and every input that moved it was recorded before anything that followed from it left.
//! So a new core that is fed the records reaches the state of the old one, or one that the old one had been in, and says what
//! was said, again. Its own statements are not signed anew but taken from the records; one that would differ stops the engine.
//! What is derived for the first time, since the crash came before it was recorded, is recorded now.
//!
//! Three things are not in the records. Blocks that were being judged: whoever has them offers them again. Blocks that were
//! being built: they are asked for again, unless one was already proposed. Messages on their way out: what this node said in the
//! round it comes back to is said once more, and costs its receivers a look into their pools.

use super::{
    CoreInput, Malachite,
    context::{Address, Agreement, At, Candidate, Offer},
    core::ProposedValue,
    core_types::{Round, SignedMessage, Validity, ValueOrigin},
    shell::{Known, Shell},
    translate::{polka_input, timeout_of, vote_input},
};
use crate::{Effect, Entry, Message, Record, Refused, Sighting, vote::Stage};
use bitneuron_core::{Bytes, Digest, Height, decode, encode};
use std::sync::Arc;

impl Malachite {
    /// Takes the records of a crashed engine, for the height that begins next.
    ///
    /// # Errors
    /// A height has begun. Or a record cannot be read: then the engine stops, since it must not vote without it.
    pub(super) fn recover(&mut self, records: &[Bytes]) -> Result<(), Refused> {
        if self.shell.height > Height(0) {
            return Err(Refused::Height { found: Height(0), expected: self.shell.height.next() });
        }
        let records: Result<Vec<Record>, _> = records.iter().map(|record| decode(record)).collect();
        match records {
            Ok(records) => {
                self.records = records;
                Ok(())
            }
            Err(error) => {
                let why = format!("a record of its log cannot be read: {error}");
                self.stopped = Some(why.clone());
                Err(Refused::Stopped(why))
            }
        }
    }

    /// Feeds what was recorded of the height that has just begun.
    pub(super) fn replay(&mut self) {
        let height = self.shell.height;
        let mut records = std::mem::take(&mut self.records);
        records.retain(|record| record.height == height);
        if records.is_empty() {
            return;
        }
        let shell = &mut self.shell;
        if let Err(why) = shell.learn(&records) {
            shell.broken = Some(format!("a record of its log is false: {why}"));
            return;
        }
        shell.replayed = records.iter().map(|record| name(&encode(record))).collect();
        let inputs: Vec<_> = records.iter().filter_map(|record| shell.again(&record.entry)).collect();
        if let Some(core) = &mut self.core {
            core.index_wal_entries(&inputs);
        }
        for input in inputs {
            if let CoreInput::TimeoutElapsed(timeout) = &input {
                self.shell.cancel(*timeout);
            }
            self.shell.queue.push_back(input);
            self.run();
            if self.shell.broken.is_some() {
                return;
            }
        }
        if let Some(core) = &mut self.core {
            core.reset_entries_index();
        }
        self.shell.replayed.clear();
        self.shell.speak_again();
    }
}

/// The name of an encoded record.
pub(super) fn name(record: &[u8]) -> Digest {
    Digest::of("bitneuron record v1", record)
}

impl Shell {
    /// Takes what the records tell beside the core: blocks with their verdicts, and statements for the pool.
    fn learn(&mut self, records: &[Record]) -> Result<(), Refused> {
        let own = self.key.id();
        for record in records {
            if let Entry::Block { round, valid, block } = &record.entry {
                let id = block.id();
                if !self.belongs(&block.header) || !block.is_consistent() {
                    return Err(Refused::Misplaced(id));
                }
                let known = Known::judged(Arc::new(block.clone()), *round, *valid);
                self.blocks.entry(id).or_insert(known);
            }
        }
        for record in records {
            match &record.entry {
                Entry::Vote(signed) => {
                    if let Sighting::Conflict(evidence) = self.pool.vote(signed)? {
                        self.effects.push(Effect::Accuse(*evidence));
                    }
                    if signed.vote.by == own {
                        self.said.vote(&signed.vote);
                    }
                }
                Entry::Proposal(signed) => {
                    let Some(known) = self.blocks.get_mut(&signed.proposal.block) else { continue };
                    let block = Bytes(encode(&*known.block));
                    known.said = Some(Message::Proposal { signed: *signed, block }.to_bytes());
                    known.offers.push(*signed);
                    if let Sighting::Conflict(evidence) = self.pool.proposal(signed)? {
                        self.effects.push(Effect::Accuse(*evidence));
                    }
                    if signed.proposal.by == own {
                        self.said.proposal(*signed);
                    }
                }
                Entry::Polka(certificate) => {
                    self.check(certificate, Stage::Prevote)?;
                    self.watch(certificate.statements(Stage::Prevote));
                }
                Entry::Block { .. } | Entry::Elapsed { .. } => {}
            }
        }
        Ok(())
    }

    /// The input that an entry records; none for a proposal whose block was not yet judged.
    fn again(&self, entry: &Entry) -> Option<CoreInput<Agreement>> {
        Some(match entry {
            Entry::Vote(signed) => vote_input(signed),
            Entry::Proposal(signed) => {
                let block = Arc::clone(&self.blocks.get(&signed.proposal.block)?.block);
                let offer = Offer::new(&signed.proposal, block);
                CoreInput::Proposal(SignedMessage::new(offer, signed.signature))
            }
            Entry::Block { round, valid, block } => {
                let id = block.id();
                let block = Arc::clone(&self.blocks.get(&id)?.block);
                let value = ProposedValue {
                    height: At(self.height),
                    round: Round::new(*round),
                    valid_round: Round::Nil,
                    proposer: Address(block.header.proposer),
                    value: Candidate { id, block },
                    validity: Validity::from_bool(*valid),
                };
                CoreInput::ProposedValue(value, ValueOrigin::Consensus)
            }
            Entry::Elapsed { step, round } => CoreInput::TimeoutElapsed(timeout_of((*step, *round))),
            Entry::Polka(certificate) => polka_input(certificate),
        })
    }

    /// Sets right what the core asked for on its way here, and repeats a proposal that perhaps never left.
    fn speak_again(&mut self) {
        let (round, decided) = (self.round, self.decided);
        let own = self.said.proposed(round).copied();
        self.effects.retain(|effect| match effect {
            Effect::Build { round: asked, .. } => !decided && own.is_none() && *asked == round,
            _ => true,
        });
        let Some(signed) = own.filter(|_| !decided) else { return };
        let Some(known) = self.blocks.get(&signed.proposal.block) else { return };
        let block = Bytes(encode(&*known.block));
        self.effects.push(Effect::Broadcast(Message::Proposal { signed, block }.to_bytes()));
    }
}
