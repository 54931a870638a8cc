//! How strong an attack is: as told, or as strong as the defence lets it be.
//!
//! An optimised attack plays the defence in its head (Shejwalkar and Houmansadr 2021, "AGR-tailored"): strengths on a geometric
//! grid are tried, then the neighbourhood of the best one is halved three times. That costs 16 merges, once a round for all colluders.

use super::View;

/// The strength of an attack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Force {
    /// This much.
    Fixed(f32),
    /// As much as does the most damage to the rule.
    Optimal,
}

/// Strengths that are tried first.
const GRID: [f32; 8] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

impl Force {
    /// The value of the strength chosen: `forged(strength)`.
    pub(super) fn forge(self, view: &View<'_>, forged: impl Fn(f32) -> Vec<f32>) -> Vec<f32> {
        let force = match self {
            Self::Fixed(force) => force,
            Self::Optimal => strongest(view, &forged),
        };
        forged(force)
    }
}

/// The strength that does the most damage; the smaller one of equals.
fn strongest(view: &View<'_>, forged: &impl Fn(f32) -> Vec<f32>) -> f32 {
    let mut best = (0.0, f32::MIN_POSITIVE);
    let attempt = |force: f32, best: &mut (f64, f32)| {
        let damage = view.damage(&forged(force));
        if damage > best.0 {
            *best = (damage, force);
        }
    };
    GRID.iter().for_each(|force| attempt(*force, &mut best));
    let mut step = std::f32::consts::SQRT_2;
    for _ in 0..4 {
        let centre = best.1;
        attempt(centre / step, &mut best);
        attempt(centre * step, &mut best);
        step = step.sqrt();
    }
    best.1
}
