//! How models become one: line 7 of Algorithms 1 and 3, "typically a weighted average of the parameters" (§3).
//!
//! A [`Merge`] sees its own value and a *set* of contributions, sorted by name, because medians, distances and filters
//! need the set. It answers with the merged value and with the share that each contribution has in it, which is what
//! rewards are computed from. [`named`] gives rules by name, [`rules`] lists them.
//!
//! With `N` voices, the own one among them, of which `f` lie, `d` parameters and `E` exchanges of a sorting network
//! (379 for 50 voices):
//!
//! | rule | name | after | tolerates | weights | cost |
//! |---|---|---|---|---|---|
//! | [`WeightedMean`] | `mean` | whitepaper §3 | 0 | are the mean's | Nd |
//! | [`TrainMean`] | `trains` | Oseledets 2011, of what trains represent | 0 | are the mean's | Nd and roundings |
//! | [`AgeWeighted`] | `age` | Hegedűs et al. 2019 | 0 | times age | Nd |
//! | [`Limited`] | `limited` | Danner et al. 2023 | 0 | times age | Nd |
//! | [`FilteredMean`] | `filtered` | the network's default | half of the peers | the mean's; the filter counts | Nd |
//! | [`Median`] | `median` | Yin et al. 2018, def. 1 | a minority of weight | weighted median | Ed |
//! | [`TrimmedMean`] | `trimmed` | Yin et al. 2018, def. 2 | f / N of weight | trimmed by weight | Ed |
//! | [`MeanAroundMedian`] | `meamed` | Xie et al. 2018 | f / N of weight | kept by weight | Ed |
//! | [`GeometricMedian`] | `geomed` | Pillutla et al. 2022, alg. 2 | a minority of weight | weighted sum | N²d |
//! | [`Krum`] | `krum` | Blanchard et al. 2017 | f / N of weight, N ≥ 2f + 3 | neighbours by weight | N²d |
//! | [`MultiKrum`] | `multikrum` | Blanchard et al. 2017 | as Krum | neighbours and mean | N²d |
//! | [`Bulyan`] | `bulyan` | El Mhamdi et al. 2018 | f, N ≥ 4f + 3 | none: voices count | N²d + Ed |
//! | [`MinimumDiameter`] | `mda` | El Mhamdi et al. 2020 | f / N of weight | dropped by weight | N²d + 1.5^f N² |
//! | [`NearestToOwn`] | `monna` | Farhadkhani et al. 2023, alg. 1 | f / N of weight | kept by weight | Nd |
//! | [`CentredClipping`] | `cclip` | Karimireddy et al. 2021 | a minority of weight (median radius) | the mean's, and the quantile's | N²d |
//! | [`CovarianceFilter`] | `caf` | Allouah et al. 2025 | f / N of weight, N ≥ 3f + 1 | first parts | N²d + N⁴ |
//! | [`ClippedGossip`] | `clipgossip` | He et al. 2022 | f of any weight | the mean's | Nd |
//! | [`NearestNeighbours`] | `nnm+` | Allouah et al. 2023, alg. 2 | as the next, at most f / N of weight | mixed by weight | 2N²d |
//! | [`Bucketing`] | `bucketing+` | Karimireddy et al. 2022, alg. 1 | as the next of ⌈n / s⌉ buckets | within buckets | Nd |
//! | [`AdaptiveClipped`] | `arc+` | Allouah et al. 2024, alg. 2 | f of any weight (rules within the hull) | as the next | Nd |
//! | [`NormClipped`] | `norm+` | – | as the next | as the next | Nd |
//! | [`Distinct`] | `distinct+` | – | 0 | the heaviest speaks | N²d |
//! | [`EqualVoices`] | `equal+` | – | as the next, of any weight | none | – |
//! | [`SelfCentred`] | `near+` | after He et al. 2022 | f of any weight | as the next | Nd |
//! | [`VarianceCorrected`] | `variance+` | Tian et al. 2024 | 0 | as the next | Nd |
//!
//! [`PartMerge`](crate::gossip::parts::PartMerge) applies any rule part by part, each part with its age (Hegedűs et al. 2021); [`Concatenate`] joins data
//! (line 6 of Algorithm 3).

pub(crate) mod admit;
mod age;
mod bounded;
mod bucketing;
mod bulyan;
mod catalogue;
mod clipping;
mod columns;
mod concatenate;
mod covariance;
mod diameter;
mod distances;
mod distinct;
mod equal;
mod faults;
mod filtered;
mod geometric;
mod krum;
mod laws;
mod limited;
mod mean;
mod median;
mod monna;
mod neighbours;
mod products;
mod trains;
mod variance;
mod voices;

pub use admit::{admit, shares};
pub use age::AgeWeighted;
pub use bounded::{AdaptiveClipped, NormClipped};
pub use bucketing::Bucketing;
pub use bulyan::Bulyan;
pub use catalogue::{named, rules};
pub use clipping::{CentredClipping, ClippedGossip, Neighbourhood, Radius, SelfCentred};
pub use concatenate::{Concatenate, OWN_GROUP};
pub use covariance::CovarianceFilter;
pub use diameter::{MinimumDiameter, Search};
pub use distances::Distances;
pub use distinct::Distinct;
pub use equal::EqualVoices;
pub use faults::Faults;
pub use filtered::FilteredMean;
pub use geometric::GeometricMedian;
pub use krum::{Krum, MultiKrum};
pub use laws::{Law, Laws};
pub use limited::Limited;
pub use mean::WeightedMean;
pub use median::{MeanAroundMedian, Median, TrimmedMean};
pub use monna::NearestToOwn;
pub use neighbours::NearestNeighbours;
pub use trains::TrainMean;
pub use variance::VarianceCorrected;

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
///    [`stretch`](Merge::stretch) times `√(n + 1)` times the largest distance of an honest peer from the own value. Honest
///    values alone set the bound. Every honest voice has weight. A rule with the law [`Stake`](Law::Stake) counts the
///    arbitrary ones by weight, any other by number.
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

    /// How far liars may carry the result (see the law of tolerance). Rules keep the default of 2; what is put before a
    /// rule multiplies.
    fn stretch(&self) -> f64 {
        2.0
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

    fn stretch(&self) -> f64 {
        (**self).stretch()
    }

    fn laws(&self) -> Laws {
        (**self).laws()
    }
}
