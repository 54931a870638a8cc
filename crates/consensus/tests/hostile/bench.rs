//! An engine on a bench, and what is put before it.

use bitneuron_consensus::{
    Block, Certificate, Effect, Header, Input, Malachite, Message, Proposal, Refused, SignedProposal,
    SignedVote, Stage, Timeouts, TimerId, Vote, suite::network::Plan,
};
use bitneuron_core::{Bytes, Digest, Height, Machine, NodeId, Outbox, Time, encode};
use std::sync::Arc;

/// An engine at height 1 of a plan; node 0 is the engine's own.
pub(crate) struct Bench {
    pub(crate) plan: Plan,
    pub(crate) engine: Malachite,
    now: Time,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let plan = Plan::new(77, 1);
        let mut engine = Malachite::new(plan.key(0), plan.chain(), Timeouts::default());
        let electorate = Arc::new(plan.electorate(Height(1)).expect("allowed"));
        let begin = Input::Begin { height: Height(1), electorate, parent: Digest::ZERO };
        engine.step(Time(0), begin, &mut Outbox::new()).expect("a first height");
        Self { plan, engine, now: Time(0) }
    }

    pub(crate) fn step(&mut self, input: Input) -> Result<Vec<Effect>, Refused> {
        let mut out = Outbox::new();
        self.now = Time(self.now.0 + 1);
        self.engine.step(self.now, input, &mut out)?;
        Ok(out.into_iter().collect())
    }

    /// The offences that a message causes, and whether it is passed on: at once, or when a timer runs out.
    pub(crate) fn hear(&mut self, message: &Message) -> (Vec<(NodeId, Refused)>, bool) {
        let bytes = message.to_bytes();
        let mut effects =
            self.step(Input::Message { from: PEER, bytes: Arc::clone(&bytes) }).expect("not refused");
        effects.extend(self.step(Input::Timer(TimerId(u64::MAX))).expect("not refused"));
        // A proposal is passed on without its block.
        let passed = match message {
            Message::Proposal { signed, .. } => Message::Offered(*signed).to_bytes(),
            _ => bytes,
        };
        let relayed = effects.contains(&Effect::Broadcast(passed));
        let offences = effects.into_iter().filter_map(|effect| match effect {
            Effect::Offence { by, why } => Some((by, why)),
            _ => None,
        });
        (offences.collect(), relayed)
    }

    pub(crate) fn vote(&self, node: usize, round: u32, block: Option<Digest>) -> SignedVote {
        let key = self.plan.key(node);
        let vote = Vote { height: Height(1), round, stage: Stage::Prevote, block, by: key.id() };
        vote.sign(&key, self.plan.chain())
    }

    /// The place of the proposer of a round, not the engine itself.
    pub(crate) fn turn(&self) -> (usize, u32) {
        let electorate = self.plan.electorate(Height(1)).expect("allowed");
        let turn = |round| {
            let proposer = electorate.proposer(Height(1), round);
            (1..4).find(|node| self.plan.key(*node).id() == proposer).map(|node| (node, round))
        };
        (0..8).find_map(turn).expect("somebody else's turn")
    }

    /// The precommit of every voter for a block, as a certificate.
    pub(crate) fn certificate(&self, block: &Block) -> Certificate {
        let (height, round, block) = (Height(1), 0, block.id());
        let sign = |node| {
            let key = self.plan.key(node);
            let vote = Vote { height, round, stage: Stage::Precommit, block: Some(block), by: key.id() };
            (key.id(), vote.sign(&key, self.plan.chain()).signature)
        };
        let mut votes: Vec<_> = (0..4).map(sign).collect();
        votes.sort_unstable();
        Certificate { height, round, block, votes }
    }

    pub(crate) fn block(&self, node: usize, tag: u8) -> Block {
        let (proposer, time) = (self.plan.key(node).id(), Time(u64::from(tag)));
        let header = Header::draft(self.plan.chain(), Height(1), Digest::ZERO, proposer, time);
        Block::new(header, vec![Bytes(vec![tag])])
    }

    pub(crate) fn proposal(&self, node: usize, round: u32, block: &Block) -> Message {
        Message::Proposal { signed: self.signed(node, round, block), block: Bytes(encode(block)) }
    }

    /// The signed part of a proposal.
    pub(crate) fn signed(&self, node: usize, round: u32, block: &Block) -> SignedProposal {
        let key = self.plan.key(node);
        let proposal =
            Proposal { height: Height(1), round, proof_round: None, block: block.id(), by: key.id() };
        proposal.sign(&key, self.plan.chain())
    }
}

/// Who delivers.
pub(crate) const PEER: NodeId = NodeId([9; 32]);
