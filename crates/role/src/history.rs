//! What a node keeps of the chain beyond the last state, and with what it comes back after a crash.
//!
//! A role holds the newest state only. Whoever drives it may keep the chain in a store, show it to the role as a [`History`], and
//! give a role that begins anew what the store and the log have kept: [`Resumed`]. Reading a store takes time, so a history is
//! asked in a job, never in a step.

use crate::message::Tip;
use bitneuron_consensus::{Block, Certificate};
use bitneuron_core::{Bytes, Height};
use bitneuron_ledger::State;
use std::fmt;
use std::sync::Arc;

/// The decided blocks of the past.
pub trait History: Send + Sync {
    /// The block of a height with the votes that decided it; `None` when it is not kept or cannot be read.
    fn decided(&self, height: Height) -> Option<(Block, Certificate)>;
}

const _: Option<&dyn History> = None;

/// The most bytes of blocks that one look into the past brings back, but for its last block: a block of the largest size.
const BYTES: usize = 16 << 20;

/// The decisions from a height on, at most so many and not too large, without a gap.
pub(crate) fn look(history: &dyn History, first: Height, most: usize) -> Vec<(Arc<Block>, Certificate)> {
    let (mut found, mut bytes, mut height) = (Vec::new(), 0usize, first);
    while found.len() < most && bytes < BYTES {
        let Some((block, certificate)) = history.decided(height) else { break };
        let size: usize = block.transactions.iter().map(|transaction| transaction.len()).sum();
        bytes = bytes.saturating_add(size);
        found.push((Arc::new(block), certificate));
        height = height.next();
    }
    found
}

/// With what a validator comes back.
#[derive(Clone)]
pub struct Resumed {
    /// The state after the last block that was kept.
    pub state: Arc<State>,
    /// That block's header with its votes; none at genesis.
    pub tip: Option<Tip>,
    /// The records of its log, oldest first.
    pub records: Vec<Bytes>,
    /// The chain up to there, and what follows.
    pub history: Arc<dyn History>,
}

impl fmt::Debug for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resumed")
            .field("height", &self.state.height())
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}
