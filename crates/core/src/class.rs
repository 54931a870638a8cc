//! The class of a piece of work, which sets who may do it and who must vote on it.

use serde::{Deserialize, Serialize};

/// How complex, how indivisible and how safe a piece of work must be (whitepaper §4, §7).
///
/// The ledger maps a class to thresholds of stake and reputation: complex work over much data lowers the entry
/// threshold so that many take part; short atomic work raises it so that few answer fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Class {
    /// The work in gas (1 gas = 10 ns of virtual compute).
    pub complexity: u64,
    /// Whether the answer comes from one node (`Atomic`) or is put together from many (`Divisible`).
    pub atomicity: Atomicity,
    /// The demanded security: the chance of a corrupt quorum is at most 2^-bits.
    pub bits: u8,
}

/// Whether work can be divided among nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Atomicity {
    /// One node answers.
    Atomic,
    /// Partial answers are merged.
    Divisible,
}
