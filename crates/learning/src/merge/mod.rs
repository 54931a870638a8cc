//! How models become one: line 7 of Algorithms 1 and 3, "typically a weighted average of the parameters" (§3).
//!
//! A [`Merge`] sees its own value and a *set* of contributions, sorted by name, because medians, distances and filters
//! need the set. It answers with the merged value and with the share that each contribution has in it, which is what
//! rewards are computed from. Reference rules: [`WeightedMean`], [`AgeWeighted`], the network's default
//! [`FilteredMean`], and [`Concatenate`] for data (line 6 of Algorithm 3).

pub(crate) mod admit;
mod age;
mod concatenate;
mod filtered;
mod laws;
mod mean;

pub use admit::{admit, shares};
pub use age::AgeWeighted;
pub use concatenate::{Concatenate, OWN_GROUP};
pub use filtered::FilteredMean;
pub use laws::{Law, Laws};
pub use mean::WeightedMean;

use bitneuron_core::{NodeId, Params, Share, Weight};
use std::error::Error;
use thiserror::Error;

/// One voice in a merge.
#[derive(Debug)]
pub struct Contribution<'a, T: ?Sized = Params> {
    /// Whose it is.
    pub from: NodeId,
    /// How heavy the voice is; only proportions matter.
    pub weight: Weight,
    /// How often the value was updated, ancestors counted.
    pub age: u64,
    /// The value.
    pub value: &'a T,
}

impl<T: ?Sized> Clone for Contribution<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Contribution<'_, T> {}

/// What a merge made.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged<T = Params> {
    /// The merged value.
    pub value: T,
    /// Its age: that of the oldest value which had a share.
    pub age: u64,
    /// The share of the own value.
    pub own: Share,
    /// The share of each peer, in the order of the peers. With `own` they sum to [`Share::ONE`].
    pub influence: Vec<Share>,
}

/// Why a merge was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A value has another layout (for data: another width or a label that names no class).
    #[error("the value of {0} has another layout")]
    Layout(NodeId),
    /// A value holds a number that is not finite or outside the allowed range.
    #[error("the value of {0} holds a number out of range")]
    OutOfRange(NodeId),
    /// The peers are not strictly ascending by name, or the own name is among them.
    #[error("{0} is out of order or there twice")]
    Order(NodeId),
    /// Fewer contributions than the rule needs.
    #[error("{have} contributions, {need} needed")]
    TooFew {
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// A rule of somebody else's failed for its own reason.
    #[error(transparent)]
    Rule(Box<dyn Error + Send + Sync>),
}

impl MergeError {
    /// The contributor whose value is at fault, if one is.
    pub const fn culprit(&self) -> Option<NodeId> {
        match self {
            Self::Layout(id) | Self::OutOfRange(id) => Some(*id),
            Self::Order(_) | Self::TooFew { .. } | Self::Rule(_) => None,
        }
    }
}

/// A rule that makes one value of many.
///
/// Laws that hold for every rule:
/// 1. *Replay*: equal arguments give equal bytes, at any thread count.
/// 2. *Order*: peers stand strictly ascending by name and without the own name; anything else is refused.
/// 3. *Layout*: a value of another layout is refused and its owner named.
/// 4. *Finite*: a value that is not finite is refused and its owner named.
/// 5. *Influence*: there is one share for each peer, and with the own share they sum to [`Share::ONE`].
/// 6. *Tolerance*: with at most [`tolerates`](Merge::tolerates) of `n` peers arbitrary, the result lies within
///    `2·√(n + 1)` times the largest distance of an honest peer from the own value. Honest values alone set the bound.
/// 7. *Answer*: sound contributions in order are merged, or refused as [`MergeError::TooFew`] by one threshold: `have`
///    is their number, `need` is larger and the same at every size. A rule that needs more than twelve peers cannot
///    be judged.
///
/// The groups in [`laws`](Merge::laws) are declared by the rule. `suite::merge` tests exactly what is declared.
pub trait Merge<T = Params>: Send + Sync {
    /// Merges `peers`, sorted by name, into `own`.
    ///
    /// # Errors
    /// The set breaks a law above, or the rule cannot work with it.
    fn merge(
        &self,
        own: &Contribution<'_, T>,
        peers: &[Contribution<'_, T>],
    ) -> Result<Merged<T>, MergeError>;

    /// How many of `peers` may be arbitrary (see the law of tolerance).
    fn tolerates(&self, peers: usize) -> usize {
        let _ = peers;
        0
    }

    /// The further laws that this rule obeys.
    fn laws(&self) -> Laws {
        Laws::default()
    }
}

/// The trait stays object-safe.
const _: Option<&dyn Merge> = None;

impl<T, M: Merge<T> + ?Sized> Merge<T> for std::sync::Arc<M> {
    fn merge(
        &self,
        own: &Contribution<'_, T>,
        peers: &[Contribution<'_, T>],
    ) -> Result<Merged<T>, MergeError> {
        (**self).merge(own, peers)
    }

    fn tolerates(&self, peers: usize) -> usize {
        (**self).tolerates(peers)
    }

    fn laws(&self) -> Laws {
        (**self).laws()
    }
}
