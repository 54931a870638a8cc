//! A train multiplied out, from left to right in one fixed order.
//!
//! After core k the state is `[n₁⋯n_k, r_k]`. Sums run over the bond from first to last, each product rounded before it
//! is added; no instruction fuses the two, so the `f64` state has the same bits on every machine. The integer form
//! keeps `fraction` fractional bits throughout and rescales after every core.
//!
//! Time: [`TrainShape::work`] multiplications. Memory: two states, neither larger than the tensor.

use super::TrainShape;
use crate::{CompressError, exact::rescale};

/// The tensor of `cores`, row-major. Sums in `f64`, rounded to `f32` once at the end.
///
/// # Errors
/// A core has another length than the shape says, or a value is not finite.
pub fn expand(shape: &TrainShape, cores: &[&[f32]]) -> Result<Vec<f32>, CompressError> {
    let state = sweep(shape, cores, 1.0, |state, rank, core, width| {
        Ok(step(state, rank, core, width, |sum, x, y| *sum += x * f64::from(y)))
    })?;
    let values: Vec<f32> = state.into_iter().map(|value| value as f32).collect();
    crate::dense::check_finite(&values)?;
    Ok(values)
}

/// The tensor of integer cores with `fraction` fractional bits (1 to 30), with as many.
///
/// # Errors
/// A core has another length than the shape says, or a sum could exceed 63 bits.
pub fn expand_fixed(shape: &TrainShape, cores: &[&[i32]], fraction: u32) -> Result<Vec<i64>, CompressError> {
    if !(1..=30).contains(&fraction) {
        return Err(CompressError::Config("fixed-point cores have 1 to 30 fractional bits"));
    }
    sweep(shape, cores, 1i64 << fraction, |state, rank, core, width| {
        // Judged by the largest magnitudes alone, so that no sum needs a check of its own.
        let most_state = state.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0);
        let most_core = core.iter().map(|y| y.unsigned_abs()).max().unwrap_or(0);
        let most = u128::from(most_state) * u128::from(most_core) * rank as u128;
        if most >= 1 << 62 {
            return Err(CompressError::Malformed("the cores are too large for integer sums"));
        }
        let sums = step(state, rank, core, width, |sum, x, y| *sum += x * i64::from(y));
        let scaled = sums.into_iter().map(|sum| rescale(sum, fraction)).collect::<Option<_>>();
        scaled.ok_or(CompressError::Malformed("the cores are too large for integer sums"))
    })
}

/// Runs `step(state, rank, core, width)` over all cores, from a state of `one`.
fn sweep<S, C>(
    shape: &TrainShape,
    cores: &[&[C]],
    one: S,
    mut step: impl FnMut(&[S], usize, &[C], usize) -> Result<Vec<S>, CompressError>,
) -> Result<Vec<S>, CompressError> {
    let lengths = (0..shape.modes().len()).map(|core| shape.core_len(core));
    if !cores.iter().map(|core| core.len()).eq(lengths) {
        return Err(CompressError::Malformed("a core does not have the length of its shape"));
    }
    let mut state = vec![one];
    for (index, core) in cores.iter().enumerate() {
        let [rank, mode, next] = shape.core_shape(index);
        state = step(&state, rank, core, mode * next)?;
    }
    Ok(state)
}

/// `out[i, j] = Σ_a state[i, a] · core[a, j]`, with `state: [rows, rank]` and `core: [rank, width]`.
fn step<S: Copy + Default, C: Copy>(
    state: &[S],
    rank: usize,
    core: &[C],
    width: usize,
    add_product: impl Fn(&mut S, S, C),
) -> Vec<S> {
    let mut out = vec![S::default(); state.len() / rank * width];
    for (sums, row) in out.chunks_exact_mut(width).zip(state.chunks_exact(rank)) {
        for (x, core_row) in row.iter().zip(core.chunks_exact(width)) {
            sums.iter_mut().zip(core_row).for_each(|(sum, y)| add_product(sum, *x, *y));
        }
    }
    out
}
