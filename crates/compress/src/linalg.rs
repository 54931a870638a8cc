//! The only place that factorises matrices.
//!
//! Everything is computed in `f64`, also for `f32` data: single-precision Householder routines decide that a column is
//! dependent by a threshold that grows with the number of rows, and on tall matrices of quite ordinary condition they
//! drop real directions. Two routes are offered:
//!
//! - *Gram*: eigenvectors of A·Aᵀ, summed in `f64` panel by panel. Fast where A is wide. Squaring the condition hides
//!   singular values below about 10⁻⁸ σ₁, which `f32` data do not have either.
//! - *Direct*: a singular value decomposition of A in `f64`.
//!
//! Matrices are row-major slices; no type of the engine behind is public. One thread, so one build on one kind of
//! processor gives one result. The sign of every basis vector is fixed: its entry of largest magnitude is positive.

mod product;

pub use product::{Matrix, Onto, Scalar, multiply_f32};

use faer::{
    Accum, Mat, MatMut, MatRef, Par, Side,
    linalg::matmul::{
        matmul,
        triangular::{self, BlockStructure},
    },
};
use thiserror::Error;

/// Why a factorisation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// The iteration did not converge.
    #[error("the factorisation did not converge")]
    NoConvergence,
    /// The matrix has a value that is infinite or not a number.
    #[error("the matrix is not finite")]
    NotFinite,
    /// The slice does not have rows × columns values, or one of them is 0.
    #[error("the slice does not fit the shape of the matrix")]
    Shape,
}

/// A number that converts to `f64` without loss.
pub trait Real: Copy + Into<f64> + sealed::Sealed {}
impl Real for f32 {}
impl Real for f64 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// How to factorise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Through A·Aᵀ where A is wide, else direct.
    Gram,
    /// A decomposition of A itself.
    Direct,
}

/// Where to cut the spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// The sum of the squares of the singular values that may be dropped.
    pub discard: f64,
    /// The most singular values to keep (at least 1 is kept).
    pub max_rank: usize,
    /// How to factorise.
    pub route: Route,
}

/// A ≈ basis · carry, with orthonormal columns in the basis.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// `[rows, rank]`.
    pub basis: Vec<f64>,
    /// `[rank, columns]`, which is basisᵀ · A.
    pub carry: Vec<f64>,
    /// The number of singular values kept.
    pub rank: usize,
}

/// The thin decomposition A = U · diag(s) · Vᵀ with k = min(rows, columns).
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// `[rows, k]`, orthonormal columns.
    pub u: Vec<f64>,
    /// `[k]`, not increasing.
    pub s: Vec<f64>,
    /// `[k, columns]`, orthonormal rows.
    pub vt: Vec<f64>,
}

/// The sum of squares, in `f64`.
pub fn norm_squared<T: Real>(a: &[T]) -> f64 {
    a.iter().map(|x| (*x).into().powi(2)).sum()
}

/// A · B for `a: [m, k]` and `b: [k, n]`.
///
/// # Errors
/// [`LinalgError::Shape`].
pub fn multiply(a: &[f64], b: &[f64], [m, k, n]: [usize; 3]) -> Result<Vec<f64>, LinalgError> {
    check_shape(a, m, k)?;
    check_shape(b, k, n)?;
    let mut out = vec![0.0; m * n];
    let into = MatMut::from_row_major_slice_mut(&mut out, m, n);
    let (a, b) = (MatRef::from_row_major_slice(a, m, k), MatRef::from_row_major_slice(b, k, n));
    matmul(into, Accum::Replace, a, b, 1.0, Par::Seq);
    Ok(out)
}

/// The thin singular value decomposition of `a: [rows, columns]`, in `f64` whatever the data.
///
/// # Errors
/// [`LinalgError`].
pub fn svd<T: Real>(a: &[T], rows: usize, columns: usize) -> Result<Svd, LinalgError> {
    check_shape(a, rows, columns)?;
    let (u, s, v) = direct(a, rows, columns)?;
    let (u, signs) = positive_columns(&u, s.len());
    // The columns of V follow the signs of those of U.
    let vt = signs.iter().enumerate().flat_map(|(j, sign)| v.col(j).iter().map(move |x| x * sign)).collect();
    Ok(Svd { u, s, vt })
}

/// The best A ≈ basis · carry under `cut`, for `a: [rows, columns]`.
///
/// # Errors
/// [`LinalgError`].
pub fn split<T: Real>(a: &[T], rows: usize, columns: usize, cut: Cut) -> Result<Split, LinalgError> {
    check_shape(a, rows, columns)?;
    let (basis, squares) = match cut.route {
        Route::Gram if rows <= columns => gram_basis(a, rows, columns)?,
        _ => {
            let (u, s, _) = direct(a, rows, columns)?;
            (u, s.iter().map(|s| s * s).collect())
        }
    };
    let rank = rank(&squares, cut);
    let (basis, _) = positive_columns(&basis, rank);
    let carry = project(&basis, a, [rows, rank, columns]);
    Ok(Split { basis, carry, rank })
}

