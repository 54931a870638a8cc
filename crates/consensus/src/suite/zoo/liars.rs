//! Who says what is not so, in its own name.

use super::{Habit, Scene, heard, said};
use crate::{Block, Effect, Evidence, Input, Message, Proposal, SignedProposal, SignedVote, Stage, Vote};
use bitneuron_core::{Bytes, Digest, Height, NodeId, decode, encode};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use crate::suite::network::INVALID;

/// The names of the misdeeds that were committed, shared by all who commit them.
#[derive(Debug, Clone, Default)]
pub struct Misdeeds(Arc<Mutex<BTreeSet<Digest>>>);

impl Misdeeds {
    /// Notes one.
    pub fn note(&self, evidence: &Evidence) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(evidence.subject());
    }

    /// All of them.
    pub fn all(&self) -> BTreeSet<Digest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Whether an input is an own statement that comes back.
fn is_own(scene: &Scene, input: &Input) -> bool {
    match heard(input) {
        Some(Message::Vote(signed)) => signed.vote.by == scene.key.id(),
        Some(Message::Proposal { signed, .. } | Message::Offered(signed)) => {
            signed.proposal.by == scene.key.id()
        }
        _ => false,
    }
}

/// Whether an effect accuses oneself.
fn is_confession(scene: &Scene, effect: &Effect) -> bool {
    matches!(effect, Effect::Accuse(evidence) if evidence.offender() == scene.key.id())
}

/// The vote that contradicts another.
fn contradict(scene: &Scene, signed: &SignedVote) -> SignedVote {
    let block = match signed.vote.block {
        Some(_) => None,
        None => Some(Digest([7; 32])),
    };
    Vote { block, ..signed.vote }.sign(&scene.key, scene.chain)
}

/// Another block of the same proposer for the place of one.
fn rewrite(block: &Bytes, transaction: &[u8], by: NodeId) -> Option<Block> {
    let mut header = decode::<Block>(block).ok()?.header;
    header.proposer = by;
    Some(Block::new(header, vec![Bytes(transaction.to_vec())]))
}

/// A first proposal of another block in the place of one.
fn replace(scene: &Scene, signed: &SignedProposal, block: &Block) -> Message {
    let proposal = Proposal { block: block.id(), proof_round: None, ..signed.proposal };
    Message::Proposal { signed: proposal.sign(&scene.key, scene.chain), block: Bytes(encode(block)) }
}

/// Votes and proposes twice: both to all, or one to each half.
#[derive(Debug, Clone)]
pub struct Equivocator {
    /// Whether each half of the peers gets one statement of two.
    pub split: bool,
    /// At which height it begins; before, it is honest.
    pub from: Height,
    /// Where its misdeeds are noted.
    pub misdeeds: Misdeeds,
}

impl Equivocator {
    fn twist(&self, scene: &Scene, message: &Message) -> Option<Message> {
        let own = scene.key.id();
        match message {
            Message::Vote(signed) if signed.vote.by == own && signed.vote.height >= self.from => {
                let other = contradict(scene, signed);
                self.misdeeds.note(&Evidence::votes(*signed, other).ok()?);
                Some(Message::Vote(other))
            }
            Message::Proposal { signed, block }
                if signed.proposal.by == own && signed.proposal.height >= self.from =>
            {
                let other = replace(scene, signed, &rewrite(block, b"another", own)?);
                let Message::Proposal { signed: second, .. } = &other else { return None };
                self.misdeeds.note(&Evidence::proposals(*signed, *second).ok()?);
                Some(other)
            }
            _ => None,
        }
    }
}

impl Habit for Equivocator {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, _: &mut Vec<Effect>) {
        if !is_own(scene, &input) {
            inner.push(input);
        }
    }

    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        if is_confession(scene, &effect) {
            return;
        }
        let other = said(&effect).and_then(|message| self.twist(scene, &message));
        match (other, effect) {
            (Some(other), Effect::Broadcast(bytes)) if self.split => {
                scene.split(&bytes, &other.to_bytes(), out);
            }
            (Some(other), Effect::Broadcast(bytes)) => {
                out.extend([Effect::Broadcast(bytes), Effect::Broadcast(other.to_bytes())]);
            }
            (_, effect) => out.push(effect),
        }
    }
}

/// Builds invalid blocks, finds every block valid and votes for it.
#[derive(Debug, Clone, Copy)]
pub struct InvalidProposer;

impl Habit for InvalidProposer {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, _: &mut Vec<Effect>) {
        inner.push(match input {
            Input::Built { height, round, block } => {
                let bad = rewrite(&Bytes(encode(&*block)), INVALID, scene.key.id()).map(Arc::new);
                Input::Built { height, round, block: bad.unwrap_or(block) }
            }
            Input::Judged { block, .. } => Input::Judged { block, valid: true },
            other => other,
        });
    }
}

/// Forgets what it precommitted: prevotes whatever is proposed, and never proposes an old block again.
#[derive(Debug, Clone, Default)]
pub struct Amnesiac {
    /// The first proposal heard in each round.
    proposed: BTreeMap<(Height, u32), Digest>,
    /// What it prevoted in each round: it forgets locks, but does not vote twice.
    voted: BTreeMap<(Height, u32), Option<Digest>>,
}

