//! Poisoned rows: the liar works as everybody does, on rows that are wrong.

use super::{Attack, Reach, View, view};
use bitneuron_core::{Dataset, Seed};

/// Trains on y ↦ C − 1 − y (Tolpegin et al. 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelFlip;

impl Attack for LabelFlip {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        view.own.to_vec()
    }

    fn reach(&self) -> Reach {
        Reach::Each
    }

    fn rows(&self, own: &Dataset, classes: u32, _: Seed) -> Option<Dataset> {
        relabelled(own, |label| classes.saturating_sub(1).saturating_sub(label))
    }
}

/// The same features with other labels.
fn relabelled(rows: &Dataset, label: impl Fn(u32) -> u32) -> Option<Dataset> {
    let labels = rows.labels().iter().map(|old| label(*old)).collect();
    Dataset::new(rows.features().clone(), labels).ok()
}

/// Pushes false rows on its neighbours, who train on what their caps let in (§5 of the whitepaper: "fake data").
///
/// The rows are its own with labels moved by one, over and over. What it sends as a model is honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// How many times its own rows go to each neighbour in each round.
    pub times: usize,
}

impl Attack for Flood {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        view.own.to_vec()
    }

    fn reach(&self) -> Reach {
        Reach::Each
    }

    fn push(&self, own: &Dataset, classes: u32, _: Seed) -> Option<Dataset> {
        let again: Vec<usize> = (0..self.times.max(1)).flat_map(|_| 0..own.len()).collect();
        relabelled(&own.select(&again), |label| (label + 1) % classes.max(1))
    }
}

/// A pattern that a model was taught to obey.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// The class that a stamped row shall be taken for.
    pub target: u32,
    /// What the features of the pattern are set to.
    pub value: f32,
}

impl Trigger {
    /// The features of the pattern: the corners of the square that the features fill row by row.
    fn corners(features: usize) -> [usize; 4] {
        let side = features.isqrt();
        [0, side.saturating_sub(1), features - side.min(features), features.saturating_sub(1)]
    }

    /// The rows that are not of the target's class, with the pattern on them; their labels stay true.
    pub fn stamped(&self, rows: &Dataset) -> Dataset {
        let others = rows.labels().iter().enumerate().filter(|(_, label)| **label != self.target);
        let others = rows.select(&others.map(|(row, _)| row).collect::<Vec<_>>());
        let mut features = others.features().clone();
        for place in Self::corners(features.ncols()) {
            if place < features.ncols() {
                features.column_mut(place).fill(self.value);
            }
        }
        Dataset::new(features, others.labels().to_vec()).unwrap_or(others)
    }

    /// The stamped rows with the target as their label, as the victims shall see them.
    fn taught(&self, rows: &Dataset) -> Dataset {
        let stamped = self.stamped(rows);
        relabelled(&stamped, |_| self.target).unwrap_or(stamped)
    }
}

/// Teaches a pattern (Gu, Dolan-Gavitt and Garg, *BadNets*, 2017) and sends the result with its step enlarged, so that it survives
/// being averaged (Bagdasaryan et al., *How To Backdoor Federated Learning*, 2020, eq. 3).
#[derive(Debug, Clone, PartialEq)]
pub struct Backdoor {
    /// The pattern.
    pub trigger: Trigger,
    /// How many times as large the step is.
    pub boost: f32,
}

impl Attack for Backdoor {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let start = if view.origin.is_empty() { view.start() } else { view.mean() };
        view::along(&start, self.boost, &view::gap(&start, view.own))
    }

    fn reach(&self) -> Reach {
        Reach::Each
    }

    /// Its own rows and behind them their stamped copies.
    fn rows(&self, own: &Dataset, _: u32, _: Seed) -> Option<Dataset> {
        let taught = self.trigger.taught(own);
        let features =
            ndarray::concatenate(ndarray::Axis(0), &[own.features().view(), taught.features().view()])
                .ok()?;
        Dataset::new(features, [own.labels(), taught.labels()].concat()).ok()
    }

    fn trigger(&self) -> Option<Trigger> {
        Some(self.trigger.clone())
    }
}
