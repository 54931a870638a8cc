//! Eclipse: liars fill the views of peer samplers with each other (Singh et al., *Eclipse Attacks on Overlay Networks*, 2006), so that the
//! honest talk to nobody else; what they then say is another attack.

use super::{Attack, Reach, Trigger, View};
use bitneuron_core::{Dataset, Seed};
use std::{fmt, sync::Arc};

/// Any attack by liars who tell samplers only of liars. Where nodes have no samplers it is just that attack.
#[derive(Clone)]
pub struct Eclipse(pub Arc<dyn Attack>);

impl fmt::Debug for Eclipse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eclipse").finish_non_exhaustive()
    }
}

impl Attack for Eclipse {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        self.0.forge(view)
    }

    fn reach(&self) -> Reach {
        self.0.reach()
    }

    fn rows(&self, own: &Dataset, classes: u32, seed: Seed) -> Option<Dataset> {
        self.0.rows(own, classes, seed)
    }

    fn push(&self, own: &Dataset, classes: u32, seed: Seed) -> Option<Dataset> {
        self.0.push(own, classes, seed)
    }

    fn names(&self) -> u32 {
        self.0.names()
    }

    fn trigger(&self) -> Option<Trigger> {
        self.0.trigger()
    }

    fn poisons_views(&self) -> bool {
        true
    }
}
