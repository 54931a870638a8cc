//! The leading eigenvectors of a symmetric matrix, without the others.
//!
//! A block Krylov space (Musco and Musco, *Randomized Block Krylov Methods*, 2015) restarted with its best vectors: from
//! an orthonormal block X of `wanted + SPARE` columns the space is [X, GX, …, G^STEPS X], orthonormal block by block, and
//! the eigenvectors of G on that space (Rayleigh and Ritz) are the next X. Time: STEPS·restarts products of n²·block.
//!
//! What is returned is checked: with values θᵢ and residuals ρᵢ = ‖G xᵢ − θᵢ xᵢ‖, the projection falls short of the best
//! one by at most about Σ ρᵢ²/(θᵢ − θ′), with θ′ the first value behind those wanted, and by Σ ρᵢ in any case. It has to
//! be below [`SHORT`] times what the best projection leaves out; otherwise the caller decomposes the whole matrix.

use super::product::product;
use super::{LinalgError, Matrix, Onto, engine};
use bitneuron_core::Seed;
use rand::Rng;

/// Columns of the block beyond those wanted.
const SPARE: usize = 8;
/// Products with the matrix between restarts.
const STEPS: usize = 1;
/// Spaces tried before giving up.
const RESTARTS: i32 = 6;
/// What may be missed, as a part of what is left out anyway.
const SHORT: f64 = 1e-7;
/// What may be missed in any case, as a part of the trace: the rounding of the matrix itself.
const FLOOR: f64 = 1e-15;

/// Whether [`leading`] is faster than the whole decomposition.
pub(super) fn pays(n: usize, wanted: usize) -> bool {
    n >= 5 * (wanted + SPARE)
}

/// The `wanted` largest eigenvalues of `g: [n, n]` and their vectors `[n, wanted]`, or `None` when they do not converge.
pub(super) fn leading(g: &[f64], n: usize, wanted: usize) -> Result<Option<engine::Eigen>, LinalgError> {
    let width = wanted + SPARE;
    let trace: f64 = g.iter().step_by(n + 1).sum();
    let mut block = start(n, width)?;
    let mut before = f64::INFINITY;
    for left in (0..RESTARTS).rev() {
        let (basis, image) = krylov(g, n, &block)?;
        let ritz = Ritz::new(&basis, &image, n, width)?;
        let short = ritz.shortfall(n, wanted);
        let allowed = SHORT * ritz.left_out(trace, wanted) + FLOOR * trace;
        if short <= allowed {
            return Ok(Some(ritz.take(n, wanted)));
        }
        // At the pace of the last restart, those that are left would not do.
        if before.is_finite() && short * (short / before).powi(left) > allowed {
            break;
        }
        (block, before) = (ritz.vectors, short);
    }
    Ok(None)
}

/// An orthonormal block `[n, width]` from random signs; the same in every run.
fn start(n: usize, width: usize) -> Result<Vec<f64>, LinalgError> {
    let mut rng = Seed::from_number(2015).rng();
    let signs: Vec<f64> =
        (0..n * width).map(|_| if rng.next_u32() >> 31 == 0 { 1.0 } else { -1.0 }).collect();
    Ok(engine::qr(&signs, n, width)?.0)
}

/// An orthonormal basis of the Krylov space of `block`, and its image under `g`, both stored by columns: `[dimension, n]`.
fn krylov(g: &[f64], n: usize, block: &[f64]) -> Result<(Vec<f64>, Vec<f64>), LinalgError> {
    let width = block.len() / n;
    let g = Matrix::new(g, n, n);
    let mut basis = transposed(block, n, width);
    let mut image = Matrix::new(&basis, width, n).multiply(g)?;
    for _ in 0..STEPS {
        let last = image.get(image.len() - width * n..).unwrap_or_default();
        let next = orthonormal(last.to_vec(), &basis, n)?;
        image.extend(Matrix::new(&next, width, n).multiply(g)?);
        basis.extend(next);
    }
    Ok((basis, image))
}

/// The rows of `rows: [width, n]` made orthonormal, and orthogonal to those of `basis`, twice for rounding.
fn orthonormal(mut rows: Vec<f64>, basis: &[f64], n: usize) -> Result<Vec<f64>, LinalgError> {
    let width = rows.len() / n;
    let known = Matrix::new(basis, basis.len() / n, n);
    for _ in 0..2 {
        let mut share = Matrix::new(&rows, width, n).multiply(known.transposed())?;
        share.iter_mut().for_each(|x| *x = -*x);
        product(&mut rows, Onto::Add, Matrix::new(&share, width, basis.len() / n), known)?;
        let (q, _) = engine::qr(&transposed(&rows, width, n), n, width)?;
        rows = transposed(&q, n, width);
    }
    Ok(rows)
}

/// `a: [rows, columns]` as `[columns, rows]`.
fn transposed(a: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let mut out = vec![0.0; a.len()];
    for (i, row) in a.chunks_exact(columns).enumerate() {
        out.iter_mut().skip(i).step_by(rows).zip(row).for_each(|(into, x)| *into = *x);
    }
    out
}

/// The best approximate eigenvectors in a space.
struct Ritz {
    values: Vec<f64>,
    /// `[n, width]`.
    vectors: Vec<f64>,
    /// G · vectors.
    images: Vec<f64>,
    width: usize,
}

impl Ritz {
    fn new(basis: &[f64], image: &[f64], n: usize, width: usize) -> Result<Self, LinalgError> {
        let dimension = basis.len() / n;
        let (rows, images) = (Matrix::new(basis, dimension, n), Matrix::new(image, dimension, n));
        let inner = rows.multiply(images.transposed())?;
        let (values, vectors) = engine::eigen(&inner, dimension)?;
        let best: Vec<f64> =
            vectors.chunks_exact(dimension).flat_map(|row| row.iter().take(width).copied()).collect();
        let best = Matrix::new(&best, dimension, width);
        Ok(Self {
            values,
            vectors: rows.transposed().multiply(best)?,
            images: images.transposed().multiply(best)?,
            width,
        })
    }

    /// The trace that the wanted values do not hold.
    fn left_out(&self, trace: f64, wanted: usize) -> f64 {
        (trace - self.values.iter().take(wanted).sum::<f64>()).max(0.0)
    }

    /// How much of the trace the best vectors could hold beyond these.
    fn shortfall(&self, n: usize, wanted: usize) -> f64 {
        let behind = self.values.get(self.width).copied().unwrap_or(0.0);
        let mut squares = vec![0.0; wanted];
        for at in (0..n).map(|row| row * self.width) {
            for (j, square) in squares.iter_mut().enumerate() {
                let residual = self.images[at + j] - self.values[j] * self.vectors[at + j];
                *square += residual * residual;
            }
        }
        let each = squares.iter().zip(&self.values).map(|(square, value)| {
            let residual = square.sqrt();
            if *value > behind { residual.min(square / (value - behind)) } else { residual }
        });
        each.sum()
    }

    fn take(mut self, n: usize, wanted: usize) -> engine::Eigen {
        let columns = self.vectors.chunks_exact(self.width);
        let vectors: Vec<f64> = columns.flat_map(|row| row.iter().take(wanted).copied()).collect();
        debug_assert_eq!(vectors.len(), n * wanted);
        self.values.truncate(wanted);
        (self.values, vectors)
    }
}
