//! What arrives from peers: read, checked, passed on, and fed to the core.
//!
//! The order is always the same: decode within the limit; is it about a height and round that matter; may its
//! author say it; is it authentic (once, votes [together](super::waiting)); is it news. News is relayed as it came. A peer that delivers what no
//! honest node would pass on has committed an offence; a statement whose *author* is at fault is held against the
//! author.

use super::{
    context::Offer,
    shell::{Known, Shell},
    translate::vote_input,
    waiting::Delivered,
};
use crate::{
    Block, Effect, Electorate, Evidence, Header, Message, Refused, Sighting,
    vote::{Proposal, SignedProposal, SignedVote},
};
use arc_malachitebft_core_consensus::Input as CoreInput;
use arc_malachitebft_core_types::SignedMessage;
use bitneuron_core::{Bytes, Digest, Height, NodeId, Time, decode};
use std::{collections::BTreeSet, sync::Arc};

/// How many rounds ahead of the one it is in a node listens; the core's own bound.
const ROUNDS_AHEAD: u32 = 10;
/// Up to how many voters everybody relays to everybody.
const FLOOD: usize = 8;

impl Shell {
    /// Takes one message from a peer.
    pub(super) fn receive(&mut self, now: Time, from: NodeId, bytes: &Arc<[u8]>) {
        // Nothing new, and not from whoever may be stuck at a decided height.
        if self.met.get(bytes).is_some_and(|voter| *voter != from) {
            return;
        }
        let taken = decode::<Message>(bytes)
            .map_err(Refused::from)
            .and_then(|message| self.take(now, from, bytes, message));
        if let Err(why) = taken {
            self.offence(from, why);
        }
    }

    fn take(&mut self, now: Time, from: NodeId, bytes: &Arc<[u8]>, message: Message) -> Result<(), Refused> {
        let height = message.height();
        match &message {
            Message::Want(_) => {
                self.supply(now, from, height);
                return Ok(());
            }
            Message::Have { .. } if height > self.height => {
                self.lag.keep(from, height, self.height, bytes);
                self.hear(now, from, height);
                return Ok(());
            }
            Message::Fetch { block, .. } => {
                let open = self.blocks.get(block).filter(|_| height == self.height);
                let said = open.and_then(|known| known.said.clone());
                self.answer_to(now, from, self.archive.answer(height).or(said));
                return Ok(());
            }
            _ if height > self.height => {
                self.early.keep(self.height, height, self.electorate.as_deref(), from, bytes);
                self.hear(now, from, height);
                return Ok(());
            }
            _ => {}
        }
        match message {
            Message::Vote(vote) => self.take_vote(now, from, bytes, vote),
            Message::Proposal { signed, block } => self.take_proposal(bytes, signed, &block),
            Message::Offered(signed) => self.take_offered(from, signed),
            Message::Polka(certificate) => self.take_polka(&certificate),
            Message::Round(proof) => self.take_round(&proof),
            Message::Have { block, certificate } => {
                let taken = self.take_decision(from, &block, certificate);
                if taken.is_err() {
                    let instead = self.lag.distrust(now, from, self.height);
                    self.ask(instead);
                }
                taken
            }
            Message::Want(_) | Message::Fetch { .. } => Ok(()),
        }
    }

    /// Answers a question, unless whoever asks has drawn too much; whether it was answered.
    pub(super) fn answer_to(&mut self, now: Time, to: NodeId, answer: Option<Arc<[u8]>>) -> bool {
        let Some(bytes) = answer else { return false };
        let granted = self.meter.grants(now, self.account(to), bytes.len());
        if granted {
            self.effects.push(Effect::Send { to, bytes });
        }
        granted
    }

    /// In whose name somebody draws answers: voters in their own, all others in one.
    pub(super) fn account(&self, id: NodeId) -> Option<NodeId> {
        self.is_member(id).then_some(id)
    }

    /// Whether somebody votes at the open height.
    fn is_member(&self, id: NodeId) -> bool {
        self.electorate.as_ref().is_some_and(|electorate| electorate.position(id).is_some())
    }

    /// Somebody is ahead: ask for what was decided, if it seems to have been missed.
    fn hear(&mut self, now: Time, from: NodeId, height: Height) {
        if self.height.0 == 0 || self.decided {
            return;
        }
        let whom = (from, self.is_member(from));
        if self.certified.is_some() {
            // The answer is here and is being judged.
            return self.lag.note(whom, height);
        }
        let ask = self.lag.heard(now, whom, height, self.height);
        self.ask(ask);
    }

