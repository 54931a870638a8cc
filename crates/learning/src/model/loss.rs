//! The losses that a classifier may be trained by: functions of the scores and the label of a row.

use super::{Batch, cross_entropy, hinge};

/// The loss `ℓ` of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loss {
    /// `−ln softmax(z)_y`, in nats: scores are unnormalised log-probabilities.
    #[default]
    CrossEntropy,
    /// `Σ_c max(0, 1 − t_c·z_c)` with `t_y = 1` and `t_c = −1` for the other classes: one classifier for each class.
    OneVersusRest,
    /// `max(0, 1 + max_{c ≠ y} z_c − z_y)`: the margin over the best rival (Crammer and Singer).
    Margin,
}

impl Loss {
    /// Writes the loss of each row of `scores` (`[n, classes]`, which are spent) to `losses` (`[n]`).
    pub fn losses(self, scores: &mut [f32], labels: &[u32], losses: &mut [f32]) {
        match self {
            Self::CrossEntropy => cross_entropy::losses(scores, labels, losses),
            Self::OneVersusRest => hinge::one_versus_rest_losses(scores, labels, losses),
            Self::Margin => hinge::rival_losses(scores, labels, losses),
        }
    }

    /// Replaces scores by `∂L/∂z`, each row times its weight, and returns `L`.
    pub fn errors(self, scores: &mut [f32], batch: &Batch<'_>) -> f64 {
        match self {
            Self::CrossEntropy => cross_entropy::errors(scores, batch),
            Self::OneVersusRest => hinge::one_versus_rest_errors(scores, batch),
            Self::Margin => hinge::rival_errors(scores, batch),
        }
    }
}

/// The rows of scores of `count` rows.
pub(super) fn rows(scores: &[f32], count: usize) -> std::slice::ChunksExact<'_, f32> {
    scores.chunks_exact(scores.len().checked_div(count).unwrap_or(0).max(1))
}

/// The same to write.
pub(super) fn rows_mut(scores: &mut [f32], count: usize) -> std::slice::ChunksExactMut<'_, f32> {
    let classes = scores.len().checked_div(count).unwrap_or(0).max(1);
    scores.chunks_exact_mut(classes)
}
