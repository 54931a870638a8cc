//! Missing features, where it is known which: they are solved for from the others.
//!
//! With `o` the coordinates that are there and V_o the rows of the basis that belong to them, the coefficients of a row are
//! the most likely ones under a normal distribution along the axes (variances λ) with noise σ² around the subspace:
//!
//! ```text
//! a = (V_oᵀ·V_o + diag(σ²/λ))⁻¹ · V_oᵀ·(x_o − m_o),      what is missing becomes  m + V·a
//! ```
//!
//! This is conditioning of probabilistic principal components (Tipping and Bishop 1999). Filling in zeros or means and
//! projecting afterwards does worse: what was filled in is then believed.

use super::{HealError, LinearManifold, Manifold as _};
use bitneuron_compress::linalg::solve;
use std::collections::BTreeMap;

impl LinearManifold {
    /// Replaces what is not finite in rows `[n, width]` by what the rest of the row says; a row without anything finite
    /// becomes the mean. Returns how many rows were completed.
    ///
    /// Rows that miss the same features are solved together.
    ///
    /// # Errors
    /// A wrong length; a factorisation that does not converge. The rows may then be partly completed.
    pub fn complete(&self, rows: &mut [f32]) -> Result<usize, HealError> {
        let width = self.width();
        if !rows.len().is_multiple_of(width) {
            return Err(HealError::Width { found: rows.len(), width });
        }
        let mut by_mask = BTreeMap::<Vec<bool>, Vec<usize>>::new();
        for (number, row) in rows.chunks_exact(width).enumerate() {
            if row.iter().any(|value| !value.is_finite()) {
                by_mask.entry(row.iter().map(|value| value.is_finite()).collect()).or_default().push(number);
            }
        }
        let mut completed = 0;
        for (mask, numbers) in by_mask {
            self.fill(&mask, &numbers, rows)?;
            completed += numbers.len();
        }
        Ok(completed)
    }

    /// Completes rows that all have what `mask` says.
    fn fill(&self, mask: &[bool], numbers: &[usize], rows: &mut [f32]) -> Result<(), HealError> {
        let (width, rank) = (self.width(), self.rank);
        let mean = &self.gaussian.mean;
        let axis = |row: usize| &self.basis[row * rank..(row + 1) * rank];
        let known: Vec<usize> = (0..width).filter(|at| mask[*at]).collect();
        let tail = &self.gaussian.variances[rank..];
        let noise = tail.iter().map(|variance| f64::from(*variance)).sum::<f64>() / tail.len().max(1) as f64;
        let mut system = vec![0.0f64; rank * rank];
        for (k, variance) in self.gaussian.variances[..rank].iter().enumerate() {
            system[k * rank + k] = noise.max(1e-9) / f64::from(*variance);
        }
        let mut right = vec![0.0f64; rank * numbers.len()];
        for at in &known {
            for (i, v) in axis(*at).iter().enumerate() {
                for (sum, w) in system[i * rank..(i + 1) * rank].iter_mut().zip(axis(*at)) {
                    *sum += f64::from(*v) * f64::from(*w);
                }
                for (sum, number) in right[i * numbers.len()..].iter_mut().zip(numbers) {
                    *sum += f64::from(*v) * f64::from(rows[number * width + at] - mean[*at]);
                }
            }
        }
        let found = solve(&system, &right, [rank, numbers.len()])?;
        for at in (0..width).filter(|at| !mask[*at]) {
            for (column, number) in numbers.iter().enumerate() {
                let sum: f64 = axis(at)
                    .iter()
                    .enumerate()
                    .map(|(k, v)| f64::from(*v) * found[k * numbers.len() + column])
                    .sum();
                rows[number * width + at] = (f64::from(mean[at]) + sum) as f32;
            }
        }
        Ok(())
    }
}
