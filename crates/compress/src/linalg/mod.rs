//! The only place that factorises matrices.
//!
//! Everything is decided in `f64`, also for `f32` data: single-precision Householder routines decide that a column is
//! dependent by a threshold that grows with the number of rows, and on tall matrices of quite ordinary condition they
//! drop real directions. Three routes are offered:
//!
//! - *Gram*: eigenvectors of A·Aᵀ, summed in `f64` panel by panel, or where A is tall those of Aᵀ·A, from which the basis
//!   follows by one product and a QR decomposition. Squaring the condition hides singular values below about 10⁻⁸ σ₁,
//!   which `f32` data do not have either.
//! - *Mixed*: the same, with `f32` products inside a panel. Half the time, and good only where the cut leaves out much
//!   more than the rounding of `f32`; where it does not, the Gram route is taken after all.
//! - *Direct*: a singular value decomposition of A in `f64`.
//!
//! Where few of many eigenvectors are wanted, only those are computed. Products ([`multiply`], [`multiply_f32`],
//! [`Matrix`]) run at the speed of the engine in either precision, and so do those along one mode of a tensor
//! ([`mode_gram`], [`mode_multiply`]).
//!
//! Matrices are row-major slices; no type of the engine behind is public. One thread, so one build on one kind of
//! processor gives one result. The sign of every basis vector is fixed: its entry of largest magnitude is positive.

mod engine;
mod gram;
mod leading;
mod mode;
mod product;

pub use mode::{mode_gram, mode_multiply};
pub use product::{Matrix, Onto, Scalar, multiply, multiply_f32};

use faer::traits::ComplexField;
use gram::Inner;
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

/// `f32` or `f64`.
pub trait Real: Copy + Default + Into<f64> + sealed::Sealed {
    /// Rounded to the precision of the type.
    fn from_f64(value: f64) -> Self;
}

impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}

mod sealed {
    pub trait Sealed: super::ComplexField {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// How to factorise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Through A·Aᵀ where A is wide, through Aᵀ·A where it is tall.
    Gram,
    /// As [`Route::Gram`], in `f32` inside a panel where that changes nothing that matters.
    Mixed,
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

/// A ≈ basis · carry, with orthonormal columns in the basis; the carry is as large as the data and may be `f32`.
#[derive(Debug, Clone, PartialEq)]
pub struct Split<C = f64> {
    /// `[rows, rank]`.
    pub basis: Vec<f64>,
    /// `[rank, columns]`, which is basisᵀ · A.
    pub carry: Vec<C>,
    /// The number of singular values kept.
    pub rank: usize,
    /// The sum of the squares of those dropped, as the spectrum tells it.
    pub dropped: f64,
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

/// The thin decomposition A = Q · R with k = min(rows, columns).
#[derive(Debug, Clone, PartialEq)]
pub struct Qr {
    /// `[rows, k]`, orthonormal columns.
    pub q: Vec<f64>,
    /// `[k, columns]`, nothing below the diagonal.
    pub r: Vec<f64>,
}

/// The eigenvectors of a symmetric matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// `[n]`, not increasing.
    pub values: Vec<f64>,
    /// `[n, n]`, orthonormal columns.
    pub vectors: Vec<f64>,
}

impl Eigen {
    /// The first `count` vectors, `[n, count]`.
    pub fn first(&self, count: usize) -> Vec<f64> {
        first_columns(&self.vectors, self.values.len(), count)
    }

    /// How many values are kept (at least 1, at most `max_rank`) when those dropped may add up to `discard`.
    pub fn rank(&self, discard: f64, max_rank: usize) -> usize {
        rank(&self.values, 0.0, Cut { discard, max_rank, route: Route::Gram })
    }
}

/// The part of the norm that a cut has to leave out for `f32` products to decide it: those err by about 10⁻¹⁰ of the
/// squared norm for each pair of directions.
const MIXED_LEAST: f64 = 5e-3;

/// The sum of squares, in `f64`.
pub fn norm_squared<T: Real>(a: &[T]) -> f64 {
    // Sixteen sums at once: one alone would wait for each addition.
    let mut sums = [0.0f64; 16];
    let (chunks, rest) = a.as_chunks::<16>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            let x: f64 = (*x).into();
            *sum += x * x;
        }
    }
    let rest = rest.iter().map(|x| (*x).into().powi(2)).sum::<f64>();
    sums.iter().sum::<f64>() + rest
}

/// The thin singular value decomposition of `a: [rows, columns]`, in `f64` whatever the data.
///
/// # Errors
/// [`LinalgError`].
pub fn svd<T: Real>(a: &[T], rows: usize, columns: usize) -> Result<Svd, LinalgError> {
    let (mut u, s, mut vt) = engine::svd(&double(a, rows, columns)?, rows, columns)?;
    // The rows of Vᵀ follow the signs of the columns of U.
    let signs = positive_columns(&mut u, s.len());
    for (row, sign) in vt.chunks_exact_mut(columns).zip(signs) {
        row.iter_mut().for_each(|x| *x *= sign);
    }
    Ok(Svd { u, s, vt })
}

