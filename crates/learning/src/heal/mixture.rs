//! Many small linear manifolds in place of one: a mixture of normal distributions, each with its own axes (Tipping and
//! Bishop, *Mixtures of probabilistic principal component analysers*, 1999), and the posterior mean of the clean state.
//!
//! ```text
//! E(x) = Σ_k w_k(x)·[m_k + V_k·diag(λ_k/(λ_k + σ²))·V_kᵀ·(x − m_k)],    w_k ∝ π_k·N(x; m_k, C_k + σ²)
//! ```
//!
//! σ² is the noise that a state shows: the least at which its distance from *all* clean states becomes usual. So a clean
//! state is hardly moved and a noisy one far, without any setting. An attack shows less noise than it does harm, since it
//! points where it hurts; [`Mixing::caution`] is therefore added to σ².
//!
//! The parts are the clusters of k-means (Lloyd's, seeded); no labels are needed, so hidden states have such a manifold too.

use super::gaussian::{FLOOR, Gaussian, floor};
use super::{HealError, Manifold, check_clean, mean_of};
use crate::model::{ModelError, check_length};
use bitneuron_core::Seed;
use rand::seq::SliceRandom as _;

/// How a mixture is learned and used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixing {
    /// How many parts are looked for; no more than a quarter of the clean states.
    pub parts: usize,
    /// The least variance of a part, in parts of the mean variance of all directions.
    pub floor: f64,
    /// So much is added to the noise that a state shows, in parts of the mean variance of all directions.
    pub caution: f64,
}

impl Default for Mixing {
    fn default() -> Self {
        Self { parts: 100, floor: 1e-2, caution: 0.5 }
    }
}

/// A mixture of linear manifolds.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureManifold {
    whole: Gaussian,
    /// The distance from the whole that clean states have in the mean.
    usual: f32,
    caution: f32,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
struct Part {
    /// ln π.
    share: f32,
    gaussian: Gaussian,
}

impl MixtureManifold {
    /// Learns from clean states `[n, width]`.
    ///
    /// # Errors
    /// States that are no rows, fewer than two, or not finite; a setting out of range.
    pub fn fit(clean: &[f32], width: usize, mixing: Mixing, seed: Seed) -> Result<Self, HealError> {
        let rows = check_clean(clean, width)?;
        let Mixing { parts, floor: least, caution } = mixing;
        if parts == 0 || !(least > 0.0 && least.is_finite()) || !(caution >= 0.0 && caution.is_finite()) {
            return Err(HealError::Setting("mixing"));
        }
        let states: Vec<&[f32]> = clean.chunks_exact(width).collect();
        let whole = Gaussian::fit(&states, width, floor(&states, width, FLOOR))?;
        let coordinates = whole.coordinates(clean)?;
        let distances = coordinates.chunks_exact(width).map(|z| f64::from(whole.distance(z, 0.0)));
        let usual = (distances.sum::<f64>() / rows as f64) as f32;
        let [least, caution] = [least, caution].map(|part| floor(&states, width, part));
        let clusters = clusters(&states, width, parts.min(rows / 4).max(1), seed);
        let part = |own: &Vec<&[f32]>| {
            let share = (own.len() as f32 / rows as f32).ln();
            Ok(Part { share, gaussian: Gaussian::fit(own, width, least)? })
        };
        let parts = clusters.iter().map(part).collect::<Result<_, HealError>>()?;
        Ok(Self { whole, usual, caution: caution as f32, parts })
    }

    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The noise σ² that each state shows, and the caution.
    fn noises(&self, states: &[f32]) -> Result<Vec<f32>, ModelError> {
        let coordinates = self.whole.coordinates(states)?;
        let rows = coordinates.chunks_exact(self.width());
        Ok(rows.map(|z| self.caution + self.whole.noise(z, self.usual)).collect())
    }

    /// For each part the coordinates of all states, and for each state the weights of all parts.
    fn posterior(&self, states: &[f32], noises: &[f32]) -> Result<(Vec<Vec<f32>>, Vec<f32>), ModelError> {
        let (width, count) = (self.width(), self.parts.len());
        let mut weights = vec![0.0f32; noises.len() * count];
        let mut all = Vec::with_capacity(count);
        for (number, part) in self.parts.iter().enumerate() {
            let coordinates = part.gaussian.coordinates(states)?;
            for (row, (z, noise)) in coordinates.chunks_exact(width).zip(noises).enumerate() {
                let spread: f32 =
                    part.gaussian.variances.iter().map(|variance| (variance + noise).ln()).sum();
                weights[row * count + number] =
                    part.share - 0.5 * (part.gaussian.distance(z, *noise) + spread);
            }
            all.push(coordinates);
        }
        weights.chunks_exact_mut(count).for_each(crate::model::softmax_in_place);
        Ok((all, weights))
    }
}

impl MixtureManifold {
    /// `aᵀ(h_k − x)` of each row and part, from the coordinates of states and adjoints along the axes of each part: a part
    /// takes the part `σ²/(λ + σ²)` of each coordinate away.
    fn gains(&self, noises: &[f32], all: &[Vec<f32>], turned: &[Vec<f32>]) -> Vec<f32> {
        let (width, count) = (self.width(), self.parts.len());
        let mut gains = vec![0.0; noises.len() * count];
        for (number, part) in self.parts.iter().enumerate() {
            let pairs = all[number].chunks_exact(width).zip(turned[number].chunks_exact(width));
            for (row, ((z, a), noise)) in pairs.zip(noises).enumerate() {
                let taken = z.iter().zip(a).zip(&part.gaussian.variances);
                gains[row * count + number] =
                    -taken.map(|((z, a), l)| z * a * noise / (l + noise)).sum::<f32>();
            }
        }
        gains
    }
}

