//! The network's default rule: drop what is far, clamp what is left, then the weighted mean.
//!
//! ```text
//! Δᵢ = θᵢ − θ_own
//! keep i  where ‖Δᵢ‖ ≤ 2 · median ‖Δ‖           (lower median, every peer counted once)
//! θ = θ_own + Σ_kept aᵢ · clamp(Δᵢ, ±0.1),   aᵢ = wᵢ / (w_own + Σ w)
//! ```
//!
//! The weight of what is dropped stays with the own model. While at most half of the peers lie, the lower median is a
//! distance that some honest peer reaches, so nothing further than `radius` times that gets in.

use super::admit::{admit, filter_tolerates, oldest, shares};
use super::distances::squared_distance;
use super::mean::{Pull, pull};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_core::{Share, Weight};
use rayon::prelude::*;

/// Distance filter, coordinate clamp, weighted mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FilteredMean {
    radius: f64,
    clamp: f32,
}

impl Default for FilteredMean {
    fn default() -> Self {
        Self { radius: 2.0, clamp: 0.1 }
    }
}

impl FilteredMean {
    /// Keeps what is at most `radius` medians away and moves no coordinate toward one peer by more than `clamp`.
    ///
    /// `None` unless both are positive and finite, and `radius` at least 1, so that the median itself is kept.
    pub fn new(radius: f64, clamp: f32) -> Option<Self> {
        let sane = radius.is_finite() && radius >= 1.0 && clamp.is_finite() && clamp > 0.0;
        sane.then_some(Self { radius, clamp })
    }

    /// Which peers are near enough.
    fn kept(&self, own: &[f32], peers: &[Contribution<'_>]) -> Vec<bool> {
        let distances: Vec<f64> = peers
            .par_iter()
            .with_min_len(8)
            .map(|peer| squared_distance(own, peer.value.values()).sqrt())
            .collect();
        let mut sorted = distances.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
        distances.into_iter().map(|distance| distance <= self.radius * median).collect()
    }
}

impl Merge for FilteredMean {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let kept = self.kept(own.value.values(), peers);
        let total = Weight::sum(peers.iter().map(|peer| peer.weight)) + u128::from(own.weight.0);
        let by = |weight: Weight| weight.0 as f64 / total.max(1) as f64;
        let chosen = peers.iter().zip(&kept).filter(|(_, kept)| **kept);
        let pulls: Vec<Pull<'_>> =
            chosen.map(|(peer, _)| Pull { toward: peer.value.values(), by: by(peer.weight) }).collect();
        let limit = f64::from(self.clamp);
        let clamp = |gap: f64| match gap {
            _ if gap > limit => limit,
            _ if gap < -limit => -limit,
            _ => gap,
        };
        let weights: Vec<Weight> = peers.iter().map(|peer| peer.weight).collect();
        let (mut own_share, mut influence) = shares(own.weight, &weights);
        for (share, _) in influence.iter_mut().zip(&kept).filter(|(_, kept)| !**kept) {
            own_share = Share(own_share.0 + share.0);
            *share = Share::ZERO;
        }
        Ok(Merged {
            value: pull(own.value, &pulls, clamp),
            age: oldest(own, peers, &influence),
            own: own_share,
            influence,
        })
    }

    /// Half of them, while the radius is within the bound that the law grants: 2 always is, 4 from three peers on.
    fn tolerates(&self, peers: usize) -> usize {
        filter_tolerates(self.radius, peers)
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights)
    }
}
