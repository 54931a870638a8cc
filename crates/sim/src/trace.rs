//! The trace: one hash over all that happened, in order. Two runs with equal traces are the same run.
//!
//! A record is `time | node | kind | word | size | digest`, all little-endian: the word is the sender of a message or
//! the name of a timer or work; size and digest are those of a message, else zero.

use crate::Address;
use bitneuron_core::{Digest, Time, hash::Hasher};

/// The kinds of events in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A node started.
    Start = 1,
    /// A message was delivered.
    Message = 2,
    /// A message found its receiver down.
    Missed = 3,
    /// A timer fired.
    Timer = 4,
    /// Work was done.
    Done = 5,
    /// A node went down.
    Down = 6,
    /// A node came back.
    Up = 7,
    /// A node was called from outside.
    Act = 8,
}

/// What happened, as the trace takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub time: Time,
    /// To whom.
    pub node: Address,
    /// What.
    pub kind: Kind,
    /// The sender of a message or the name of a timer or work.
    pub word: u64,
    /// Bytes of a message.
    pub size: u64,
    /// What a message says.
    pub digest: Digest,
}

/// A running hash over records.
#[derive(Debug, Clone)]
pub struct Trace {
    hasher: Hasher,
    records: u64,
}

impl Trace {
    /// The trace of nothing.
    pub fn new() -> Self {
        Self { hasher: Hasher::new("bitneuron trace v1"), records: 0 }
    }

    /// Appends a record.
    pub fn add(&mut self, record: &Record) {
        self.records = self.records.saturating_add(1);
        self.hasher.number(record.time.0).number(u64::from(record.node)).update(&[record.kind as u8]);
        self.hasher.number(record.word).number(record.size).update(&record.digest.0);
    }

    /// How many records it has.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The hash so far.
    pub fn digest(&self) -> Digest {
        self.hasher.finish()
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}