fn check_shape<T>(a: &[T], rows: usize, columns: usize) -> Result<(), LinalgError> {
    if a.is_empty() || rows.checked_mul(columns) != Some(a.len()) { Err(LinalgError::Shape) } else { Ok(()) }
}

/// How many of the squared singular values (not increasing) are kept.
fn rank(squares: &[f64], cut: Cut) -> usize {
    let mut dropped = 0.0;
    let tail = squares.iter().rev().take_while(|square| {
        dropped += square.max(0.0);
        dropped <= cut.discard
    });
    (squares.len() - tail.count()).min(cut.max_rank).max(1)
}

type Factors = (Mat<f64>, Vec<f64>, Mat<f64>);

/// U, s and V of a decomposition in `f64`.
fn direct<T: Real>(a: &[T], rows: usize, columns: usize) -> Result<Factors, LinalgError> {
    let wide: Vec<f64> = a.iter().map(|x| (*x).into()).collect();
    if !wide.iter().all(|x| x.is_finite()) {
        return Err(LinalgError::NotFinite);
    }
    let svd = MatRef::from_row_major_slice(&wide, rows, columns).thin_svd();
    let svd = svd.map_err(|_| LinalgError::NoConvergence)?;
    let s = svd.S().column_vector().iter().copied().collect();
    Ok((svd.U().to_owned(), s, svd.V().to_owned()))
}

/// The eigenvectors of A·Aᵀ as columns, largest first, and the eigenvalues, which are the squared singular values.
fn gram_basis<T: Real>(a: &[T], rows: usize, columns: usize) -> Result<(Mat<f64>, Vec<f64>), LinalgError> {
    let gram = gram(a, rows, columns);
    if !(0..rows).all(|i| gram[(i, i)].is_finite()) {
        return Err(LinalgError::NotFinite);
    }
    let eigen = gram.self_adjoint_eigen(Side::Lower).map_err(|_| LinalgError::NoConvergence)?;
    let values = eigen.S().column_vector().iter().rev().map(|value| value.max(0.0)).collect();
    let vectors = eigen.U();
    Ok((Mat::from_fn(rows, rows, |i, j| vectors[(i, rows - 1 - j)]), values))
}

/// The lower triangle of A·Aᵀ, summed panel by panel in `f64`.
fn gram<T: Real>(a: &[T], rows: usize, columns: usize) -> Mat<f64> {
    let mut gram = Mat::zeros(rows, rows);
    panels(a, rows, columns, |_, panel| {
        triangular::matmul(
            gram.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Add,
            panel,
            BlockStructure::Rectangular,
            panel.transpose(),
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
    });
    gram
}

/// basisᵀ · A for `basis: [rows, rank]`, panel by panel.
fn project<T: Real>(basis: &[f64], a: &[T], [rows, rank, columns]: [usize; 3]) -> Vec<f64> {
    let basis = MatRef::from_row_major_slice(basis, rows, rank);
    let mut out = vec![0.0; rank * columns];
    panels(a, rows, columns, |first, panel| {
        let width = panel.ncols();
        let all = MatMut::from_row_major_slice_mut(&mut out, rank, columns);
        matmul(all.subcols_mut(first, width), Accum::Replace, basis.transpose(), panel, 1.0, Par::Seq);
    });
    out
}

/// Calls `each` with the first column and an `f64` copy of every panel of columns, left to right.
fn panels<T: Real>(a: &[T], rows: usize, columns: usize, mut each: impl FnMut(usize, MatRef<'_, f64>)) {
    // A panel of 1 MiB stays in the cache between the copy and the product.
    let width = ((1 << 17) / rows).clamp(64, 4096).min(columns);
    let mut buffer = vec![0.0; rows * width];
    for first in (0..columns).step_by(width) {
        let width = width.min(columns - first);
        for (row, into) in a.chunks_exact(columns).zip(buffer.chunks_exact_mut(width)) {
            row.iter().skip(first).zip(into).for_each(|(x, y)| *y = (*x).into());
        }
        let filled = buffer.get(..rows * width).unwrap_or_default();
        each(first, MatRef::from_row_major_slice(filled, rows, width));
    }
}

/// The first `count` columns, row-major, each with its entry of largest magnitude positive; and the signs applied.
fn positive_columns(columns: &Mat<f64>, count: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = columns.nrows();
    let signs: Vec<f64> = (0..count)
        .map(|j| {
            let largest = (0..rows)
                .map(|i| columns[(i, j)])
                .fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
            if largest < 0.0 { -1.0 } else { 1.0 }
        })
        .collect();
    let values = (0..rows).flat_map(|i| (0..count).map(move |j| (i, j)));
    (values.map(|(i, j)| columns[(i, j)] * signs[j]).collect(), signs)
}
