//! Variance correction: averaging uncorrelated networks shrinks their weights, so each tensor is spread out again.
//!
//! Tian, Liu, Li, Cucinotta, Lu, *Vanishing Variance Problem in Fully Decentralized Neural-Network Systems*, arXiv
//! 2404.04616: independent weights of variance `σ²` have a mean of variance `σ²/n`, and a network whose weights shrink at
//! every merge forgets. After the rule within, for each tensor of the layout:
//!
//! ```text
//! θ ← m + (θ − m)·√(v / var θ)      m = mean θ,   v = the middle variance of the voices with a share
//! ```
//!
//! The middle by share, and the mean of two that share it: of two parents with equal shares that is the paper's mean, and
//! a minority cannot blow a tensor up.

use super::{Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_core::Share;

/// Any rule with its tensors spread out as wide as those of its inputs. Tolerates nobody in the sense of the law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VarianceCorrected<M> {
    /// The rule within.
    pub rule: M,
}

/// Mean and variance.
fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance)
}

/// The middle of these variances by share, the mean of the two that share it.
fn middle(mut variances: Vec<(f64, u32)>) -> f64 {
    variances.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let whole: u32 = variances.iter().map(|(_, share)| share).sum();
    let at = |unit: u32| {
        let mut below = 0;
        let found = variances.iter().find(|(_, share)| {
            below += share;
            below > unit
        });
        found.map_or(0.0, |(variance, _)| *variance)
    };
    f64::midpoint(at(whole.saturating_sub(1) / 2), at(whole / 2))
}

impl<M: Merge> Merge for VarianceCorrected<M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let mut merged = self.rule.merge(own, peers)?;
        let shares = std::iter::once(merged.own).chain(merged.influence.iter().copied());
        let heard: Vec<(&Contribution<'_>, Share)> =
            std::iter::once(own).chain(peers).zip(shares).filter(|(_, share)| share.0 > 0).collect();
        let layout = own.value.layout().clone();
        for range in (0..layout.entries().len()).filter_map(|index| layout.range(index)) {
            let variances = heard.iter().map(|(one, share)| {
                let values = one.value.values().get(range.clone()).unwrap_or_default();
                (moments(values).1, share.0)
            });
            let wanted = middle(variances.collect());
            let values = merged.value.values_mut().get_mut(range).unwrap_or_default();
            let (mean, variance) = moments(values);
            if variance > 0.0 && wanted.is_finite() {
                let factor = (wanted / variance).sqrt();
                for value in values {
                    let spread = mean + (f64::from(*value) - mean) * factor;
                    *value = spread.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
                }
            }
        }
        Ok(merged)
    }

    fn laws(&self) -> Laws {
        self.rule.laws().without(Law::Hull).without(Law::Linear).without(Law::Weights).without(Law::Stake)
    }
}