    /// Asks a peer for the decision of the open height.
    pub(super) fn ask(&mut self, whom: Option<NodeId>) {
        let bytes = || Message::Want(self.height).to_bytes();
        let send = whom.map(|to| Effect::Send { to, bytes: bytes() });
        self.effects.extend(send);
    }

    /// The voters of a height, if a statement of this round of it is of interest.
    pub(super) fn voters(&self, height: Height, round: u32) -> Option<Arc<Electorate>> {
        let (electorate, reached) = if height == self.height {
            (self.electorate.as_ref()?, self.round)
        } else {
            self.past.get(&height).map(|past| (&past.electorate, past.round))?
        };
        (round <= reached.saturating_add(ROUNDS_AHEAD)).then(|| Arc::clone(electorate))
    }

    /// Passes news on as it came: to all in a small electorate, else to the voters `2^k` places up and down the
    /// list, through whom it reaches everybody in about `log2 n` hops with `O(n log n)` messages.
    pub(super) fn relay(&mut self, bytes: &Arc<[u8]>, voters: &Electorate) {
        let count = voters.members().len();
        if count <= FLOOD {
            self.effects.push(Effect::Broadcast(Arc::clone(bytes)));
            return;
        }
        let Some(own) = voters.position(self.key.id()) else { return };
        let doubled = |stride: &usize| stride.checked_mul(2);
        let strides = std::iter::successors(Some(1), doubled).take_while(|stride| *stride <= count / 2);
        // A stride is below the count, so the way down the list is the way up by what is left of the circle.
        let around = strides.flat_map(|stride| [stride, count.saturating_sub(stride)]);
        let places: BTreeSet<usize> =
            around.filter_map(|way| own.saturating_add(way).checked_rem(count)).collect();
        for member in places.into_iter().filter_map(|place| voters.members().get(place)) {
            self.effects.push(Effect::Send { to: member.id, bytes: Arc::clone(bytes) });
        }
    }

    /// Whether statements about this height still go to the core.
    pub(super) fn is_open(&self, height: Height) -> bool {
        height == self.height && self.broken.is_none()
    }

    fn take_vote(
        &mut self,
        now: Time,
        from: NodeId,
        bytes: &Arc<[u8]>,
        signed: SignedVote,
    ) -> Result<(), Refused> {
        let vote = signed.vote;
        let Some(voters) = self.voters(vote.height, vote.round) else { return Ok(()) };
        voters.weight_of(vote.by).ok_or(Refused::Stranger(vote.by))?;
        let seen = self.pool.seen_vote(&signed).is_some() || self.waiting.beside(&vote) == Some(&signed);
        if !seen {
            return self.await_vote(Delivered { from, bytes: Arc::clone(bytes), signed }, &voters);
        }
        // Who says again what it said about a decided height is stuck there.
        if from == vote.by && (vote.height < self.height || self.decided) {
            self.supply(now, from, vote.height);
        }
        Ok(())
    }

    /// Feeds an authentic vote to the core.
    pub(super) fn feed_vote(&mut self, signed: &SignedVote) {
        self.queue.push_back(vote_input(signed));
    }

    /// Brings evidence before whoever drives the engine.
    pub(super) fn accuse(&mut self, evidence: Evidence) {
        self.effects.push(Effect::Accuse(evidence));
    }

    /// Somebody precommitted a block that was judged invalid here.
    pub(super) fn precommitted(&mut self, signed: SignedVote) {
        self.offence(signed.vote.by, Refused::InvalidPrecommit(Box::new(signed)));
    }

    fn take_proposal(
        &mut self,
        bytes: &Arc<[u8]>,
        signed: SignedProposal,
        body: &Bytes,
    ) -> Result<(), Refused> {
        let proposal = signed.proposal;
        let Some(voters) = self.turn(&proposal)? else { return Ok(()) };
        let seen = self.pool.seen_proposal(&signed);
        let awaited = seen == Some(Sighting::Known) && self.missing.contains_key(&proposal.block);
        if seen.is_some() && !awaited {
            return Ok(());
        }
        // The signature first: it costs less than reading a block. The body next: whoever garbled it must not
        // keep the honest copy out.
        if !self.pool.vouches_proposal(&signed) {
            return Err(Refused::Signature(proposal.by));
        }
        let block = bound(body, proposal.block)?;
        self.keep_proposal(signed);
        if !self.is_open(proposal.height) {
            self.pass_on(signed, &voters);
            return Ok(());
        }
        let mut offers =
            self.missing.remove(&proposal.block).map(|missing| missing.offers).unwrap_or_default();
        if offers.iter().all(|waiting| waiting.proposal != proposal) {
            offers.push(signed);
        }
        for signed in offers {
            self.pass_on(signed, &voters);
            self.place(signed, &block, Some(bytes));
        }
        Ok(())
    }

