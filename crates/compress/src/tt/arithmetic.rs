//! Sums, products and rounding of trains, without multiplying them out.
//!
//! A weighted sum of trains is a train whose ranks are the sums of theirs (Oseledets 2011, section 4): the first cores side
//! by side, the last ones stacked, those between on a diagonal of blocks. *Rounding* brings the ranks down again: a sweep of
//! QR decompositions from right to left makes all cores but the first right-orthogonal, so that a sweep of singular value
//! decompositions from left to right cuts each bond as TT-SVD would. It leaves the train in the *canonical gauge*: cores
//! left-orthogonal but for the last, the columns of each the singular vectors of the unfolding, largest first, and of every
//! column the entry of largest magnitude positive. With distinct singular values a tensor has one such train.
//!
//! Averaging cores entry by entry is no substitute: a tensor has many trains (an invertible matrix and its inverse can be
//! put in at each bond), and the mean of the cores depends on which.
//!
//! Everything is computed in `f64`; cores are rounded to `f32` at the end. Time of rounding: O(Σ n_k R³) for ranks R before.

use super::{Train, TrainShape, Truncation, decompose::rounded};
use crate::{
    CompressError,
    dense::check_finite,
    linalg::{self, Cut, LinalgError, Matrix, Route, norm_squared},
};

/// The squared relative part of each bond that is rounding noise in `f64`.
const NOISE: f64 = 1e-26;

impl Train {
    /// The sum, in the canonical gauge.
    ///
    /// # Errors
    /// The modes differ, or a core is not finite.
    pub fn add(&self, other: &Self) -> Result<Self, CompressError> {
        let mut sum = Cores::sum(&[(1.0, self), (1.0, other)])?;
        sum.orthogonalise_right()?;
        let cut = sum.lossless();
        sum.truncate(cut)
    }

    /// `factor` times the train, in the same gauge.
    ///
    /// # Errors
    /// A value of the last core is then not finite.
    pub fn scale(&self, factor: f64) -> Result<Self, CompressError> {
        let mut scaled = self.clone();
        if let Some(last) = scaled.cores.last_mut() {
            last.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
            check_finite(last)?;
        }
        Ok(scaled)
    }

    /// The inner product of the tensors, Σ A·B.
    ///
    /// # Errors
    /// The modes differ.
    pub fn dot(&self, other: &Self) -> Result<f64, CompressError> {
        check_modes([self, other].into_iter())?;
        // state[a, b] = Σ over the modes so far, with a the bond of `self` and b that of `other`.
        let mut state = vec![1.0];
        for (index, (core, twin)) in self.cores.iter().zip(&other.cores).enumerate() {
            let [left, mode, right] = self.shape.core_shape(index);
            let [twin_left, _, twin_right] = other.shape.core_shape(index);
            let (core, twin) = (wide(core, 1.0), wide(twin, 1.0));
            let bonds = Matrix::new(&state, left, twin_left);
            let half = bonds.transposed().multiply(Matrix::new(&core, left, mode * right))?;
            let half = Matrix::new(&half, twin_left * mode, right).transposed();
            state = half.multiply(Matrix::new(&twin, twin_left * mode, twin_right))?;
        }
        Ok(state.iter().sum())
    }

    /// The Frobenius norm of the tensor.
    ///
    /// # Errors
    /// None for a well-formed train.
    pub fn norm(&self) -> Result<f64, CompressError> {
        Ok(self.dot(self)?.max(0.0).sqrt())
    }

    /// The train of the same modes with smaller ranks, as near as `truncation` asks, in the canonical gauge.
    ///
    /// # Errors
    /// The truncation is out of range, or a core is not finite.
    pub fn round(&self, truncation: Truncation) -> Result<Self, CompressError> {
        rounded_sum(&[(1.0, self)], truncation)
    }

    /// The same tensor in the canonical gauge, bonds that hold nothing removed.
    ///
    /// # Errors
    /// A core is not finite.
    pub fn orthogonalise(&self) -> Result<Self, CompressError> {
        let mut cores = Cores::sum(&[(1.0, self)])?;
        cores.orthogonalise_right()?;
        let cut = cores.lossless();
        cores.truncate(cut)
    }
}

