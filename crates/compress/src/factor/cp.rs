//! Linear layers whose weights are a sum of outer products: CP.
//!
//! ```text
//! W[(i₁ … i_p), (j₁ … j_q)] = Σ_a  A₁[i₁, a] ⋯ A_p[i_p, a] · B₁[j₁, a] ⋯ B_q[j_q, a]          Σ sizes · R parameters
//! U[(i₁ … i_p), a] = ∏ A_k[i_k, a],   V[(j₁ … j_q), a] = ∏ B_k[j_k, a],   Y = (X·U)·Vᵀ
//! ```
//! U and V are multiplied out once a batch (R·(inputs + outputs) values). Contracting mode by mode would not be cheaper: its
//! first step alone costs as much as `X·U`.

use super::{FactorError, Factored, Linear, check_length};
use crate::{
    linalg::{Matrix, Onto, Scalar},
    rank::{Bond, Slices},
};
use bitneuron_core::Seed;
use std::{ops::Range, sync::Arc};

/// A linear layer of CP rank R: `Y = X·W`.
///
/// ```
/// use bitneuron_compress::factor::{CpLinear, Factored};
/// let layer = CpLinear::new(&[8, 8], &[16, 32], 20)?;
/// assert_eq!((layer.inputs(), layer.outputs(), layer.parameters()), (64, 512, 20 * (8 + 8 + 16 + 32)));
/// # Ok::<(), bitneuron_compress::factor::FactorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpLinear {
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    rank: usize,
}

impl CpLinear {
    /// A layer with these modes and this rank.
    ///
    /// # Errors
    /// [`FactorError::Shape`]: no mode on a side, more than 32 in all, a size of 0, or more values than fit.
    pub fn new(inputs: &[usize], outputs: &[usize], rank: usize) -> Result<Self, FactorError> {
        if inputs.is_empty() || outputs.is_empty() || inputs.len() + outputs.len() > 32 {
            return Err(FactorError::Shape("a layer has modes on both sides, at most 32 in all"));
        }
        if rank == 0 || inputs.contains(&0) || outputs.contains(&0) {
            return Err(FactorError::Shape("a mode or rank is 0"));
        }
        let size = |modes: &[usize]| modes.iter().try_fold(rank, |size, mode| size.checked_mul(*mode));
        let fits = |modes: &[usize]| size(modes).is_some_and(|size| size <= 1 << 40);
        if !(fits(inputs) && fits(outputs)) {
            return Err(FactorError::Shape("the factors are too large"));
        }
        Ok(Self { inputs: inputs.to_vec(), outputs: outputs.to_vec(), rank })
    }

    /// The rank.
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// Where the factors of the inputs end in the flat buffer.
    fn middle(&self) -> usize {
        self.rank * self.inputs.iter().sum::<usize>()
    }

    /// The places of all factors.
    fn places(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.inputs.iter().chain(&self.outputs).scan(0, |start, mode| {
            let place = *start..*start + mode * self.rank;
            *start = place.end;
            Some(place)
        })
    }

    /// Refuses what does not fit; the number of rows.
    fn check(&self, factors: usize, x: usize, y: usize) -> Result<usize, FactorError> {
        check_length("factors", factors, self.parameters())?;
        let rows = y / self.outputs();
        check_length("outputs", y, rows * self.outputs())?;
        check_length("inputs", x, rows.saturating_mul(self.inputs()))?;
        Ok(rows)
    }
}

impl Factored for CpLinear {
    fn inputs(&self) -> usize {
        self.inputs.iter().product()
    }

    fn outputs(&self) -> usize {
        self.outputs.iter().product()
    }

    fn factors(&self) -> Vec<Vec<usize>> {
        self.inputs.iter().chain(&self.outputs).map(|mode| vec![*mode, self.rank]).collect()
    }

    /// One bond, shared by all factors.
    fn bonds(&self) -> Vec<Bond> {
        let slices: Vec<Slices> =
            self.places().map(|at| Slices { outer: at.len() / self.rank, at, inner: 1 }).collect();
        vec![Bond { rank: self.rank, slices }]
    }

    /// An entry of W is a sum of R products of d entries, so each has the variance (variance / R)^(1/d).
    fn init(&self, variance: f64, seed: Seed) -> Vec<f32> {
        let modes = (self.inputs.len() + self.outputs.len()) as f64;
        let deviation = (variance / self.rank as f64).powf(0.5 / modes);
        super::init::normal(self.parameters(), deviation, seed)
    }
}

impl<S: Scalar> Linear<S> for CpLinear {
    fn forward(&self, factors: &[S], x: &[S], y: &mut [S]) -> Result<(), FactorError> {
        let rows = self.check(factors.len(), x.len(), y.len())?;
        let (left, right) = factors.split_at(self.middle());
        let (u, v) =
            (Products::new(left, &self.inputs, self.rank), Products::new(right, &self.outputs, self.rank));
        let mut inner = vec![S::default(); rows * self.rank];
        S::multiply(&mut inner, Onto::Replace, Matrix::new(x, rows, self.inputs()), u.matrix())?;
        let inner = Matrix::new(&inner, rows, self.rank);
        Ok(S::multiply(y, Onto::Replace, inner, v.matrix().transposed())?)
    }

