//! HOSVD, then HOOI.
//!
//! The start is the sequentially truncated HOSVD (Vannieuwenhoven, Vandebril and Meerbergen 2012): mode by mode the factor
//! is the leading eigenvectors of the mode's Gram matrix, and the tensor goes on projected. The squared error is the sum of
//! the eigenvalues dropped, so dropping at most ε²‖A‖²/d at each of d modes keeps ‖A − Â‖ ≤ ε‖A‖. Modes that keep their full
//! rank are left alone.
//!
//! Orthogonal iteration (HOOI; De Lathauwer, De Moor and Vandewalle 2000) then improves the factors at these ranks: each in
//! turn becomes the leading eigenvectors of its mode after the projection of all others. The error never grows.

use super::TuckerShape;
use crate::{
    CompressError, Truncation,
    linalg::{self, LinalgError, mode_gram, mode_multiply, norm_squared},
};

/// The part of the tolerance that is kept back for rounding the factors to `f32`, at most 2⁻²⁴ each.
const ROUNDING: f64 = 5e-7;
/// The squared relative error that is noise for `f32` data.
const NOISE: f64 = 1e-13;

/// Core and factors of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Core {
    /// Modes and ranks.
    pub shape: TuckerShape,
    /// The core, then the factor of every mode below full rank, `[mode, rank]` with orthonormal columns; row-major.
    pub factors: Vec<Vec<f32>>,
}

impl Core {
    /// Multiplies core and factors: the tensor, row-major.
    ///
    /// # Errors
    /// A factor has another length than the shape says, or a value is not finite.
    pub fn expand(&self) -> Result<Vec<f32>, CompressError> {
        let factors: Vec<&[f32]> = self.factors.iter().map(Vec::as_slice).collect();
        super::contract::expand(&self.shape, &factors)
    }
}

/// The Tucker decomposition of `values`, a row-major tensor with these modes, after at most `sweeps` sweeps of HOOI.
///
/// ```
/// use bitneuron_compress::{Truncation, tucker::decompose};
/// // A[i, j, k] = i + j + k has ranks 2.
/// let values: Vec<f32> = (0..125).map(|at| (at / 25 + at / 5 % 5 + at % 5) as f32).collect();
/// let core = decompose(&values, &[5, 5, 5], Truncation::Tolerance(1e-5), 3)?;
/// assert_eq!(core.shape.ranks(), [2, 2, 2]);
/// # Ok::<(), bitneuron_compress::CompressError>(())
/// ```
///
/// # Errors
/// The modes do not multiply to the values or are fewer than two of at least 2, the truncation is out of range, a value is
/// not finite, or the factorisation did not converge.
pub fn decompose(
    values: &[f32],
    modes: &[usize],
    truncation: Truncation,
    sweeps: usize,
) -> Result<Core, CompressError> {
    truncation.check()?;
    crate::dense::check_finite(values)?;
    TuckerShape::new(modes.to_vec(), vec![1; modes.len()])?;
    if modes.iter().try_fold(1usize, |product, mode| product.checked_mul(*mode)) != Some(values.len()) {
        return Err(CompressError::Malformed("the modes do not multiply to the tensor"));
    }
    let tensor = Tensor { values: values.iter().map(|x| f64::from(*x)).collect(), sizes: modes.to_vec() };
    let energy = norm_squared(&tensor.values);
    let (mut factors, mut core) = hosvd(&tensor, truncation, energy)?;
    for _ in 0..sweeps {
        let before = norm_squared(&core.values);
        core = sweep(&tensor, &mut factors)?;
        // Below this the error changes by less than the rounding of `f32`.
        if norm_squared(&core.values) - before <= NOISE * energy {
            break;
        }
    }
    let shape = TuckerShape::new(modes.to_vec(), core.sizes)?;
    let rounded = |values: Vec<f64>| values.into_iter().map(|x| x as f32).collect();
    let factors = factors.into_iter().flatten();
    Ok(Core { shape, factors: std::iter::once(core.values).chain(factors).map(rounded).collect() })
}

/// Row-major values and the size of each mode.
#[derive(Clone)]
struct Tensor {
    values: Vec<f64>,
    sizes: Vec<usize>,
}

impl Tensor {
    /// The sizes before, of and behind a mode.
    fn around(&self, mode: usize) -> [usize; 3] {
        let (before, rest) = self.sizes.split_at(mode);
        let (size, behind) = rest.split_first().unwrap_or((&1, &[]));
        [before.iter().product(), *size, behind.iter().product()]
    }

