//! Receipts: what each transaction of a block did, and what the block did by itself.
//!
//! ```text
//! root of the height's receipts ── an entry of the state, kept for 64 heights ([`crate::key::receipts`])
//! └ one stub each: whose doing, gas, fee, and the root over its events
//!   └ one event each
//! ```
//!
//! So somebody with a header alone can be shown what became of a transaction: its stub, the way to the root of its height, and the
//! proof of that entry. The events are shown beside it, all of them or single ones ([`EventProof`]); a proof never grows with what
//! happened.

use crate::entry::bytes_of;
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

/// A receipt without its events, but with their root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stub {
    /// The height of the block.
    pub height: Height,
    /// Its place: that of the transaction; the block's own receipt comes last.
    pub index: u32,
    /// Whose doing it was.
    pub cause: Cause,
    /// The Merkle root over what happened.
    pub events: Digest,
}

impl Wire for Stub {
    const LIMIT: usize = 256;
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

    /// What is proved of it.
    pub fn stub(&self) -> Stub {
        let Self { height, index, cause, .. } = self;
        Stub { height: *height, index: *index, cause: cause.clone(), events: self.tree().root() }
    }

    /// The tree over its events.
    fn tree(&self) -> Tree {
        Tree::over(self.events.iter().map(bytes_of))
    }
}

/// The tree over the receipts of a block.
fn tree(receipts: &[Receipt]) -> Tree {
    Tree::over(receipts.iter().map(|receipt| encode(&receipt.stub())))
}

/// The root over the receipts of a block.
pub(crate) fn root(receipts: &[Receipt]) -> Digest {
    tree(receipts).root()
}

/// A receipt's stub with its way to the root of a state: less than 2 kB, whatever happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptProof {
    stub: Stub,
    inclusion: Inclusion,
    entry: EntryProof,
}

impl Wire for ReceiptProof {
    const LIMIT: usize = 16 << 10;
}

/// Why a receipt or an event is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The root of the height's receipts is not proved.
    #[error(transparent)]
    Entry(#[from] ProofError),
    /// The state has no root of receipts for the height any more.
    #[error("the state does not know these receipts")]
    Root,
    /// The receipt is not under that root at its place.
    #[error("no receipt of this height")]
    Receipt,
    /// Not what the receipt says that happened.
    #[error("no event of this receipt")]
    Event,
}

impl ReceiptProof {
    /// The proof of one of a block's receipts, all of which are needed, with the entry of their root ([`key::receipts`]);
    /// `None` beyond their end.
    pub fn of(receipts: &[Receipt], index: u32, entry: EntryProof) -> Option<Self> {
        let at = usize::try_from(index).ok()?;
        Some(Self { stub: receipts.get(at)?.stub(), inclusion: tree(receipts).prove(at)?, entry })
    }

    /// What the state with this root knows of the receipt.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(&self, state: Digest) -> Result<&Stub, ReceiptError> {
        let known = self.entry.verify(state, &key::receipts(self.stub.height))?;
        let root: Digest = known.and_then(|value| value.read()).ok_or(ReceiptError::Root)?;
        let shown = self.inclusion.index == u64::from(self.stub.index)
            && self.inclusion.verify(root, leaf(&encode(&self.stub)));
        if shown { Ok(&self.stub) } else { Err(ReceiptError::Receipt) }
    }

    /// Whether the state with this root knows this receipt, with all that it says.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn shows(&self, state: Digest, receipt: &Receipt) -> Result<(), ReceiptError> {
        if *self.verify(state)? == receipt.stub() { Ok(()) } else { Err(ReceiptError::Event) }
    }
}

/// One event with its way to the root of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventProof {
    receipt: ReceiptProof,
    event: Event,
    inclusion: Inclusion,
}

impl Wire for EventProof {
    const LIMIT: usize = 64 << 10;
}

impl EventProof {
    /// The proof of one event of one of a block's receipts, all of which are needed, with the entry of their root; `None`
    /// beyond their end.
    pub fn of(receipts: &[Receipt], index: u32, event: usize, entry: EntryProof) -> Option<Self> {
        let from = receipts.get(usize::try_from(index).ok()?)?;
        let receipt = ReceiptProof::of(receipts, index, entry)?;
        let inclusion = from.tree().prove(event)?;
        Some(Self { receipt, event: from.events.get(event)?.clone(), inclusion })
    }

    /// What happened, and whose doing it was, by the state with this root.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(&self, state: Digest) -> Result<(&Stub, &Event), ReceiptError> {
        let stub = self.receipt.verify(state)?;
        let shown = self.inclusion.verify(stub.events, leaf(&bytes_of(&self.event)));
        if shown { Ok((stub, &self.event)) } else { Err(ReceiptError::Event) }
    }
}
