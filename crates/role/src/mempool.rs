//! Transactions that wait for a block.
//!
//! The best paying first, by the tip for each gas, and among equals the oldest; each once. They are bounded in number and bytes: of
//! all together, so that memory is bounded, and of each sender, so that one that floods does not keep the others out. When there
//! is no room, what pays more takes the place of what pays least, never the other way round; so junk has to outbid whoever it
//! wants to keep out, and a sender must hold what all that it has waiting will cost. What a block took and what expired is
//! forgotten, and what fails while a block is built soon is: a transaction may merely be early, so it has a few tries.

use bitneuron_core::{Amount, Digest, Height, NodeId};
use bitneuron_ledger::{SignedTx, plain_gas};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The place of a transaction: a higher tip before a lower one, then by arrival.
type Rank = (Reverse<Amount>, u64);

/// A bounded queue of transactions.
#[derive(Debug, Clone)]
pub struct Mempool {
    waiting: BTreeMap<Digest, Waiting>,
    order: BTreeMap<Rank, Digest>,
    arrived: u64,
    all: Load,
    senders: BTreeMap<NodeId, Sender>,
    limits: MempoolLimits,
}

#[derive(Debug, Clone)]
struct Waiting {
    transaction: Arc<SignedTx>,
    size: usize,
    cost: Amount,
    rank: Rank,
    failed: u8,
}

/// What one sender has waiting.
#[derive(Debug, Clone, Default)]
struct Sender {
    load: Load,
    /// What all of it will cost at least.
    cost: Amount,
    ranks: BTreeSet<Rank>,
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

    /// Takes a transaction in that costs at least so much, in the place of some that pay less where there is no room; `false`
    /// when it is known, when no room can be made, or when its sender does not hold what all that it has waiting costs.
    pub fn insert(&mut self, transaction: SignedTx, size: usize, cost: Amount, held: Amount) -> bool {
        let (digest, by) = (transaction.digest(), transaction.tx.by);
        let rank = (Reverse(transaction.tx.tip), self.arrived);
        if self.waiting.contains_key(&digest) {
            return false;
        }
        let Some(gone) = self.displaced(by, rank, size) else { return false };
        let freed = gone.iter().filter_map(|digest| self.waiting.get(digest));
        let freed = freed.filter(|waiting| waiting.transaction.tx.by == by).map(|waiting| waiting.cost);
        let owed = self.senders.get(&by).map(|sender| sender.cost).unwrap_or_default();
        let owed = owed.saturating_sub(Amount::sum(freed).unwrap_or_default());
        if owed.checked_add(cost).is_none_or(|owed| owed > held) {
            return false;
        }
        gone.iter().for_each(|digest| self.remove(digest));
        self.arrived = self.arrived.saturating_add(1);
        self.all = self.all.with(size);
        let sender = self.senders.entry(by).or_default();
        sender.load = sender.load.with(size);
        sender.cost = sender.cost.checked_add(cost).unwrap_or(Amount::SUPPLY);
        sender.ranks.insert(rank);
        self.order.insert(rank, digest);
        self.waiting
            .insert(digest, Waiting { transaction: Arc::new(transaction), size, cost, rank, failed: 0 });
        true
    }

    /// What must go so that there is room: of the sender's own, then of all, from the least paying on; `None` when that pays
    /// no less.
    fn displaced(&self, by: NodeId, rank: Rank, size: usize) -> Option<Vec<Digest>> {
        let (limits, mut gone) = (self.limits, BTreeSet::new());
        let mut all = self.all.with(size);
        let sender = self.senders.get(&by);
        let mut own = sender.map(|sender| sender.load).unwrap_or_default().with(size);
        let lower = |other: &&Rank| other.0 > rank.0;
        let mut least = sender.into_iter().flat_map(|sender| sender.ranks.iter().rev());
        while !own.is_within(limits.sender_transactions, limits.sender_bytes) {
            let next = least.next().filter(lower)?;
            let size = self.size_at(next);
            (own, all) = (own.without(size), all.without(size));
            gone.insert(*next);
        }
        let mut least = self.order.keys().rev().filter(|rank| !gone.contains(*rank));
        let mut more = Vec::new();
        while !all.is_within(limits.transactions, limits.bytes) {
            let next = least.next().filter(lower)?;
            all = all.without(self.size_at(next));
            more.push(*next);
        }
        let names = gone.iter().chain(&more).filter_map(|rank| self.order.get(rank));
        Some(names.copied().collect())
    }

    fn size_at(&self, rank: &Rank) -> usize {
        let waiting = self.order.get(rank).and_then(|digest| self.waiting.get(digest));
        waiting.map_or(0, |waiting| waiting.size)
    }

    /// Whether a transaction waits.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.waiting.contains_key(digest)
    }

    /// Forgets a transaction.
    pub fn remove(&mut self, digest: &Digest) {
        let Some(waiting) = self.waiting.remove(digest) else { return };
        let Waiting { transaction, size, cost, rank, .. } = waiting;
        self.order.remove(&rank);
        self.all = self.all.without(size);
        let by = transaction.tx.by;
        if let Some(sender) = self.senders.get_mut(&by) {
            sender.load = sender.load.without(size);
            sender.cost = sender.cost.saturating_sub(cost);
            sender.ranks.remove(&rank);
            if sender.ranks.is_empty() {
                self.senders.remove(&by);
            }
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

    /// All that wait, the best paying first, then the oldest.
    pub fn candidates(&self) -> Vec<Arc<SignedTx>> {
        let waiting = self.order.values().filter_map(|digest| self.waiting.get(digest));
        waiting.map(|waiting| waiting.transaction.clone()).collect()
    }

    /// The least tip for a gas with which a transaction stands among the first of so much gas: the market price of the next
    /// block. Nothing, as long as all that wait find room.
    pub fn price(&self, gas: u64) -> Amount {
        let mut left = gas;
        for waiting in self.order.values().filter_map(|digest| self.waiting.get(digest)) {
            match left.checked_sub(plain_gas(&waiting.transaction, waiting.size)) {
                Some(rest) => left = rest,
                None => return waiting.rank.0.0.checked_add(Amount(1)).unwrap_or(Amount::SUPPLY),
            }
        }
        Amount::ZERO
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
