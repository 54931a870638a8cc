//! Corrections of a gradient that do not look at the data: pulls, decay, noise.
//!
//! ```text
//! FedProx     g ← g + μ·(θ − θ₀)         θ₀: the model as it was received    (Li et al., MLSys 2020, arXiv 1812.06127, eq. 2)
//! decay       g ← g + λ·θ                 the penalty λ/2·‖θ‖²
//! noise       g ← g + N(0, (σ·C/n)²)      n rows whose gradients were clipped to norm C   (Abadi et al., CCS 2016, alg. 1)
//! ```

use crate::draw::normal;
use rand::Rng;
use std::{fmt, sync::Arc};

/// Where a gradient was taken.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// The parameters that the update began with.
    pub start: &'a [f32],
    /// The parameters now.
    pub params: &'a [f32],
    /// The cases of the batch.
    pub cases: usize,
}

/// Changes a gradient.
pub trait Correct: Send + Sync + fmt::Debug {
    /// Changes `gradient`, which is as long as the parameters.
    fn correct(&self, at: &Point<'_>, rng: &mut dyn Rng, gradient: &mut [f32]);
}

/// `FedProx`: pulls the parameters back to those that the update began with, so that a node's many steps on data of its
/// own do not lead far from the network's model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proximal {
    /// The strength μ.
    pub mu: f32,
}

impl Correct for Proximal {
    fn correct(&self, at: &Point<'_>, _: &mut dyn Rng, gradient: &mut [f32]) {
        for ((slope, now), start) in gradient.iter_mut().zip(at.params).zip(at.start) {
            *slope += self.mu * (now - start);
        }
    }
}

/// The penalty `λ/2·‖θ‖²` on all parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decay {
    /// The strength λ.
    pub lambda: f32,
}

impl Correct for Decay {
    fn correct(&self, at: &Point<'_>, _: &mut dyn Rng, gradient: &mut [f32]) {
        gradient.iter_mut().zip(at.params).for_each(|(slope, value)| *slope += self.lambda * value);
    }
}

/// Adds fixed slopes, one for each parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drift(pub(super) Vec<f32>);

impl Correct for Drift {
    fn correct(&self, _: &Point<'_>, _: &mut dyn Rng, gradient: &mut [f32]) {
        gradient.iter_mut().zip(&self.0).for_each(|(slope, drift)| *slope += drift);
    }
}

/// A source of random noise: the seam for mechanisms that keep accounts of privacy.
pub trait Noise: Send + Sync + fmt::Debug {
    /// Adds independent noise of mean 0 and this standard deviation to each value.
    fn add(&self, deviation: f32, rng: &mut dyn Rng, values: &mut [f32]);
}

/// Normal noise.
///
/// Good for studies. Noise in floating point leaks through its gaps (Mironov, CCS 2012), so it is no mechanism to promise
/// privacy with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gaussian;

impl Noise for Gaussian {
    fn add(&self, deviation: f32, rng: &mut dyn Rng, values: &mut [f32]) {
        values.iter_mut().for_each(|value| *value += (f64::from(deviation) * normal(rng)) as f32);
    }
}

/// Noise on a mean of clipped gradients; goes with [`Clipped`](super::Clipped).
#[derive(Debug, Clone)]
pub struct Noisy {
    /// The norm C that each row's gradient is clipped to.
    pub norm: f32,
    /// The multiplier σ.
    pub multiplier: f32,
    /// Where the noise comes from.
    pub source: Arc<dyn Noise>,
}

impl Correct for Noisy {
    fn correct(&self, at: &Point<'_>, rng: &mut dyn Rng, gradient: &mut [f32]) {
        let deviation = self.multiplier * self.norm / at.cases.max(1) as f32;
        self.source.add(deviation, rng, gradient);
    }
}
