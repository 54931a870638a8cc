//! The class of a piece of work, which sets who may do it and how many must agree on it (whitepaper §4, §7).
//!
//! Short, atomic work is for few who have much to lose, so that it is answered fast; large work over much data is for many,
//! so the entry is low. The ledger holds the bounds between the classes and the thresholds of each.

use serde::{Deserialize, Serialize};

/// How much there is to compute, and over how much data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Work {
    /// Compute, in gas (1 gas = 10 ns of virtual compute).
    pub gas: u64,
    /// Data, in bytes.
    pub bytes: u64,
}

/// The classes, from few and fast to many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// A: answered by few, fast.
    Atomic,
    /// B.
    Standard,
    /// C.
    Heavy,
    /// D: divided among many.
    Bulk,
}

impl Class {
    /// All classes, in order.
    pub const ALL: [Self; 4] = [Self::Atomic, Self::Standard, Self::Heavy, Self::Bulk];

    /// The first class whose bounds hold both the compute and the data; `most` bounds all classes but the last.
    ///
    /// ```
    /// use bitneuron_core::class::{Class, Work};
    /// let most = [1_000_000, 100_000_000, 10_000_000_000].map(|n| Work { gas: n, bytes: n });
    /// assert_eq!(Class::of(Work { gas: 10, bytes: 1_000_001 }, &most), Class::Standard);
    /// assert_eq!(Class::of(Work { gas: u64::MAX, bytes: 0 }, &most), Class::Bulk);
    /// ```
    pub fn of(work: Work, most: &[Work; 3]) -> Self {
        let fits = |most: &Work| work.gas <= most.gas && work.bytes <= most.bytes;
        let bounded = Self::ALL.into_iter().zip(most);
        bounded.into_iter().find(|(_, most)| fits(most)).map_or(Self::Bulk, |(class, _)| class)
    }

    /// The next class down, which more may enter.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|class| *class > self)
    }
}
