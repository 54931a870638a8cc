//! A curved manifold: an auto-encoder, trained to undo noise (Vincent et al., *Extracting and composing robust features with
//! denoising autoencoders*, 2008).
//!
//! ```text
//! E(x) = W₂·max(W₁·x + b₁, 0) + b₂,     minimise ‖E(x + noise) − x‖²
//! ```
//!
//! Noise is normal, with a size drawn for each row between nothing and the largest.

use super::{HealError, Manifold, check_clean};
use crate::merge::admit::is_finite;
use crate::model::{Mlp, Model, ModelError, Passed, Staged};
use crate::optim::Moments;
use bitneuron_core::Seed;
use rand::{Rng, RngExt as _, seq::SliceRandom as _};

/// How an auto-encoder is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// The width of the hidden layer.
    pub hidden: usize,
    /// How often all states are gone through.
    pub epochs: u32,
    /// States in a batch.
    pub batch: usize,
    /// The rate of Adam.
    pub rate: f32,
    /// The largest noise, in standard deviations of a state's coordinates.
    pub noise: f32,
}

impl Default for Training {
    fn default() -> Self {
        Self { hidden: 256, epochs: 100, batch: 64, rate: 2e-3, noise: 1.5 }
    }
}

/// An auto-encoder of one hidden layer.
#[derive(Debug, Clone)]
pub struct AutoEncoder {
    net: Mlp,
    params: Vec<f32>,
}

impl AutoEncoder {
    /// Learns from clean states `[n, width]`.
    ///
    /// # Errors
    /// States that are no rows, fewer than two, or not finite; a setting that diverges or makes no sense.
    pub fn fit(clean: &[f32], width: usize, training: Training, seed: Seed) -> Result<Self, HealError> {
        let rows = check_clean(clean, width)?;
        let Training { hidden, epochs, batch, rate, noise } = training;
        let sound = |x: f32| x.is_finite() && x >= 0.0;
        if batch == 0 || !sound(rate) || !sound(noise) {
            return Err(HealError::Setting("training"));
        }
        let net = Mlp::new(&[width, hidden, width])?;
        let mut params = net.init(seed).values().to_vec();
        let noise = noise * deviation(clean);
        let (mut moments, mut gradient) = (Moments::new(params.len()), vec![0.0; params.len()]);
        let mut rng = seed.derive("noise").rng();
        let mut order: Vec<usize> = (0..rows).collect();
        for _ in 0..epochs {
            order.shuffle(&mut rng);
            for chosen in order.chunks(batch) {
                let wanted: Vec<f32> =
                    chosen.iter().flat_map(|row| &clean[row * width..(row + 1) * width]).copied().collect();
                let mut noisy = wanted.clone();
                for row in noisy.chunks_exact_mut(width) {
                    let size = noise * rng.random::<f32>();
                    row.iter_mut().for_each(|x| *x += size * normal(&mut rng));
                }
                slope(&net, &params, &noisy, &wanted, &mut gradient)?;
                moments.step(&mut params, &gradient, rate);
            }
        }
        if is_finite(&params) { Ok(Self { net, params }) } else { Err(HealError::Setting("rate")) }
    }

    /// The hidden states and the projections.
    fn forward(&self, states: &[f32]) -> Result<[Vec<f32>; 2], ModelError> {
        through(&self.net, &self.params, states)
    }
}

/// The hidden layer and the output.
fn through(net: &Mlp, params: &[f32], states: &[f32]) -> Result<[Vec<f32>; 2], ModelError> {
    let [width, hidden, _] = net.widths()[..] else { return Ok([Vec::new(), Vec::new()]) };
    let rows = states.len() / width.max(1);
    let (mut inner, mut outer) = (vec![0.0; rows * hidden], vec![0.0; states.len()]);
    net.stage(params, 0, states, &mut inner)?;
    net.stage(params, 1, &inner, &mut outer)?;
    Ok([inner, outer])
}

/// The gradient of the mean squared error of a row.
fn slope(
    net: &Mlp,
    params: &[f32],
    noisy: &[f32],
    wanted: &[f32],
    gradient: &mut [f32],
) -> Result<(), ModelError> {
    let [inner, outer] = through(net, params, noisy)?;
    let rows = noisy.len() / net.inputs().max(1);
    let scale = 2.0 / rows.max(1) as f32;
    let errors: Vec<f32> = outer.iter().zip(wanted).map(|(found, wanted)| scale * (found - wanted)).collect();
    let (mut middle, mut lowest) = (vec![0.0; inner.len()], vec![0.0; noisy.len()]);
    let last = Passed { input: &inner, output: &outer, adjoint: &errors };
    net.pull(params, 1, last, Some(&mut *gradient), &mut middle)?;
    let first = Passed { input: noisy, output: &inner, adjoint: &middle };
    net.pull(params, 0, first, Some(gradient), &mut lowest)
}

/// The root of the mean variance of a coordinate.
fn deviation(states: &[f32]) -> f32 {
    let count = states.len().max(1) as f64;
    let mean = states.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    (states.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count).sqrt() as f32
}

/// A standard normal number (Box and Muller).
fn normal(rng: &mut impl Rng) -> f32 {
    let (u, v) = (1.0 - rng.random::<f32>(), rng.random::<f32>());
    (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos()
}

impl Manifold for AutoEncoder {
    fn width(&self) -> usize {
        self.net.inputs()
    }

    fn project(&self, states: &[f32], onto: &mut [f32]) -> Result<(), ModelError> {
        self.net.scores(&self.params, states, onto)
    }

    fn pull(&self, states: &[f32], adjoint: &[f32], below: &mut [f32]) -> Result<(), ModelError> {
        let [inner, outer] = self.forward(states)?;
        let mut middle = vec![0.0; inner.len()];
        let last = Passed { input: &inner, output: &outer, adjoint };
        self.net.pull(&self.params, 1, last, None, &mut middle)?;
        let first = Passed { input: states, output: &inner, adjoint: &middle };
        self.net.pull(&self.params, 0, first, None, below)
    }
}
