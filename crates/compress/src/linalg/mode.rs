//! Products along one mode of a tensor, which is an array `[before, mode, behind]` for each of its modes.

use super::product::product;
use super::{LinalgError, Matrix, Onto, Real, gram};

/// The Gram matrix of one mode: `out[i, j] = Σ a[b, i, c] · a[b, j, c]`, in `f64` whatever the data.
///
/// # Errors
/// [`LinalgError::Shape`].
pub fn mode_gram<T: Real>(a: &[T], shape: [usize; 3]) -> Result<Vec<f64>, LinalgError> {
    let [before, mode, behind] = shape;
    super::check_shape(a, before.saturating_mul(mode), behind)?;
    Ok(gram::gram(a, shape, gram::Inner::Double))
}

/// The product of one mode with the columns of `u: [mode, rank]`: `out[b, j, c] = Σ a[b, i, c] · u[i, j]`.
///
/// # Errors
/// [`LinalgError::Shape`].
pub fn mode_multiply<T: Real>(
    a: &[T],
    [before, mode, behind]: [usize; 3],
    u: &[T],
    rank: usize,
) -> Result<Vec<T>, LinalgError> {
    super::check_shape(a, before.saturating_mul(mode), behind)?;
    let u = Matrix::new(u, mode, rank);
    if behind == 1 {
        return Matrix::new(a, before, mode).multiply(u);
    }
    let mut out = vec![T::default(); before * rank * behind];
    for (slice, into) in a.chunks_exact(mode * behind).zip(out.chunks_exact_mut(rank * behind)) {
        product(into, Onto::Replace, u.transposed(), Matrix::new(slice, mode, behind))?;
    }
    Ok(out)
}
