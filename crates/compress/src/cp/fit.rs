//! One run of alternating least squares.
//!
//! With all factors but A_n fixed, ‖A − Â‖² is least for A_n = M_n · S⁺, where M_n is the product of [`super::mttkrp`] and S
//! the entrywise product of the other factors' Gram matrices A_mᵀA_m. Under the bound A_n ≥ 0 the columns are improved one
//! after another instead, each by its own best step cut off at 0 (HALS; Cichocki and Phan 2009):
//! `a_j ← max(0, a_j + (M_j − A·S_j) / S_jj)`.
//!
//! The squared error needs no expansion: ‖A‖² − 2·⟨M_n, A_n⟩ + Σ of the entrywise product of all Gram matrices.
//!
//! Every third sweep a *line search* goes on in the direction of the last step by k^{1/d} times its length (Harshman 1970;
//! Bro 1998) and stays there if the error is smaller; the large product behind that error is the next sweep's first.

use super::mttkrp::{Half, Tree};
use crate::linalg::{self, LinalgError, Matrix};

/// Passes over the columns of a factor under the bound.
const PASSES: usize = 3;
/// Sweeps between line searches.
const SEARCH: usize = 3;

/// Factors on their way to a tensor.
pub(super) struct Fit<'a> {
    tree: &'a Tree<'a>,
    /// ‖A‖².
    energy: f64,
    rank: usize,
    nonnegative: bool,
    factors: Vec<Vec<f64>>,
}

impl<'a> Fit<'a> {
    pub(super) fn new(
        tree: &'a Tree<'a>,
        energy: f64,
        rank: usize,
        nonnegative: bool,
        factors: Vec<Vec<f64>>,
    ) -> Self {
        Self { tree, energy, rank, nonnegative, factors }
    }

    /// At most `iterations` sweeps, fewer once one lowers the relative error by less than `tolerance`; the relative error
    /// and the factors, all columns of one component equally long.
    pub(super) fn run(
        mut self,
        iterations: usize,
        tolerance: f64,
    ) -> Result<(f64, Vec<Vec<f64>>), LinalgError> {
        let mut error = f64::INFINITY;
        let mut head = None;
        for iteration in 1..=iterations {
            let before = self.factors.clone();
            let found = self.sweep(head.take())?;
            balance(&mut self.factors, self.rank);
            let gain = error - found;
            error = found;
            if gain < tolerance || error == 0.0 {
                break;
            }
            if iteration > SEARCH && iteration.is_multiple_of(SEARCH) && iteration < iterations {
                let stride = (iteration as f64).powf(1.0 / self.factors.len() as f64);
                if let Some((better, product)) = self.search(&before, stride, error)? {
                    (error, head) = (better, Some(product));
                }
            }
        }
        Ok((error, self.factors))
    }

    /// Updates every factor once; the relative error. `head` is the large product of the left half, where it is known.
    fn sweep(&mut self, head: Option<Vec<f32>>) -> Result<f64, LinalgError> {
        let mut grams: Vec<Vec<f64>> =
            self.factors.iter().map(|factor| self.gram(factor)).collect::<Result<_, _>>()?;
        let mut half = (Half::Left, head.map_or_else(|| self.product(Half::Left), Ok)?);
        let mut error = 0.0;
        for mode in 0..self.factors.len() {
            if self.tree.half(mode) != half.0 {
                half = (Half::Right, self.product(Half::Right)?);
            }
            let product = self.tree.finish(&half.1, mode, &self.factors, self.rank);
            let others = hadamard(grams.iter().enumerate().filter(|(other, _)| *other != mode));
            self.factors[mode] = if self.nonnegative {
                improved(&self.factors[mode], &product, &others, self.rank)
            } else {
                self.least_squares(&product, &others)?
            };
            grams[mode] = self.gram(&self.factors[mode])?;
            error = self.error(&product, &self.factors[mode], &grams);
        }
        Ok(error)
    }

