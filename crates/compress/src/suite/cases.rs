//! Parameters of many shapes and kinds, from a fixed seed.

use bitneuron_core::{Layout, Params, Seed, params::ParamsError};
use rand::Rng;
use std::sync::Arc;

type Shapes<'a> = &'a [(&'a str, &'a [u32])];

/// The parameters that laws are checked on: no tensor at all, scalars and empty tensors, odd sizes, a small network of
/// random weights, tensors of low rank, zeros, constants, and magnitudes from the tiniest to 10³⁰.
///
/// # Errors
/// Never, for the layouts written here.
pub fn cases() -> Result<Vec<Params>, ParamsError> {
    let seed = Seed::from_number(2011);
    let mut rng = seed.rng();
    let mut random = move |_: usize| f32_in_unit(rng.next_u32());
    let row_column = |at: usize| ((at / 64) as f32 - 20.0) / 32.0 * ((at % 64) as f32 / 64.0 + 0.5);
    let cube = |at: usize| ((at / 256) as f32 + (at / 16 % 16) as f32 * 2.0 - (at % 16) as f32) / 64.0;
    let extreme = |at: usize| [1e30, -1e-30, 1e-40, 0.0, -7e29][at % 5] * (at as f32 / 50.0 + 1.0);
    let network: Shapes<'_> = &[("w1", &[64, 32]), ("b1", &[32]), ("w2", &[32, 10]), ("b2", &[10])];
    Ok(vec![
        params(&[], &mut random)?,
        params(&[("scalar", &[]), ("nothing", &[0, 3]), ("one", &[1])], &mut random)?,
        params(&[("w", &[7, 3]), ("b", &[5])], &mut random)?,
        params(network, &mut random)?,
        params(&[("outer", &[48, 64]), ("b", &[9])], row_column)?,
        params(&[("cube", &[16, 16, 16])], cube)?,
        params(&[("zeros", &[40, 40])], |_| 0.0)?,
        params(&[("constant", &[101])], |_| -0.3)?,
        params(&[("extreme", &[12, 9])], extreme)?,
    ])
}

fn params(shapes: Shapes<'_>, value: impl FnMut(usize) -> f32) -> Result<Params, ParamsError> {
    let layout = Arc::new(Layout::of(shapes)?);
    Params::new((0..layout.len()).map(value).collect(), layout)
}

/// −1 … 1 in steps of 2⁻²³, exact.
fn f32_in_unit(bits: u32) -> f32 {
    (bits as i32 >> 8) as f32 / (1 << 23) as f32
}
