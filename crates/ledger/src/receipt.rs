//! Receipts: what each transaction of a block did, and what the block did by itself.
//!
//! The receipts of a block are the leaves of a Merkle tree whose root is an entry of the state ([`crate::key::receipts`]),
//! kept for 64 heights. So somebody with a header alone can be shown what became of a transaction: its receipt, the way to
//! that root, and the proof of the entry.

use crate::tree::{EntryProof, ProofError};
use crate::{Event, key};
use bitneuron_core::merkle::{Inclusion, Tree, leaf};
use bitneuron_core::{Amount, Digest, Height, NodeId, Wire, encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use thiserror::Error;

/// Whose doing it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A transaction's.
    Transaction {
        /// The transaction.
        digest: Digest,
        /// Who signed it and paid for it.
        by: NodeId,
        /// The gas that it used.
        gas: u64,
        /// What that cost.
        fee: Amount,
        /// What the builder got besides.
        tip: Amount,
    },
    /// The block's own: what fell due, what was matched, what was paid to its builder and voters.
    Block,
}

/// What one transaction did, or the block by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The height of the block.
    pub height: Height,
    /// Its place: that of the transaction; the block's own receipt comes last.
    pub index: u32,
    /// Whose doing it was.
    pub cause: Cause,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Wire for Receipt {
    const LIMIT: usize = 16 << 20;
}

impl Receipt {
    /// The accounts that it concerns, each once.
    pub fn concerns(&self) -> BTreeSet<NodeId> {
        let mut all = BTreeSet::new();
        if let Cause::Transaction { by, .. } = &self.cause {
            all.insert(*by);
        }
        self.events.iter().for_each(|event| all.extend(event.concerns()));
        all
    }
}

/// The tree over the receipts of a block.
fn tree(receipts: &[Receipt]) -> Tree {
    Tree::over(receipts.iter().map(encode))
}

/// The root over the receipts of a block.
pub(crate) fn root(receipts: &[Receipt]) -> Digest {
    tree(receipts).root()
}

/// A receipt with its way to the root of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptProof {
    receipt: Receipt,
    inclusion: Inclusion,
    root: Digest,
    entry: EntryProof,
}

impl Wire for ReceiptProof {
    const LIMIT: usize = 17 << 20;
}

/// Why a receipt is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The root of the height's receipts is not proved.
    #[error(transparent)]
    Entry(#[from] ProofError),
    /// The state has another root of receipts for the height, or none any more.
    #[error("the state does not know these receipts")]
    Root,
    /// The receipt is not under that root at its place.
    #[error("no receipt of this height")]
    Receipt,
}

impl ReceiptProof {
    /// The proof of one of a block's receipts, all of which are needed, with the entry of their root ([`key::receipts`]);
    /// `None` beyond their end.
    pub fn of(receipts: &[Receipt], index: u32, entry: EntryProof) -> Option<Self> {
        let (tree, at) = (tree(receipts), usize::try_from(index).ok()?);
        Some(Self {
            receipt: receipts.get(at)?.clone(),
            inclusion: tree.prove(at)?,
            root: tree.root(),
            entry,
        })
    }

    /// The receipt, when the state with this root knows it.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(&self, state: Digest) -> Result<&Receipt, ReceiptError> {
        let known = self.entry.verify(state, &key::receipts(self.receipt.height))?;
        if known.and_then(|value| value.read()) != Some(self.root) {
            return Err(ReceiptError::Root);
        }
        let shown = self.inclusion.index == u64::from(self.receipt.index)
            && self.inclusion.verify(self.root, leaf(&encode(&self.receipt)));
        if shown { Ok(&self.receipt) } else { Err(ReceiptError::Receipt) }
    }
}