    /// The point further on, if the error there is below `error`: that error, and the large product of the left half.
    fn search(
        &mut self,
        before: &[Vec<f64>],
        stride: f64,
        error: f64,
    ) -> Result<Option<(f64, Vec<f32>)>, LinalgError> {
        let least = if self.nonnegative { 0.0 } else { f64::NEG_INFINITY };
        let further = |(now, then): (&Vec<f64>, &Vec<f64>)| {
            now.iter().zip(then).map(|(x, y)| (x + stride * (x - y)).max(least)).collect()
        };
        let trial: Vec<Vec<f64>> = self.factors.iter().zip(before).map(further).collect();
        let kept = std::mem::replace(&mut self.factors, trial);
        let head = self.product(Half::Left)?;
        let first = self.tree.finish(&head, 0, &self.factors, self.rank);
        let grams: Vec<Vec<f64>> =
            self.factors.iter().map(|factor| self.gram(factor)).collect::<Result<_, _>>()?;
        let found = self.error(&first, &self.factors[0], &grams);
        if found < error {
            return Ok(Some((found, head)));
        }
        self.factors = kept;
        Ok(None)
    }

    fn product(&self, half: Half) -> Result<Vec<f32>, LinalgError> {
        self.tree.contract(half, &self.factors, self.rank)
    }

    fn gram(&self, factor: &[f64]) -> Result<Vec<f64>, LinalgError> {
        let factor = Matrix::new(factor, factor.len() / self.rank, self.rank);
        factor.transposed().multiply(factor)
    }

    /// M · S⁺.
    fn least_squares(&self, product: &[f64], others: &[f64]) -> Result<Vec<f64>, LinalgError> {
        let rows = product.len() / self.rank;
        let solved = linalg::solve(others, &transposed(product, self.rank), [self.rank, rows])?;
        Ok(transposed(&solved, rows))
    }

    /// The relative error of the factors whose product for the mode of `factor` is `product`.
    fn error(&self, product: &[f64], factor: &[f64], grams: &[Vec<f64>]) -> f64 {
        let inner: f64 = product.iter().zip(factor).map(|(x, y)| x * y).sum();
        let norm: f64 = hadamard(grams.iter().enumerate()).iter().sum();
        if self.energy == 0.0 {
            0.0
        } else {
            ((self.energy - 2.0 * inner + norm).max(0.0) / self.energy).sqrt()
        }
    }
}

/// The entrywise product.
fn hadamard<'a>(mut grams: impl Iterator<Item = (usize, &'a Vec<f64>)>) -> Vec<f64> {
    let mut product = grams.next().map(|(_, gram)| gram.clone()).unwrap_or_default();
    for (_, gram) in grams {
        product.iter_mut().zip(gram).for_each(|(x, y)| *x *= y);
    }
    product
}

/// `a: [rows, columns]` transposed.
fn transposed(a: &[f64], columns: usize) -> Vec<f64> {
    (0..columns).flat_map(|j| a.iter().skip(j).step_by(columns).copied()).collect()
}

/// A factor that is not negative after some passes over its columns.
fn improved(factor: &[f64], product: &[f64], others: &[f64], rank: usize) -> Vec<f64> {
    let rows = factor.len() / rank;
    let mut columns: Vec<Vec<f64>> =
        (0..rank).map(|j| factor.iter().skip(j).step_by(rank).copied().collect()).collect();
    for _ in 0..PASSES {
        for j in 0..rank {
            let weights = &others[j * rank..(j + 1) * rank];
            if weights[j] <= 0.0 {
                continue;
            }
            let mut step: Vec<f64> = product.iter().skip(j).step_by(rank).copied().collect();
            for (column, weight) in columns.iter().zip(weights) {
                step.iter_mut().zip(column).for_each(|(s, x)| *s -= weight * x);
            }
            columns[j].iter_mut().zip(step).for_each(|(x, s)| *x = (*x + s / weights[j]).max(0.0));
        }
    }
    let flat = (0..rows).flat_map(|i| columns.iter().map(move |column| column[i]));
    flat.collect()
}

