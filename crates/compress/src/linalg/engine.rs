//! Dense factorisations in `f64` on row-major slices: the only calls into a library.
//!
//! The library is faer, or LAPACK through `ndarray-linalg` behind the feature `lapack`. Inputs are finite and shaped;
//! signs of vectors are whatever the library gives.

use super::LinalgError;

/// Values, not increasing, and the vectors as columns `[n, n]`.
pub(super) type Eigen = (Vec<f64>, Vec<f64>);
/// U `[rows, k]`, s `[k]`, not increasing, and Vᵀ `[k, columns]`.
pub(super) type Thin = (Vec<f64>, Vec<f64>, Vec<f64>);
/// Q `[rows, k]` and R `[k, columns]`.
pub(super) type Qr = (Vec<f64>, Vec<f64>);

#[cfg(not(feature = "lapack"))]
mod native {
    use super::{Eigen, LinalgError, Qr, Thin};
    use faer::{Mat, MatRef, Side};

    fn rows_of(a: MatRef<'_, f64>) -> Vec<f64> {
        let (rows, columns) = a.shape();
        (0..rows).flat_map(|i| (0..columns).map(move |j| a[(i, j)])).collect()
    }

    pub(in super::super) fn eigen(a: &[f64], n: usize) -> Result<Eigen, LinalgError> {
        let eigen = MatRef::from_row_major_slice(a, n, n).self_adjoint_eigen(Side::Lower);
        let eigen = eigen.map_err(|_| LinalgError::NoConvergence)?;
        // The library sorts upwards.
        let vectors: Mat<f64> = eigen.U().reverse_cols().to_owned();
        Ok((eigen.S().column_vector().iter().rev().copied().collect(), rows_of(vectors.as_ref())))
    }

    pub(in super::super) fn svd(a: &[f64], rows: usize, columns: usize) -> Result<Thin, LinalgError> {
        let svd = MatRef::from_row_major_slice(a, rows, columns).thin_svd();
        let svd = svd.map_err(|_| LinalgError::NoConvergence)?;
        let s = svd.S().column_vector().iter().copied().collect();
        Ok((rows_of(svd.U()), s, rows_of(svd.V().transpose())))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the other library can fail")]
    pub(in super::super) fn qr(a: &[f64], rows: usize, columns: usize) -> Result<Qr, LinalgError> {
        let qr = MatRef::from_row_major_slice(a, rows, columns).qr();
        let r = qr.thin_R();
        let above = (0..r.nrows())
            .flat_map(|i| (0..columns).map(move |j| if i <= j { r[(i, j)] } else { 0.0 }))
            .collect();
        Ok((rows_of(qr.compute_thin_Q().as_ref()), above))
    }
}

#[cfg(feature = "lapack")]
mod native {
    use super::{Eigen, LinalgError, Qr, Thin};
    use ndarray::{Array2, ArrayView2};
    use ndarray_linalg::{Eigh, JobSvd, QR, SVDDC, UPLO};

    fn view(a: &[f64], rows: usize, columns: usize) -> Result<ArrayView2<'_, f64>, LinalgError> {
        ArrayView2::from_shape((rows, columns), a).map_err(|_| LinalgError::Shape)
    }

    fn rows_of(a: &Array2<f64>) -> Vec<f64> {
        a.iter().copied().collect()
    }

    pub(in super::super) fn eigen(a: &[f64], n: usize) -> Result<Eigen, LinalgError> {
        let (values, vectors) = view(a, n, n)?.eigh(UPLO::Lower).map_err(|_| LinalgError::NoConvergence)?;
        // The library sorts upwards.
        let columns = (0..n).flat_map(|i| (0..n).rev().map(move |j| (i, j)));
        Ok((values.iter().rev().copied().collect(), columns.map(|at| vectors[at]).collect()))
    }

    pub(in super::super) fn svd(a: &[f64], rows: usize, columns: usize) -> Result<Thin, LinalgError> {
        let found = view(a, rows, columns)?.svddc(JobSvd::Some).map_err(|_| LinalgError::NoConvergence)?;
        match found {
            (Some(u), s, Some(vt)) => Ok((rows_of(&u), s.to_vec(), rows_of(&vt))),
            _ => Err(LinalgError::NoConvergence),
        }
    }

    pub(in super::super) fn qr(a: &[f64], rows: usize, columns: usize) -> Result<Qr, LinalgError> {
        let (q, r) = view(a, rows, columns)?.qr().map_err(|_| LinalgError::NoConvergence)?;
        Ok((rows_of(&q), rows_of(&r)))
    }
}

pub(super) use native::{eigen, qr, svd};
