//! Softmax and cross-entropy of rows of scores.
//!
//! With `p = softmax(z)` the loss of a row is `ℓ = ln Σ exp z − z_label` and its gradient is `∂ℓ/∂z = p − onehot(label)`.
//! The largest score is subtracted first, so no finite score overflows.

use super::{Batch, loss::rows_mut};

/// Turns one row of scores into probabilities.
pub fn softmax_in_place(row: &mut [f32]) {
    let (_, sum) = exponentials(row);
    for value in row {
        *value /= sum;
    }
}

/// Replaces scores by `exp(z − max z)`; returns the maximum and the sum.
fn exponentials(row: &mut [f32]) -> (f32, f32) {
    let max = row.iter().fold(f32::NEG_INFINITY, |max, value| max.max(*value));
    let mut sum = 0.0;
    for value in row.iter_mut() {
        *value = (*value - max).exp();
        sum += *value;
    }
    (max, sum)
}

/// The loss of each row; the scores are spent.
pub(super) fn losses(scores: &mut [f32], labels: &[u32], losses: &mut [f32]) {
    for ((row, label), loss) in rows_mut(scores, labels.len()).zip(labels).zip(losses) {
        let own = row.get(*label as usize).copied().unwrap_or(f32::NAN);
        let (max, sum) = exponentials(row);
        *loss = sum.ln() + (max - own);
    }
}

/// Replaces scores by `∂L/∂z`, each row times its weight, and returns `L`.
pub(crate) fn errors(scores: &mut [f32], batch: &Batch<'_>) -> f64 {
    let mut total = 0.0;
    for ((row, label), weight) in rows_mut(scores, batch.len()).zip(batch.labels).zip(batch.shares()) {
        let own = row.get(*label as usize).copied().unwrap_or(f32::NAN);
        let (max, sum) = exponentials(row);
        total += f64::from(weight) * f64::from(sum.ln() + (max - own));
        let scale = weight / sum;
        for value in row.iter_mut() {
            *value *= scale;
        }
        if let Some(value) = row.get_mut(*label as usize) {
            *value -= weight;
        }
    }
    total
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact by construction")]
mod tests {
    use super::*;

    #[test]
    fn huge_scores_stay_finite() {
        let mut row = [1e30, -1e30, 0.0];
        softmax_in_place(&mut row);
        assert_eq!(row, [1.0, 0.0, 0.0]);
        let mut loss = [0.0];
        losses(&mut [80.0, 0.0, -80.0], &[1], &mut loss);
        assert!((loss[0] - 80.0).abs() < 1e-4);
    }

    #[test]
    fn errors_are_probability_minus_one_hot() {
        let mut scores = [0.0, 0.0, 0.0, 0.0];
        let batch = Batch { features: &[], labels: &[0, 1], weights: Some(&[1.0, 0.5]) };
        let loss = errors(&mut scores, &batch);
        assert!((loss - 1.5 * 2f64.ln()).abs() < 1e-6);
        assert_eq!(scores, [-0.5, 0.5, 0.25, -0.25]);
    }
}
