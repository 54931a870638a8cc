//! Sign flip: the opposite of what was learned, by all colluders alike.

use super::{Attack, View};

/// −s·x̄.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignFlip {
    /// How many times as large.
    pub scale: f32,
}

impl Attack for SignFlip {
    fn forge(&self, view: &View<'_>) -> Vec<f32> {
        view.mean().into_iter().map(|value| -self.scale * value).collect()
    }
}
