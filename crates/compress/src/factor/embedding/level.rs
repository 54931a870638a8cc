//! One core of a table, applied to many rows: the rows that share its digit are one product.

use super::{FactorError, MatrixShape, Step};
use crate::linalg::{Matrix, Onto, multiply_f32};

/// The sizes of one core `[rank, digits, outer]`, where outer is n·r′.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    /// Where it starts in the flat buffer.
    start: usize,
    /// How many values its digit has.
    digits: usize,
    /// Rows for each value of its digit, all digits before being equal.
    below: usize,
    /// Values of the embedding made by the cores before.
    left: usize,
    rank: usize,
    outer: usize,
}

/// Buffers that are used again for every digit.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    slice: Vec<f32>,
    before: Vec<f32>,
    after: Vec<f32>,
    slope: Vec<f32>,
    order: Vec<usize>,
    ends: Vec<usize>,
}

impl Level {
    pub(super) fn new(shape: &MatrixShape, core: usize) -> Self {
        let [rank, digits, width, right] = shape.core(core);
        let product = |sizes: Option<&[usize]>| sizes.unwrap_or_default().iter().product();
        Self {
            start: shape.range(core).start,
            digits,
            below: product(shape.inputs().get(core + 1..)),
            left: product(shape.outputs().get(..core)),
            rank,
            outer: width * right,
        }
    }

    /// The states `[rows, left, outer]` from those before, `[rows, left, rank]`.
    pub(super) fn apply(
        self,
        cores: &[f32],
        rows: &[u32],
        before: &[f32],
        scratch: &mut Scratch,
    ) -> Result<Vec<f32>, FactorError> {
        let (from, into) = (self.left * self.rank, self.left * self.outer);
        let mut out = vec![0.0; rows.len() * into];
        self.sort(rows, scratch);
        let mut first = 0;
        for digit in 0..self.digits {
            let members = first..scratch.ends[digit];
            first = members.end;
            let order = &scratch.order[members];
            if order.is_empty() {
                continue;
            }
            self.gather_slice(cores, digit, &mut scratch.slice);
            gather(before, order, from, &mut scratch.before);
            scratch.after.resize(order.len() * into, 0.0);
            let items = order.len() * self.left;
            let states = Matrix::new(&scratch.before, items, self.rank);
            let slice = Matrix::new(&scratch.slice, self.rank, self.outer);
            multiply_f32(&mut scratch.after, Onto::Replace, states, slice)?;
            for (row, state) in order.iter().zip(scratch.after.chunks_exact(into)) {
                out[row * into..(row + 1) * into].copy_from_slice(state);
            }
        }
        Ok(out)
    }

    /// The errors before from those after, having given each touched run of parameters and its gradient to `step`.
    pub(super) fn train(
        self,
        cores: &mut [f32],
        rows: &[u32],
        before: &[f32],
        errors: &[f32],
        scratch: &mut Scratch,
        step: Step<'_>,
    ) -> Result<Vec<f32>, FactorError> {
        let (from, into) = (self.left * self.rank, self.left * self.outer);
        let mut out = vec![0.0; rows.len() * from];
        self.sort(rows, scratch);
        let mut first = 0;
        for digit in 0..self.digits {
            let members = first..scratch.ends[digit];
            first = members.end;
            let order = &scratch.order[members];
            if order.is_empty() {
                continue;
            }
            self.gather_slice(cores, digit, &mut scratch.slice);
            gather(before, order, from, &mut scratch.before);
            gather(errors, order, into, &mut scratch.after);
            let items = order.len() * self.left;
            let errors = Matrix::new(&scratch.after, items, self.outer);
            scratch.slope.resize(self.rank * self.outer, 0.0);
            let states = Matrix::new(&scratch.before, items, self.rank).transposed();
            multiply_f32(&mut scratch.slope, Onto::Replace, states, errors)?;
            let slice = Matrix::new(&scratch.slice, self.rank, self.outer).transposed();
            multiply_f32(&mut scratch.before, Onto::Replace, errors, slice)?;
            for (row, state) in order.iter().zip(scratch.before.chunks_exact(from)) {
                out[row * from..(row + 1) * from].copy_from_slice(state);
            }
            for (index, slope) in scratch.slope.chunks_exact(self.outer).enumerate() {
                let at = self.run(index, digit);
                step(at, &mut cores[at..at + self.outer], slope);
            }
        }
        Ok(out)
    }

    /// Where the run of rank index `index` and this digit starts.
    const fn run(self, index: usize, digit: usize) -> usize {
        self.start + (index * self.digits + digit) * self.outer
    }

    /// The slice `[rank, outer]` of one digit.
    fn gather_slice(self, cores: &[f32], digit: usize, into: &mut Vec<f32>) {
        into.clear();
        for index in 0..self.rank {
            let at = self.run(index, digit);
            into.extend_from_slice(&cores[at..at + self.outer]);
        }
    }

    /// The rows in the order of their digit, and where each digit ends: a counting sort.
    fn sort(self, rows: &[u32], scratch: &mut Scratch) {
        let digit = |row: &u32| *row as usize / self.below % self.digits;
        scratch.ends.clear();
        scratch.ends.resize(self.digits, 0);
        rows.iter().for_each(|row| scratch.ends[digit(row)] += 1);
        let mut sum = 0;
        for end in &mut scratch.ends {
            sum += std::mem::replace(end, sum);
        }
        scratch.order.resize(rows.len(), 0);
        for (index, row) in rows.iter().enumerate() {
            let place = &mut scratch.ends[digit(row)];
            scratch.order[*place] = index;
            *place += 1;
        }
    }
}

/// The blocks of `width` values in the order asked for.
fn gather(values: &[f32], order: &[usize], width: usize, into: &mut Vec<f32>) {
    into.clear();
    order.iter().for_each(|row| into.extend_from_slice(&values[row * width..(row + 1) * width]));
}
