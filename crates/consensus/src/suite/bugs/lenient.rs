//! Checks that are left out, played by signing in the names of others what the check would have missed.

use super::{Bug, other_chain};
use crate::{
    Block, Certificate, Effect, Evidence, Header, Input, Message, SignedProposal, SignedVote, Stage, Vote,
    suite::zoo::{Habit, Scene, heard, said},
};
use bitneuron_core::{Bytes, Digest, Height, Keypair, NodeId, decode, encode};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The question that a vote answers, and of whom.
type Slot = (Height, u32, Stage, NodeId);

fn slot(vote: &Vote) -> Slot {
    (vote.height, vote.round, vote.stage, vote.by)
}

/// Makes one of the mistakes.
#[derive(Debug)]
pub(super) struct Lenient {
    bug: Bug,
    keys: Vec<Keypair>,
    /// Votes that only its own engine believes in.
    forged: BTreeSet<Slot>,
    /// Who voted, as far as it heard.
    cast: BTreeMap<Slot, Option<Digest>>,
    /// How a message that was mended for the engine came.
    came: BTreeMap<Arc<[u8]>, Arc<[u8]>>,
    /// The blocks whose proposer was mended, by their new names.
    blocks: BTreeMap<Digest, Arc<Block>>,
}

impl Lenient {
    pub(super) const fn new(bug: Bug, keys: Vec<Keypair>) -> Self {
        Self {
            bug,
            keys,
            forged: BTreeSet::new(),
            cast: BTreeMap::new(),
            came: BTreeMap::new(),
            blocks: BTreeMap::new(),
        }
    }

    fn key(&self, id: NodeId) -> Option<&Keypair> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// The same vote, really signed.
    fn mend(&self, vote: Vote, scene: &Scene) -> Option<SignedVote> {
        self.key(vote.by).map(|key| vote.sign(key, scene.chain))
    }

    /// A vote like this one by somebody who has not voted yet.
    fn another(&mut self, like: &Vote, scene: &Scene) -> Option<Message> {
        let electorate = scene.electorate.as_ref()?;
        let mut others = electorate.members().iter().map(|member| Vote { by: member.id, ..*like });
        let missing = |vote: &Vote| !self.cast.contains_key(&slot(vote)) && vote.by != scene.key.id();
        let vote = others.find(missing)?;
        self.forged.insert(slot(&vote));
        self.cast.insert(slot(&vote), vote.block);
        self.mend(vote, scene).map(Message::Vote)
    }

    /// What the engine is to hear in the place of a vote.
    fn vote(&mut self, signed: SignedVote, scene: &Scene, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let vote = signed.vote;
        let known = self.cast.get(&slot(&vote)).copied();
        if self.forged.contains(&slot(&vote)) {
            return Vec::new();
        }
        let mut heard = vec![Arc::clone(bytes)];
        let true_here = signed.is_signed(scene.chain);
        let mends = match self.bug {
            Bug::UnsignedVote => !true_here && !signed.is_signed(other_chain()),
            Bug::OtherChain => !true_here && signed.is_signed(other_chain()),
            _ => false,
        };
        if mends && let Some(mended) = self.mend(vote, scene) {
            let mended = Message::Vote(mended).to_bytes();
            self.came.insert(Arc::clone(&mended), Arc::clone(bytes));
            heard = vec![mended];
        }
        if !true_here || vote.height != scene.height {
            return heard;
        }
        let extra = match self.bug {
            Bug::Stranger if !scene.is_member(vote.by) => self.another(&vote, scene),
            Bug::Duplicate if known == Some(vote.block) => self.another(&vote, scene),
            _ => None,
        };
        if scene.is_member(vote.by) {
            self.cast.entry(slot(&vote)).or_insert(vote.block);
        }
        let extra = extra.or_else(|| self.hurry(&vote, scene));
        heard.extend(extra.map(|message| message.to_bytes()));
        heard
    }

    /// The vote that makes a quorum out of one unit less than a quorum.
    fn hurry(&mut self, vote: &Vote, scene: &Scene) -> Option<Message> {
        if self.bug != Bug::Quorum || vote.block.is_none() {
            return None;
        }
        let electorate = scene.electorate.as_ref()?;
        let alike = |(of, block): &(&Slot, &Option<Digest>)| {
            (of.0, of.1, of.2, **block) == (vote.height, vote.round, vote.stage, vote.block)
        };
        let weight = electorate.weigh(self.cast.iter().filter(alike).map(|(of, _)| of.3)).ok()?;
        if weight.0 + 1 == electorate.quorum().0 { self.another(vote, scene) } else { None }
    }

    /// The same certificate with everybody's true signature.
    fn complete(&mut self, mut certificate: Certificate, stage: Stage, scene: &Scene) -> Certificate {
        let Some(electorate) = &scene.electorate else { return certificate };
        let honest: BTreeMap<_, _> = certificate.votes.iter().copied().collect();
        certificate.votes.clear();
        for member in electorate.members() {
            let (height, round, block) = (certificate.height, certificate.round, Some(certificate.block));
            let vote = Vote { height, round, stage, block, by: member.id };
            let Some(mended) = self.mend(vote, scene) else { continue };
            if honest.get(&member.id) != Some(&mended.signature) {
                self.forged.insert(slot(&vote));
            }
            certificate.votes.push((member.id, mended.signature));
        }
        certificate
    }

