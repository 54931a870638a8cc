//! The products that alternating least squares needs, by a dimension tree.
//!
//! For mode n that is M_n `[n_n, R]`, the tensor multiplied by all other factors:
//! `M_n[i_n, r] = Σ A[i₁, …, i_d] · Π_{m≠n} A_m[i_m, r]` (*MTTKRP*). The modes are cut into a left and a right half. One
//! large product with the components of the right half gives T `[left modes, R]`, from which M_n of every left mode follows
//! by small contractions, and likewise for the right half: two passes over the tensor for a sweep of all modes instead of
//! one for each (Phan, Tichavský and Cichocki 2013). The large products are `f32`, everything behind them `f64`.

use crate::linalg::{LinalgError, Matrix};

/// Which half of the modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Left,
    Right,
}

/// A tensor cut into two halves of its modes.
pub(super) struct Tree<'a> {
    values: &'a [f32],
    modes: &'a [usize],
    /// The first mode of the right half.
    cut: usize,
}

impl<'a> Tree<'a> {
    /// Cut where the halves are nearest in size; `values` has one element for each index of `modes`, of which there are two
    /// or more.
    pub(super) fn new(values: &'a [f32], modes: &'a [usize]) -> Self {
        let size = |modes: &[usize]| modes.iter().product::<usize>();
        let larger = |cut: &usize| size(&modes[..*cut]).max(size(&modes[*cut..]));
        Self { values, modes, cut: (1..modes.len()).min_by_key(larger).unwrap_or(1) }
    }

    /// The half that a mode lies in.
    pub(super) fn half(&self, mode: usize) -> Half {
        if mode < self.cut { Half::Left } else { Half::Right }
    }

    /// T of a half: the tensor times the components of the other half, `[modes of the half, R]`.
    pub(super) fn contract(
        &self,
        half: Half,
        factors: &[Vec<f64>],
        rank: usize,
    ) -> Result<Vec<f32>, LinalgError> {
        let (left, right) = factors.split_at(self.cut);
        let columns: usize = self.modes.iter().skip(self.cut).product();
        let matrix = Matrix::new(self.values, self.values.len() / columns, columns);
        let (matrix, others) = match half {
            Half::Left => (matrix, components(right, rank)),
            Half::Right => (matrix.transposed(), components(left, rank)),
        };
        let others: Vec<f32> = others.into_iter().map(|x| x as f32).collect();
        matrix.multiply(Matrix::new(&others, others.len() / rank, rank))
    }

    /// M of a mode from T of its half.
    pub(super) fn finish(&self, half: &[f32], mode: usize, factors: &[Vec<f64>], rank: usize) -> Vec<f64> {
        let range = match self.half(mode) {
            Half::Left => 0..self.cut,
            Half::Right => self.cut..self.modes.len(),
        };
        let mut state: Vec<f64> = half.iter().map(|x| f64::from(*x)).collect();
        for other in range.clone().rev().take_while(|other| *other > mode) {
            state = contract_last(&state, &factors[other], rank);
        }
        for other in range.take_while(|other| *other < mode) {
            state = contract_first(&state, &factors[other], rank);
        }
        state
    }
}

/// The products of one row of each factor, `[Π n_m, R]`.
fn components(factors: &[Vec<f64>], rank: usize) -> Vec<f64> {
    let mut rows = vec![1.0; rank];
    for factor in factors {
        rows = rows
            .chunks_exact(rank)
            .flat_map(|row| factor.chunks_exact(rank).flat_map(move |entry| row.iter().zip(entry)))
            .map(|(x, y)| x * y)
            .collect();
    }
    rows
}

/// `out[p, r] = Σ_i state[p, i, r] · factor[i, r]`.
fn contract_last(state: &[f64], factor: &[f64], rank: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(state.len() / factor.len() * rank);
    for block in state.chunks_exact(factor.len()) {
        let mut sums = vec![0.0; rank];
        for (row, entry) in block.chunks_exact(rank).zip(factor.chunks_exact(rank)) {
            sums.iter_mut().zip(row).zip(entry).for_each(|((sum, x), y)| *sum += x * y);
        }
        out.extend(sums);
    }
    out
}

/// `out[q, r] = Σ_i state[i, q, r] · factor[i, r]`.
fn contract_first(state: &[f64], factor: &[f64], rank: usize) -> Vec<f64> {
    let size = state.len() / (factor.len() / rank);
    let mut out = vec![0.0; size];
    for (block, entry) in state.chunks_exact(size).zip(factor.chunks_exact(rank)) {
        for (sums, row) in out.chunks_exact_mut(rank).zip(block.chunks_exact(rank)) {
            sums.iter_mut().zip(row).zip(entry).for_each(|((sum, x), y)| *sum += x * y);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Element by element, as the definition says.
    fn by_definition(
        values: &[f32],
        modes: &[usize],
        factors: &[Vec<f64>],
        rank: usize,
        mode: usize,
    ) -> Vec<f64> {
        let mut out = vec![0.0; modes[mode] * rank];
        for (at, value) in values.iter().enumerate() {
            let mut rest = at;
            let mut index = vec![0; modes.len()];
            for m in (0..modes.len()).rev() {
                index[m] = rest % modes[m];
                rest /= modes[m];
            }
            for r in 0..rank {
                let others = (0..modes.len()).filter(|m| *m != mode);
                let product: f64 = others.map(|m| factors[m][index[m] * rank + r]).product();
                out[index[mode] * rank + r] += f64::from(*value) * product;
            }
        }
        out
    }

    #[test]
    fn every_mode_from_its_half() {
        let rank = 3;
        for modes in [vec![4, 5], vec![3, 4, 5], vec![2, 3, 4, 3], vec![7, 2, 2, 3, 2]] {
            let count: usize = modes.iter().product();
            let values: Vec<f32> = (0..count).map(|at| (at * 37 % 19) as f32 - 9.0).collect();
            let factors: Vec<Vec<f64>> =
                modes.iter().map(|n| (0..n * rank).map(|at| (at * 13 % 7) as f64 - 3.0).collect()).collect();
            let tree = Tree::new(&values, &modes);
            for mode in 0..modes.len() {
                let half = tree.contract(tree.half(mode), &factors, rank).expect("shaped");
                let found = tree.finish(&half, mode, &factors, rank);
                // Small integers: exact in `f32`.
                assert_eq!(
                    found,
                    by_definition(&values, &modes, &factors, rank, mode),
                    "{modes:?}, mode {mode}"
                );
            }
        }
    }
}
