//! Transactions that wait for a block.
//!
//! First come, first served, each once, bounded in number and bytes: of all together, so that memory is bounded, and of
//! each sender, so that one that floods does not keep the others out. What a block took and what expired is forgotten, and
//! what fails while a block is built soon is: a transaction may merely be early, so it has a few tries.

use bitneuron_core::{Digest, Height, NodeId};
use bitneuron_ledger::SignedTx;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A bounded queue of transactions.
#[derive(Debug, Clone)]
pub struct Mempool {
    waiting: BTreeMap<Digest, Waiting>,
    /// By arrival.
    order: BTreeMap<u64, Digest>,
    arrived: u64,
    all: Load,
    senders: BTreeMap<NodeId, Load>,
    limits: MempoolLimits,
}

#[derive(Debug, Clone)]
struct Waiting {
    transaction: Arc<SignedTx>,
    size: usize,
    arrival: u64,
    failed: u8,
}

/// What waits, of all or of one sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    transactions: usize,
    bytes: usize,
}

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MempoolLimits {
    /// The most transactions.
    pub transactions: usize,
    /// The most bytes of all together.
    pub bytes: usize,
    /// The most transactions of one sender.
    pub sender_transactions: usize,
    /// The most bytes of one sender.
    pub sender_bytes: usize,
}

impl Default for MempoolLimits {
    fn default() -> Self {
        Self {
            transactions: 20_000,
            bytes: 256 << 20,
            sender_transactions: 1_000,
            // Two of the largest transactions.
            sender_bytes: 16 << 20,
        }
    }
}

impl Load {
    fn with(self, size: usize) -> Self {
        Self { transactions: self.transactions.saturating_add(1), bytes: self.bytes.saturating_add(size) }
    }

    fn without(self, size: usize) -> Self {
        Self { transactions: self.transactions.saturating_sub(1), bytes: self.bytes.saturating_sub(size) }
    }

    fn is_within(self, transactions: usize, bytes: usize) -> bool {
        self.transactions <= transactions && self.bytes <= bytes
    }
}

impl Mempool {
    /// How often a transaction may fail while a block is built.
    pub const TRIES: u8 = 3;

    /// An empty mempool.
    pub const fn new(limits: MempoolLimits) -> Self {
        Self {
            waiting: BTreeMap::new(),
            order: BTreeMap::new(),
            arrived: 0,
            all: Load { transactions: 0, bytes: 0 },
            senders: BTreeMap::new(),
            limits,
        }
    }

    /// Takes a transaction in; `false` when it is known or there is no room, for it or for its sender.
    pub fn insert(&mut self, transaction: SignedTx, size: usize) -> bool {
        let (digest, by, limits) = (transaction.digest(), transaction.tx.by, self.limits);
        let all = self.all.with(size);
        let sender = self.senders.get(&by).copied().unwrap_or_default().with(size);
        let room = all.is_within(limits.transactions, limits.bytes)
            && sender.is_within(limits.sender_transactions, limits.sender_bytes);
        if !room || self.waiting.contains_key(&digest) {
            return false;
        }
        self.all = all;
        self.senders.insert(by, sender);
        self.order.insert(self.arrived, digest);
        let transaction = Arc::new(transaction);
        self.waiting.insert(digest, Waiting { transaction, size, arrival: self.arrived, failed: 0 });
        self.arrived = self.arrived.saturating_add(1);
        true
    }

    /// Whether a transaction waits.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.waiting.contains_key(digest)
    }

    /// Forgets a transaction.
    pub fn remove(&mut self, digest: &Digest) {
        let Some(Waiting { transaction, size, arrival, .. }) = self.waiting.remove(digest) else { return };
        self.order.remove(&arrival);
        self.all = self.all.without(size);
        let by = transaction.tx.by;
        match self.senders.get(&by).map(|load| load.without(size)) {
            Some(left) if left.transactions > 0 => drop(self.senders.insert(by, left)),
            _ => drop(self.senders.remove(&by)),
        }
    }

    /// A transaction failed while a block was built: it is forgotten once it has had its tries.
    pub fn failed(&mut self, digest: &Digest) {
        let Some(waiting) = self.waiting.get_mut(digest) else { return };
        waiting.failed = waiting.failed.saturating_add(1);
        if waiting.failed >= Self::TRIES {
            self.remove(digest);
        }
    }

    /// Forgets what can no longer enter a block of this height.
    pub fn expire(&mut self, height: Height) {
        let late: Vec<Digest> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.transaction.tx.expires < height)
            .map(|(digest, _)| *digest)
            .collect();
        late.iter().for_each(|digest| self.remove(digest));
    }

    /// All that wait, oldest first.
    pub fn candidates(&self) -> Vec<Arc<SignedTx>> {
        let waiting = self.order.values().filter_map(|digest| self.waiting.get(digest));
        waiting.map(|waiting| waiting.transaction.clone()).collect()
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