/// The weighted mean Σ wᵢ·Aᵢ / Σ wᵢ of trains, rounded as `truncation` asks: models are merged as the trains they travel as.
///
/// ```
/// use bitneuron_compress::tt::{Truncation, decompose, merge};
/// let ramp: Vec<f32> = (0..64).map(|at| (at / 8) as f32).collect();
/// let stairs: Vec<f32> = (0..64).map(|at| (at % 8) as f32).collect();
/// let train = |values: &[f32]| decompose(values, &[8, 8], Truncation::Tolerance(1e-5));
/// let mean = merge(&[(3.0, &train(&ramp)?), (1.0, &train(&stairs)?)], Truncation::Tolerance(1e-5))?;
/// assert_eq!(mean.shape.ranks(), [2]);
/// assert!((mean.expand()?[63] - 7.0).abs() < 1e-5);
/// # Ok::<(), bitneuron_compress::CompressError>(())
/// ```
///
/// # Errors
/// There is no train, the modes differ, a weight is negative or not finite, all of them are 0, or as [`Train::round`].
pub fn merge(trains: &[(f64, &Train)], truncation: Truncation) -> Result<Train, CompressError> {
    let total: f64 = trains.iter().map(|(weight, _)| weight).sum();
    let sound = trains.iter().all(|(weight, _)| *weight >= 0.0) && total > 0.0 && total.is_finite();
    if !sound {
        return Err(CompressError::Config("a mean needs weights that are not negative and not all 0"));
    }
    let shares: Vec<(f64, &Train)> = trains.iter().map(|(weight, train)| (weight / total, *train)).collect();
    rounded_sum(&shares, truncation)
}

fn rounded_sum(terms: &[(f64, &Train)], truncation: Truncation) -> Result<Train, CompressError> {
    truncation.check()?;
    let mut sum = Cores::sum(terms)?;
    sum.orthogonalise_right()?;
    let cut = truncation.cut(sum.energy(), sum.bonds());
    sum.truncate(Cut { route: Route::Direct, ..cut })
}

fn check_modes<'a>(mut trains: impl Iterator<Item = &'a Train>) -> Result<(), CompressError> {
    let first = trains.next().ok_or(CompressError::Config("a sum of trains has at least one"))?;
    if trains.all(|train| train.shape.modes() == first.shape.modes()) {
        Ok(())
    } else {
        Err(CompressError::Config("the trains have other modes"))
    }
}

fn wide(core: &[f32], factor: f64) -> Vec<f64> {
    core.iter().map(|value| f64::from(*value) * factor).collect()
}

/// A core with its shape: rank before, mode, rank behind.
pub(crate) type Shaped = ([usize; 3], Vec<f64>);

/// Cores in `f64` with ranks that need not be the smallest.
pub(crate) struct Cores {
    /// Rank before, mode, rank behind.
    shapes: Vec<[usize; 3]>,
    cores: Vec<Vec<f64>>,
}

impl Cores {
    /// Cores of these shapes, at least one.
    pub(crate) const fn new(shapes: Vec<[usize; 3]>, cores: Vec<Vec<f64>>) -> Self {
        Self { shapes, cores }
    }

    /// The same tensor in the canonical gauge; a rank that exceeds what its sides hold becomes smaller. Each core with its shape.
    pub(crate) fn left_orthogonal(mut self) -> Result<Vec<Shaped>, LinalgError> {
        self.orthogonalise_right()?;
        let all = Cut { discard: f64::NEG_INFINITY, max_rank: usize::MAX, route: Route::Direct };
        self.sweep(all)?;
        Ok(self.shapes.into_iter().zip(self.cores).collect())
    }