    /// Multiplied along a mode by the columns of `u`.
    fn project(&self, mode: usize, u: &[f64]) -> Result<Self, LinalgError> {
        let around = self.around(mode);
        let rank = u.len() / around[1];
        let mut sizes = self.sizes.clone();
        sizes[mode] = rank;
        Ok(Self { values: mode_multiply(&self.values, around, u, rank)?, sizes })
    }

    /// The `rank` leading eigenvectors of a mode's Gram matrix, `[size, rank]`.
    fn leading(&self, mode: usize, rank: usize) -> Result<Vec<f64>, LinalgError> {
        let around = self.around(mode);
        let eigen = linalg::eigen(&mode_gram(&self.values, around)?, around[1])?;
        Ok(eigen.first(rank))
    }
}

/// The factor of each mode, `None` where its rank is full.
type Factors = Vec<Option<Vec<f64>>>;

fn hosvd(tensor: &Tensor, truncation: Truncation, energy: f64) -> Result<(Factors, Tensor), CompressError> {
    let count = tensor.sizes.len();
    let (discard, max_rank) = match truncation {
        Truncation::Tolerance(tolerance) => ((tolerance - ROUNDING).powi(2), usize::from(u16::MAX)),
        Truncation::MaxRank(max_rank) => (NOISE, max_rank),
    };
    let discard = discard * energy / count as f64;
    let mut factors = vec![None; count];
    let mut projected: Option<Tensor> = None;
    for (mode, factor) in factors.iter_mut().enumerate() {
        let current = projected.as_ref().unwrap_or(tensor);
        let around = current.around(mode);
        let eigen = linalg::eigen(&mode_gram(&current.values, around)?, around[1])?;
        let rank = eigen.rank(discard, max_rank);
        if rank < around[1] {
            let u = eigen.first(rank);
            projected = Some(current.project(mode, &u)?);
            *factor = Some(u);
        }
    }
    let mut core = projected.unwrap_or_else(|| tensor.clone());
    // A rank cannot exceed what the others hold: cutting one may leave room to cut another.
    while let Some((mode, rank)) = excess(&core.sizes) {
        let u = core.leading(mode, rank)?;
        core = core.project(mode, &u)?;
        let size = tensor.sizes[mode];
        factors[mode] = Some(match factors[mode].take() {
            Some(known) => linalg::multiply(&known, &u, [size, known.len() / size, rank])?,
            None => u,
        });
    }
    Ok((factors, core))
}

/// A mode whose rank exceeds the product of the others, and that product.
fn excess(ranks: &[usize]) -> Option<(usize, usize)> {
    let others = |mode: usize| {
        let others = ranks.iter().enumerate().filter(move |(other, _)| *other != mode);
        others.fold(1usize, |product, (_, rank)| product.saturating_mul(*rank))
    };
    (0..ranks.len()).map(|mode| (mode, others(mode))).find(|(mode, others)| ranks[*mode] > *others)
}

/// One sweep of HOOI over the modes below full rank; the core of the new factors.
fn sweep(tensor: &Tensor, factors: &mut Factors) -> Result<Tensor, CompressError> {
    let active: Vec<(usize, usize)> = factors
        .iter()
        .enumerate()
        .filter_map(|(mode, factor)| Some((mode, factor.as_ref()?.len() / tensor.sizes[mode])))
        .collect();
    let mut core = None;
    for (at, (mode, rank)) in active.iter().enumerate() {
        let others = project_others(tensor, factors, *mode)?;
        let others = others.as_ref().unwrap_or(tensor);
        let u = others.leading(*mode, *rank)?;
        if at + 1 == active.len() {
            core = Some(others.project(*mode, &u)?);
        }
        factors[*mode] = Some(u);
    }
    Ok(core.unwrap_or_else(|| tensor.clone()))
}

/// The tensor projected along every mode but one, those first that shrink it most; `None` where no other mode has a factor.
fn project_others(tensor: &Tensor, factors: &Factors, mode: usize) -> Result<Option<Tensor>, LinalgError> {
    let known = factors.iter().enumerate().filter(|(other, _)| *other != mode);
    let mut order: Vec<(usize, &Vec<f64>)> =
        known.filter_map(|(other, factor)| Some((other, factor.as_ref()?))).collect();
    // Rank over size², smallest first, as fractions; ties in the order of modes.
    let key = |(other, u): &(usize, &Vec<f64>)| u.len() as f64 / (tensor.sizes[*other] as f64).powi(2);
    order.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let mut projected: Option<Tensor> = None;
    for (other, u) in order {
        projected = Some(projected.as_ref().unwrap_or(tensor).project(other, u)?);
    }
    Ok(projected)
}
