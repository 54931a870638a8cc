//! Transactions that wait for a block.
//!
//! First come, first served, each once, bounded in number and bytes. What a block took, what expired and what failed while
//! a block was built is forgotten.

use bitneuron_core::{Digest, Height};
use bitneuron_ledger::SignedTx;
use std::collections::{BTreeMap, VecDeque};

/// A bounded queue of transactions.
#[derive(Debug, Clone)]
pub struct Mempool {
    waiting: BTreeMap<Digest, (SignedTx, usize)>,
    order: VecDeque<Digest>,
    bytes: usize,
    limits: MempoolLimits,
}

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MempoolLimits {
    /// The most transactions.
    pub transactions: usize,
    /// The most bytes of all together.
    pub bytes: usize,
}

impl Default for MempoolLimits {
    fn default() -> Self {
        Self { transactions: 20_000, bytes: 256 << 20 }
    }
}

impl Mempool {
    /// An empty mempool.
    pub const fn new(limits: MempoolLimits) -> Self {
        Self { waiting: BTreeMap::new(), order: VecDeque::new(), bytes: 0, limits }
    }

    /// Takes a transaction in; `false` when it is known or there is no room.
    pub fn insert(&mut self, transaction: SignedTx, size: usize) -> bool {
        let digest = transaction.digest();
        let room = self.waiting.len() < self.limits.transactions
            && self.bytes.saturating_add(size) <= self.limits.bytes;
        if !room || self.waiting.contains_key(&digest) {
            return false;
        }
        self.waiting.insert(digest, (transaction, size));
        self.order.push_back(digest);
        self.bytes = self.bytes.saturating_add(size);
        true
    }

    /// Whether a transaction waits.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.waiting.contains_key(digest)
    }

    /// Forgets a transaction.
    pub fn remove(&mut self, digest: &Digest) {
        if let Some((_, size)) = self.waiting.remove(digest) {
            self.bytes = self.bytes.saturating_sub(size);
        }
    }

    /// Forgets what can no longer enter a block of this height.
    pub fn expire(&mut self, height: Height) {
        let late: Vec<Digest> = self
            .waiting
            .iter()
            .filter(|(_, (transaction, _))| transaction.tx.expires < height)
            .map(|(digest, _)| *digest)
            .collect();
        late.iter().for_each(|digest| self.remove(digest));
        let waiting = &self.waiting;
        self.order.retain(|digest| waiting.contains_key(digest));
    }

    /// All that wait, oldest first.
    pub fn candidates(&self) -> Vec<SignedTx> {
        self.order.iter().filter_map(|digest| self.waiting.get(digest)).map(|(tx, _)| tx.clone()).collect()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
