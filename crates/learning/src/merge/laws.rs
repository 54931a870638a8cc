//! The names of the laws of merging, and the set that a rule declares.

use std::fmt;

/// A law of [`Merge`](super::Merge).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Law {
    /// Equal arguments give equal bytes. Always demanded.
    Replay,
    /// Unsorted or repeated names are refused. Always demanded.
    Order,
    /// Another layout is refused and its owner named. Always demanded.
    Layout,
    /// What is not finite is refused and its owner named, peer or oneself. Always demanded.
    Finite,
    /// The shares sum to one. Always demanded.
    Influence,
    /// As many arbitrary values as declared leave the result near the own value. Demanded for the declared number.
    Tolerance,
    /// Sound contributions are merged, or refused by one threshold of number. Always demanded.
    Answer,
    /// Exchanging the names of the peers changes nothing but the order of the shares.
    Permutation,
    /// Where all values are equal the result is that value.
    Idempotence,
    /// Each coordinate of the result lies between the smallest and the largest of the inputs.
    Hull,
    /// A weight of zero has no share; a heavier voice never has a smaller share and, where it has one at all, a larger
    /// share that pulls the result its way.
    Weights,
    /// The result is the mean of the inputs, weighted by the shares.
    Linear,
    /// The tolerated number is counted in weight: `k` tolerated of `n` peers means liars with at most the share
    /// `k / (n + 1)` of all weight, the own one counted, however many they are. Without this law it is `k` peers of any
    /// weight.
    Stake,
}

impl Law {
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A set of laws that a rule declares beyond those always demanded.
///
/// The default is what every sensible rule obeys: permutation, idempotence and hull.
///
/// ```
/// use bitneuron_learning::merge::{Law, Laws};
/// assert!(Laws::default().has(Law::Hull));
/// assert!(!Laws::default().has(Law::Linear));
/// assert!(Laws::default().with(Law::Linear).has(Law::Linear));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Laws(u16);

impl Laws {
    /// No further law.
    pub const NONE: Self = Self(0);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, law: Law) -> Self {
        Self(self.0 | law.bit())
    }

    /// This set without one.
    #[must_use]
    pub const fn without(self, law: Law) -> Self {
        Self(self.0 & !law.bit())
    }

    /// Whether a law is declared.
    pub const fn has(self, law: Law) -> bool {
        self.0 & law.bit() != 0
    }
}

impl Default for Laws {
    fn default() -> Self {
        Self::NONE.with(Law::Permutation).with(Law::Idempotence).with(Law::Hull)
    }
}
