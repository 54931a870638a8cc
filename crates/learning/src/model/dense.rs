//! The affine layer `Z = X·W + 1·bᵀ` and its two gradients, on flat slices.
//!
//! ```text
//! X [n, in]   W [in, out]   b [out]   Z [n, out]   E = ∂L/∂Z [n, out]
//! ∂L/∂W = Xᵀ·E      ∂L/∂b = Eᵀ·1      ∂L/∂X = E·Wᵀ
//! ```
//!
//! Small products are plain loops (`narrow`), large ones `ndarray`'s `general_mat_mul`.

use super::ModelError;
use super::narrow::{self, Left};
use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

/// One layer's sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dense {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Dense {
    /// Splits a layer's parameters into weights and biases.
    fn split(self, params: &[f32]) -> (&[f32], &[f32]) {
        params.split_at(params.len().min(self.inputs * self.outputs))
    }

    /// Writes `X·W + b` to `z`.
    pub(super) fn forward(self, params: &[f32], x: &[f32], z: &mut [f32]) -> Result<(), ModelError> {
        let (w, b) = self.split(params);
        let rows = z.len().checked_div(self.outputs).unwrap_or(0);
        z.chunks_exact_mut(self.outputs.max(1)).for_each(|row| row.copy_from_slice(b));
        let (inputs, weights) =
            (matrix("inputs", x, rows, self.inputs)?, matrix("weights", w, self.inputs, self.outputs)?);
        if narrow::fits(self.inputs, self.outputs) {
            narrow::add_product(Left::Rows(x), w, z, self.inputs, self.outputs);
            return Ok(());
        }
        let (x, w) = (inputs, weights);
        general_mat_mul(1.0, &x, &w, 1.0, &mut matrix_mut("outputs", z, rows, self.outputs)?);
        Ok(())
    }

    /// Writes `Xᵀ·E` and `Eᵀ·1` to `gradient`, which is laid out like the parameters.
    pub(super) fn gradient(self, x: &[f32], errors: &[f32], gradient: &mut [f32]) -> Result<(), ModelError> {
        let rows = errors.len().checked_div(self.outputs).unwrap_or(0);
        let (w, b) = gradient.split_at_mut(gradient.len().min(self.inputs * self.outputs));
        let inputs = matrix("inputs", x, rows, self.inputs)?;
        let e = matrix("errors", errors, rows, self.outputs)?;
        if narrow::fits(rows, self.outputs) {
            w.fill(0.0);
            narrow::add_product(Left::Columns(x), errors, w, rows, self.outputs);
        } else {
            general_mat_mul(
                1.0,
                &inputs.t(),
                &e,
                0.0,
                &mut matrix_mut("gradient", w, self.inputs, self.outputs)?,
            );
        }
        b.fill(0.0);
        for row in errors.chunks_exact(self.outputs.max(1)) {
            b.iter_mut().zip(row).for_each(|(sum, error)| *sum += error);
        }
        Ok(())
    }

    /// Writes `E·Wᵀ` to `back`.
    pub(super) fn backward(self, params: &[f32], errors: &[f32], back: &mut [f32]) -> Result<(), ModelError> {
        let rows = errors.len().checked_div(self.outputs).unwrap_or(0);
        let w = matrix("weights", self.split(params).0, self.inputs, self.outputs)?;
        let e = matrix("errors", errors, rows, self.outputs)?;
        general_mat_mul(1.0, &e, &w.t(), 0.0, &mut matrix_mut("errors", back, rows, self.inputs)?);
        Ok(())
    }
}

fn matrix<'a>(
    what: &'static str,
    values: &'a [f32],
    rows: usize,
    columns: usize,
) -> Result<ArrayView2<'a, f32>, ModelError> {
    let found = values.len();
    ArrayView2::from_shape((rows, columns), values).map_err(|_| ModelError::Length {
        what,
        found,
        expected: rows.saturating_mul(columns),
    })
}

fn matrix_mut<'a>(
    what: &'static str,
    values: &'a mut [f32],
    rows: usize,
    columns: usize,
) -> Result<ArrayViewMut2<'a, f32>, ModelError> {
    let found = values.len();
    ArrayViewMut2::from_shape((rows, columns), values).map_err(|_| ModelError::Length {
        what,
        found,
        expected: rows.saturating_mul(columns),
    })
}
