//! Adversaries: an engine whose inputs and effects pass through a [`Habit`].
//!
//! The engine inside stays what it is and does not know that it lies; the whole is a [`ConsensusEngine`] again, so every
//! driver can play it. [`liars`] say what is not so, [`slackers`] say too little or too late, [`forgers`] speak in the names of
//! others. The mistakes of [`super::bugs`] are habits too: of honest nodes.

pub mod forgers;
pub mod liars;
pub mod slackers;

pub use forgers::{Decider, Forger, Forgery, Garbler, Ghost};
pub use liars::{Amnesiac, Equivocator, InvalidProposer, Masked, Misdeeds, Usurper};
pub use slackers::{Late, Withholder};

use crate::{
    Block, ConsensusEngine, Effect, Electorate, Header, Input, Message, Proposal, Refused, SignedVote,
};
use bitneuron_core::{
    Bytes, ChainId, Digest, Height, Keypair, Machine, NodeId, Outbox, Time, decode, encode,
};
use std::{fmt, sync::Arc};

/// What a habit knows.
#[derive(Debug)]
pub struct Scene {
    /// The key of the engine inside.
    pub key: Keypair,
    /// The chain.
    pub chain: ChainId,
    /// The time by the node's clock.
    pub now: Time,
    /// The open height.
    pub height: Height,
    /// The block below it.
    pub parent: Digest,
    /// Who votes on it; `None` before the first.
    pub electorate: Option<Arc<Electorate>>,
    /// Everybody who ever voted, but itself.
    pub peers: Vec<NodeId>,
}

impl Scene {
    /// Whether somebody votes at the open height.
    pub fn is_member(&self, id: NodeId) -> bool {
        self.electorate.as_ref().is_some_and(|electorate| electorate.position(id).is_some())
    }

    /// Whose turn it is in a round of the open height.
    pub fn proposer(&self, round: u32) -> Option<NodeId> {
        self.electorate.as_ref().map(|electorate| electorate.proposer(self.height, round))
    }

    /// A valid block of one's own for the open height; `tag` tells it from others.
    pub fn block(&self, tag: u8) -> Block {
        let header = Header::draft(self.chain, self.height, self.parent, self.key.id(), self.now);
        Block::new(header, vec![Bytes(vec![tag, tag])])
    }

    /// A proposal of one's own.
    pub fn propose(&self, round: u32, block: &Block) -> Message {
        let (height, by) = (self.height, self.key.id());
        let proposal = Proposal { height, round, proof_round: None, block: block.id(), by };
        Message::Proposal { signed: proposal.sign(&self.key, self.chain), block: Bytes(encode(block)) }
    }

    /// Says one thing to the peers at even places and another to the rest.
    pub fn split(&self, even: &Arc<[u8]>, odd: &Arc<[u8]>, out: &mut Vec<Effect>) {
        for (at, to) in self.peers.iter().enumerate() {
            let bytes = if at.is_multiple_of(2) { even } else { odd };
            out.push(Effect::Send { to: *to, bytes: Arc::clone(bytes) });
        }
    }
}

/// The message that an effect sends.
pub fn said(effect: &Effect) -> Option<Message> {
    match effect {
        Effect::Broadcast(bytes) | Effect::Send { bytes, .. } => decode(bytes).ok(),
        _ => None,
    }
}

/// The message that an input brings.
pub fn heard(input: &Input) -> Option<Message> {
    match input {
        Input::Message { bytes, .. } => decode(bytes).ok(),
        _ => None,
    }
}

/// What a node does with what its engine hears and does.
pub trait Habit: Send {
    /// Passes an input on to the engine, or others, or none; may act by itself.
    fn hears(&mut self, _scene: &Scene, input: Input, inner: &mut Vec<Input>, _out: &mut Vec<Effect>) {
        inner.push(input);
    }

    /// Passes an effect of the engine on to the world, or others, or none.
    fn acts(&mut self, _scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        out.push(effect);
    }
}

/// An engine with a habit.
pub struct Player {
    inner: Box<dyn ConsensusEngine>,
    habit: Box<dyn Habit>,
    scene: Scene,
}

impl Player {
    /// An engine that votes with `key`, and its habit.
    pub fn new(
        inner: Box<dyn ConsensusEngine>,
        habit: impl Habit + 'static,
        key: Keypair,
        chain: ChainId,
    ) -> Self {
        let scene = Scene {
            key,
            chain,
            now: Time::ZERO,
            height: Height(0),
            parent: Digest::ZERO,
            electorate: None,
            peers: Vec::new(),
        };
        Self { inner, habit: Box::new(habit), scene }
    }

    fn begin(&mut self, height: Height, electorate: &Arc<Electorate>, parent: Digest) {
        let own = self.scene.key.id();
        for member in electorate.members().iter().filter(|member| member.id != own) {
            if let Err(place) = self.scene.peers.binary_search(&member.id) {
                self.scene.peers.insert(place, member.id);
            }
        }
        (self.scene.height, self.scene.parent) = (height, parent);
        self.scene.electorate = Some(Arc::clone(electorate));
    }
}

impl fmt::Debug for Player {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player").field("scene", &self.scene).finish_non_exhaustive()
    }
}

impl Machine for Player {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        self.scene.now = now;
        if let Input::Begin { height, electorate, parent } = &input {
            self.begin(*height, &Arc::clone(electorate), *parent);
        }
        let (mut inputs, mut emitted) = (Vec::new(), Vec::new());
        self.habit.hears(&self.scene, input, &mut inputs, &mut emitted);
        let mut refused = Ok(());
        for input in inputs {
            let mut effects = Outbox::new();
            refused = refused.and(self.inner.step(now, input, &mut effects));
            effects.into_iter().for_each(|effect| self.habit.acts(&self.scene, effect, &mut emitted));
        }
        out.extend(emitted);
        refused
    }
}

impl ConsensusEngine for Player {
    fn height(&self) -> Height {
        self.inner.height()
    }

    fn precommits(&self, height: Height, block: Digest) -> Vec<SignedVote> {
        self.inner.precommits(height, block)
    }
}

impl Habit for Box<dyn Habit> {
    fn hears(&mut self, scene: &Scene, input: Input, inner: &mut Vec<Input>, out: &mut Vec<Effect>) {
        (**self).hears(scene, input, inner, out);
    }

    fn acts(&mut self, scene: &Scene, effect: Effect, out: &mut Vec<Effect>) {
        (**self).acts(scene, effect, out);
    }
}