    /// The weighted sum of trains.
    fn sum(terms: &[(f64, &Train)]) -> Result<Self, CompressError> {
        check_modes(terms.iter().map(|(_, train)| *train))?;
        let count = terms.first().map_or(0, |(_, train)| train.cores.len());
        let (mut shapes, mut cores) = (Vec::new(), Vec::new());
        for index in 0..count {
            let parts: Vec<[usize; 3]> =
                terms.iter().map(|(_, train)| train.shape.core_shape(index)).collect();
            let mode = parts.first().map_or(1, |[_, mode, _]| *mode);
            let (first, last) = (index == 0, index + 1 == count);
            let left = if first { 1 } else { parts.iter().map(|[left, _, _]| left).sum() };
            let right = if last { 1 } else { parts.iter().map(|[_, _, right]| right).sum() };
            let mut core = vec![0.0; left * mode * right];
            let (mut row, mut column) = (0, 0);
            for ((weight, train), [part_left, _, part_right]) in terms.iter().zip(parts) {
                let values = wide(&train.cores[index], if first { *weight } else { 1.0 });
                for (at, run) in values.chunks_exact(part_right).enumerate() {
                    let start = (row * mode + at) * right + column;
                    core[start..start + part_right].iter_mut().zip(run).for_each(|(into, x)| *into += x);
                }
                row += if first { 0 } else { part_left };
                column += if last { 0 } else { part_right };
            }
            shapes.push([left, mode, right]);
            cores.push(core);
        }
        Ok(Self { shapes, cores })
    }

    fn bonds(&self) -> usize {
        self.cores.len() - 1
    }

    /// The squared norm of the tensor, which the first core holds once the others are right-orthogonal.
    fn energy(&self) -> f64 {
        self.cores.first().map_or(0.0, |core| norm_squared(core))
    }

    /// The cut that drops rounding noise alone.
    fn lossless(&self) -> Cut {
        Cut { discard: NOISE * self.energy(), max_rank: usize::from(u16::MAX), route: Route::Direct }
    }

    /// From right to left, all cores but the first get orthonormal rows.
    fn orthogonalise_right(&mut self) -> Result<(), LinalgError> {
        for index in (1..self.cores.len()).rev() {
            let [left, mode, right] = self.shapes[index];
            let columns = mode * right;
            // A core is L·Qᵀ with its transpose Q·Lᵀ.
            let core = &self.cores[index];
            let transposed: Vec<f64> =
                (0..columns).flat_map(|j| core.iter().skip(j).step_by(columns).copied()).collect();
            let qr = linalg::qr(&transposed, columns, left)?;
            let rank = left.min(columns);
            self.cores[index] = (0..rank).flat_map(|j| qr.q.iter().skip(j).step_by(rank).copied()).collect();
            self.shapes[index] = [rank, mode, right];
            let [before, near, _] = self.shapes[index - 1];
            let previous = Matrix::new(&self.cores[index - 1], before * near, left);
            self.cores[index - 1] = previous.multiply(Matrix::new(&qr.r, rank, left).transposed())?;
            self.shapes[index - 1] = [before, near, rank];
        }
        Ok(())
    }

    /// From left to right, each bond is cut; the cores are then in the canonical gauge.
    fn sweep(&mut self, cut: Cut) -> Result<(), LinalgError> {
        for index in 0..self.bonds() {
            let [left, mode, right] = self.shapes[index];
            let split = linalg::split(&self.cores[index], left * mode, right, cut)?;
            let [_, near, far] = self.shapes[index + 1];
            let next = Matrix::new(&self.cores[index + 1], right, near * far);
            self.cores[index + 1] = Matrix::new(&split.carry, split.rank, right).multiply(next)?;
            self.shapes[index + 1] = [split.rank, near, far];
            self.cores[index] = split.basis;
            self.shapes[index] = [left, mode, split.rank];
        }
        Ok(())
    }

    /// The train with every bond cut, in the canonical gauge.
    fn truncate(mut self, cut: Cut) -> Result<Train, CompressError> {
        self.sweep(cut)?;
        let modes = self.shapes.iter().map(|[_, mode, _]| *mode).collect();
        let ranks = self.shapes.iter().take(self.bonds()).map(|[.., right]| *right).collect();
        let cores: Vec<Vec<f32>> = self.cores.iter().map(|core| rounded(core)).collect();
        cores.iter().try_for_each(|core| check_finite(core))?;
        Ok(Train { shape: TrainShape::new(modes, ranks)?, cores })
    }
}
