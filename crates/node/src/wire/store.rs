//! Where a role's records become durable.

use bitneuron_core::Bytes;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps records, in order.
///
/// Law: when `persist` is done, the record outlives whatever the store promises to outlive. The driver performs nothing
/// that a role asked for after a record before its `persist` is done, so no vote leaves a node that could forget it.
pub trait Store: Send + 'static {
    /// Makes one record durable.
    ///
    /// # Errors
    /// The record may be lost; the driver then stops its role, since a node that may forget its votes must not vote.
    fn persist(&mut self, record: Bytes) -> impl Future<Output = io::Result<()>> + Send;
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