/// The thin QR decomposition of `a: [rows, columns]`, in `f64` whatever the data.
///
/// # Errors
/// [`LinalgError`].
pub fn qr<T: Real>(a: &[T], rows: usize, columns: usize) -> Result<Qr, LinalgError> {
    let (q, r) = engine::qr(&double(a, rows, columns)?, rows, columns)?;
    Ok(Qr { q, r })
}

/// The eigenvalues and vectors of the symmetric matrix `a: [n, n]`, of which the lower triangle is read.
///
/// # Errors
/// [`LinalgError`].
pub fn eigen(a: &[f64], n: usize) -> Result<Eigen, LinalgError> {
    let (values, mut vectors) = engine::eigen(&double(a, n, n)?, n)?;
    positive_columns(&mut vectors, n);
    Ok(Eigen { values, vectors })
}

/// X of least norm that comes nearest to S · X = B, for a symmetric S `[n, n]` without negative eigenvalues and B `[n, m]`;
/// eigenvalues below 10⁻¹² of the largest are taken for 0.
///
/// # Errors
/// [`LinalgError`].
pub fn solve(s: &[f64], b: &[f64], [n, m]: [usize; 2]) -> Result<Vec<f64>, LinalgError> {
    let Eigen { values, vectors } = eigen(s, n)?;
    let vectors = Matrix::new(&vectors, n, n);
    let mut inner = vectors.transposed().multiply(Matrix::new(b, n, m))?;
    let least = values.first().copied().unwrap_or_default() * 1e-12;
    for (row, value) in inner.chunks_exact_mut(m).zip(values) {
        let factor = if value > least { 1.0 / value } else { 0.0 };
        row.iter_mut().for_each(|x| *x *= factor);
    }
    vectors.multiply(Matrix::new(&inner, n, m))
}

/// The best A ≈ basis · carry under `cut`, for `a: [rows, columns]`.
///
/// # Errors
/// [`LinalgError`].
pub fn split<T: Real>(a: &[T], rows: usize, columns: usize, cut: Cut) -> Result<Split, LinalgError> {
    split_to(a, rows, columns, cut)
}

/// As [`split`], with the carry rounded to `f32`, the precision of the data.
///
/// # Errors
/// [`LinalgError`].
pub fn split_f32(a: &[f32], rows: usize, columns: usize, cut: Cut) -> Result<Split<f32>, LinalgError> {
    split_to(a, rows, columns, cut)
}

fn split_to<T: Real, C: Real>(
    a: &[T],
    rows: usize,
    columns: usize,
    cut: Cut,
) -> Result<Split<C>, LinalgError> {
    check_shape(a, rows, columns)?;
    let shape = [rows, columns];
    match cut.route {
        Route::Direct => split_direct(a, shape, cut),
        _ if rows > columns => split_tall(a, shape, cut),
        Route::Gram => Ok(split_wide(a, shape, cut, Inner::Double)?.0),
        Route::Mixed => split_mixed(a, shape, cut),
    }
}

fn split_direct<T: Real, C: Real>(
    a: &[T],
    [rows, columns]: [usize; 2],
    cut: Cut,
) -> Result<Split<C>, LinalgError> {
    let (u, s, _) = engine::svd(&double(a, rows, columns)?, rows, columns)?;
    let squares: Vec<f64> = s.iter().map(|s| s * s).collect();
    let rank = rank(&squares, 0.0, cut);
    let mut basis = first_columns(&u, s.len(), rank);
    positive_columns(&mut basis, rank);
    let carry = gram::project(&basis, a, [rows, rank, columns], Inner::Double);
    Ok(Split { basis, carry, rank, dropped: squares.iter().skip(rank).sum() })
}

/// In `f32` first; that stands if what it leaves out is much, yet no more than allowed.
fn split_mixed<T: Real, C: Real>(a: &[T], shape: [usize; 2], cut: Cut) -> Result<Split<C>, LinalgError> {
    let (split, all) = split_wide(a, shape, cut, Inner::Single)?;
    let much = split.dropped >= MIXED_LEAST.powi(2) * all;
    let allowed = || norm_squared(a) - norm_squared(&split.carry) <= cut.discard;
    if much && (split.rank == cut.max_rank || allowed()) {
        return Ok(split);
    }
    Ok(split_wide(a, shape, cut, Inner::Double)?.0)
}

