//! Products of row-major matrices in the precision of their data.
//!
//! A product, unlike a factorisation, loses nothing to single precision but rounding, so layers run in `f32`; the same
//! code in `f64` is what their gradients are checked in. Operands may be transposed and the product may be added to
//! what is there; nothing is copied.

use super::{LinalgError, Real};
use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};
use std::{fmt::Debug, ops};

/// What to do with the values that are already in the place of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onto {
    /// Overwrite them.
    Replace,
    /// Add to them.
    Add,
}

/// A row-major matrix, perhaps read as its transpose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matrix<'a, S> {
    values: &'a [S],
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<'a, S> Matrix<'a, S> {
    /// The matrix `[rows, columns]` in `values`.
    pub const fn new(values: &'a [S], rows: usize, columns: usize) -> Self {
        Self { values, rows, columns, transposed: false }
    }

    /// The same values read as `[columns, rows]`.
    #[must_use]
    pub const fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Rows and columns, as read.
    pub const fn shape(&self) -> [usize; 2] {
        if self.transposed { [self.columns, self.rows] } else { [self.rows, self.columns] }
    }

    fn view(self) -> Result<MatRef<'a, S>, LinalgError> {
        if self.rows.checked_mul(self.columns) != Some(self.values.len()) {
            return Err(LinalgError::Shape);
        }
        let plain = MatRef::from_row_major_slice(self.values, self.rows, self.columns);
        Ok(if self.transposed { plain.transpose() } else { plain })
    }
}

impl<S: Real> Matrix<'_, S> {
    /// The product with `other`, row-major.
    ///
    /// # Errors
    /// [`LinalgError::Shape`]: values that do not fill their shape, or inner sizes that differ.
    pub fn multiply(self, other: Self) -> Result<Vec<S>, LinalgError> {
        let count = self.shape()[0].checked_mul(other.shape()[1]).ok_or(LinalgError::Shape)?;
        let mut out = vec![S::default(); count];
        product(&mut out, Onto::Replace, self, other)?;
        Ok(out)
    }
}

/// The numbers that layers are computed in: `f32`, and `f64` to check them.
pub trait Scalar: Real + Debug + Send + Sync + 'static + ops::Mul<Output = Self> + ops::AddAssign {
    /// `out ← a · b` or `out ← out + a · b`, `out` row-major with the rows of `a` and the columns of `b`.
    ///
    /// # Errors
    /// [`LinalgError::Shape`]: a slice of another length than its shape, or inner sizes that differ.
    fn multiply(
        out: &mut [Self],
        onto: Onto,
        a: Matrix<'_, Self>,
        b: Matrix<'_, Self>,
    ) -> Result<(), LinalgError> {
        product(out, onto, a, b)
    }
}

impl Scalar for f32 {}
impl Scalar for f64 {}

/// Writes a product to `out`, or adds it.
pub(super) fn product<S: Real>(
    out: &mut [S],
    onto: Onto,
    a: Matrix<'_, S>,
    b: Matrix<'_, S>,
) -> Result<(), LinalgError> {
    let ([rows, inner], [depth, columns]) = (a.shape(), b.shape());
    if inner != depth || rows.checked_mul(columns) != Some(out.len()) {
        return Err(LinalgError::Shape);
    }
    let accum = match onto {
        Onto::Replace => Accum::Replace,
        Onto::Add => Accum::Add,
    };
    let into = MatMut::from_row_major_slice_mut(out, rows, columns);
    matmul(into, accum, a.view()?, b.view()?, S::from_f64(1.0), Par::Seq);
    Ok(())
}

/// A · B for `a: [m, k]` and `b: [k, n]`.
///
/// # Errors
/// [`LinalgError::Shape`].
pub fn multiply(a: &[f64], b: &[f64], [m, k, n]: [usize; 3]) -> Result<Vec<f64>, LinalgError> {
    Matrix::new(a, m, k).multiply(Matrix::new(b, k, n))
}

/// [`Scalar::multiply`] in single precision.
///
/// ```
/// use bitneuron_compress::linalg::{Matrix, Onto, multiply_f32};
/// let (a, mut out) = ([1.0, 2.0, 3.0, 4.0], [0.0; 4]);
/// let a = Matrix::new(&a, 2, 2);
/// multiply_f32(&mut out, Onto::Replace, a, a.transposed())?;
/// assert_eq!(out, [5.0, 11.0, 11.0, 25.0]);
/// # Ok::<(), bitneuron_compress::linalg::LinalgError>(())
/// ```
///
/// # Errors
/// [`LinalgError::Shape`].
pub fn multiply_f32(
    out: &mut [f32],
    onto: Onto,
    a: Matrix<'_, f32>,
    b: Matrix<'_, f32>,
) -> Result<(), LinalgError> {
    f32::multiply(out, onto, a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, so that every sum is exact.
    fn counted(count: usize, start: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 7 + start) % 11) as f32 - 5.0).collect()
    }

    #[test]
    fn operands_may_be_transposed_and_products_added() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 2), (8, 17, 33), (64, 9, 1)] {
            for flip in 0..4 {
                let (left, right) = (flip & 1 == 1, flip & 2 == 2);
                let (a, b) = (counted(m * k, 1), counted(k * n, 4));
                let at = |i: usize, l: usize| if left { a[l * m + i] } else { a[i * k + l] };
                let bt = |l: usize, j: usize| if right { b[j * k + l] } else { b[l * n + j] };
                let entry = |at_: usize| (0..k).map(|l| at(at_ / n, l) * bt(l, at_ % n)).sum::<f32>();
                let expected: Vec<f32> = (0..m * n).map(entry).collect();
                let a = if left { Matrix::new(&a, k, m).transposed() } else { Matrix::new(&a, m, k) };
                let b = if right { Matrix::new(&b, n, k).transposed() } else { Matrix::new(&b, k, n) };
                let mut out = vec![f32::NAN; m * n];
                multiply_f32(&mut out, Onto::Replace, a, b).expect("shaped");
                assert_eq!(out, expected);
                multiply_f32(&mut out, Onto::Add, a, b).expect("shaped");
                assert_eq!(out, expected.iter().map(|x| 2.0 * x).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let values = [0.0; 6];
        let fits = Matrix::new(&values, 2, 3);
        let mut out = [0.0; 4];
        assert_eq!(multiply_f32(&mut out, Onto::Replace, fits, fits.transposed()), Ok(()));
        for (a, b) in [
            (fits, fits),
            (fits, Matrix::new(&values, 3, 3)),
            (Matrix::new(&values, usize::MAX, 2), fits),
            (Matrix::new(&values[..5], 2, 3), fits.transposed()),
        ] {
            assert_eq!(multiply_f32(&mut out, Onto::Replace, a, b), Err(LinalgError::Shape));
        }
        assert_eq!(multiply_f32(&mut out[..3], Onto::Add, fits, fits.transposed()), Err(LinalgError::Shape));
        // Nothing times nothing is zero.
        let empty = Matrix::new(&[], 2, 0);
        multiply_f32(&mut out, Onto::Replace, empty, empty.transposed()).expect("shaped");
        assert!(out.iter().all(|x| x.to_bits() == 0));
    }
}
