//! Neighbouring cores multiplied into one, and the way back for the gradient.
//!
//! From left to right, `P ← P · G_k` on flat matrices `[rows, r] · [r, m·n·r′]`. That leaves the digits in the order
//! i₁ j₁ i₂ j₂ …; one permutation at the end makes them i₁ i₂ … j₁ j₂ …, so that the outcome is again a core
//! `[r, M, N, r′]`. The partial products are what the gradients of the single cores need.

use super::{FactorError, MatrixShape};
use crate::linalg::{Matrix, Onto, Scalar};
use std::{borrow::Cow, ops::Range};

/// Consecutive cores as one.
#[derive(Debug)]
pub(super) struct Merged<'a, S: Scalar> {
    /// `[r, M, N, r′]`.
    pub(super) values: Cow<'a, [S]>,
    members: Range<usize>,
    /// The products of the first 1, 2, … cores, digits in the order i₁ j₁ i₂ j₂ ….
    partials: Vec<Cow<'a, [S]>>,
    /// Where each pair of digits in that order belongs.
    places: Vec<u32>,
}

impl<'a, S: Scalar> Merged<'a, S> {
    pub(super) fn new(
        shape: &MatrixShape,
        cores: &'a [S],
        members: Range<usize>,
    ) -> Result<Self, FactorError> {
        let core = |index| cores.get(shape.range(index)).unwrap_or_default();
        let mut product = Cow::Borrowed(core(members.start));
        if members.len() == 1 {
            return Ok(Self { values: product, members, partials: Vec::new(), places: Vec::new() });
        }
        let mut partials = Vec::new();
        for index in members.clone().skip(1) {
            let [rank, m, n, right] = shape.core(index);
            let (rows, width) = (product.len() / rank, m * n * right);
            let mut next = vec![S::default(); rows * width];
            let (left, factor) = (Matrix::new(&product, rows, rank), Matrix::new(core(index), rank, width));
            S::multiply(&mut next, Onto::Replace, left, factor)?;
            partials.push(std::mem::replace(&mut product, Cow::Owned(next)));
        }
        let places = places(shape, &members);
        let [.., right] = shape.merged(&members);
        let values = Cow::Owned(permuted(&product, &places, right, Direction::Apart));
        Ok(Self { values, members, partials, places })
    }

    /// Writes the gradients of the members into their places in `gradient`, from the gradient of `values`.
    pub(super) fn gradient(
        &self,
        shape: &MatrixShape,
        cores: &[S],
        outer: Vec<S>,
        gradient: &mut [S],
    ) -> Result<(), FactorError> {
        let [.., right] = shape.merged(&self.members);
        let mut errors = if self.partials.is_empty() {
            outer
        } else {
            permuted(&outer, &self.places, right, Direction::Together)
        };
        for (index, partial) in self.members.clone().skip(1).zip(&self.partials).rev() {
            let [rank, m, n, right] = shape.core(index);
            let (rows, width) = (partial.len() / rank, m * n * right);
            let place = shape.range(index);
            let slope = Matrix::new(&errors, rows, width);
            let own = gradient.get_mut(place.clone()).unwrap_or_default();
            S::multiply(own, Onto::Replace, Matrix::new(partial, rows, rank).transposed(), slope)?;
            let core = Matrix::new(cores.get(place).unwrap_or_default(), rank, width);
            let mut before = vec![S::default(); partial.len()];
            S::multiply(&mut before, Onto::Replace, slope, core.transposed())?;
            errors = before;
        }
        let own = gradient.get_mut(shape.range(self.members.start)).unwrap_or_default();
        own.copy_from_slice(&errors);
        Ok(())
    }
}

/// The multiplications and the moved elements of merging `members`.
pub(super) fn work(shape: &MatrixShape, members: &Range<usize>) -> (f64, f64) {
    let mut multiplications = 0.0;
    for end in members.start + 2..=members.end {
        let [rank, ..] = shape.core(end - 1);
        multiplications += elements(shape, &(members.start..end)) * rank as f64;
    }
    (multiplications, if members.len() > 1 { elements(shape, members) } else { 0.0 })
}

/// The elements of the merged core; as a float, since what is only weighed may be larger than memory.
pub(super) fn elements(shape: &MatrixShape, members: &Range<usize>) -> f64 {
    shape.merged(members).iter().map(|size| *size as f64).product()
}

/// For each pair of digits in the order i₁ j₁ i₂ j₂ …, its index in the order i₁ i₂ … j₁ j₂ ….
fn places(shape: &MatrixShape, members: &Range<usize>) -> Vec<u32> {
    let [_, rows, columns, _] = shape.merged(members);
    let (mut below, mut right) = (rows, columns);
    let mut places = vec![0];
    for index in members.clone() {
        let [_, m, n, _] = shape.core(index);
        (below, right) = (below / m, right / n);
        let pairs = |place| {
            (0..m).flat_map(move |i| (0..n).map(move |j| place + (i * below * columns + j * right) as u32))
        };
        places = places.into_iter().flat_map(pairs).collect();
    }
    places
}

/// Which way digits move.
#[derive(Clone, Copy)]
enum Direction {
    /// From pairs to all inputs before all outputs.
    Apart,
    /// Back to pairs.
    Together,
}

/// Moves the blocks of `width` elements of every `[pairs, width]` in `values`.
fn permuted<S: Scalar>(values: &[S], places: &[u32], width: usize, direction: Direction) -> Vec<S> {
    let mut out = vec![S::default(); values.len()];
    let size = places.len() * width;
    for (from, into) in values.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        for (pair, place) in places.iter().enumerate() {
            let (pair, place) = (pair * width, *place as usize * width);
            let (source, target) = match direction {
                Direction::Apart => (pair, place),
                Direction::Together => (place, pair),
            };
            into[target..target + width].copy_from_slice(&from[source..source + width]);
        }
    }
    out
}