/// By the eigenvectors of A·Aᵀ, whose eigenvalues are the squared singular values; and the sum of all of those.
fn split_wide<T: Real, C: Real>(
    a: &[T],
    [rows, columns]: [usize; 2],
    cut: Cut,
    inner: Inner,
) -> Result<(Split<C>, f64), LinalgError> {
    let gram = gram::gram(a, [1, rows, columns], inner);
    let Spectrum { mut vectors, rank, dropped, all } = Spectrum::new(&gram, rows, cut)?;
    positive_columns(&mut vectors, rank);
    let carry = gram::project(&vectors, a, [rows, rank, columns], inner);
    Ok((Split { basis: vectors, carry, rank, dropped }, all))
}

/// By the eigenvectors V of Aᵀ·A: the columns of A·V are orthogonal up to rounding, and made so for good.
fn split_tall<T: Real, C: Real>(
    a: &[T],
    [rows, columns]: [usize; 2],
    cut: Cut,
) -> Result<Split<C>, LinalgError> {
    let wide = double(a, rows, columns)?;
    let matrix = Matrix::new(&wide, rows, columns);
    let gram = matrix.transposed().multiply(matrix)?;
    let Spectrum { vectors, rank, dropped, .. } = Spectrum::new(&gram, columns, cut)?;
    let image = matrix.multiply(Matrix::new(&vectors, columns, rank))?;
    let (mut basis, _) = engine::qr(&image, rows, rank)?;
    positive_columns(&mut basis, rank);
    let carry = Matrix::new(&basis, rows, rank).transposed().multiply(matrix)?;
    let carry = carry.into_iter().map(C::from_f64).collect();
    Ok(Split { basis, carry, rank, dropped })
}

/// The part of a symmetric matrix that a cut keeps.
struct Spectrum {
    /// `[n, rank]`.
    vectors: Vec<f64>,
    rank: usize,
    /// The sum of the eigenvalues dropped.
    dropped: f64,
    /// The sum of all.
    all: f64,
}

impl Spectrum {
    /// Of the Gram matrix `gram: [n, n]`; the leading vectors alone where those are few.
    fn new(gram: &[f64], n: usize, cut: Cut) -> Result<Self, LinalgError> {
        let all: f64 = gram.iter().step_by(n + 1).sum();
        if !all.is_finite() {
            return Err(LinalgError::NotFinite);
        }
        let few =
            if leading::pays(n, cut.max_rank) { leading::leading(gram, n, cut.max_rank)? } else { None };
        let (values, vectors) = match few {
            Some(few) => few,
            None => engine::eigen(gram, n)?,
        };
        let beyond = if values.len() < n { (all - values.iter().sum::<f64>()).max(0.0) } else { 0.0 };
        let rank = rank(&values, beyond, cut);
        let dropped = beyond + values.iter().skip(rank).map(|value| value.max(0.0)).sum::<f64>();
        Ok(Self { vectors: first_columns(&vectors, values.len(), rank), rank, dropped, all })
    }
}

fn check_shape<T>(a: &[T], rows: usize, columns: usize) -> Result<(), LinalgError> {
    if a.is_empty() || rows.checked_mul(columns) != Some(a.len()) { Err(LinalgError::Shape) } else { Ok(()) }
}

/// A copy in `f64`, checked.
fn double<T: Real>(a: &[T], rows: usize, columns: usize) -> Result<Vec<f64>, LinalgError> {
    check_shape(a, rows, columns)?;
    let wide: Vec<f64> = a.iter().map(|x| (*x).into()).collect();
    if wide.iter().all(|x| x.is_finite()) { Ok(wide) } else { Err(LinalgError::NotFinite) }
}

/// How many of the squared singular values (not increasing) are kept, when `beyond` lies behind them.
fn rank(squares: &[f64], beyond: f64, cut: Cut) -> usize {
    let mut dropped = beyond;
    let tail = squares.iter().rev().take_while(|square| {
        dropped += square.max(0.0);
        dropped <= cut.discard
    });
    (squares.len() - tail.count()).min(cut.max_rank).max(1)
}

/// The first `count` columns of `a: [rows, columns]`.
fn first_columns(a: &[f64], columns: usize, count: usize) -> Vec<f64> {
    a.chunks_exact(columns).flat_map(|row| row.iter().take(count).copied()).collect()
}

/// Turns each column of `a: [rows, columns]` so that its entry of largest magnitude is positive; the signs applied.
fn positive_columns(a: &mut [f64], columns: usize) -> Vec<f64> {
    let mut largest = vec![0.0f64; columns];
    for row in a.chunks_exact(columns) {
        let pairs = largest.iter_mut().zip(row);
        pairs.filter(|(most, x)| x.abs() > most.abs()).for_each(|(most, x)| *most = *x);
    }
    let signs: Vec<f64> = largest.iter().map(|most| if *most < 0.0 { -1.0 } else { 1.0 }).collect();
    for row in a.chunks_exact_mut(columns) {
        row.iter_mut().zip(&signs).for_each(|(x, sign)| *x *= sign);
    }
    signs
}
