//! Products of small matrices with few columns: what a step on one node's handful of rows is made of.
//!
//! A general product packs both factors into blocks first, which pays for large matrices and costs more than the product itself
//! for `8 × 64 · 64 × 10`. Here the right factor is laid out once in tiles of [`LANES`] columns, zeros at the end, and four
//! rows of the result are held in registers while the inner index runs; what remains are plain loops over arrays of constant
//! length, which the compiler turns into vectors.
//!
//! Sums run over the inner index in order, so a result does not depend on how many rows are computed together.

use crate::scratch;

/// Columns computed together: two vectors of 256 bits.
const LANES: usize = 16;
/// Rows computed together.
const ROWS: usize = 4;
/// Right factors of more elements are packed by the general product as well, and better.
const MOST: usize = 1 << 13;

/// Whether a right factor `[inner, columns]` is small enough for this file.
pub(super) const fn fits(inner: usize, columns: usize) -> bool {
    inner > 0 && columns > 0 && inner.saturating_mul(columns.next_multiple_of(LANES)) <= MOST
}

/// The left factor `A [rows, inner]` as it lies in memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Left<'a> {
    /// Row by row.
    Rows(&'a [f32]),
    /// Column by column: `Aᵀ` row by row.
    Columns(&'a [f32]),
}

/// Adds `A·B` to `c [rows, columns]`, where `B` is `[inner, columns]`; both row by row. Lengths must fit each other.
pub(super) fn add_product(a: Left<'_>, b: &[f32], c: &mut [f32], inner: usize, columns: usize) {
    let rows = c.len() / columns.max(1);
    scratch::with(inner * LANES, |tile| {
        for first in (0..columns).step_by(LANES) {
            let width = LANES.min(columns - first);
            for (lanes, row) in tile.chunks_exact_mut(LANES).zip(b.chunks_exact(columns)) {
                lanes[..width].copy_from_slice(&row[first..first + width]);
                lanes[width..].fill(0.0);
            }
            for top in (0..rows).step_by(ROWS) {
                let height = ROWS.min(rows - top);
                let sums = match a {
                    Left::Rows(a) => {
                        let row = |at: usize| {
                            let at = top + at.min(height - 1);
                            &a[at * inner..(at + 1) * inner]
                        };
                        by_rows([row(0), row(1), row(2), row(3)], tile)
                    }
                    Left::Columns(a) => by_columns(a, rows, top, tile),
                };
                for (sum, at) in sums.iter().zip(top..top + height) {
                    let start = at * columns + first;
                    c[start..start + width].iter_mut().zip(sum).for_each(|(c, sum)| *c += sum);
                }
            }
        }
    });
}

type Sums = [[f32; LANES]; ROWS];

/// Four rows of a left factor that lies row by row, times one tile.
fn by_rows(rows: [&[f32]; ROWS], tile: &[f32]) -> Sums {
    let mut sums = [[0.0; LANES]; ROWS];
    let [a, b, c, d] = rows;
    let (tiles, _) = tile.as_chunks::<LANES>();
    for ((((lanes, a), b), c), d) in tiles.iter().zip(a).zip(b).zip(c).zip(d) {
        step(&mut sums, [*a, *b, *c, *d], lanes);
    }
    sums
}

/// Four columns, from `top`, of a factor whose transpose lies row by row, times one tile.
fn by_columns(a: &[f32], width: usize, top: usize, tile: &[f32]) -> Sums {
    let mut sums = [[0.0; LANES]; ROWS];
    let (tiles, _) = tile.as_chunks::<LANES>();
    if top + ROWS <= width {
        for (lanes, row) in tiles.iter().zip(a.chunks_exact(width)) {
            if let Some(four) = row[top..].first_chunk::<ROWS>() {
                step(&mut sums, *four, lanes);
            }
        }
    } else {
        for (lanes, row) in tiles.iter().zip(a.chunks_exact(width)) {
            step(&mut sums, std::array::from_fn(|at| row.get(top + at).copied().unwrap_or(0.0)), lanes);
        }
    }
    sums
}

/// Adds the outer product of four factors and one row of the tile.
#[inline(always)]
fn step(sums: &mut Sums, factors: [f32; ROWS], lanes: &[f32; LANES]) {
    for (sum, factor) in sums.iter_mut().zip(factors) {
        for (sum, lane) in sum.iter_mut().zip(lanes) {
            *sum = fused(factor, *lane, *sum);
        }
    }
}

/// `a·b + c`, in one instruction where the build has one; a call to the library would be far slower than two.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(target_feature = "fma") { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the definition, for all small shapes and both layouts.
        #[test]
        fn it_is_the_product(rows in 1usize..11, inner in 1usize..9, columns in 1usize..40, shift in 0usize..1000) {
            let number = |at: usize| ((at * 7919 + shift) % 211) as f32 / 50.0 - 2.0;
            let a: Vec<f32> = (0..rows * inner).map(number).collect();
            let b: Vec<f32> = (0..inner * columns).map(|at| number(at + 17)).collect();
            let before: Vec<f32> = (0..rows * columns).map(|at| number(at + 5)).collect();
            let transposed: Vec<f32> = (0..inner * rows).map(|at| a[at % rows * inner + at / rows]).collect();
            for left in [Left::Rows(&a), Left::Columns(&transposed)] {
                let mut c = before.clone();
                add_product(left, &b, &mut c, inner, columns);
                for (at, value) in c.iter().enumerate() {
                    let (row, column) = (at / columns, at % columns);
                    let sum: f64 =
                        (0..inner).map(|i| f64::from(a[row * inner + i]) * f64::from(b[i * columns + column])).sum();
                    prop_assert!((f64::from(*value) - f64::from(before[at]) - sum).abs() < 1e-4, "{left:?}");
                }
            }
        }
    }
}
