//! The client as a machine: it is shown light blocks and asks for those that it needs between.

use super::{Doubt, Fork, LightBlock, Root, Trust};
use crate::{Electorate, QuorumCheck, Verdicts};
use bitneuron_core::{Digest, Height, Machine, NodeId, Outbox, Time};
use std::collections::BTreeMap;

/// What happens to a client.
#[derive(Debug)]
pub enum Input {
    /// A peer shows a block: news, an answer, or what stands beside a block of another peer.
    Block {
        /// The peer.
        from: NodeId,
        /// The block.
        block: Box<LightBlock>,
    },
    /// The peer that was asked does not answer.
    Silence,
}

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The block with this name is decided.
    Believe(Digest),
    /// Ask a peer for the highest block of this range.
    Ask {
        /// The peer.
        of: NodeId,
        /// Higher than this.
        above: Height,
        /// Not higher than this.
        upto: Height,
    },
    /// An answer does not hold; its giver is not followed any further.
    Offence {
        /// The peer.
        by: NodeId,
        /// Why it does not hold.
        why: Doubt,
    },
    /// Two decided headers of one height.
    Fork(Box<Fork>),
}

/// The blocks that wait for those between, the lowest last; each is below the one before.
#[derive(Debug)]
struct Pursuit {
    from: NodeId,
    waiting: Vec<LightBlock>,
    upto: Height,
}

/// A light client.
#[derive(Debug)]
pub struct Client {
    trust: Trust,
    check: Verdicts<QuorumCheck>,
    root: Root,
    known: BTreeMap<Height, LightBlock>,
    pursuit: Option<Pursuit>,
}

impl Client {
    /// How many believed blocks are kept, to compare others with.
    pub const KEPT: usize = 32;

    /// A client that believes a root.
    pub fn new(trust: Trust, root: Root) -> Self {
        let check = Verdicts::new(QuorumCheck { chain: trust.chain }, Self::KEPT);
        Self { trust, check, root, known: BTreeMap::new(), pursuit: None }
    }

    /// The highest believed height.
    pub fn height(&self) -> Height {
        self.newest().map_or(self.root.height, LightBlock::height)
    }

    /// The highest believed block, if it is not the root.
    pub fn newest(&self) -> Option<&LightBlock> {
        self.known.last_key_value().map(|(_, block)| block)
    }

    /// The voters of the highest believed height.
    pub fn voters(&self) -> &Electorate {
        self.newest().map_or(&self.root.voters, |block| &block.voters)
    }

    /// Believed voters by their digest.
    pub fn voters_named(&self, name: Digest) -> Option<&Electorate> {
        let known = self.known.values().rev().find(|block| block.header.voters == name);
        let root = Some(&self.root.voters).filter(|voters| voters.digest() == name);
        known.map(|block| &block.voters).or(root)
    }

    /// What is believed below a height.
    fn below(&self, height: Height) -> Result<Root, Doubt> {
        match self.known.range(..height).next_back() {
            Some((_, block)) => Ok(block.into()),
            None if self.root.height < height => Ok(self.root.clone()),
            None => Err(Doubt::Old(height)),
        }
    }

    fn judge(&self, block: &LightBlock, now: Time) -> Result<(), Doubt> {
        self.trust.judge(&self.below(block.height())?, block, now, &self.check)
    }

    fn show(
        &mut self,
        now: Time,
        from: NodeId,
        block: LightBlock,
        out: &mut Outbox<Effect>,
    ) -> Result<(), Doubt> {
        block.is_bound(self.trust.chain)?;
        if self.is_answer(from, block.height()) {
            if let Some(pursuit) = &mut self.pursuit {
                pursuit.waiting.push(block);
            }
            self.pursue(now, out);
            return Ok(());
        }
        if let Some(known) = self.known.get(&block.height()) {
            let (known, id) = (known.clone(), block.id());
            if known.id() != id {
                self.judge(&block, now)?;
                out.push(Effect::Fork(Box::new(Fork::new(known, block, self.trust.chain))));
                return Ok(());
            }
            out.push(Effect::Believe(id));
            return Ok(());
        }
        match self.judge(&block, now) {
            Ok(()) => self.believe(block, out),
            Err(Doubt::Skip { .. }) if self.pursuit.is_none() && block.height() > self.height() => {
                let upto = block.height();
                self.pursuit = Some(Pursuit { from, waiting: vec![block], upto });
                self.pursue(now, out);
            }
            Err(doubt) => return Err(doubt),
        }
        Ok(())
    }

    fn is_answer(&self, from: NodeId, height: Height) -> bool {
        let asked = |pursuit: &Pursuit| pursuit.from == from && height <= pursuit.upto;
        height > self.height() && self.pursuit.as_ref().is_some_and(asked)
    }

    /// Believes what can be believed of the pursued blocks, the lowest first, and asks for what lies below the rest.
    fn pursue(&mut self, now: Time, out: &mut Outbox<Effect>) {
        let Some(mut pursuit) = self.pursuit.take() else { return };
        while let Some(block) = pursuit.waiting.pop() {
            match self.judge(&block, now) {
                Ok(()) => self.believe(block, out),
                Err(Doubt::Skip { .. }) => {
                    let (above, upto) = (self.height(), self.middle(block.height()));
                    out.push(Effect::Ask { of: pursuit.from, above, upto });
                    pursuit.waiting.push(block);
                    self.pursuit = Some(Pursuit { upto, ..pursuit });
                    return;
                }
                Err(why) => {
                    out.push(Effect::Offence { by: pursuit.from, why });
                    return;
                }
            }
        }
    }

    /// Where to look between the highest believed height and one that is too far: halfway, or as far as a skip reaches.
    fn middle(&self, far: Height) -> Height {
        let near = self.height().0;
        let reached = near.saturating_add(self.trust.reach);
        let half = u64::midpoint(near, far.0);
        Height(if reached < far.0 { half.max(reached) } else { half }.max(near.saturating_add(1)))
    }

    fn believe(&mut self, block: LightBlock, out: &mut Outbox<Effect>) {
        out.push(Effect::Believe(block.id()));
        self.known.insert(block.height(), block);
        if self.known.len() > Self::KEPT
            && let Some((_, oldest)) = self.known.pop_first()
        {
            self.root = (&oldest).into();
        }
    }
}

impl Machine for Client {
    type Input = Input;
    type Effect = Effect;
    type Error = Doubt;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Doubt> {
        match input {
            Input::Block { from, block } => self.show(now, from, *block, out),
            Input::Silence => {
                self.pursuit = None;
                Ok(())
            }
        }
    }
}
