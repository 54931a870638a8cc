//! Distributionally robust training: weights that shift to where the loss is high.
//!
//! ```text
//! group DRO   q_g ← q_g·exp(η·(L_g + C/√n_g)), Σq = 1;   wᵢ = q_g/|B_g|       (Sagawa et al., ICLR 2020, alg. 1)
//! CVaR_α      wᵢ = 1/(α·n) for the α·n rows of largest loss                   (Rockafellar and Uryasev, 2000)
//! tilted      w = softmax(ℓ/λ), the gradient of λ·ln mean exp(ℓ/λ)            (Li et al., ICLR 2021, eq. 2)
//! χ²          wᵢ ∝ max(0, ℓᵢ − η), the worst w with ½·mean (n·wᵢ − 1)² ≤ ρ    (Namkoong and Duchi, NeurIPS 2016)
//! ```
//!
//! Equal losses give equal weights. A row that cannot be learned (a wrong label) has a high loss, too: where such rows are
//! feared, the very top is trimmed ([`Cvar::trimmed`]), or the selection by low loss goes first.

use crate::model::ModelError;
use crate::optim::{Reweight, Scene};
use crate::scratch;
use std::collections::BTreeMap;

/// Group DRO: weight moves to the groups of large loss, from batch to batch.
///
/// A group is a contributor of the data set. What the weights have learned lasts for one update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupDro {
    /// The rate η of the weights, 0.01–0.1 in the paper.
    pub rate: f64,
    /// The adjustment C for small groups; 0 for none.
    pub adjustment: f64,
}

impl GroupDro {
    /// Without adjustment.
    pub const fn new(rate: f64) -> Self {
        Self { rate, adjustment: 0.0 }
    }
}

impl Reweight for GroupDro {
    fn reweight(
        &self,
        scene: &Scene<'_>,
        memory: &mut BTreeMap<u32, f64>,
        weights: &mut [f32],
    ) -> Result<(), ModelError> {
        if memory.is_empty() {
            memory.extend(scene.everybody.iter().map(|group| (*group, 1.0)));
            let share = 1.0 / memory.len().max(1) as f64;
            memory.values_mut().for_each(|weight| *weight = share);
        }
        with_losses(scene, |losses| {
            let mut sums = BTreeMap::<u32, (f64, u64)>::new();
            for (group, loss) in scene.groups.iter().zip(&*losses) {
                let (sum, count) = sums.entry(*group).or_default();
                (*sum, *count) = (*sum + f64::from(*loss), *count + 1);
            }
            for (group, (sum, count)) in &sums {
                let adjusted = sum / *count as f64 + self.adjusted(scene, *group);
                memory.entry(*group).and_modify(|weight| *weight *= (self.rate * adjusted).exp());
            }
            let all: f64 = memory.values().sum();
            memory.values_mut().for_each(|weight| *weight /= all);
            for (weight, group) in weights.iter_mut().zip(scene.groups) {
                let count = sums.get(group).map_or(1, |(_, count)| *count);
                *weight = (memory.get(group).copied().unwrap_or(0.0) / count as f64) as f32;
            }
        })
    }
}

impl GroupDro {
    fn adjusted(&self, scene: &Scene<'_>, group: u32) -> f64 {
        if self.adjustment == 0.0 {
            return 0.0;
        }
        let rows = scene.everybody.iter().filter(|other| **other == group).count();
        self.adjustment / (rows.max(1) as f64).sqrt()
    }
}

/// The mean of the worst share of the rows of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cvar {
    /// The share α of the rows that count, in (0, 1]; 1 is the mean of all.
    pub share: f64,
    /// The share of the very worst rows that do not, in [0, 1).
    pub trim: f64,
}

impl Cvar {
    /// The worst share α, nothing left out.
    pub const fn new(share: f64) -> Self {
        Self { share, trim: 0.0 }
    }

    /// The same without the very worst rows, which may be wrong.
    #[must_use]
    pub const fn trimmed(self, trim: f64) -> Self {
        Self { trim, ..self }
    }
}

