//! One worth for one thing: a score divided among all that are alike.
//!
//! ```text
//! sᵢ′ = sᵢ / Σⱼ max(0, cos(θᵢ − m, θⱼ − m))^p            m the mean of all contributions
//! ```
//!
//! k exact copies divide one score by k and earn together what one earns. Honest contributions all point downhill; it is what
//! is left beside their common direction that tells one from another, hence the mean. With noise between copies the sum
//! falls and the gain comes back; the larger p, the sooner.

use super::{Hidden, Value, ValueError};
use crate::merge::Contribution;

/// A score that copies have to share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unique<V> {
    /// The score.
    pub value: V,
    /// p, at least 0.
    pub power: f64,
}

impl<V> Unique<V> {
    /// With p = 4.
    pub const fn new(value: V) -> Self {
        Self { value, power: 4.0 }
    }
}

impl<V: Value> Value for Unique<V> {
    fn values(
        &self,
        hidden: &Hidden<'_>,
        own: &Contribution<'_>,
        peers: &[Contribution<'_>],
    ) -> Result<Vec<f64>, ValueError> {
        if !(self.power.is_finite() && self.power >= 0.0) {
            return Err(ValueError::Setting("power"));
        }
        let values = self.value.values(hidden, own, peers)?;
        let mut mean = vec![0.0f64; own.value.values().len()];
        for peer in peers {
            let part = |x: &f32| f64::from(*x) / peers.len() as f64;
            mean.iter_mut().zip(peer.value.values()).for_each(|(sum, x)| *sum += part(x));
        }
        let step = |peer: &Contribution<'_>| -> Vec<f32> {
            peer.value.values().iter().zip(&mean).map(|(x, mean)| (f64::from(*x) - mean) as f32).collect()
        };
        let steps: Vec<Vec<f32>> = peers.iter().map(step).collect();
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let lengths: Vec<f64> = steps.iter().map(|step| dot(step, step).sqrt()).collect();
        let alike = |a: usize, b: usize| {
            let cosine = dot(&steps[a], &steps[b]) / (lengths[a] * lengths[b]).max(f64::MIN_POSITIVE);
            cosine.clamp(0.0, 1.0).powf(self.power)
        };
        let shared = |at: usize| {
            (0..peers.len()).filter(|other| *other != at).map(|other| alike(at, other)).sum::<f64>()
        };
        Ok(values.iter().enumerate().map(|(at, value)| value / (1.0 + shared(at))).collect())
    }
}
