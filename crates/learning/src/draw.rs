//! Random numbers of a few distributions.

use rand::{Rng, RngExt as _};

/// Uniform in (0, 1].
pub(crate) fn uniform(rng: &mut (impl Rng + ?Sized)) -> f64 {
    1.0 - rng.random::<f64>()
}

/// A standard normal variate (Box and Muller).
pub(crate) fn normal(rng: &mut (impl Rng + ?Sized)) -> f64 {
    (-2.0 * uniform(rng).ln()).sqrt() * (std::f64::consts::TAU * uniform(rng)).cos()
}
