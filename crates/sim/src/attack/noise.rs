//! Noise, and bytes that are no numbers.

use super::{Attack, Reach, View};
use rand::RngExt as _;

/// Independent normal numbers around zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian {
    /// Their standard deviation.
    pub sigma: f32,
}

impl Attack for Gaussian {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let mut rng = view.seed.rng();
        (0..view.own.len()).map(|_| self.sigma * normal(&mut rng)).collect()
    }

    fn reach(&self) -> Reach {
        Reach::Each
    }
}

/// A standard normal number (Box and Muller 1958).
pub(super) fn normal(rng: &mut impl rand::Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()) as f32
}

/// Numbers that are none, or that are as large as numbers get.
///
/// A decoder has to refuse the first kind. No codec carries them, so the liar spoils the bytes of an honest packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Infinity {
    /// Finite, but so large that any sum with it is useless.
    pub finite: bool,
}

impl Attack for Infinity {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let kinds =
            if self.finite { [1e30, -1e30, 1e30] } else { [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] };
        kinds.into_iter().cycle().take(view.own.len()).collect()
    }
}