    /// A proposal as if it were the turn of whoever made it.
    fn enthrone(&mut self, signed: SignedProposal, body: &Bytes, scene: &Scene) -> Option<Message> {
        let mut proposal = signed.proposal;
        let turn = scene.proposer(proposal.round)?;
        let block: Block = decode(body).ok()?;
        if proposal.height != scene.height || turn == proposal.by || !signed.is_signed(scene.chain) {
            return None;
        }
        let mended =
            Block::new(Header { proposer: turn, ..block.header.clone() }, block.transactions.clone());
        (proposal.by, proposal.block) = (turn, mended.id());
        self.blocks.insert(mended.id(), Arc::new(block));
        let signed = proposal.sign(self.key(turn)?, scene.chain);
        Some(Message::Proposal { signed, block: Bytes(encode(&mended)) })
    }

    /// A certificate without the votes that only its own engine believes in.
    fn strip(&self, mut certificate: Certificate, stage: Stage) -> Certificate {
        let (height, round) = (certificate.height, certificate.round);
        certificate.votes.retain(|(by, _)| !self.forged.contains(&(height, round, stage, *by)));
        certificate
    }

    /// A message as an engine with the mistake would send it; `None` for one that it would not.
    fn show(&self, message: Message) -> Option<Message> {
        Some(match message {
            Message::Vote(signed) if self.forged.contains(&slot(&signed.vote)) => return None,
            Message::Polka(certificate) => Message::Polka(self.strip(certificate, Stage::Prevote)),
            Message::Have { block, certificate } => {
                Message::Have { block, certificate: self.strip(certificate, Stage::Precommit) }
            }
            Message::Round(mut proof) => {
                proof.votes.retain(|signed| !self.forged.contains(&slot(&signed.vote)));
                Message::Round(proof)
            }
            other => other,
        })
    }

    fn shown(&self, bytes: &Arc<[u8]>) -> Option<Arc<[u8]>> {
        if let Some(came) = self.came.get(bytes) {
            return Some(Arc::clone(came));
        }
        match decode::<Message>(bytes) {
            Ok(message) if !self.forged.is_empty() => self.show(message).map(|message| message.to_bytes()),
            _ => Some(Arc::clone(bytes)),
        }
    }

    /// Whether an accusation rests on what was mended here.
    fn rests_on_forgery(&self, evidence: &Evidence) -> bool {
        match evidence {
            Evidence::DoubleVote(a, b) => {
                [a, b].iter().any(|signed| self.forged.contains(&slot(&signed.vote)))
            }
            Evidence::DoubleProposal(..) => self.bug == Bug::Proposer,
        }
    }
}

impl Habit for Lenient {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, _: &mut Vec<Effect>) {
        if let Input::Begin { height, .. } = input {
            self.cast.retain(|of, _| of.0 >= height);
            self.came.clear();
        }
        let message = heard(&input);
        let Input::Message { from, bytes } = &input else {
            inner.push(input);
            return;
        };
        let heard = match message {
            Some(Message::Vote(signed)) => self.vote(signed, scene, bytes),
            Some(Message::Have { block, certificate })
                if self.bug == Bug::LightDecision && certificate.height == scene.height =>
            {
                let certificate = self.complete(certificate, Stage::Precommit, scene);
                vec![Message::Have { block, certificate }.to_bytes()]
            }
            Some(Message::Polka(certificate))
                if self.bug == Bug::LightPolka && certificate.height == scene.height =>
            {
                vec![Message::Polka(self.complete(certificate, Stage::Prevote, scene)).to_bytes()]
            }
            Some(Message::Proposal { signed, block }) if self.bug == Bug::Proposer => {
                let mended = self.enthrone(signed, &block, scene);
                vec![mended.map_or_else(|| Arc::clone(bytes), |message| message.to_bytes())]
            }
            _ => vec![Arc::clone(bytes)],
        };
        inner.extend(heard.into_iter().map(|bytes| Input::Message { from: *from, bytes }));
    }

    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        if let Some(Message::Vote(signed)) = said(&effect)
            && signed.vote.by == scene.key.id()
        {
            self.cast.insert(slot(&signed.vote), signed.vote.block);
        }
        out.extend(match effect {
            Effect::Broadcast(bytes) => self.shown(&bytes).map(Effect::Broadcast),
            Effect::Send { to, bytes } => self.shown(&bytes).map(|bytes| Effect::Send { to, bytes }),
            Effect::Commit { block, certificate } => {
                let certificate = self.strip(certificate, Stage::Precommit);
                let block = self.blocks.get(&block.id()).cloned().unwrap_or(block);
                Some(Effect::Commit { block, certificate })
            }
            Effect::Accuse(evidence) if self.rests_on_forgery(&evidence) => None,
            other => Some(other),
        });
    }
}
