//! [`OneShot`]: the smallest engine that never forks. For tests, and to see what rounds and locks are for.
//!
//! Each voter signs *one* vote for a height, for the first valid block that it is shown. A block with votes of more than two
//! thirds of the weight is decided. Two such quorums share an honest voter while less than a third of the weight is faulty, so
//! no two blocks of a height are ever decided, whatever the network does. A height takes two one-way delays.
//!
//! It does *not* promise that a height is decided at all. When a proposer is silent or its block invalid, the next one is heard;
//! but where votes are split, by a proposer that makes two blocks or by a slow network, they are split for good. Rounds in
//! which votes may be cast anew, and locks that make that safe, are what it takes to go on. Do not run a chain on it.
//!
//! Votes are precommits of round 0, so evidence, certificates and light clients are those of every engine; a vote is persisted
//! before it leaves.

use crate::{
    Block, Certificate, CheckCertificate, ConsensusEngine, Effect, Electorate, Entry, Input, Message, Pool,
    QuorumCheck, Record, Refused, Sighting, Step, Timeouts, TimerId,
    vote::{Proposal, SignedProposal, SignedVote, Stage, Vote},
};
use bitneuron_core::{
    Bytes, ChainId, Digest, Height, Keypair, Machine, NodeId, Outbox, Time, decode, encode,
};
use std::{
    collections::{BTreeMap, btree_map::Entry::Vacant},
    sync::Arc,
};

/// How many rounds ahead of its own a node listens.
const AHEAD: u32 = 100;
/// How many decided heights are kept for those who ask.
const KEPT: u64 = 64;
/// How many messages for the next height are kept until it begins.
const EARLY: usize = 512;

/// Whether an input, or what a message holds, was taken.
type Taken = Result<(), Refused>;

/// The engine.
#[derive(Debug)]
pub struct OneShot {
    key: Keypair,
    chain: ChainId,
    timeouts: Timeouts,
    height: Height,
    parent: Digest,
    electorate: Option<Arc<Electorate>>,
    round: u32,
    voted: Option<SignedVote>,
    /// The height that was open before a crash, and the vote on it.
    before: Option<(Height, Option<SignedVote>)>,
    decided: bool,
    /// The blocks of the open height, and what the judge said of them.
    blocks: BTreeMap<Digest, (Arc<Block>, Option<bool>)>,
    pool: Pool,
    timer: TimerId,
    early: Vec<(NodeId, Arc<[u8]>)>,
    archive: BTreeMap<Height, Arc<[u8]>>,
    effects: Vec<Effect>,
}

impl OneShot {
    /// An engine that has begun no height.
    pub const fn new(key: Keypair, chain: ChainId, timeouts: Timeouts) -> Self {
        Self {
            key,
            chain,
            timeouts,
            height: Height(0),
            parent: Digest::ZERO,
            electorate: None,
            round: 0,
            voted: None,
            before: None,
            decided: false,
            blocks: BTreeMap::new(),
            pool: Pool::new(chain),
            timer: TimerId(0),
            early: Vec::new(),
            archive: BTreeMap::new(),
            effects: Vec::new(),
        }
    }

    fn begin(&mut self, height: Height, electorate: Arc<Electorate>, parent: Digest) -> Taken {
        if height <= self.height {
            return Err(Refused::Height { found: height, expected: self.height.next() });
        }
        (self.height, self.parent, self.electorate) = (height, parent, Some(electorate));
        self.before = self.before.filter(|(crashed, _)| *crashed == height);
        (self.voted, self.decided, self.blocks) = (None, false, BTreeMap::new());
        if let Some((_, Some(signed))) = self.before {
            self.voted = Some(signed);
            self.pool.keep_vote(signed);
        }
        // Second votes on the height before are still evidence.
        self.pool.forget_below(Height(height.0.saturating_sub(1)));
        self.archive.retain(|kept, _| kept.0.saturating_add(KEPT) >= height.0);
        self.enter(0);
        for (from, bytes) in std::mem::take(&mut self.early) {
            self.receive(from, &bytes);
        }
        Ok(())
    }

    /// Begins a round: its proposer builds a block, or shows again the one that it voted for.
    fn enter(&mut self, round: u32) {
        self.round = round;
        self.timer = TimerId(self.timer.0.saturating_add(1));
        let after = self.timeouts.wait(Step::Propose, round);
        self.effects.push(Effect::Timer { id: self.timer, after });
        // What it proposed before a crash it does not remember, so it proposes nothing more at that height.
        if self.proposer(round) != Some(self.key.id()) || self.before.is_some() {
            return;
        }
        let shown = self.voted.and_then(|signed| self.blocks.get(&signed.vote.block?));
        match shown.cloned() {
            Some((block, _)) => self.propose(&block),
            None => self.effects.push(Effect::Build { height: self.height, round, parent: self.parent }),
        }
    }

