//! Where a role's records and decisions become durable.

use bitneuron_consensus::{Block, Certificate};
use bitneuron_core::Bytes;
use bitneuron_ledger::State;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// A decided block with the state after it.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The block.
    pub block: Arc<Block>,
    /// The votes that decided it.
    pub certificate: Certificate,
    /// The state after it.
    pub state: Arc<State>,
}

/// Keeps records and decisions, in order.
///
/// Law: when `sync` is done, all records before it outlive whatever the store promises to outlive, and when `keep` is done, so
/// does the decision. The driver lets nothing out that a role asked for after a record before a `sync` is done, so no vote leaves
/// a node that could forget it; and it goes on from a decision only once that is kept.
pub trait Store: Send + 'static {
    /// Adds one record.
    ///
    /// # Errors
    /// The record may be lost; the driver then stops its role, since a node that may forget its votes must not vote.
    fn persist(&mut self, record: Bytes) -> impl Future<Output = io::Result<()>> + Send;

    /// Makes all records durable. A store that does so at once has nothing to do.
    ///
    /// # Errors
    /// As [`persist`](Self::persist).
    fn sync(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Makes a decision durable; the records before it are of no more use then. A store of records only has nothing to do.
    ///
    /// # Errors
    /// The decision may be lost; the driver then stops its role.
    fn keep(&mut self, _: Decision) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }
}

/// Keeps records as long as the process lives: for networks in one process. A clone is the same store.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    records: Arc<Mutex<Vec<Bytes>>>,
}

impl Memory {
    /// A copy of all records, oldest first.
    pub fn records(&self) -> Vec<Bytes> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Store for Memory {
    async fn persist(&mut self, record: Bytes) -> io::Result<()> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        Ok(())
    }
}
