//! What a liar knows when it lies.

use crate::lab::alias;
use bitneuron_core::{Layout, Params, Seed, Weight};
use bitneuron_learning::{Contribution, Merge, merge::WeightedMean};
use std::sync::Arc;

/// The knowledge behind one lie.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What the liar would send if it were honest.
    pub own: &'a [f32],
    /// Where the round began: the last mean of honest models; empty for zero, as with gradients.
    pub origin: &'a [f32],
    /// What colluders saw of the honest nodes, the latest of each, in the order of names.
    pub honest: &'a [&'a [f32]],
    /// What was last seen of the receiver; only where each receiver gets its own value.
    pub victim: Option<&'a [f32]>,
    /// Honest values and lies that meet at one receiver, as a rule.
    pub meeting: (usize, usize),
    /// The rule that the honest nodes merge by.
    pub rule: &'a dyn Merge,
    /// The round, from 0.
    pub round: u64,
    /// The source of randomness: one for each value that is forged.
    pub seed: Seed,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("honest", &self.honest.len())
            .field("meeting", &self.meeting)
            .field("round", &self.round)
            .finish_non_exhaustive()
    }
}

impl<'a> View<'a> {
    /// The view of one liar on these honest values, who defend themselves by their mean.
    pub fn of(own: &'a [f32], honest: &'a [&'a [f32]]) -> Self {
        Self {
            own,
            origin: &[],
            honest,
            victim: None,
            meeting: (honest.len(), 1),
            rule: &WeightedMean,
            round: 0,
            seed: Seed::default(),
        }
    }

    /// x̄: the mean of the honest values, or the own value while none was seen.
    pub fn mean(&self) -> Vec<f32> {
        if self.honest.is_empty() {
            return self.own.to_vec();
        }
        let mut sums = vec![0f64; self.own.len()];
        for value in self.honest {
            sums.iter_mut().zip(*value).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        let count = self.honest.len() as f64;
        sums.into_iter().map(|sum| (sum / count) as f32).collect()
    }

    /// σ: the standard deviation of the honest values in each coordinate (the sample's, by n − 1); zero of fewer than two.
    pub fn deviation(&self, mean: &[f32]) -> Vec<f32> {
        let mut squares = vec![0f64; mean.len()];
        for value in self.honest {
            for ((square, value), mean) in squares.iter_mut().zip(*value).zip(mean) {
                *square += (f64::from(*value) - f64::from(*mean)).powi(2);
            }
        }
        let free = self.honest.len().saturating_sub(1).max(1) as f64;
        squares.into_iter().map(|square| (square / free).sqrt() as f32).collect()
    }

    /// o, written out.
    pub fn start(&self) -> Vec<f32> {
        if self.origin.len() == self.own.len() { self.origin.to_vec() } else { vec![0.0; self.own.len()] }
    }

    /// How far from the honest mean the rule is carried when as many liars as meet an honest node all send `forged`; zero where the
    /// rule refuses to merge.
    pub fn damage(&self, forged: &[f32]) -> f64 {
        let (honest, liars) = (self.meeting.0.min(self.honest.len()), self.meeting.1);
        // The victim and its neighbours are spread over all that were seen.
        let seen = |place: usize| self.honest.get(place * self.honest.len() / honest.max(1)).copied();
        let Some(own) = seen(0) else { return 0.0 };
        let Ok(layout) = Layout::of(&[("all", &[own.len() as u32])]) else {
            return 0.0;
        };
        let layout = Arc::new(layout);
        let params = |value: &[f32]| Params::new(value.to_vec(), Arc::clone(&layout)).ok();
        let values = (0..honest).filter_map(seen).chain(std::iter::repeat_n(forged, liars));
        let values: Vec<Params> = values.filter_map(params).collect();
        let voices: Vec<Contribution<'_>> = (0..)
            .zip(&values)
            .map(|(place, value)| Contribution { from: alias(place, 0), weight: Weight(1), age: 0, value })
            .collect();
        let Some((own, peers)) = voices.split_first() else { return 0.0 };
        let Ok(merged) = self.rule.merge(own, peers) else { return 0.0 };
        let gaps = merged.value.values().iter().zip(self.mean());
        gaps.map(|(value, mean)| (f64::from(*value) - f64::from(mean)).powi(2)).sum::<f64>().sqrt()
    }
}

/// `at + by · toward`, coordinate by coordinate.
pub(super) fn along(at: &[f32], by: f32, toward: &[f32]) -> Vec<f32> {
    at.iter().zip(toward).map(|(at, toward)| at + by * toward).collect()
}

/// `to − from`, coordinate by coordinate.
pub(super) fn gap(from: &[f32], to: &[f32]) -> Vec<f32> {
    to.iter().zip(from).map(|(to, from)| to - from).collect()
}