    fn is_member(&self, id: NodeId) -> bool {
        self.electorate.as_ref().is_some_and(|electorate| electorate.position(id).is_some())
    }

    fn proposer(&self, round: u32) -> Option<NodeId> {
        self.electorate.as_ref().map(|electorate| electorate.proposer(self.height, round))
    }

    fn propose(&mut self, block: &Block) {
        let (height, round, by) = (self.height, self.round, self.key.id());
        let signed =
            Proposal { height, round, proof_round: None, block: block.id(), by }.sign(&self.key, self.chain);
        self.pool.keep_proposal(signed);
        let said = Message::Proposal { signed, block: Bytes(encode(block)) };
        self.persist(Entry::Proposal(signed), &said);
    }

    /// Says something once it is in the log.
    fn persist(&mut self, entry: Entry, said: &Message) {
        let record = Record { height: self.height, entry };
        let said = Effect::Broadcast(said.to_bytes());
        self.effects.extend([Effect::Persist(Bytes(encode(&record))), said]);
    }

    /// Remembers what was said at the last height before a crash.
    fn recover(&mut self, records: &[Bytes]) {
        for record in records.iter().filter_map(|bytes| decode::<Record>(bytes).ok()) {
            let known = self.before.filter(|(height, _)| *height == record.height).and_then(|(_, vote)| vote);
            let vote = if let Entry::Vote(signed) = record.entry { Some(signed) } else { known };
            self.before = Some((record.height, vote));
        }
    }

    fn receive(&mut self, from: NodeId, bytes: &Arc<[u8]>) {
        let taken = decode(bytes).map_err(Refused::from).and_then(|message| self.take(from, bytes, message));
        if let Err(why) = taken {
            self.effects.push(Effect::Offence { by: from, why });
        }
    }

    fn take(&mut self, from: NodeId, bytes: &Arc<[u8]>, message: Message) -> Taken {
        let height = message.height();
        if height > self.height {
            let near = height == self.height.next() && self.early.len() < EARLY;
            self.early.extend(near.then(|| (from, Arc::clone(bytes))));
            return Ok(());
        }
        if matches!(message, Message::Want(_)) {
            let answer = self.archive.get(&height).cloned();
            self.effects.extend(answer.map(|bytes| Effect::Send { to: from, bytes }));
        }
        match message {
            Message::Vote(signed) => self.take_vote(bytes, signed),
            Message::Proposal { signed, block } if height == self.height => {
                self.take_proposal(bytes, signed, &block)
            }
            Message::Have { block, certificate } if height == self.height && !self.decided => {
                self.take_decision(Arc::new(decode(&block)?), certificate)
            }
            // It has no prevotes, and a proposal always brings its block.
            _ => Ok(()),
        }
    }

    fn take_vote(&mut self, bytes: &Arc<[u8]>, signed: SignedVote) -> Taken {
        let vote = signed.vote;
        if !self.is_member(vote.by) {
            // Whoever voted before and does not now says nothing that counts.
            return if vote.height == self.height { Err(Refused::Stranger(vote.by)) } else { Ok(()) };
        }
        if (vote.round, vote.stage) != (0, Stage::Precommit) {
            return Err(Refused::Unrelated);
        }
        match self.pool.vote(&signed)? {
            Sighting::Fresh => {}
            Sighting::Conflict(evidence) => self.effects.push(Effect::Accuse(*evidence)),
            Sighting::Known | Sighting::Surplus => return Ok(()),
        }
        self.effects.push(Effect::Broadcast(Arc::clone(bytes)));
        if let Some(block) = vote.block.filter(|_| vote.height == self.height) {
            self.tally(block);
        }
        Ok(())
    }

    fn take_proposal(&mut self, bytes: &Arc<[u8]>, signed: SignedProposal, body: &Bytes) -> Taken {
        let proposal = signed.proposal;
        if proposal.round > self.round.saturating_add(AHEAD)
            || self.proposer(proposal.round) != Some(proposal.by)
        {
            return Err(Refused::NotProposer(proposal.by));
        }
        if self.pool.seen_proposal(&signed).is_some() {
            return Ok(());
        }
        // The block is looked at before the pool: whoever garbled it must not keep the honest copy out.
        let block: Block = decode(body)?;
        if block.id() != proposal.block || !block.is_consistent() {
            return Err(Refused::Unbound(proposal.block));
        }
        if let Sighting::Conflict(evidence) = self.pool.proposal(&signed)? {
            self.effects.push(Effect::Accuse(*evidence));
        }
        self.effects.push(Effect::Broadcast(Arc::clone(bytes)));
        // A proposer may show again what another one built.
        if self.is_member(block.header.proposer) && self.belongs(&block) {
            self.show(Arc::new(block));
        } else {
            self.effects.push(Effect::Offence { by: proposal.by, why: Refused::Misplaced(proposal.block) });
        }
        Ok(())
    }

