//! The mean of clean states, their principal axes, and how far a state is from being one of them.

use super::{HealError, mean_of};
use crate::model::{ModelError, check_length};
use bitneuron_compress::linalg::{LinalgError, Matrix, eigen};

/// A variance is taken for no less than this part of the mean variance of all directions.
pub(super) const FLOOR: f64 = 1e-3;

/// A normal distribution by its principal axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gaussian {
    pub(super) mean: Vec<f32>,
    /// `[width, width]`: column k is axis k.
    pub(super) axes: Vec<f32>,
    /// The variance along each axis, not increasing, not below the floor.
    pub(super) variances: Vec<f32>,
}

impl Gaussian {
    /// The distribution of rows. Variances are no less than `floor`.
    pub(super) fn fit(rows: &[&[f32]], width: usize, floor: f64) -> Result<Self, HealError> {
        let mean = mean_of(rows.iter().copied(), width);
        let centred: Vec<f64> = rows
            .iter()
            .flat_map(|row| row.iter().zip(&mean).map(|(x, m)| f64::from(*x) - f64::from(*m)))
            .collect();
        let matrix = Matrix::new(&centred, rows.len(), width);
        let mut scatter = matrix.transposed().multiply(matrix)?;
        scatter.iter_mut().for_each(|sum| *sum /= rows.len().max(1) as f64);
        let found = eigen(&scatter, width)?;
        let axes = found.vectors.iter().map(|x| *x as f32).collect();
        let variances = found.values.iter().map(|value| value.max(floor).max(f64::MIN_POSITIVE) as f32);
        Ok(Self { mean, axes, variances: variances.collect() })
    }

    pub(super) fn width(&self) -> usize {
        self.mean.len()
    }

    /// `(x − m)·V`, the coordinates of states along all axes, `[n, width]`.
    pub(super) fn coordinates(&self, states: &[f32]) -> Result<Vec<f32>, ModelError> {
        let centred: Vec<f32> = states
            .chunks(self.width())
            .flat_map(|row| row.iter().zip(&self.mean).map(|(x, m)| x - m))
            .collect();
        self.turn(&centred)
    }

    /// `x·V` of vectors `[n, width]`.
    pub(super) fn turn(&self, vectors: &[f32]) -> Result<Vec<f32>, ModelError> {
        let width = self.width();
        let rows = vectors.len().checked_div(width).unwrap_or(0);
        check_length("states", vectors.len(), rows * width)?;
        product(Matrix::new(vectors, rows, width), Matrix::new(&self.axes, width, width))
    }

    /// The way back: writes `z·Vᵀ` to `vectors`.
    pub(super) fn turn_back(&self, turned: &[f32], vectors: &mut [f32]) -> Result<(), ModelError> {
        let width = self.width();
        let rows = turned.len().checked_div(width).unwrap_or(0);
        check_length("states", vectors.len(), turned.len())?;
        let axes = Matrix::new(&self.axes, width, width).transposed();
        vectors.copy_from_slice(&product(Matrix::new(turned, rows, width), axes)?);
        Ok(())
    }

    /// Writes `m + z·Vᵀ` to `states`.
    pub(super) fn compose(&self, coordinates: &[f32], states: &mut [f32]) -> Result<(), ModelError> {
        self.turn_back(coordinates, states)?;
        for row in states.chunks_exact_mut(self.width()) {
            row.iter_mut().zip(&self.mean).for_each(|(x, m)| *x += m);
        }
        Ok(())
    }

    /// `Σ z²/(λ + σ²)` of one state's coordinates: its squared Mahalanobis distance where noise σ² is added.
    pub(super) fn distance(&self, coordinates: &[f32], noise: f32) -> f32 {
        coordinates.iter().zip(&self.variances).map(|(z, variance)| z * z / (variance + noise)).sum()
    }

    /// The noise σ² that explains a state: the least at which its distance is no more than `usual`.
    pub(super) fn noise(&self, coordinates: &[f32], usual: f32) -> f32 {
        if self.distance(coordinates, 0.0) <= usual {
            return 0.0;
        }
        let energy: f32 = coordinates.iter().map(|z| z * z).sum();
        let (mut low, mut high) = (0.0, energy / usual.max(f32::MIN_POSITIVE));
        for _ in 0..32 {
            let middle = f32::midpoint(low, high);
            if self.distance(coordinates, middle) > usual {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

/// The product of two matrices of `f32`.
pub(super) fn product(a: Matrix<'_, f32>, b: Matrix<'_, f32>) -> Result<Vec<f32>, ModelError> {
    let [rows, inner] = a.shape();
    if rows == 0 {
        return Ok(Vec::new());
    }
    let refused =
        |_: LinalgError| ModelError::Length { what: "factors", found: inner, expected: b.shape()[0] };
    a.multiply(b).map_err(refused)
}

/// A floor for variances, from rows of clean states.
pub(super) fn floor(rows: &[&[f32]], width: usize, part: f64) -> f64 {
    let mean = mean_of(rows.iter().copied(), width);
    let squares: f64 = rows
        .iter()
        .flat_map(|row| row.iter().zip(&mean))
        .map(|(x, m)| (f64::from(*x) - f64::from(*m)).powi(2))
        .sum();
    part * squares / (rows.len() * width).max(1) as f64
}