impl Amnesiac {
    /// Whether a bundle holds a vote that the engine inside cast and nobody was told.
    fn betrays(&self, own: NodeId, effect: &Effect) -> bool {
        let differs = |height, round, block| {
            self.voted.get(&(height, round)).is_some_and(|said: &Option<Digest>| *said != block)
        };
        match said(effect) {
            Some(Message::Polka(polka)) => {
                polka.votes.iter().any(|(by, _)| *by == own)
                    && differs(polka.height, polka.round, Some(polka.block))
            }
            Some(Message::Round(proof)) => proof.votes.iter().map(|signed| signed.vote).any(|vote| {
                (vote.by, vote.stage) == (own, Stage::Prevote) && differs(vote.height, vote.round, vote.block)
            }),
            _ => false,
        }
    }

    fn note(&mut self, signed: &SignedProposal) {
        let place = (signed.proposal.height, signed.proposal.round);
        self.proposed.entry(place).or_insert(signed.proposal.block);
    }
}

impl Habit for Amnesiac {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, _: &mut Vec<Effect>) {
        if let Input::Begin { height, .. } = input {
            self.proposed.retain(|(of, _), _| *of >= height);
            self.voted.retain(|(of, _), _| *of >= height);
        }
        match heard(&input) {
            Some(Message::Proposal { signed, .. } | Message::Offered(signed)) => self.note(&signed),
            Some(Message::Vote(signed)) if signed.vote.by == scene.key.id() => return,
            _ => {}
        }
        inner.push(input);
    }

    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        let own = scene.key.id();
        let changed = match said(&effect) {
            Some(Message::Vote(SignedVote { vote, .. }))
                if vote.by == own && vote.stage == Stage::Prevote =>
            {
                let place = (vote.height, vote.round);
                let proposed = self.proposed.get(&place).copied().or(vote.block);
                let vote = Vote { block: *self.voted.entry(place).or_insert(proposed), ..vote };
                Some(Message::Vote(vote.sign(&scene.key, scene.chain)))
            }
            Some(Message::Proposal { signed, block }) if signed.proposal.by == own => {
                let fresh = signed.proposal.proof_round.and_then(|_| {
                    let tag = [signed.proposal.round as u8; 3];
                    Some(replace(scene, &signed, &rewrite(&block, &tag, own)?))
                });
                let said = fresh.unwrap_or(Message::Proposal { signed, block });
                if let Message::Proposal { signed, .. } = &said {
                    self.note(signed);
                }
                Some(said)
            }
            _ => None,
        };
        if self.betrays(own, &effect) {
            return;
        }
        match changed {
            Some(message) => out.push(Effect::Broadcast(message.to_bytes())),
            None if is_confession(scene, &effect) => {}
            None => out.push(effect),
        }
    }
}

/// Says nothing in its own name but in some rounds: one of two that share a key and divide the rounds never votes
/// twice in one, and has no memory of what the other precommitted.
#[derive(Debug, Clone)]
pub struct Masked {
    /// The rounds in which it speaks.
    pub rounds: std::ops::Range<u32>,
    /// Whether it begins each height with votes for nothing in the round before, which takes everybody there who is
    /// with it, itself included, if it weighs more than a third.
    pub jumps: bool,
}

impl Masked {
    /// Votes for nothing in the round before its first.
    fn jump(&self, scene: &Scene) -> Option<[Arc<[u8]>; 2]> {
        let round = self.rounds.start.checked_sub(1).filter(|_| self.jumps)?;
        let (height, by) = (scene.height, scene.key.id());
        let vote = |stage| Vote { height, round, stage, block: None, by }.sign(&scene.key, scene.chain);
        Some([Stage::Prevote, Stage::Precommit].map(|stage| Message::Vote(vote(stage)).to_bytes()))
    }
}

impl Habit for Masked {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, out: &mut Vec<Effect>) {
        if is_own(scene, &input) {
            return;
        }
        let begins = matches!(input, Input::Begin { .. });
        inner.push(input);
        for bytes in self.jump(scene).filter(|_| begins).into_iter().flatten() {
            out.push(Effect::Broadcast(Arc::clone(&bytes)));
            inner.push(Input::Message { from: scene.key.id(), bytes });
        }
    }

    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        let round = match said(&effect) {
            Some(Message::Vote(signed)) if signed.vote.by == scene.key.id() => Some(signed.vote.round),
            Some(Message::Proposal { signed, .. }) => Some(signed.proposal.round),
            Some(Message::Round(proof)) => Some(proof.round),
            _ => None,
        };
        let silent = round.is_some_and(|round| !self.rounds.contains(&round));
        if !silent && !is_confession(scene, &effect) {
            out.push(effect);
        }
    }
}

/// Proposes when it is not its turn.
#[derive(Debug, Clone, Copy)]
pub struct Usurper;

impl Habit for Usurper {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, out: &mut Vec<Effect>) {
        if matches!(input, Input::Begin { .. }) {
            let own = scene.key.id();
            for round in (0..2).filter(|round| scene.proposer(*round) != Some(own)) {
                let message = scene.propose(round, &scene.block(round as u8));
                out.push(Effect::Broadcast(message.to_bytes()));
            }
        }
        inner.push(input);
    }
}
