//! The write-ahead log: where an engine's records wait for the case that it must come back.
//!
//! An engine hands out [`Effect::Persist`](crate::Effect::Persist) before whatever follows from the record. Its driver appends
//! each record here, and calls [`Log::sync`] before anything leaves the node; so nobody has heard of a vote that the node could
//! forget. After a crash the records are told to a new engine ([`Input::Recover`](crate::Input::Recover)), which then says
//! nothing else than it said before. Once a decided block is durable elsewhere, the log of its height is
//! [`reset`](Log::reset), never earlier.

#[cfg(feature = "disk")]
mod disk;
mod memory;

#[cfg(feature = "disk")]
pub use disk::Disk;
pub use memory::Memory;

use bitneuron_core::Bytes;
use std::io;
use thiserror::Error;

/// Why a log cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The medium failed, or the file is open elsewhere.
    #[error("log: {0}")]
    Medium(#[from] io::Error),
    /// A record in the middle cannot be read. Whoever votes without it might contradict itself.
    #[error("log: record {0} is damaged, and others follow it")]
    Damaged(usize),
    /// An empty record, which no engine hands out and no log could tell from a file's unwritten end.
    #[error("log: an empty record")]
    Empty,
}

/// Keeps records in order.
///
/// Laws (tested by `suite::log`):
/// 1. *Prefix*: after a crash at any moment, what is left is a prefix of what was appended since the last reset.
/// 2. *Durability*: that prefix holds at least all that was appended before the last [`sync`](Self::sync) that returned without
///    an error.
/// 3. *Forgetting*: after [`reset`](Self::reset) returned without an error nothing from before it comes back.
///
/// A log that has failed may be in any state on its medium: it must be opened anew before it is used again.
pub trait Log: Send {
    /// Puts a record behind the others.
    ///
    /// # Errors
    /// It is empty, or the medium failed.
    fn append(&mut self, record: &[u8]) -> Result<(), LogError>;

    /// Makes everything that was appended durable.
    ///
    /// # Errors
    /// It may not be durable: then nothing that follows from it may leave.
    fn sync(&mut self) -> Result<(), LogError>;

    /// The records since the last reset, oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    fn records(&mut self) -> Result<Vec<Bytes>, LogError>;

    /// Forgets all records, durably.
    ///
    /// # Errors
    /// They may still be there, which does no harm: an engine ignores records of heights that are decided.
    fn reset(&mut self) -> Result<(), LogError>;
}

const _: Option<&dyn Log> = None;