impl Manifold for MixtureManifold {
    fn width(&self) -> usize {
        self.whole.width()
    }

    fn project(&self, states: &[f32], onto: &mut [f32]) -> Result<(), ModelError> {
        check_length("projections", onto.len(), states.len())?;
        let (width, count) = (self.width(), self.parts.len());
        let noises = self.noises(states)?;
        let (all, weights) = self.posterior(states, &noises)?;
        let mut mean = vec![0.0; states.len()];
        onto.fill(0.0);
        for (number, (part, mut coordinates)) in self.parts.iter().zip(all).enumerate() {
            for (z, noise) in coordinates.chunks_exact_mut(width).zip(&noises) {
                z.iter_mut().zip(&part.gaussian.variances).for_each(|(z, l)| *z *= l / (l + noise));
            }
            part.gaussian.compose(&coordinates, &mut mean)?;
            for (row, (sum, mean)) in onto.chunks_exact_mut(width).zip(mean.chunks_exact(width)).enumerate() {
                let weight = weights[row * count + number];
                sum.iter_mut().zip(mean).for_each(|(sum, x)| *sum += weight * x);
            }
        }
        Ok(())
    }

    /// With the noise σ² held fast:
    ///
    /// ```text
    /// Σ_k w_k·[H_k·a − (aᵀh_k − aᵀE)·(C_k + σ²)⁻¹·(x − m_k)],    h_k what part k makes of x, H_k its slope
    /// ```
    fn pull(&self, states: &[f32], adjoint: &[f32], below: &mut [f32]) -> Result<(), ModelError> {
        check_length("adjoints", adjoint.len(), states.len())?;
        check_length("gradient", below.len(), states.len())?;
        let (width, count) = (self.width(), self.parts.len());
        let noises = self.noises(states)?;
        let (all, weights) = self.posterior(states, &noises)?;
        let turned: Vec<Vec<f32>> =
            self.parts.iter().map(|part| part.gaussian.turn(adjoint)).collect::<Result<_, _>>()?;
        let gains = self.gains(&noises, &all, &turned);
        let mut back = vec![0.0; states.len()];
        below.fill(0.0);
        for (number, part) in self.parts.iter().enumerate() {
            let mut inner = turned[number].clone();
            for (row, (a, z)) in
                inner.chunks_exact_mut(width).zip(all[number].chunks_exact(width)).enumerate()
            {
                let own = row * count..(row + 1) * count;
                let mean: f32 = weights[own.clone()].iter().zip(&gains[own]).map(|(w, gain)| w * gain).sum();
                let (weight, noise) = (weights[row * count + number], noises[row]);
                let over = gains[row * count + number] - mean;
                for ((a, z), l) in a.iter_mut().zip(z).zip(&part.gaussian.variances) {
                    *a = weight * (*a * l - over * z) / (l + noise);
                }
            }
            part.gaussian.turn_back(&inner, &mut back)?;
            below.iter_mut().zip(&back).for_each(|(sum, x)| *sum += x);
        }
        Ok(())
    }

    /// The squared Mahalanobis distance from all clean states together.
    fn strangeness(&self, states: &[f32], strangeness: &mut [f32]) -> Result<(), ModelError> {
        let coordinates = self.whole.coordinates(states)?;
        for (strange, z) in strangeness.iter_mut().zip(coordinates.chunks_exact(self.width())) {
            *strange = self.whole.distance(z, 0.0);
        }
        Ok(())
    }
}

/// How often centres are moved.
const MOVES: usize = 15;

/// The rows of each cluster; every cluster has at least two.
fn clusters<'a>(states: &[&'a [f32]], width: usize, count: usize, seed: Seed) -> Vec<Vec<&'a [f32]>> {
    let mut order: Vec<usize> = (0..states.len()).collect();
    order.shuffle(&mut seed.derive("centres").rng());
    let mut centres: Vec<Vec<f32>> = order.iter().take(count).map(|at| states[*at].to_vec()).collect();
    let mut found = sorted(states, &centres);
    for _ in 0..MOVES {
        for (centre, own) in centres.iter_mut().zip(&found).filter(|(_, own)| !own.is_empty()) {
            *centre = mean_of(own.iter().copied(), width);
        }
        found = sorted(states, &centres);
    }
    // Who is alone is no distribution: its rows go to the others.
    let centres: Vec<Vec<f32>> =
        centres.into_iter().zip(&found).filter(|(_, own)| own.len() > 1).map(|(centre, _)| centre).collect();
    if centres.is_empty() { vec![states.to_vec()] } else { sorted(states, &centres) }
}

/// Each state with the nearest centre, the first of equally near ones.
fn sorted<'a>(states: &[&'a [f32]], centres: &[Vec<f32>]) -> Vec<Vec<&'a [f32]>> {
    let mut found = vec![Vec::new(); centres.len()];
    for state in states {
        let distance =
            |centre: &[f32]| -> f32 { centre.iter().zip(*state).map(|(c, x)| (c - x) * (c - x)).sum() };
        let nearest = centres
            .iter()
            .enumerate()
            .map(|(number, centre)| (distance(centre), number))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, number)) = nearest {
            found[number].push(*state);
        }
    }
    found
}
