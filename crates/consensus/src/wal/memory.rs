//! A log that lasts as long as the process, and knows what a crash would have left of it.

use super::{Log, LogError};
use bitneuron_core::Bytes;

/// Records in memory: for networks in one process, and for tests of crashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    records: Vec<Bytes>,
    synced: usize,
}

impl Memory {
    /// How many records a crash now might take.
    pub fn loose(&self) -> usize {
        self.records.len().saturating_sub(self.synced)
    }

    /// What a crash leaves behind that takes so many of the records that are not synced, the last ones.
    pub fn crash(&mut self, lost: usize) {
        let left = self.records.len().saturating_sub(lost.min(self.loose()));
        self.records.truncate(left);
        self.synced = left;
    }
}

impl Log for Memory {
    fn append(&mut self, record: &[u8]) -> Result<(), LogError> {
        if record.is_empty() {
            return Err(LogError::Empty);
        }
        self.records.push(Bytes(record.to_vec()));
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        self.synced = self.records.len();
        Ok(())
    }

    fn records(&mut self) -> Result<Vec<Bytes>, LogError> {
        Ok(self.records.clone())
    }

    fn reset(&mut self) -> Result<(), LogError> {
        *self = Self::default();
        Ok(())
    }
}
