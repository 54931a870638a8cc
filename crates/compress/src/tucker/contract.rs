//! A core multiplied by its factors, mode by mode in one fixed order.
//!
//! Before mode k the state is `[n₁⋯n_{k−1}, r_k, r_{k+1}⋯r_d]`, and each of its middle slices is replaced by the sum of
//! those, weighted by a row of the factor. Sums run over the rank from first to last, each product rounded before it is
//! added, so the `f64` state has the same bits on every machine. The integer form rescales after every mode.

use super::TuckerShape;
use crate::{CompressError, exact::rescale};

/// The tensor, row-major. Sums in `f64`, rounded to `f32` once at the end.
pub(super) fn expand(shape: &TuckerShape, factors: &[&[f32]]) -> Result<Vec<f32>, CompressError> {
    let wide = |core: &[f32]| core.iter().map(|x| f64::from(*x)).collect();
    let state = sweep(shape, factors, wide, |state, factor, step_shape| {
        Ok(step(state, factor, step_shape, |sum: &mut f64, x, y: f32| *sum += x * f64::from(y)))
    })?;
    let values: Vec<f32> = state.into_iter().map(|x| x as f32).collect();
    crate::dense::check_finite(&values)?;
    Ok(values)
}

/// The tensor of integers with `fraction` fractional bits.
pub(super) fn expand_fixed(
    shape: &TuckerShape,
    factors: &[&[i32]],
    fraction: u32,
) -> Result<Vec<i64>, CompressError> {
    const TOO_LARGE: CompressError = CompressError::Malformed("the factors are too large for integer sums");
    let wide = |core: &[i32]| core.iter().map(|x| i64::from(*x)).collect();
    sweep(shape, factors, wide, |state: &[i64], factor: &[i32], step_shape| {
        // Judged by the largest magnitudes alone, so that no sum needs a check of its own.
        let [_, rank, _, _] = step_shape;
        let most_state = state.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0);
        let most_factor = factor.iter().map(|y| y.unsigned_abs()).max().unwrap_or(0);
        if u128::from(most_state) * u128::from(most_factor) * rank as u128 >= 1 << 62 {
            return Err(TOO_LARGE);
        }
        let sums = step(state, factor, step_shape, |sum: &mut i64, x, y: i32| *sum += x * i64::from(y));
        sums.into_iter().map(|sum| rescale(sum, fraction)).collect::<Option<_>>().ok_or(TOO_LARGE)
    })
}

/// Runs `step(state, factor, [before, rank, mode, behind])` over all modes that have a factor.
fn sweep<S, F: Copy>(
    shape: &TuckerShape,
    factors: &[&[F]],
    start: impl Fn(&[F]) -> Vec<S>,
    mut step: impl FnMut(&[S], &[F], [usize; 4]) -> Result<Vec<S>, CompressError>,
) -> Result<Vec<S>, CompressError> {
    let lengths = shape.factor_dims().into_iter().map(|dims| dims.iter().product::<usize>());
    if !factors.iter().map(|factor| factor.len()).eq(lengths) {
        return Err(CompressError::Malformed("a factor does not have the length of its shape"));
    }
    let mut factors = factors.iter();
    let mut state = start(factors.next().copied().unwrap_or_default());
    let steps = (0..shape.modes().len()).map(|index| shape.step(index));
    for (sizes, factor) in steps.filter(|[_, rank, mode, _]| mode > rank).zip(factors) {
        state = step(&state, factor, sizes)?;
    }
    Ok(state)
}

/// `out[b, i, c] = Σ_j factor[i, j] · state[b, j, c]`.
fn step<S: Copy + Default, F: Copy>(
    state: &[S],
    factor: &[F],
    [before, rank, mode, behind]: [usize; 4],
    add_product: impl Fn(&mut S, S, F),
) -> Vec<S> {
    let mut out = vec![S::default(); before * mode * behind];
    for (slice, into) in state.chunks_exact(rank * behind).zip(out.chunks_exact_mut(mode * behind)) {
        for (row, sums) in factor.chunks_exact(rank).zip(into.chunks_exact_mut(behind)) {
            for (y, run) in row.iter().zip(slice.chunks_exact(behind)) {
                sums.iter_mut().zip(run).for_each(|(sum, x)| add_product(sum, *x, *y));
            }
        }
    }
    out
}
