//! Those who want the reward without the work. They hardly harm a model; they dilute it, and are paid for it if nobody looks.

use super::{Attack, Reach, View, noise::normal};
use rand::RngExt as _;

/// The mean of what was heard with a little noise on it, never trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FreeRider {
    /// The standard deviation of the noise that makes it look like work.
    pub noise: f32,
}

impl Attack for FreeRider {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let mut rng = view.seed.rng();
        view.mean().into_iter().map(|value| value + self.noise * normal(&mut rng)).collect()
    }

    fn reach(&self) -> Reach {
        Reach::Each
    }
}

/// The weights of one honest node, another one each time, under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copier;

impl Attack for Copier {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let drawn = view.seed.rng().random_range(0..view.honest.len().max(1));
        view.honest.get(drawn).copied().unwrap_or(view.own).to_vec()
    }

    fn reach(&self) -> Reach {
        Reach::Each
    }
}
