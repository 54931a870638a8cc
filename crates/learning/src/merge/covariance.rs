//! The covariance-bound agnostic filter: voices that stand out along the direction of largest variance fade (Allouah,
//! Guerraoui, Stephan, *Towards Trustworthy Federated Learning with Untrusted Participants*, ICML 2025, algorithm 2).
//!
//! ```text
//! μ = Σ cᵢ·θᵢ / Σ c      λ, u = largest eigenpair of Σ cᵢ·(θᵢ − μ)(θᵢ − μ)ᵀ / Σ c
//! τᵢ = ⟨u, θᵢ − μ⟩²      cᵢ ← cᵢ·(1 − τᵢ / max τ)      while Σ c > N − 2f
//! ```
//!
//! The largest `τ` is that of the voices which are left: a far one that has faded altogether would else keep all others
//! from fading. The answer is the `μ` with the smallest `λ` that was seen. The covariance has the rank of the voices, so the eigenpair
//! is found among their inner products, `N × N`, and not among parameters.

use super::distances::Distances;
use super::faults::{Bearing, Faults};
use super::geometric::{drawn_in, within_reach};
use super::voices::{Voices, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};

/// The filter by covariance.
///
/// By weight: the first `cᵢ` is the voice's part of all weight, and the filter ends below `1 − 2f / N` of it. Tolerates
/// `f / N` of the weight, at most a third of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CovarianceFilter {
    /// How many may be arbitrary.
    pub faults: Faults,
}

/// Steps of the power iteration at most.
const POWER: usize = 2_000;

/// The largest eigenvalue of the covariance, and each voice's squared component along its direction.
fn principal(distances: &Distances, parts: &[f64]) -> (f64, Vec<f64>) {
    let count = parts.len();
    // Inner products about the mean: ⟨θᵢ − μ, θₖ − μ⟩ = ½·(qᵢ + qₖ − d²ᵢₖ) with qᵢ = ‖θᵢ − μ‖².
    let from_mean = distances.to_sum(parts);
    let inner = |i: usize, k: usize| 0.5 * (from_mean[i] + from_mean[k] - distances.squared(i, k));
    let products: Vec<f64> = (0..count * count).map(|at| inner(at / count, at % count)).collect();
    let along = |u: &[f64]| -> Vec<f64> {
        let dot = |row: &[f64]| row.iter().zip(u).zip(parts).map(|((g, u), part)| g * u * part).sum();
        products.chunks_exact(count).map(dot).collect()
    };
    // From the voice that stands out most; deterministic, and never orthogonal to everything.
    let (most, _) = from_mean.iter().zip(parts).enumerate().filter(|(_, (_, part))| **part > 0.0).fold(
        (0, f64::MIN),
        |(at, most), (index, (squared, _))| if *squared > most { (index, *squared) } else { (at, most) },
    );
    let mut direction: Vec<f64> = (0..count).map(|index| inner(index, most)).collect();
    let mut eigenvalue = 0.0;
    for _ in 0..POWER {
        let next = along(&direction);
        // Rayleigh's quotient in the space of parameters, where ‖Σ pᵢuᵢ(θᵢ − μ)‖² = Σ pᵢuᵢ·(G·pu)ᵢ.
        let weighted = |a: &[f64], b: &[f64]| -> f64 {
            a.iter().zip(b).zip(parts).map(|((a, b), part)| a * b * part).sum()
        };
        let (norm, size) = (weighted(&direction, &next), weighted(&next, &next));
        if norm <= 0.0 || size <= 0.0 {
            break;
        }
        let before = eigenvalue;
        eigenvalue = size / norm;
        let length = size.sqrt();
        direction = next.into_iter().map(|value| value / length).collect();
        if (eigenvalue - before).abs() <= 1e-12 * eigenvalue {
            break;
        }
    }
    (eigenvalue, direction.iter().map(|component| component * component).collect())
}

impl CovarianceFilter {
    fn parts(voices: &Voices<'_>, distances: &Distances, floor: f64) -> Vec<f64> {
        let mut kept = voices.parts();
        let mut best = (f64::INFINITY, kept.clone());
        // Each round takes all that is left from one voice at least.
        for _ in 0..=voices.count() {
            let total: f64 = kept.iter().sum();
            // A rounding of the weights is no reason for one more round.
            if total <= floor + 1e-12 || total <= 0.0 {
                break;
            }
            let parts: Vec<f64> = kept.iter().map(|part| part / total).collect();
            let (eigenvalue, apart) = principal(distances, &parts);
            if eigenvalue < best.0 {
                best = (eigenvalue, parts);
            }
            let present = apart.iter().zip(&kept).filter(|(_, part)| **part > 0.0);
            let most = present.map(|(apart, _)| *apart).fold(0.0, f64::max);
            if most <= 0.0 || eigenvalue <= 0.0 {
                break;
            }
            kept.iter_mut().zip(&apart).for_each(|(part, apart)| *part *= (1.0 - apart / most).max(0.0));
        }
        best.1
    }
}

impl Merge for CovarianceFilter {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.among(peers.len(), Bearing::MAJORITY)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let (reach, distances) = within_reach(&voices, &Distances::of(&voices.values));
        let floor = 1.0 - 2.0 * faults as f64 / (peers.len() as f64 + 1.0);
        let parts = Self::parts(&voices, &distances, floor);
        Ok(voices.combined(&drawn_in(&parts, &reach)))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, Bearing { each: 3, least: 1 })
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Linear).with(Law::Stake)
    }
}
