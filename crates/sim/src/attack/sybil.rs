//! Sybils: one adversary with many names (Douceur 2002).
//!
//! Where each name is one voice, names are votes for nothing. Where voices weigh what is at stake behind them, the names share
//! one weight and gain nothing: the lab plays both (`voices = "names"` or `"stake"`).

use super::{Attack, Reach, Trigger, View};
use bitneuron_core::{Dataset, Seed};
use std::{fmt, sync::Arc};

/// Any attack under many names.
#[derive(Clone)]
pub struct Sybils {
    /// What they do.
    pub attack: Arc<dyn Attack>,
    /// Names of each liar.
    pub names: u32,
}

impl fmt::Debug for Sybils {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sybils").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Attack for Sybils {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        let (honest, liars) = view.meeting;
        self.attack.forge(&View { meeting: (honest, liars * self.names as usize), ..*view })
    }

    fn reach(&self) -> Reach {
        self.attack.reach()
    }

    fn rows(&self, own: &Dataset, classes: u32, seed: Seed) -> Option<Dataset> {
        self.attack.rows(own, classes, seed)
    }

    fn push(&self, own: &Dataset, classes: u32, seed: Seed) -> Option<Dataset> {
        self.attack.push(own, classes, seed)
    }

    fn names(&self) -> u32 {
        self.names.max(1)
    }

    fn poisons_views(&self) -> bool {
        self.attack.poisons_views()
    }

    fn trigger(&self) -> Option<Trigger> {
        self.attack.trigger()
    }
}
