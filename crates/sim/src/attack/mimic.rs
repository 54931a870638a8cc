//! Mimic: all colluders repeat one honest node, so that its rows count more than they should (Karimireddy, He and Jaggi,
//! *Byzantine-Robust Learning on Heterogeneous Datasets*, 2022, §3).
//!
//! Nothing false is said, so no filter can see it; it hurts where rows are skewed. The node that is repeated is the one that
//! stands out most along the direction in which the honest values differ most.

use super::{Attack, View, view};

/// Steps of the power iteration that finds the direction.
const STEPS: usize = 4;

/// x_i of the honest node with the largest |⟨z, x_i − x̄⟩|, z the first principal direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mimic;

impl Attack for Mimic {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let mean = view.mean();
        let gaps: Vec<Vec<f32>> = view.honest.iter().map(|value| view::gap(&mean, value)).collect();
        let far = |one: &[f32]| dot(one, one);
        // The iteration begins at the honest value that is furthest from the mean.
        let Some(mut direction) = gaps.iter().max_by(|a, b| far(a).total_cmp(&far(b))).cloned() else {
            return mean;
        };
        for _ in 0..STEPS {
            let mut next = vec![0.0; mean.len()];
            for gap in &gaps {
                let share = dot(gap, &direction) as f32;
                next = view::along(&next, share, gap);
            }
            let length = dot(&next, &next).sqrt() as f32;
            if !(length.is_finite() && length > 0.0) {
                break;
            }
            direction = next.into_iter().map(|value| value / length).collect();
        }
        let stands_out = |gap: &Vec<f32>| dot(gap, &direction).abs();
        let chosen = gaps.iter().zip(view.honest).max_by(|a, b| stands_out(a.0).total_cmp(&stands_out(b.0)));
        chosen.map_or(mean, |(_, value)| value.to_vec())
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
