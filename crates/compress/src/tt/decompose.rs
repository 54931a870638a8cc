//! TT-SVD: the cores of a tensor.
//!
//! From left to right, the unfolding of what is left (`[r_{k−1}·n_k, rest]`) is split into a basis, which becomes the
//! core, and a carry (Oseledets 2011, algorithm 1). Dropping singular values of total square
//! δ² = ε²‖A‖²/(d − 1) at each of the d − 1 bonds gives ‖A − Â‖ ≤ ε‖A‖, because the errors are orthogonal.
//!
//! With a rank bound the first split takes several leading modes at once, until their product exceeds the bound
//! (*thick bounds*; Röhrig-Zöllner, Thies and Basermann, arXiv 2102.00104): one pass over the large tensor instead of
//! one for each mode. The thick basis is then split without loss, since none of its inner bonds exceeds the bound.
//!
//! Cores are left-orthogonal but for the last, computed in `f64` and rounded to `f32` at the end; for that rounding a
//! small part of the tolerance is kept back.

use super::{Train, TrainShape};
use crate::{
    CompressError, ErrorBound,
    dense::check_finite,
    linalg::{self, Cut, Real, Route, Split, norm_squared},
};

/// Where the ranks end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truncation {
    /// Ranks as small as this relative error (Frobenius norm) allows, within 10⁻⁶ … 1.
    Tolerance(f64),
    /// No rank above this; what is only rounding noise of `f32` is dropped in any case.
    MaxRank(usize),
}

/// The part of the tolerance that rounding the cores to `f32` may use: each of d cores costs at most 2⁻²⁴, since its
/// columns are weighted by the singular values behind it; errors add up as 2⁻²⁴·√d, and at worst as 2⁻²⁴·d.
const ROUNDING: f64 = 5e-7;
/// The squared relative error that is noise for `f32` data.
const NOISE: f64 = 1e-13;
/// Below this tolerance singular values are wanted that squaring the condition would hide.
const GRAM_TOLERANCE: f64 = 1e-5;

/// From this relative error on, the rounding of `f32` products is too small to matter.
const MIXED_LEAST: f64 = 0.02;

impl Truncation {
    pub(crate) fn check(self) -> Result<(), CompressError> {
        match self {
            Self::Tolerance(tolerance) if !(1e-6..=1.0).contains(&tolerance) => {
                Err(CompressError::Config("the tolerance of a tensor train is 10⁻⁶ to 1"))
            }
            Self::MaxRank(rank) if !(1..=usize::from(u16::MAX)).contains(&rank) => {
                Err(CompressError::Config("the largest rank of a tensor train is 1 to 65,535"))
            }
            _ => Ok(()),
        }
    }

    /// The error that is promised.
    pub(crate) fn error(self) -> ErrorBound {
        match self {
            Self::Tolerance(tolerance) => ErrorBound::Norm(tolerance),
            Self::MaxRank(_) => ErrorBound::Unknown,
        }
    }

    /// The cut at each bond of a tensor of this squared norm.
    pub(super) fn cut(self, norm_squared: f64, bonds: usize) -> Cut {
        let share = norm_squared / bonds as f64;
        // Ranks travel as 16 bits.
        let max_rank = usize::from(u16::MAX);
        match self {
            Self::Tolerance(tolerance) => {
                let route = if tolerance < GRAM_TOLERANCE { Route::Direct } else { Route::Gram };
                Cut { discard: share * (tolerance - ROUNDING).powi(2), max_rank, route }
            }
            Self::MaxRank(max_rank) => Cut { discard: share * NOISE, max_rank, route: Route::Gram },
        }
    }
}