    fn belongs(&self, block: &Block) -> bool {
        let header = &block.header;
        (header.chain, header.height, header.parent) == (self.chain, self.height, self.parent)
    }

    fn take_decision(&mut self, block: Arc<Block>, certificate: Certificate) -> Taken {
        let electorate = self.electorate.as_ref().ok_or(Refused::Idle)?;
        let bound = certificate.block == block.id() && block.is_consistent() && self.belongs(&block);
        if !bound || (certificate.height, certificate.round) != (self.height, 0) {
            return Err(Refused::Misplaced(certificate.block));
        }
        QuorumCheck { chain: self.chain }.check(&certificate, electorate)?;
        self.decide(block, certificate);
        Ok(())
    }

    /// Has a block judged the first time it is seen.
    fn show(&mut self, block: Arc<Block>) {
        if let Vacant(place) = self.blocks.entry(block.id()) {
            self.effects.push(Effect::Judge(Arc::clone(&block)));
            place.insert((block, None));
        }
    }

    /// Votes for a valid block, if this node has a vote and has not used it; decides if there are enough.
    fn judged(&mut self, id: Digest, verdict: bool) {
        let Some((_, valid)) = self.blocks.get_mut(&id).filter(|known| known.1.is_none()) else { return };
        *valid = Some(verdict);
        let own = self.key.id();
        if verdict && self.is_member(own) && self.voted.is_none() && !self.decided {
            let (height, stage) = (self.height, Stage::Precommit);
            let signed =
                Vote { height, round: 0, stage, block: Some(id), by: own }.sign(&self.key, self.chain);
            self.voted = Some(signed);
            self.pool.keep_vote(signed);
            self.persist(Entry::Vote(signed), &Message::Vote(signed));
        }
        self.tally(id);
    }

    /// Decides a valid block for which more than two thirds of the weight have voted.
    fn tally(&mut self, id: Digest) {
        let Some((block, Some(true))) = self.blocks.get(&id) else { return };
        let block = Arc::clone(block);
        let mut votes: Vec<_> = self.pool.precommits(self.height, id).collect();
        votes.sort_unstable_by_key(|signed| signed.vote.by);
        let votes = votes.into_iter().map(|signed| (signed.vote.by, signed.signature)).collect();
        let certificate = Certificate { height: self.height, round: 0, block: id, votes };
        if self.electorate.as_ref().is_some_and(|electorate| certificate.weight(electorate).is_ok()) {
            self.decide(block, certificate);
        }
    }

    fn decide(&mut self, block: Arc<Block>, certificate: Certificate) {
        if std::mem::replace(&mut self.decided, true) {
            return;
        }
        let have = Message::Have { block: Bytes(encode(&*block)), certificate: certificate.clone() };
        self.archive.insert(self.height, have.to_bytes());
        self.effects.push(Effect::Commit { block, certificate });
    }

    /// A round without a decision: say again what was said, ask what others decided, and hear the next proposer.
    fn elapsed(&mut self) {
        let said = self.voted.map(Message::Vote).into_iter().chain([Message::Want(self.height)]);
        self.effects.extend(said.map(|message| Effect::Broadcast(message.to_bytes())));
        self.enter(self.round.saturating_add(1));
    }
}

impl Machine for OneShot {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, _: Time, input: Input, out: &mut Outbox<Effect>) -> Taken {
        match input {
            Input::Begin { height, electorate, parent } => self.begin(height, electorate, parent)?,
            Input::Message { from, bytes } => self.receive(from, &bytes),
            Input::Timer(id) if id == self.timer && !self.decided => self.elapsed(),
            Input::Built { height, round, block } if (height, round) == (self.height, self.round) => {
                if !self.belongs(&block) || block.header.proposer != self.key.id() {
                    return Err(Refused::Misplaced(block.id()));
                }
                self.propose(&block);
                self.show(block);
            }
            Input::Judged { block, valid } => self.judged(block, valid),
            Input::Synced { block, certificate } => self.take_decision(block, certificate)?,
            Input::Recover { records } => self.recover(&records),
            Input::Timer(_) | Input::Built { .. } | Input::Recalled { .. } => {}
        }
        out.extend(self.effects.drain(..));
        Ok(())
    }
}

impl ConsensusEngine for OneShot {
    fn height(&self) -> Height {
        self.height
    }
}
