//! A little is enough: a shift that hides in the spread of the honest values (Baruch, Baruch and Goldberg 2019).
//!
//! What lies within a few standard deviations of the mean is believed by medians and by distances, and the shift is the same
//! in every round, so it adds up.

use super::{Attack, Force, View, view};

/// x̄ + z·σ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LittleIsEnough(pub Force);

impl Attack for LittleIsEnough {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let mean = view.mean();
        let deviation = view.deviation(&mean);
        self.0.forge(view, |force| view::along(&mean, force, &deviation))
    }
}
