//! The components of a tensor, from several starts.

use super::{CpShape, contract, fit::Fit, mttkrp::Tree};
use crate::{
    CompressError,
    dense::check_finite,
    linalg::{self, LinalgError, mode_gram, norm_squared},
};
use bitneuron_core::Seed;
use rand::Rng;

/// The factors of a sum of outer products.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// Modes and rank.
    pub shape: CpShape,
    /// The factor of each mode, `[mode, rank]`, row-major. The columns of one component have one length.
    pub factors: Vec<Vec<f32>>,
}

impl Components {
    /// Sums the components: the tensor, row-major.
    ///
    /// # Errors
    /// A factor has another length than the shape says, or a value is not finite.
    pub fn expand(&self) -> Result<Vec<f32>, CompressError> {
        let factors: Vec<&[f32]> = self.factors.iter().map(Vec::as_slice).collect();
        contract::expand(&self.shape, &factors)
    }
}

/// How components are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Als {
    /// The number of components.
    pub rank: usize,
    /// The most sweeps from each start.
    pub iterations: usize,
    /// A start is left once a sweep lowers the relative error by less.
    pub tolerance: f64,
    /// Starts from random factors, after the one from eigenvectors.
    pub restarts: usize,
    /// Whether no entry of a factor may be negative.
    pub nonnegative: bool,
}

impl Als {
    /// 200 sweeps, until one gains less than 10⁻⁶; two restarts; entries of any sign.
    pub fn new(rank: usize) -> Self {
        Self { rank, iterations: 200, tolerance: 1e-6, restarts: 2, nonnegative: false }
    }
}

/// An error below which no further start is tried: `f32` products do not see much less.
const FOUND: f64 = 2e-4;

/// A sum of `als.rank` outer products near `values`, a row-major tensor with these modes: the best of all starts.
///
/// ```
/// use bitneuron_compress::cp::{Als, decompose};
/// use bitneuron_core::Seed;
/// // A[i, j, k] = i + j + k is the sum of three outer products.
/// let values: Vec<f32> = (0..125).map(|at| (at / 25 + at / 5 % 5 + at % 5) as f32).collect();
/// let found = decompose(&values, &[5, 5, 5], &Als::new(3), Seed::from_number(1))?;
/// let far = values.iter().zip(found.expand()?).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
/// assert!(far < 0.05, "{far}");
/// # Ok::<(), bitneuron_compress::CompressError>(())
/// ```
///
/// # Errors
/// The modes do not multiply to the values or are fewer than two of at least 2, the rank is 0 or above 65,535, a value is
/// not finite, or a factorisation did not converge.
pub fn decompose(
    values: &[f32],
    modes: &[usize],
    als: &Als,
    seed: Seed,
) -> Result<Components, CompressError> {
    check_finite(values)?;
    let shape = CpShape::new(modes.to_vec(), als.rank)?;
    if modes.iter().try_fold(1usize, |product, mode| product.checked_mul(*mode)) != Some(values.len()) {
        return Err(CompressError::Malformed("the modes do not multiply to the tensor"));
    }
    // Of unit size, so that products fit `f32`.
    let size = (norm_squared(values) / values.len() as f64).sqrt();
    let unit = if size > 0.0 { 1.0 / size } else { 0.0 };
    let scaled: Vec<f32> = values.iter().map(|x| (f64::from(*x) * unit) as f32).collect();
    let (tree, energy) = (Tree::new(&scaled, modes), norm_squared(&scaled));
    let mut best: Option<(f64, Vec<Vec<f64>>)> = None;
    for start in 0..=als.restarts {
        let seed = seed.derive_number("start", start as u64);
        let factors =
            if start == 0 { by_eigenvectors(&scaled, als, modes, seed)? } else { random(als, modes, seed) };
        let fit = Fit::new(&tree, energy, als.rank, als.nonnegative, factors);
        let found = fit.run(als.iterations, als.tolerance)?;
        if best.as_ref().is_none_or(|(error, _)| found.0 < *error) {
            best = Some(found);
        }
        if best.as_ref().is_some_and(|(error, _)| *error < FOUND) {
            break;
        }
    }
    let (_, factors) = best.unwrap_or_default();
    let share = size.powf(1.0 / modes.len() as f64);
    let rounded = |factor: Vec<f64>| factor.into_iter().map(|x| (x * share) as f32).collect();
    Ok(Components { shape, factors: factors.into_iter().map(rounded).collect() })
}

/// Entries of −1 … 1, or of 0 … 1 where they may not be negative.
fn random(als: &Als, modes: &[usize], seed: Seed) -> Vec<Vec<f64>> {
    let mut rng = seed.rng();
    let mut entry = || {
        let x = f64::from(rng.next_u32() as i32) / f64::from(1u32 << 31);
        if als.nonnegative { x.abs() } else { x }
    };
    modes.iter().map(|mode| (0..mode * als.rank).map(|_| entry()).collect()).collect()
}

/// The leading eigenvectors of each mode's Gram matrix (HOSVD), random columns behind them.
fn by_eigenvectors(
    values: &[f32],
    als: &Als,
    modes: &[usize],
    seed: Seed,
) -> Result<Vec<Vec<f64>>, LinalgError> {
    let mut factors = random(als, modes, seed);
    let mut before = 1;
    for (mode, factor) in modes.iter().zip(&mut factors) {
        let gram = mode_gram(values, [before, *mode, values.len() / (before * mode)])?;
        before *= mode;
        let count = als.rank.min(*mode);
        let vectors = linalg::eigen(&gram, *mode)?.first(count);
        for (row, vector) in factor.chunks_exact_mut(als.rank).zip(vectors.chunks_exact(count)) {
            let known = vector.iter().map(|x| if als.nonnegative { x.abs() } else { *x });
            row.iter_mut().zip(known).for_each(|(into, x)| *into = x);
        }
    }
    Ok(factors)
}
