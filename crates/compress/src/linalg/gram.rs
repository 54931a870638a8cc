//! A · Aᵀ and projections, panel by panel, so that data of any precision pass through the cache once.
//!
//! A is the unfolding of an array `[before, rows, behind]` along its middle index: `rows` rows, and a column for each pair
//! of the other two. A matrix is such an array with nothing before.
//!
//! Sums over panels are in `f64` always. Inside a panel the products are `f64`, or `f32` ([`Inner`]): a panel of k columns
//! of `f32` products costs a relative error of about 3·10⁻⁸·√k in each entry, and those of different panels average out.

use super::Real;
use faer::{
    Accum, MatMut, MatRef, Par,
    linalg::matmul::{
        matmul,
        triangular::{self, BlockStructure},
    },
};

/// The precision inside a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inner {
    Single,
    Double,
}

/// A · Aᵀ for `a: [before, rows, behind]`, as a full symmetric matrix.
pub(super) fn gram<T: Real>(a: &[T], shape: [usize; 3], inner: Inner) -> Vec<f64> {
    let [_, rows, _] = shape;
    let mut gram = vec![0.0; rows * rows];
    match inner {
        Inner::Double => add_gram::<T, f64>(a, shape, &mut gram),
        Inner::Single => add_gram::<T, f32>(a, shape, &mut gram),
    }
    mirror(&mut gram, rows);
    gram
}

/// Adds the lower triangle of A · Aᵀ, with panels in `W`.
fn add_gram<T: Real, W: Real>(a: &[T], shape: [usize; 3], gram: &mut [f64]) {
    let [_, rows, _] = shape;
    let mut part = vec![W::default(); rows * rows];
    panels::<T, W>(a, shape, |_, panel| {
        triangular::matmul(
            MatMut::from_row_major_slice_mut(&mut part, rows, rows),
            BlockStructure::TriangularLower,
            Accum::Replace,
            panel,
            BlockStructure::Rectangular,
            panel.transpose(),
            BlockStructure::Rectangular,
            W::from_f64(1.0),
            Par::Seq,
        );
        let pairs = gram.chunks_exact_mut(rows).zip(part.chunks_exact(rows)).enumerate();
        for (row, (sums, part)) in pairs {
            sums.iter_mut().zip(part).take(row + 1).for_each(|(sum, x)| *sum += (*x).into());
        }
    });
}

/// Copies the lower triangle of `a: [n, n]` to the upper one.
fn mirror(a: &mut [f64], n: usize) {
    for row in 1..n {
        for column in 0..row {
            a[column * n + row] = a[row * n + column];
        }
    }
}

/// basisᵀ · A for `basis: [rows, rank]`, with products in `inner`.
pub(super) fn project<T: Real, C: Real>(basis: &[f64], a: &[T], shape: [usize; 3], inner: Inner) -> Vec<C> {
    match inner {
        Inner::Double => converted(project_in::<T, f64>(basis, a, shape)),
        Inner::Single => {
            let basis: Vec<f32> = basis.iter().map(|x| *x as f32).collect();
            converted(project_in::<T, f32>(&basis, a, shape))
        }
    }
}

fn converted<W: Real, C: Real>(values: Vec<W>) -> Vec<C> {
    values.into_iter().map(|x| C::from_f64(x.into())).collect()
}

fn project_in<T: Real, W: Real>(basis: &[W], a: &[T], [rows, rank, columns]: [usize; 3]) -> Vec<W> {
    let basis = MatRef::from_row_major_slice(basis, rows, rank);
    let mut out = vec![W::default(); rank * columns];
    panels::<T, W>(a, [1, rows, columns], |first, panel| {
        let width = panel.ncols();
        let all = MatMut::from_row_major_slice_mut(&mut out, rank, columns);
        let one = W::from_f64(1.0);
        matmul(all.subcols_mut(first, width), Accum::Replace, basis.transpose(), panel, one, Par::Seq);
    });
    out
}

/// Calls `each` with the first column and a copy in `W` of every panel of columns, left to right.
fn panels<T: Real, W: Real>(
    a: &[T],
    [before, rows, behind]: [usize; 3],
    mut each: impl FnMut(usize, MatRef<'_, W>),
) {
    // A panel of at most 1 MiB stays in the cache between the copy and the product. It takes a run of one slice, or
    // several whole slices.
    let most = ((1 << 20) / size_of::<W>() / rows).clamp(64, 4096);
    let (slices, run) = ((most / behind).clamp(1, before), most.min(behind));
    // Rows that do not start at one place of the cache each.
    let stride = slices * run + 16;
    let mut buffer = vec![W::default(); rows * stride];
    for slice in (0..before).step_by(slices) {
        let slices = slices.min(before - slice);
        for start in (0..behind).step_by(run) {
            let run = run.min(behind - start);
            for (at, rows) in a.chunks_exact(rows * behind).skip(slice).take(slices).enumerate() {
                for (row, into) in rows.chunks_exact(behind).zip(buffer.chunks_exact_mut(stride)) {
                    let row = row.get(start..start + run).unwrap_or_default();
                    let into = into.get_mut(at * run..).unwrap_or_default();
                    row.iter().zip(into).for_each(|(x, y)| *y = W::from_f64((*x).into()));
                }
            }
            let panel = MatRef::from_row_major_slice_with_stride(&buffer, rows, slices * run, stride);
            each(slice * behind + start, panel);
        }
    }
}