    fn backward(
        &self,
        factors: &[S],
        x: &[S],
        errors: &[S],
        gradient: Option<&mut [S]>,
        below: Option<&mut [S]>,
    ) -> Result<(), FactorError> {
        let rows = self.check(factors.len(), x.len(), errors.len())?;
        let (left, right) = factors.split_at(self.middle());
        let (u, v) =
            (Products::new(left, &self.inputs, self.rank), Products::new(right, &self.outputs, self.rank));
        let (x, e) = (Matrix::new(x, rows, self.inputs()), Matrix::new(errors, rows, self.outputs()));
        let mut back = vec![S::default(); rows * self.rank];
        S::multiply(&mut back, Onto::Replace, e, v.matrix())?;
        let back = Matrix::new(&back, rows, self.rank);
        if let Some(below) = below {
            check_length("errors", below.len(), rows * self.inputs())?;
            S::multiply(below, Onto::Replace, back, u.matrix().transposed())?;
        }
        let Some(gradient) = gradient else { return Ok(()) };
        check_length("gradient", gradient.len(), factors.len())?;
        let (du, dv) = gradient.split_at_mut(self.middle());
        let mut slope = vec![S::default(); self.inputs() * self.rank];
        S::multiply(&mut slope, Onto::Replace, x.transposed(), back)?;
        u.gradient(slope, du);
        let mut inner = vec![S::default(); rows * self.rank];
        S::multiply(&mut inner, Onto::Replace, x, u.matrix())?;
        let mut slope = vec![S::default(); self.outputs() * self.rank];
        S::multiply(&mut slope, Onto::Replace, e.transposed(), Matrix::new(&inner, rows, self.rank))?;
        v.gradient(slope, dv);
        Ok(())
    }

    fn with_ranks(&self, ranks: &[usize]) -> Result<Arc<dyn Linear<S>>, FactorError> {
        match ranks {
            [rank] => Ok(Arc::new(Self::new(&self.inputs, &self.outputs, *rank)?)),
            _ => Err(FactorError::Shape("a layer of this kind has one rank")),
        }
    }
}

/// The products of every row of `a` with every row of `b`, entry by entry.
fn pairs<S: Scalar>(a: &[S], b: &[S], rank: usize) -> Vec<S> {
    let mut out = vec![S::default(); a.len() / rank * b.len()];
    for (row, out) in a.chunks_exact(rank).zip(out.chunks_exact_mut(b.len())) {
        for (other, out) in b.chunks_exact(rank).zip(out.chunks_exact_mut(rank)) {
            out.iter_mut().zip(row).zip(other).for_each(|((out, a), b)| *out = *a * *b);
        }
    }
    out
}

/// The columnwise products (Khatri–Rao) of factors `[mode, rank]`.
struct Products<'a, S> {
    factors: Vec<&'a [S]>,
    /// The products of the first 1, 2, … factors, `[∏ modes, rank]` each; the last one is the whole.
    partials: Vec<Vec<S>>,
    rank: usize,
}

impl<'a, S: Scalar> Products<'a, S> {
    fn new(values: &'a [S], modes: &[usize], rank: usize) -> Self {
        let mut rest = values;
        let mut next = |mode: &usize| {
            let (factor, behind) = rest.split_at(mode * rank);
            rest = behind;
            factor
        };
        let factors: Vec<&[S]> = modes.iter().map(&mut next).collect();
        let mut partials: Vec<Vec<S>> = Vec::with_capacity(factors.len());
        for factor in &factors {
            let next = match partials.last() {
                None => factor.to_vec(),
                Some(product) => pairs(product, factor, rank),
            };
            partials.push(next);
        }
        Self { factors, partials, rank }
    }

    fn matrix(&self) -> Matrix<'_, S> {
        let whole = self.partials.last().map_or(&[][..], Vec::as_slice);
        Matrix::new(whole, whole.len() / self.rank, self.rank)
    }

    /// Writes the gradients of all factors, one after another, from that of the whole.
    fn gradient(&self, whole: Vec<S>, gradient: &mut [S]) {
        let mut errors = whole;
        let mut end = gradient.len();
        for (index, factor) in self.factors.iter().enumerate().rev() {
            let own = &mut gradient[end - factor.len()..end];
            end -= factor.len();
            let Some(product) = index.checked_sub(1).and_then(|index| self.partials.get(index)) else {
                own.copy_from_slice(&errors);
                continue;
            };
            own.fill(S::default());
            let mut before = vec![S::default(); product.len()];
            let rows = product.chunks_exact(self.rank).zip(before.chunks_exact_mut(self.rank));
            for ((row, back), errors) in rows.zip(errors.chunks_exact(factor.len())) {
                let digits = factor.chunks_exact(self.rank).zip(own.chunks_exact_mut(self.rank));
                for ((other, slope), error) in digits.zip(errors.chunks_exact(self.rank)) {
                    slope.iter_mut().zip(error).zip(row).for_each(|((sum, e), x)| *sum += *e * *x);
                    back.iter_mut().zip(error).zip(other).for_each(|((sum, e), x)| *sum += *e * *x);
                }
            }
            errors = before;
        }
    }
}