    /// A proposal without its block: it may prove a misdeed, and whoever passed it on has the block.
    fn take_offered(&mut self, from: NodeId, signed: SignedProposal) -> Result<(), Refused> {
        let proposal = signed.proposal;
        let Some(voters) = self.turn(&proposal)? else { return Ok(()) };
        if self.pool.seen_proposal(&signed).is_none() {
            if !self.pool.vouches_proposal(&signed) {
                return Err(Refused::Signature(proposal.by));
            }
            self.keep_proposal(signed);
            let known = self.blocks.get(&proposal.block).map(|known| Arc::clone(&known.block));
            match known {
                _ if !self.is_open(proposal.height) => self.pass_on(signed, &voters),
                Some(block) => {
                    self.pass_on(signed, &voters);
                    self.place(signed, &block, None);
                }
                None => self.missing.entry(proposal.block).or_default().offers.push(signed),
            }
        }
        self.fetch(from, proposal.block);
        Ok(())
    }

    /// The voters of a proposal's height, if it is of interest.
    fn turn(&self, proposal: &Proposal) -> Result<Option<Arc<Electorate>>, Refused> {
        let voters = self.voters(proposal.height, proposal.round);
        match voters {
            Some(voters) if voters.proposer(proposal.height, proposal.round) != proposal.by => {
                Err(Refused::NotProposer(proposal.by))
            }
            voters => Ok(voters),
        }
    }

    fn keep_proposal(&mut self, signed: SignedProposal) {
        if let Sighting::Conflict(evidence) = self.pool.keep_proposal(signed) {
            self.effects.push(Effect::Accuse(*evidence));
        }
    }

    fn pass_on(&mut self, signed: SignedProposal, voters: &Electorate) {
        self.relay(&Message::Offered(signed).to_bytes(), voters);
    }

    /// Asks a voter once for a block that is missing.
    fn fetch(&mut self, from: NodeId, block: Digest) {
        if !self.is_member(from) {
            return;
        }
        let Some(missing) = self.missing.get_mut(&block) else { return };
        if missing.asked.insert(from) {
            let bytes = Message::Fetch { height: self.height, block }.to_bytes();
            self.effects.push(Effect::Send { to: from, bytes });
        }
    }

    /// Feeds an authentic proposal whose block is here, or holds it against its author.
    fn place(&mut self, signed: SignedProposal, block: &Arc<Block>, said: Option<&Arc<[u8]>>) {
        let proposal = signed.proposal;
        if self.belongs(&block.header) && is_coherent(&proposal, &block.header) {
            self.offer(signed, Arc::clone(block), said.cloned());
        } else {
            self.offence(proposal.by, Refused::Misplaced(proposal.block));
        }
    }

    /// Whether a block may stand at the open height.
    pub(super) fn belongs(&self, header: &Header) -> bool {
        (header.chain, header.height, header.parent) == (self.chain, self.height, self.parent)
    }

    /// Feeds an authentic, well-placed proposal; has its block judged the first time it is seen.
    fn offer(&mut self, signed: SignedProposal, block: Arc<Block>, said: Option<Arc<[u8]>>) {
        let proposal = signed.proposal;
        let mut judge = None;
        let known = self.blocks.entry(proposal.block).or_insert_with(|| {
            judge = Some(Effect::Judge(Arc::clone(&block)));
            Known {
                block,
                round: proposal.round,
                verdict: None,
                offers: Vec::new(),
                decided: None,
                said: None,
            }
        });
        known.said = known.said.take().or(said);
        known.offers.push(signed);
        let offer = Offer::new(&proposal, Arc::clone(&known.block));
        self.effects.extend(judge);
        self.queue.push_back(CoreInput::Proposal(SignedMessage::new(offer, signed.signature)));
    }
}

/// The block of this name, out of its encoding.
pub(super) fn bound(body: &Bytes, id: Digest) -> Result<Arc<Block>, Refused> {
    let block: Block = decode(body)?;
    if block.id() == id && block.is_consistent() { Ok(Arc::new(block)) } else { Err(Refused::Unbound(id)) }
}

/// A block proposed for the first time is its proposer's own; one proposed again has a proof from before.
fn is_coherent(proposal: &Proposal, header: &Header) -> bool {
    match proposal.proof_round {
        None => header.proposer == proposal.by,
        Some(proof) => proof < proposal.round,
    }
}
