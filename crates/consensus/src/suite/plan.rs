//! What a run of the small network is like.

use crate::{Electorate, Refused};
use bitneuron_core::{ChainId, Digest, Epoch, Height, Keypair, Seed, Weight};
use std::{collections::BTreeSet, time::Duration};

/// A run: equal plans give equal runs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: Seed,
    /// The weight of each voter; 0 for none in this epoch.
    pub weights: Vec<u64>,
    /// For each further node, the voter whose key it has too.
    pub twins: Vec<usize>,
    /// The shortest and the longest journey of a message.
    pub delay: (Duration, Duration),
    /// How many of 1,000 messages are lost.
    pub loss: u64,
    /// How many of 1,000 messages take ten times as long, so that others overtake them.
    pub strays: u64,
    /// How many of 1,000 messages arrive twice.
    pub duplicates: u64,
    /// By how much clocks may be ahead; each node's is by a part of its own.
    pub skew: Duration,
    /// By how many of 1,000 parts timers may run long; each node's do by a part of their own.
    pub drift: u64,
    /// How long building and judging take.
    pub work: Duration,
    /// How long a node is busy with each message that it receives, one after the other.
    pub handling: Duration,
    /// How long after a commit the next height begins.
    pub pace: Duration,
    /// The last height that is begun.
    pub heights: u64,
    /// After how many heights the weights move on by one voter; 0 for never.
    pub rotate: u64,
    /// The voters whose blocks are invalid.
    pub liars: BTreeSet<usize>,
    /// How many bytes of transactions a block has.
    pub payload: usize,
}

impl Plan {
    /// Four voters of 36, 30, 20 and 14 %, hops of 40 to 60 ms, nothing lost.
    pub fn new(seed: u64, heights: u64) -> Self {
        Self {
            seed: Seed::from_number(seed),
            weights: vec![36, 30, 20, 14],
            twins: Vec::new(),
            delay: (Duration::from_millis(40), Duration::from_millis(60)),
            loss: 0,
            strays: 0,
            duplicates: 0,
            skew: Duration::ZERO,
            drift: 0,
            work: Duration::from_millis(5),
            handling: Duration::ZERO,
            pace: Duration::ZERO,
            heights,
            rotate: 0,
            liars: BTreeSet::new(),
            payload: 32,
        }
    }

    /// The key of a node; twins share.
    pub fn key(&self, node: usize) -> Keypair {
        let voter =
            node.checked_sub(self.weights.len()).and_then(|twin| self.twins.get(twin)).unwrap_or(&node);
        Keypair::from_seed(self.seed.derive_number("key", *voter as u64))
    }

    /// How far a node's clock is ahead, and by how many of 1,000 parts its timers run long.
    pub(super) fn clock(&self, node: usize) -> (Duration, u32) {
        if self.skew.is_zero() && self.drift == 0 {
            return (Duration::ZERO, 0);
        }
        let [a, b, c, d, ..] = self.seed.derive_number("clock", node as u64).0;
        let part =
            |word: [u8; 2], most: u64| most * u64::from(u16::from_le_bytes(word)) / u64::from(u16::MAX);
        let ahead = part([a, b], self.skew.as_micros() as u64);
        (Duration::from_micros(ahead), part([c, d], self.drift) as u32)
    }

    /// The chain.
    pub fn chain(&self) -> ChainId {
        ChainId(Digest(self.seed.derive("chain").0))
    }

    /// The electorate of a height.
    ///
    /// # Errors
    /// The weights make no electorate.
    pub fn electorate(&self, height: Height) -> Result<Electorate, Refused> {
        let epoch = height.0.checked_div(self.rotate).unwrap_or(0);
        let voters = self.weights.len();
        let member = |node| {
            let weight = self.weights.get((node + epoch as usize) % voters).copied().unwrap_or(0);
            (self.key(node).id(), Weight(weight))
        };
        let seed = Digest(self.seed.derive_number("lottery", epoch).0);
        let members = (0..voters).map(member).filter(|(_, weight)| weight.0 > 0);
        Electorate::new(Epoch(epoch), members, seed)
    }
}
