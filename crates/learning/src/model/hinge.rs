//! Margin losses of rows of scores: what a support vector machine minimises.
//!
//! ```text
//! one versus rest (Rifkin and Klautau, JMLR 5, 2004)       ℓ = Σ_c max(0, 1 − t_c·z_c),   t_c = +1 for the label, −1 else
//! Crammer and Singer (JMLR 2, 2001, eq. 5)                 ℓ = max(0, 1 + max_{c ≠ y} z_c − z_y)
//! ```
//!
//! Both are convex and piecewise linear: where a margin is exactly 1 the slope is taken as 0, and of several rivals with
//! the same score the first one counts.

use super::Batch;
use super::loss::{rows, rows_mut};

/// The one-versus-rest loss of each row.
pub(super) fn one_versus_rest_losses(scores: &[f32], labels: &[u32], losses: &mut [f32]) {
    for ((row, label), loss) in rows(scores, labels.len()).zip(labels).zip(losses) {
        let margins = row.iter().enumerate().map(|(class, score)| 1.0 - sign(class, *label) * score);
        *loss = margins.map(|margin| margin.max(0.0)).sum();
    }
}

/// The loss of Crammer and Singer of each row.
pub(super) fn rival_losses(scores: &[f32], labels: &[u32], losses: &mut [f32]) {
    for ((row, label), loss) in rows(scores, labels.len()).zip(labels).zip(losses) {
        *loss = rival(row, *label).map_or(0.0, |(_, margin)| margin.max(0.0));
    }
}

/// Replaces scores by `∂L/∂z` of the one-versus-rest loss, and returns `L`.
pub(super) fn one_versus_rest_errors(scores: &mut [f32], batch: &Batch<'_>) -> f64 {
    let mut total = 0.0;
    for ((row, label), weight) in rows_mut(scores, batch.len()).zip(batch.labels).zip(batch.shares()) {
        for (class, value) in row.iter_mut().enumerate() {
            let sign = sign(class, *label);
            let margin = 1.0 - sign * *value;
            total += f64::from(weight) * f64::from(margin.max(0.0));
            *value = if margin > 0.0 { -sign * weight } else { 0.0 };
        }
    }
    total
}

/// Replaces scores by `∂L/∂z` of the loss of Crammer and Singer, and returns `L`.
pub(super) fn rival_errors(scores: &mut [f32], batch: &Batch<'_>) -> f64 {
    let mut total = 0.0;
    for ((row, label), weight) in rows_mut(scores, batch.len()).zip(batch.labels).zip(batch.shares()) {
        let found = rival(row, *label).filter(|(_, margin)| *margin > 0.0);
        row.fill(0.0);
        let Some((class, margin)) = found else { continue };
        total += f64::from(weight) * f64::from(margin);
        for (class, slope) in [(class, weight), (*label as usize, -weight)] {
            row.get_mut(class).into_iter().for_each(|value| *value = slope);
        }
    }
    total
}

fn sign(class: usize, label: u32) -> f32 {
    if class == label as usize { 1.0 } else { -1.0 }
}

/// The other class of the largest score, and by how much the label misses the margin over it.
fn rival(row: &[f32], label: u32) -> Option<(usize, f32)> {
    let own = *row.get(label as usize)?;
    let mut best: Option<(usize, f32)> = None;
    for (class, score) in row.iter().enumerate().filter(|(class, _)| *class != label as usize) {
        if best.is_none_or(|(_, most)| *score > most) {
            best = Some((class, *score));
        }
    }
    best.map(|(class, score)| (class, 1.0 + score - own))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact by construction")]
mod tests {
    use super::*;

    #[test]
    fn margins_by_hand() {
        let scores = [2.0, 0.5, -3.0, 0.0, 0.25, 0.0];
        let batch = Batch { features: &[], labels: &[0, 2], weights: Some(&[1.0, 0.5]) };
        let mut losses = [0.0; 2];
        one_versus_rest_losses(&scores, batch.labels, &mut losses);
        assert_eq!(losses, [1.5, 1.0 + 1.25 + 1.0]);
        rival_losses(&scores, batch.labels, &mut losses);
        assert_eq!(losses, [0.0, 1.25]);
        let mut errors = scores;
        assert_eq!(rival_errors(&mut errors, &batch), 0.625);
        assert_eq!(errors, [0.0, 0.0, 0.0, 0.0, 0.5, -0.5]);
        let mut errors = scores;
        assert_eq!(one_versus_rest_errors(&mut errors, &batch), 1.5 + 1.625);
        assert_eq!(errors, [0.0, 1.0, 0.0, 0.5, 0.5, -0.5]);
    }
}
