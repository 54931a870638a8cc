//! Where a ledger is kept: what a store promises, and the archive that every store can hold.
//!
//! A [`Store`] is a few ordered tables of byte strings that are written together or not at all. [`Archive`] keeps a chain in
//! one: blocks with their certificates, the entries of the last state, receipts and their indices. The tree over the
//! entries is not kept: it follows from them, and making it again when a chain is opened checks every entry that was read
//! against the root which the last block's voters signed.

mod archive;
mod log;
mod memory;
#[cfg(feature = "redb")]
mod redb;

pub use archive::{Archive, Decided};
pub use log::{Filter, Logged};
pub use memory::Memory;
#[cfg(feature = "redb")]
pub use redb::Redb;

use crate::Refused;
use bitneuron_core::{ChainId, DecodeError, Digest, Height};
use std::ops::ControlFlow;
use thiserror::Error;

/// The tables of a store, each from byte strings to byte strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Table {
    /// What there is once: the genesis, the height.
    Meta,
    /// Blocks, by height.
    Blocks,
    /// The certificates of blocks, by height.
    Certificates,
    /// The entries of the state after the last block, by key.
    Entries,
    /// Receipts, by height and place.
    Receipts,
    /// Where the receipt of a transaction is, by its digest.
    Transactions,
    /// The places of the receipts that concern an account, by account, height and place.
    Accounts,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Meta,
        Self::Blocks,
        Self::Certificates,
        Self::Entries,
        Self::Receipts,
        Self::Transactions,
        Self::Accounts,
    ];

    /// Its name in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Blocks => "blocks",
            Self::Certificates => "certificates",
            Self::Entries => "entries",
            Self::Receipts => "receipts",
            Self::Transactions => "transactions",
            Self::Accounts => "accounts",
        }
    }
}

/// One change of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which table.
    pub table: Table,
    /// Under which key.
    pub key: Vec<u8>,
    /// What shall stand there; `None` removes what does.
    pub value: Option<Vec<u8>>,
}

/// What is shown keys and values, until it breaks off.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Tables of byte strings.
///
/// Laws:
/// 1. *Atomicity*: after [`write`](Self::write), and after a crash at any moment of it, either all changes are there or none.
/// 2. *Durability*: once `write` has returned without an error, no crash takes its changes back.
/// 3. *Order*: [`scan`](Self::scan) goes through keys in ascending order of their bytes.
pub trait Store: Send {
    /// Makes all changes, in their order.
    ///
    /// # Errors
    /// Why they were not made. Whether they are there must then be asked again after opening anew.
    fn write(&mut self, changes: Vec<Write>) -> Result<(), StoreError>;

    /// The value under a key.
    ///
    /// # Errors
    /// It cannot be read.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the keys that begin with `prefix`, and their values, until `each` breaks off.
    ///
    /// # Errors
    /// They cannot be read.
    fn scan(&self, table: Table, prefix: &[u8], each: &mut Visit<'_>) -> Result<(), StoreError>;
}

const _: Option<&dyn Store> = None;

/// Why a store cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The medium failed, or what is on it is no store.
    #[error("storage: {0}")]
    Medium(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It holds another chain.
    #[error("the store holds chain {found:?}, not {wanted:?}")]
    Chain {
        /// Which one.
        found: ChainId,
        /// Which one was asked for.
        wanted: ChainId,
    },
    /// It was written in another form.
    #[error("format {found}, this program writes {known}")]
    Format {
        /// Which one.
        found: u32,
        /// The one known here.
        known: u32,
    },
    /// A height that does not follow on the last.
    #[error("height {found} does not follow on {last}")]
    Height {
        /// The one offered.
        found: Height,
        /// The last one kept.
        last: Height,
    },
    /// Something that must be there is not.
    #[error("no {0}")]
    Missing(&'static str),
    /// What is there is not what it should be.
    #[error("damaged {0}")]
    Damaged(&'static str),
    /// The entries that were read give another root than the last block states.
    #[error("entries with root {found}, the block states {stated}")]
    Root {
        /// What the block states.
        stated: Digest,
        /// What the entries give.
        found: Digest,
    },
    /// Bytes that cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The votes for a block are not a quorum of its voters.
    #[error("votes: {0}")]
    Votes(#[from] bitneuron_consensus::Refused),
    /// The ledger refuses its genesis or a block.
    #[error("ledger: {0}")]
    Ledger(#[from] Box<Refused>),
}
