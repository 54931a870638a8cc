//! The weighted mean: `θ = θ_own + Σᵢ aᵢ·(θᵢ − θ_own)`, `aᵢ = wᵢ / (w_own + Σ w)`.
//!
//! Written as steps away from the own value, so that equal values merge to themselves exactly. Sums run in `f64`,
//! coordinate by coordinate and in the order of the names: no finite input overflows, and threads change nothing.

use super::admit::{admit, oldest, shares};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_core::{Params, Weight};
use rayon::prelude::*;

/// The plain rule of §3. One liar with weight moves it anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct WeightedMean;

impl Merge for WeightedMean {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let weights: Vec<u64> = peers.iter().map(|peer| peer.weight.0).collect();
        Ok(mean(own, own.weight.0, peers, &weights))
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Linear)
    }
}

/// The mean by these weights of admitted contributions.
pub(super) fn mean(
    own: &Contribution<'_>,
    own_weight: u64,
    peers: &[Contribution<'_>],
    weights: &[u64],
) -> Merged {
    let total =
        (u128::from(own_weight) + weights.iter().map(|weight| u128::from(*weight)).sum::<u128>()).max(1);
    let pulls: Vec<Pull<'_>> = peers
        .iter()
        .zip(weights)
        .filter(|(_, weight)| **weight > 0)
        .map(|(peer, weight)| Pull { toward: peer.value.values(), by: *weight as f64 / total as f64 })
        .collect();
    let weights: Vec<Weight> = weights.iter().copied().map(Weight).collect();
    let (own_share, influence) = shares(Weight(own_weight), &weights);
    Merged {
        value: pull(own.value, &pulls, |gap| gap),
        age: oldest(own, peers, &influence),
        own: own_share,
        influence,
    }
}

/// A step toward a value.
pub(super) struct Pull<'a> {
    pub(super) toward: &'a [f32],
    pub(super) by: f64,
}

/// Coordinates summed at once.
const BLOCK: usize = 256;
/// Shorter vectors are not worth a second thread.
const SPLIT: usize = 1 << 16;

/// `θ + Σ by · step(toward − θ)`, where `step` bounds the gap of one coordinate.
pub(super) fn pull(from: &Params, pulls: &[Pull<'_>], step: impl Fn(f64) -> f64 + Sync) -> Params {
    let mut merged = from.clone();
    let block = |(index, values): (usize, &mut [f32])| {
        let start = index * BLOCK;
        let mut sums = [0f64; BLOCK];
        for pull in pulls {
            let toward = &pull.toward[start..start + values.len()];
            for ((sum, target), value) in sums.iter_mut().zip(toward).zip(values.iter()) {
                *sum += pull.by * step(f64::from(*target) - f64::from(*value));
            }
        }
        for (value, sum) in values.iter_mut().zip(&sums) {
            *value = (f64::from(*value) + sum) as f32;
        }
    };
    let values = merged.values_mut();
    if values.len() < SPLIT {
        values.chunks_mut(BLOCK).enumerate().for_each(block);
    } else {
        values.par_chunks_mut(BLOCK).enumerate().for_each(block);
    }
    merged
}