impl Reweight for Cvar {
    fn reweight(
        &self,
        scene: &Scene<'_>,
        _: &mut BTreeMap<u32, f64>,
        weights: &mut [f32],
    ) -> Result<(), ModelError> {
        with_losses(scene, |losses| {
            let mut order: Vec<usize> = (0..losses.len()).collect();
            order.sort_by(|a, b| losses[*b].total_cmp(&losses[*a]).then(a.cmp(b)));
            let trimmed = (self.trim.clamp(0.0, 1.0) * losses.len() as f64) as usize;
            // At least one row is left to learn from.
            let rest = order.get(trimmed.min(order.len().saturating_sub(1))..).unwrap_or_default();
            let mut left = (self.share.clamp(0.0, 1.0) * rest.len() as f64).max(1.0);
            let each = 1.0 / left;
            weights.fill(0.0);
            for row in rest {
                weights[*row] = (each * left.clamp(0.0, 1.0)) as f32;
                left -= 1.0;
            }
        })
    }
}

/// The log-mean-exp of the losses: between their mean (λ → ∞) and their maximum (λ → 0).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tilted {
    /// The temperature λ, in units of the loss, above 0.
    pub temperature: f64,
}

impl Reweight for Tilted {
    fn reweight(
        &self,
        scene: &Scene<'_>,
        _: &mut BTreeMap<u32, f64>,
        weights: &mut [f32],
    ) -> Result<(), ModelError> {
        with_losses(scene, |losses| {
            let most = losses.iter().fold(f32::NEG_INFINITY, |most, loss| most.max(*loss));
            let tilt = |loss: f32| (f64::from(loss - most) / self.temperature).exp();
            let sum: f64 = losses.iter().map(|loss| tilt(*loss)).sum();
            weights.iter_mut().zip(&*losses).for_each(|(weight, loss)| *weight = (tilt(*loss) / sum) as f32);
        })
    }
}

/// The worst distribution over the rows of a batch within a χ² ball around the uniform one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    /// The radius ρ, at least 0: 0 is the mean, and from (n − 1)/2 on only the worst row counts.
    pub radius: f64,
}

/// Halvings of the interval in which η lies: more than a double has digits.
const HALVINGS: usize = 60;

impl Reweight for ChiSquare {
    fn reweight(
        &self,
        scene: &Scene<'_>,
        _: &mut BTreeMap<u32, f64>,
        weights: &mut [f32],
    ) -> Result<(), ModelError> {
        with_losses(scene, |losses| {
            let n = losses.len() as f64;
            let mean = losses.iter().map(|loss| f64::from(*loss)).sum::<f64>() / n;
            let variance = losses.iter().map(|loss| (f64::from(*loss) - mean).powi(2)).sum::<f64>() / n;
            // Without spread or radius all weights are equal, as they came.
            if !(variance > 0.0 && self.radius > 0.0) {
                return;
            }
            let (mut low, mut high) =
                losses.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| {
                    (low.min(f64::from(*loss)), high.max(f64::from(*loss)))
                });
            let worst = high;
            // While all rows are above η the divergence is ½·variance/(mean − η)²: here it is within the radius.
            low -= (variance / (2.0 * self.radius)).sqrt();
            for _ in 0..HALVINGS {
                let middle = f64::midpoint(low, high);
                if middle < worst && divergence(losses, middle) <= self.radius {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let excess = |loss: f32| (f64::from(loss) - low).max(0.0);
            let sum: f64 = losses.iter().map(|loss| excess(*loss)).sum();
            weights
                .iter_mut()
                .zip(&*losses)
                .for_each(|(weight, loss)| *weight = (excess(*loss) / sum) as f32);
        })
    }
}

/// `½·mean (n·wᵢ − 1)²` of the weights `w ∝ max(0, ℓ − η)`.
fn divergence(losses: &[f32], eta: f64) -> f64 {
    let (mut sum, mut squares) = (0.0, 0.0);
    for loss in losses {
        let excess = (f64::from(*loss) - eta).max(0.0);
        (sum, squares) = (sum + excess, squares + excess * excess);
    }
    0.5 * (losses.len() as f64 * squares / (sum * sum) - 1.0)
}

/// Lends the losses of the rows of a batch.
fn with_losses(scene: &Scene<'_>, work: impl FnOnce(&mut [f32])) -> Result<(), ModelError> {
    scratch::with(scene.batch.len(), |losses| {
        scene.model.losses(scene.params, &scene.batch, losses)?;
        work(losses);
        Ok(())
    })
}
