//! Who speaks in the names of others, or of a past in which it had a vote.

use super::{Habit, Scene, said};
use crate::{Certificate, Effect, Input, Message, SignedVote, Stage, Vote};
use bitneuron_core::{Bytes, ChainId, Digest, Height, Keypair, Seed, encode};
use std::{collections::BTreeMap, sync::Arc};

/// What a [`Forger`] forges.
#[derive(Debug, Clone)]
pub enum Forgery {
    /// Votes in others' names under its own signature.
    Unsigned,
    /// Votes that these voters signed on another chain.
    OtherChain(Vec<Keypair>, ChainId),
    /// Votes of strangers, each signed well.
    Strangers,
    /// A quorum of prevotes that has one true signature: its own.
    Polka,
}

/// Answers each block that is proposed with forged votes, to split the others.
#[derive(Debug, Clone)]
pub struct Forger(pub Forgery);

impl Forger {
    fn forge(&self, scene: &Scene, round: u32, block: Option<Digest>) -> Vec<Message> {
        let height = scene.height;
        let stages = [Stage::Prevote, Stage::Precommit];
        let votes = |by, key: &Keypair, chain| {
            stages.map(|stage| Message::Vote(Vote { height, round, stage, block, by }.sign(key, chain)))
        };
        match &self.0 {
            Forgery::Unsigned => {
                scene.peers.iter().flat_map(|by| votes(*by, &scene.key, scene.chain)).collect()
            }
            Forgery::OtherChain(keys, chain) => {
                keys.iter().flat_map(|key| votes(key.id(), key, *chain)).collect()
            }
            Forgery::Strangers => {
                let key = |n| Keypair::from_seed(Seed::from_number(0x5712_A46E).derive_number("stranger", n));
                let count = scene.peers.len() as u64 + 1;
                (0..count).map(key).flat_map(|key| votes(key.id(), &key, scene.chain)).collect()
            }
            Forgery::Polka => {
                block.map(|block| Message::Polka(quorum(scene, round, block))).into_iter().collect()
            }
        }
    }
}

/// Every voter's name under a block, all by its own signature.
fn quorum(scene: &Scene, round: u32, block: Digest) -> Certificate {
    let members = scene.electorate.iter().flat_map(|electorate| electorate.members());
    let sign = |stage, by| {
        let vote = Vote { height: scene.height, round, stage, block: Some(block), by };
        vote.sign(&scene.key, scene.chain).signature
    };
    let votes = members.map(|member| (member.id, sign(Stage::Prevote, member.id))).collect();
    Certificate { height: scene.height, round, block, votes }
}

impl Habit for Forger {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, out: &mut Vec<Effect>) {
        if matches!(input, Input::Begin { .. }) {
            // A block of its own that nobody but it has, for one half, and nothing for the other.
            let block = scene.block(9);
            let proposal = scene.propose(0, &block).to_bytes();
            if scene.proposer(0) == Some(scene.key.id()) {
                out.push(Effect::Broadcast(proposal));
            }
            let some = self.forge(scene, 0, Some(block.id()));
            let none = self.forge(scene, 0, None);
            let none = none.into_iter().map(Some).chain(std::iter::repeat(None));
            for (some, none) in some.iter().zip(none) {
                let even = some.to_bytes();
                let odd = none.map_or_else(|| Arc::clone(&even), |none| none.to_bytes());
                scene.split(&even, &odd, out);
            }
        }
        inner.push(input);
    }
}

/// Says at each height that a block of its own is decided, a different one to each half; only itself has signed.
#[derive(Debug, Clone, Copy)]
pub struct Decider;

impl Habit for Decider {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, out: &mut Vec<Effect>) {
        if matches!(input, Input::Begin { .. }) {
            let [even, odd] = [1, 2].map(|tag| {
                let block = scene.block(tag);
                let (height, round, by) = (scene.height, 0, scene.key.id());
                let vote = Vote { height, round, stage: Stage::Precommit, block: Some(block.id()), by };
                let votes = vec![(by, vote.sign(&scene.key, scene.chain).signature)];
                let certificate = Certificate { height, round, block: block.id(), votes };
                Message::Have { block: Bytes(encode(&block)), certificate }.to_bytes()
            });
            scene.split(&even, &odd, out);
        }
        inner.push(input);
    }
}

/// Garbles everything that it sends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Garbler {
    count: u64,
}

impl Garbler {
    fn garble(&mut self, scene: &Scene, bytes: &Arc<[u8]>) -> Arc<[u8]> {
        self.count += 1;
        let [place, mask, cut, ..] = Seed(scene.key.id().0).derive_number("garble", self.count).0;
        let mut copy = bytes.to_vec();
        let at = usize::from(place) % copy.len().max(1);
        copy.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= mask | 1);
        copy.truncate(copy.len().saturating_sub(usize::from(cut % 3)));
        copy.into()
    }
}

impl Habit for Garbler {
    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        out.push(match effect {
            Effect::Broadcast(bytes) => Effect::Broadcast(self.garble(scene, &bytes)),
            Effect::Send { to, bytes } => Effect::Send { to, bytes: self.garble(scene, &bytes) },
            other => other,
        });
    }
}

/// Had a vote once, has nothing to lose now, and rewrites the past: second votes on the heights of its time, votes on
/// heights that are none of its business.
#[derive(Debug, Clone, Default)]
pub struct Ghost {
    cast: BTreeMap<Height, SignedVote>,
}

impl Habit for Ghost {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, out: &mut Vec<Effect>) {
        if matches!(input, Input::Begin { .. }) && !scene.is_member(scene.key.id()) {
            let past = self.cast.values().map(|signed| Vote { block: Some(Digest([9; 32])), ..signed.vote });
            let (height, by) = (scene.height, scene.key.id());
            let now = Vote { height, round: 0, stage: Stage::Precommit, block: None, by };
            for vote in past.chain([now]) {
                let message = Message::Vote(vote.sign(&scene.key, scene.chain));
                out.push(Effect::Broadcast(message.to_bytes()));
            }
        }
        inner.push(input);
    }

    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        if let Some(Message::Vote(signed)) = said(&effect)
            && signed.vote.by == scene.key.id()
        {
            self.cast.insert(signed.vote.height, signed);
        }
        out.push(effect);
    }
}