/// The train of `values`, a row-major tensor with these modes.
///
/// ```
/// use bitneuron_compress::tt::{Truncation, decompose};
/// // A[i, j, k] = i + j + k has ranks 2.
/// let values: Vec<f32> = (0..64).map(|at| (at / 16 + at / 4 % 4 + at % 4) as f32).collect();
/// let train = decompose(&values, &[4, 4, 4], Truncation::Tolerance(1e-5))?;
/// assert_eq!(train.shape.ranks(), [2, 2]);
/// # Ok::<(), bitneuron_compress::CompressError>(())
/// ```
///
/// # Errors
/// The modes do not multiply to the values or are not 2 to 32 modes of at least 2, the truncation is out of range, a
/// value is not finite, or the factorisation did not converge.
pub fn decompose(values: &[f32], modes: &[usize], truncation: Truncation) -> Result<Train, CompressError> {
    truncation.check()?;
    let energy = norm_squared(values);
    if !energy.is_finite() {
        // Squares of finite `f32` values do not overflow: there is something to name.
        check_finite(values)?;
    }
    // Ranks of 1 fit every chain: this checks the modes.
    let thinnest = TrainShape::new(modes.to_vec(), vec![1; modes.len().saturating_sub(1)])?;
    if thinnest.elements() != Some(values.len()) {
        return Err(CompressError::Malformed("the modes do not multiply to the tensor"));
    }
    let cut = truncation.cut(energy, modes.len() - 1);
    let Truncation::MaxRank(max_rank) = truncation else {
        let [rows, columns] = unfolding(modes, 1);
        return finish(modes, 1, linalg::split(values, rows, columns, cut)?, cut);
    };
    let thick = thick(modes, max_rank, values.len());
    let [rows, columns] = unfolding(modes, thick);
    // Products over the large tensor take most of the time: in `f32` where that is good enough, and then at the other
    // bonds too if the error is large already.
    let mixed = Cut { route: Route::Mixed, ..cut };
    let first = linalg::split_f32(values, rows, columns, mixed)?;
    let rest = if first.dropped > MIXED_LEAST.powi(2) * energy { mixed } else { cut };
    finish(modes, thick, first, rest)
}

/// Rows and columns when the first `thick` modes are the rows.
fn unfolding(modes: &[usize], thick: usize) -> [usize; 2] {
    let (left, right) = modes.split_at(thick);
    [left.iter().product(), right.iter().product()]
}

/// The train from the split behind the first `thick` modes, with `cut` at the bonds behind that.
fn finish<C: Real>(modes: &[usize], thick: usize, first: Split<C>, cut: Cut) -> Result<Train, CompressError> {
    let (left, right) = modes.split_at(thick);
    let lossless = Cut { discard: NOISE, max_rank: usize::MAX, route: Route::Direct };
    let mut sweep = Sweep { cores: Vec::new(), ranks: Vec::new() };
    // The columns of the basis are its last mode: the carry of this sweep is the core before bond `thick`.
    let (_, inner) = left.split_last().ok_or(CompressError::Malformed("a tensor has modes"))?;
    let rest = sweep.run(first.basis, 1, inner, lossless)?;
    sweep.push(&rest, first.rank);
    let (_, inner) = right.split_last().ok_or(CompressError::Malformed("a tensor has modes"))?;
    let rest = sweep.run(first.carry, first.rank, inner, cut)?;
    sweep.cores.push(rounded(&rest));
    Ok(Train { shape: TrainShape::new(modes.to_vec(), sweep.ranks)?, cores: sweep.cores })
}

/// How many leading modes the first split takes: until their product exceeds the rank bound, while the unfolding stays
/// wide enough for a cheap Gram matrix.
fn thick(modes: &[usize], max_rank: usize, elements: usize) -> usize {
    let mut rows = 1usize;
    let taken = modes.iter().take(modes.len() - 1).take_while(|mode| {
        let next = rows.saturating_mul(**mode);
        let take = rows <= max_rank && next.saturating_mul(next) <= elements.saturating_mul(4);
        rows = next;
        take
    });
    taken.count().max(1)
}

/// The cores so far, and the ranks behind them.
struct Sweep {
    cores: Vec<Vec<f32>>,
    ranks: Vec<usize>,
}

impl Sweep {
    /// Splits one core for each of `modes` off `first`, whose first index is a bond of size `rank`; what remains.
    fn run<T: Real>(
        &mut self,
        first: Vec<T>,
        rank: usize,
        modes: &[usize],
        cut: Cut,
    ) -> Result<Vec<f64>, CompressError> {
        let Some((mode, modes)) = modes.split_first() else {
            return Ok(first.into_iter().map(Into::into).collect());
        };
        let (mut rest, mut rank) = self.split(&first, rank * mode, cut)?;
        for mode in modes {
            (rest, rank) = self.split(&rest, rank * mode, cut)?;
        }
        Ok(rest)
    }

    /// Splits a core with this many rows off; the carry and the rank before it.
    fn split<T: Real>(
        &mut self,
        rest: &[T],
        rows: usize,
        cut: Cut,
    ) -> Result<(Vec<f64>, usize), CompressError> {
        let Split { basis, carry, rank, .. } = linalg::split(rest, rows, rest.len() / rows, cut)?;
        self.push(&basis, rank);
        Ok((carry, rank))
    }

    fn push(&mut self, core: &[f64], rank: usize) {
        self.cores.push(rounded(core));
        self.ranks.push(rank);
    }
}

pub(super) fn rounded(core: &[f64]) -> Vec<f32> {
    core.iter().map(|value| *value as f32).collect()
}