/// Gives all columns of one component the same length.
fn balance(factors: &mut [Vec<f64>], rank: usize) {
    for j in 0..rank {
        let length =
            |factor: &Vec<f64>| factor.iter().skip(j).step_by(rank).map(|x| x * x).sum::<f64>().sqrt();
        let lengths: Vec<f64> = factors.iter().map(length).collect();
        let mean = lengths.iter().map(|length| length.ln()).sum::<f64>() / lengths.len() as f64;
        for (factor, length) in factors.iter_mut().zip(lengths) {
            let scale = if mean.is_finite() { mean.exp() / length } else { 0.0 };
            factor.iter_mut().skip(j).step_by(rank).for_each(|x| *x *= scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries without a pattern, of −1 … 1.
    fn entries(count: usize, step: usize) -> Vec<f64> {
        (0..count).map(|at| ((at * step + at * at * 7) % 101) as f64 / 50.0 - 1.0).collect()
    }

    /// The errors after 1, 2, … sweeps from one start.
    fn errors(nonnegative: bool) -> Vec<f64> {
        let modes = [6, 5, 4];
        let values: Vec<f32> = entries(120, 37).into_iter().map(|x| x as f32 + 0.5).collect();
        let tree = Tree::new(&values, &modes);
        let energy = linalg::norm_squared(&values);
        let run = |iterations| {
            let sign = |x: f64| if nonnegative { x.abs() } else { x };
            let start =
                modes.iter().map(|n| entries(n * 4, 13 + n).into_iter().map(sign).collect()).collect();
            Fit::new(&tree, energy, 4, nonnegative, start).run(iterations, 0.0).expect("converges")
        };
        let found = (1..40).map(run);
        let checked = found.map(|(error, factors)| {
            // The error that is told is that of the factors.
            let back = (0..120).map(|at| {
                let index = [at / 20, at / 4 % 5, at % 4];
                (0..4).map(|r| (0..3).map(|m| factors[m][index[m] * 4 + r]).product::<f64>()).sum::<f64>()
            });
            let squares: f64 = back.zip(&values).map(|(a, b)| (a - f64::from(*b)).powi(2)).sum();
            assert!((error - (squares / energy).sqrt()).abs() < 1e-5);
            error
        });
        checked.collect()
    }

    #[test]
    fn a_search_stays_only_where_it_is_better() {
        let modes = [6, 5, 4];
        let values: Vec<f32> = entries(120, 37).into_iter().map(|x| x as f32 + 0.5).collect();
        let (tree, energy) = (Tree::new(&values, &modes), linalg::norm_squared(&values));
        let start = modes.iter().map(|n| entries(n * 4, 13 + n)).collect();
        let mut fit = Fit::new(&tree, energy, 4, false, start);
        for _ in 0..5 {
            fit.sweep(None).expect("converges");
            balance(&mut fit.factors, 4);
        }
        let before = fit.factors.clone();
        let error = fit.sweep(None).expect("converges");
        balance(&mut fit.factors, 4);
        let here = fit.factors.clone();
        assert!(fit.search(&before, 1e4, error).expect("shaped").is_none(), "too far");
        assert_eq!(fit.factors, here);
        let (better, head) = fit.search(&before, 1.0, error).expect("shaped").expect("a little further");
        assert!(better < error && fit.factors != here);
        // The product that comes along is the one that the next sweep needs.
        assert_eq!(head, fit.product(Half::Left).expect("shaped"));
    }

    #[test]
    fn no_sweep_and_no_search_raises_the_error() {
        for nonnegative in [false, true] {
            let errors = errors(nonnegative);
            assert!(errors.windows(2).all(|pair| pair[1] <= pair[0] + 1e-6), "{errors:?}");
            assert!(errors[38] < 0.98 * errors[0], "{errors:?}");
        }
    }
}
