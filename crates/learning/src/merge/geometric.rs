//! The geometric median: the point with the least sum of distances to all voices.
//!
//! Weiszfeld's iteration, smoothed (Pillutla, Kakade, Harchaoui, *Robust Aggregation for Federated Learning*, IEEE TSP
//! 2022, algorithm 2):
//!
//! ```text
//! βᵢ = aᵢ / max(ν, ‖θᵢ − z‖)      z ← Σ βᵢ·θᵢ / Σ βᵢ
//! ```
//!
//! `z` is a mean of the voices at every step, so the iteration runs on their distances alone and the parameters are
//! touched once, at the end: thirty steps cost as much as three. A voice beyond 10⁶ times the middle distance is brought
//! to that distance first, which changes the direction it pulls in by 10⁻⁶ and keeps the numbers in range.

use super::distances::Distances;
use super::voices::{Voices, quantile, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};

/// The smoothed geometric median, from the own value on.
///
/// By weight: `aᵢ` is the voice's part of all weight. Tolerates less than half of it (Minsker, *Geometric median and
/// robust estimation in Banach spaces*, 2015, lemma 2.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeometricMedian {
    /// `ν`: nearer voices count as if they were so far.
    pub smoothing: f64,
    /// Steps at most; it ends where no part changes by more than 10⁻⁹.
    pub steps: usize,
}

impl Default for GeometricMedian {
    fn default() -> Self {
        Self { smoothing: 1e-6, steps: 100 }
    }
}

/// Where no part changes by more, the iteration has come to rest.
const RESTED: f64 = 1e-9;
/// Voices beyond so many middle distances are brought in.
const REACH: f64 = 1e6;

/// The factors that bring far voices within reach of the own one, and the distances after that.
///
/// Where more than half of the weight says what the own value says, that is the middle, and nothing else is in reach.
pub(super) fn within_reach(voices: &Voices<'_>, distances: &Distances) -> (Vec<f64>, Distances) {
    let far = REACH * quantile(distances.row(0), &voices.masses, voices.whole / 2 + 1).sqrt();
    let factor = |squared: &f64| if *squared > far * far { far / squared.sqrt() } else { 1.0 };
    let factors: Vec<f64> = distances.row(0).iter().map(factor).collect();
    let distances = distances.drawn_in(&factors);
    (factors, distances)
}

/// The parts of the voices themselves, from those of the voices brought in.
pub(super) fn drawn_in(parts: &[f64], factors: &[f64]) -> Vec<f64> {
    let mut drawn: Vec<f64> = parts.iter().zip(factors).map(|(part, factor)| part * factor).collect();
    drawn[0] += 1.0 - drawn.iter().sum::<f64>();
    drawn
}

impl GeometricMedian {
    /// The part of each voice in the median.
    fn parts(&self, weights: &[f64], distances: &Distances) -> Vec<f64> {
        let mut parts = vec![0.0; weights.len()];
        parts[0] = 1.0;
        for _ in 0..self.steps {
            let near = self.smoothing.max(f64::MIN_POSITIVE);
            let pulls = distances.to_sum(&parts).into_iter().zip(weights);
            let pulls: Vec<f64> = pulls.map(|(squared, weight)| weight / squared.sqrt().max(near)).collect();
            let total: f64 = pulls.iter().sum();
            let next: Vec<f64> = pulls.into_iter().map(|pull| pull / total).collect();
            let change = next.iter().zip(&parts).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            parts = next;
            if change < RESTED {
                break;
            }
        }
        parts
    }
}

impl Merge for GeometricMedian {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let (factors, distances) = within_reach(&voices, &Distances::of(&voices.values));
        let parts = self.parts(&voices.parts(), &distances);
        Ok(voices.combined(&drawn_in(&parts, &factors)))
    }

    fn tolerates(&self, peers: usize) -> usize {
        peers / 2
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Linear).with(Law::Stake)
    }
}
