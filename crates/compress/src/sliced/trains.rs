//! The trains among the tensors of a layout, in `f64`, and what the error of each of their slices counts.

use crate::{
    linalg::{LinalgError, Matrix},
    tt::Cores,
};
use bitneuron_core::{Layout, params::Entry};
use std::ops::Range;

/// Indices of consecutive tensors that are the cores of one train: named `stem.n`, `stem.n+1`, … as factors are in this workspace,
/// of three dimensions at least, the last of each the first of the next, and 1 at both ends.
pub(super) fn find(layout: &Layout) -> Vec<Range<usize>> {
    let entries = layout.entries();
    let mut found = Vec::new();
    let mut start = 0;
    while start < entries.len() {
        let rest = entries.get(start..).unwrap_or_default();
        let run = 1 + rest.array_windows().take_while(|[core, next]| follows(core, next)).count();
        let ends = |entry: &Entry| entry.shape.len() >= 3;
        let closed = |at: usize, last: bool| {
            rest.get(at).filter(|entry| ends(entry)).is_some_and(|entry| {
                (if last { entry.shape.last() } else { entry.shape.first() }) == Some(&1)
            })
        };
        if run >= 2 && closed(0, false) && closed(run - 1, true) {
            found.push(start..start + run);
        }
        start += run;
    }
    found
}

/// Whether `next` is the core behind `core`.
fn follows(core: &Entry, next: &Entry) -> bool {
    let name = |entry: &Entry| {
        let (stem, number) = entry.name.rsplit_once('.')?;
        Some((stem.to_owned(), number.parse::<u32>().ok()?))
    };
    let named = match (name(core), name(next)) {
        (Some((stem, number)), Some((other, next))) => stem == other && number.checked_add(1) == Some(next),
        _ => false,
    };
    let (left, right) = (&core.shape, &next.shape);
    named && left.len() >= 3 && right.len() >= 3 && left.last() == right.first() && !right.contains(&0)
}

/// A tensor as `[left, middle, right]`: a core with its bonds, or all elements between bonds of 1.
pub(super) fn sides(entry: &Entry) -> [usize; 3] {
    let elements = entry.elements().unwrap_or_default();
    match entry.shape.as_slice() {
        [left, _, .., right] if elements > 0 => {
            [*left as usize, elements / *left as usize / *right as usize, *right as usize]
        }
        _ => [1, elements, 1],
    }
}

/// The cores of a train.
#[derive(Debug, Clone)]
pub(super) struct Train {
    /// `[left, middle, right]` of each.
    pub(super) shapes: Vec<[usize; 3]>,
    pub(super) cores: Vec<Vec<f64>>,
}

impl Train {
    /// The same tensor in the left-orthogonal gauge, with the same ranks: slices that hold nothing are zero.
    pub(super) fn orthogonal(&self) -> Result<Self, LinalgError> {
        let cores = Cores::new(self.shapes.clone(), self.cores.clone()).left_orthogonal()?;
        let widened =
            cores.iter().zip(&self.shapes).map(|(([.., right], core), wide)| widen(core, *right, *wide));
        Ok(Self { shapes: self.shapes.clone(), cores: widened.collect() })
    }

    /// The weights of the slices: an error of core k with mean square s² for each entry changes the tensor by
    ///
    /// ```text
    /// ‖δA‖² = Σ_(a, i, j) s² · l²_a · r²_j        l²_a = (LᵀL)_aa,  r²_j = (R·Rᵀ)_jj
    /// ```
    /// with L the product of the cores before it and R of those behind. For each core the roots l and r; in the left-orthogonal
    /// gauge l is 1 and r are the singular values at the bond.
    pub(super) fn weights(&self) -> Result<Vec<[Vec<f64>; 2]>, LinalgError> {
        let mut before = vec![vec![1.0]];
        for (core, [left, middle, right]) in self.cores.iter().zip(&self.shapes) {
            let gram = before.last().map_or(&[][..], Vec::as_slice);
            before.push(carried(gram, core, core, [*left, *left], [*middle, *right, *right])?);
        }
        let mut behind = vec![vec![1.0]];
        for (core, [left, middle, right]) in self.cores.iter().zip(&self.shapes).rev() {
            let gram = behind.last().map_or(&[][..], Vec::as_slice);
            let half =
                Matrix::new(core, left * middle, *right).multiply(Matrix::new(gram, *right, *right))?;
            let (half, core) =
                (Matrix::new(&half, *left, middle * right), Matrix::new(core, *left, middle * right));
            behind.push(half.multiply(core.transposed())?);
        }
        behind.reverse();
        let roots = |gram: &Vec<f64>| {
            let size = gram.len().isqrt();
            gram.iter().step_by(size + 1).map(|square| square.max(0.0).sqrt()).collect()
        };
        Ok(before.iter().zip(behind.iter().skip(1)).map(|(l, r)| [roots(l), roots(r)]).collect())
    }
}

/// Σ over a, b and the middle of `a_core[a, i, j] · gram[a, b] · b_core[b, i, k]`: `[j, k]`, for cores `[a, middle, j]` and
/// `[b, middle, k]`.
pub(super) fn carried(
    gram: &[f64],
    a_core: &[f64],
    b_core: &[f64],
    [a, b]: [usize; 2],
    [middle, j, k]: [usize; 3],
) -> Result<Vec<f64>, LinalgError> {
    let half = Matrix::new(gram, a, b).multiply(Matrix::new(b_core, b, middle * k))?;
    let half = Matrix::new(&half, a * middle, k);
    Matrix::new(a_core, a * middle, j).transposed().multiply(half)
}

/// A core with zeros behind both sides.
fn widen(core: &[f64], right: usize, [left, middle, wide]: [usize; 3]) -> Vec<f64> {
    let rows = core.chunks_exact(right);
    let mut out: Vec<f64> =
        rows.flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0, wide - right))).collect();
    out.resize(left * middle * wide, 0.0);
    out
}
