//! The variances of all bonds while factors are trained.

use super::{Annealing, Bond, Prior, parameters};
use crate::linalg::Scalar;

/// How ranks shrink.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrinkage {
    /// The prior of the variances.
    pub prior: Prior,
    /// The weight of the prior against the loss, once annealed.
    pub weight: f64,
    /// When it begins to count.
    pub annealing: Annealing,
    /// The part of a new variance that replaces the old one, above 0 and at most 1.
    pub damping: f64,
    /// An index whose variance is below this is cut out.
    pub threshold: f64,
    /// The elements of all factors at which the ranks are left alone.
    pub target: Option<usize>,
}

impl Default for Shrinkage {
    /// Log-uniform, weight 10⁻⁴ grown from epoch 5 to 55, no damping, threshold 10⁻⁵, without a target.
    fn default() -> Self {
        Self {
            prior: Prior::LogUniform,
            weight: 1e-4,
            annealing: Annealing { start: 5.0, over: 50.0 },
            damping: 1.0,
            threshold: 1e-5,
            target: None,
        }
    }
}

/// σ²: the variance of an entry about its value.
const ENTRY: f64 = 1e-9;

/// The variances λ² of the indices of some bonds, and whether they still count.
///
/// A training step calls [`RankControl::add_gradient`] before the factors move and [`RankControl::observe`] after; now and
/// then [`RankControl::keep`] says what to cut out with [`prune`](super::prune).
///
/// ```
/// use bitneuron_compress::{factor::{Factored, TrainLinear}, rank::{RankControl, Shrinkage, prune}};
/// let layer = TrainLinear::interleaved(&[2, 2], &[2, 2], &[2])?;
/// // Two cores [1, 2, 2, 2] and [2, 2, 2, 1]; index 1 of the bond is of no use.
/// let factors = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0_f32];
/// let bonds = layer.bonds();
/// let mut control = RankControl::new(Shrinkage::default(), &bonds, &factors);
/// let keep = control.keep(&bonds);
/// assert_eq!(keep, [[true, false]]);
/// assert_eq!(prune(&bonds, &keep, &factors), [1.0; 8]);
/// # Ok::<(), bitneuron_compress::factor::FactorError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RankControl {
    settings: Shrinkage,
    variances: Vec<Vec<f64>>,
    frozen: bool,
}

impl RankControl {
    /// Variances as they fit the factors.
    pub fn new<S: Scalar>(settings: Shrinkage, bonds: &[Bond], factors: &[S]) -> Self {
        let variances = bonds.iter().map(|bond| updated(settings.prior, bond, factors)).collect();
        Self { settings, variances, frozen: false }
    }

    /// λ² of every index of every bond.
    pub fn variances(&self) -> &[Vec<f64>] {
        &self.variances
    }

    /// Whether the target is reached, so that the prior counts no more.
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// The weight of the prior in an epoch.
    pub fn weight(&self, epoch: f64) -> f64 {
        if self.frozen { 0.0 } else { self.settings.weight * self.settings.annealing.weight(epoch) }
    }

    /// Moves the variances to where they fit the factors.
    pub fn observe<S: Scalar>(&mut self, bonds: &[Bond], factors: &[S]) {
        let step = self.settings.damping;
        for (variances, bond) in self.variances.iter_mut().zip(bonds) {
            for (old, new) in variances.iter_mut().zip(updated(self.settings.prior, bond, factors)) {
                *old = (1.0 - step) * *old + step * new;
            }
        }
    }

    /// The divergence of the factors from their prior, not weighted.
    pub fn penalty<S: Scalar>(&self, bonds: &[Bond], factors: &[S]) -> f64 {
        let mut sum = 0.0;
        for (bond, variances) in bonds.iter().zip(&self.variances) {
            let entries = bond.entries() as f64;
            for (energy, variance) in energies(bond, factors).into_iter().zip(variances) {
                sum += 0.5 * (energy / variance - entries * (1.0 + (ENTRY / variance).ln()));
            }
        }
        sum
    }

    /// Adds `weight` times the slope of the penalty, x/λ² for each entry x.
    pub fn add_gradient<S: Scalar>(&self, weight: f64, bonds: &[Bond], factors: &[S], gradient: &mut [S]) {
        if weight == 0.0 {
            return;
        }
        for (bond, variances) in bonds.iter().zip(&self.variances) {
            let scales: Vec<S> = variances.iter().map(|variance| S::from_f64(weight / variance)).collect();
            bond.runs(|index, place| {
                let Some(scale) = scales.get(index) else { return };
                let values = factors.get(place.clone()).unwrap_or_default();
                let slopes = gradient.get_mut(place).unwrap_or_default();
                slopes.iter_mut().zip(values).for_each(|(slope, value)| *slope += *scale * *value);
            });
        }
    }

    /// Which indices to keep: those whose variance has not fallen below the threshold, and at least the greatest of each
    /// bond. With a target, the smallest go first and no more than it takes to reach it; then the ranks are frozen.
    pub fn keep(&mut self, bonds: &[Bond]) -> Vec<Vec<bool>> {
        let mut ranks: Vec<usize> = bonds.iter().map(|bond| bond.rank).collect();
        let mut keep: Vec<Vec<bool>> = bonds.iter().map(|bond| vec![true; bond.rank]).collect();
        let reached =
            |ranks: &[usize]| self.settings.target.is_some_and(|size| parameters(bonds, ranks) <= size);
        for (bond, index) in self.below() {
            if self.frozen || reached(&ranks) {
                break;
            }
            if let (Some(rank), Some(keep)) = (ranks.get_mut(bond), keep.get_mut(bond))
                && *rank > 1
            {
                *rank -= 1;
                keep[index] = false;
            }
        }
        self.frozen |= reached(&ranks);
        keep
    }

    /// Forgets the indices that were cut out.
    pub fn retain(&mut self, keep: &[Vec<bool>]) {
        for (variances, keep) in self.variances.iter_mut().zip(keep) {
            let mut kept = keep.iter();
            variances.retain(|_| kept.next().copied().unwrap_or(true));
        }
    }

    /// Bonds and indices below the threshold, the smallest variance first.
    fn below(&self) -> Vec<(usize, usize)> {
        let all = self.variances.iter().enumerate().flat_map(|(bond, variances)| {
            variances.iter().enumerate().map(move |(index, variance)| (*variance, bond, index))
        });
        let mut below: Vec<_> = all.filter(|(variance, ..)| *variance < self.settings.threshold).collect();
        below.sort_by(|a, b| a.0.total_cmp(&b.0));
        below.into_iter().map(|(_, bond, index)| (bond, index)).collect()
    }
}

/// Σ (x² + σ²) over the entries of each index.
fn energies<S: Scalar>(bond: &Bond, factors: &[S]) -> Vec<f64> {
    let mut energies = vec![ENTRY * bond.entries() as f64; bond.rank];
    bond.runs(|index, place| {
        let values = factors.get(place).unwrap_or_default();
        if let Some(energy) = energies.get_mut(index) {
            *energy += values.iter().map(|value| (*value).into().powi(2)).sum::<f64>();
        }
    });
    energies
}

fn updated<S: Scalar>(prior: Prior, bond: &Bond, factors: &[S]) -> Vec<f64> {
    let entries = bond.entries();
    energies(bond, factors).into_iter().map(|energy| prior.variance(energy, entries)).collect()
}
