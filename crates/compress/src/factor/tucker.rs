//! Linear layers whose weights are a core between factors: Tucker.
//!
//! ```text
//! W[(i₁ … i_p), (j₁ … j_q)] = Σ C[a₁ … a_p, b₁ … b_q] · ∏ A_k[i_k, a_k] · ∏ B_k[j_k, b_k]      ∏ ranks + Σ size·rank parameters
//! U = A₁ ⊗ ⋯ ⊗ A_p,   V = B₁ ⊗ ⋯ ⊗ B_q,   Y = ((X·U)·C)·Vᵀ
//! ```
//! U and V are multiplied out once a batch, as in [`super::CpLinear`]; the core is the matrix `[∏ a, ∏ b]` between them. It pays
//! for few modes and small ranks: the core grows as their product.

use super::{FactorError, Factored, Linear, check_length};
use crate::{
    linalg::{Matrix, Onto, Scalar},
    rank::{Bond, Slices},
};
use bitneuron_core::Seed;
use std::{ops::Range, sync::Arc};

/// A linear layer of these Tucker ranks, one for each mode: `Y = X·W`.
///
/// ```
/// use bitneuron_compress::factor::{Factored, TuckerLinear};
/// let layer = TuckerLinear::new(&[8, 8], &[16, 32], &[4, 4, 5, 6])?;
/// let factors = 8 * 4 + 8 * 4 + 16 * 5 + 32 * 6;
/// assert_eq!((layer.inputs(), layer.outputs(), layer.parameters()), (64, 512, factors + 4 * 4 * 5 * 6));
/// # Ok::<(), bitneuron_compress::factor::FactorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TuckerLinear {
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    ranks: Vec<usize>,
}

impl TuckerLinear {
    /// A layer with these modes and these ranks, those of the inputs first.
    ///
    /// # Errors
    /// [`FactorError::Shape`]: no mode on a side, more than 32 in all, not one rank for each, a size of 0, or more values than fit.
    pub fn new(inputs: &[usize], outputs: &[usize], ranks: &[usize]) -> Result<Self, FactorError> {
        if inputs.is_empty() || outputs.is_empty() || inputs.len() + outputs.len() > 32 {
            return Err(FactorError::Shape("a layer has modes on both sides, at most 32 in all"));
        }
        if ranks.len() != inputs.len() + outputs.len() {
            return Err(FactorError::Shape("a layer of this kind has a rank for each mode"));
        }
        if [inputs, outputs, ranks].iter().any(|sizes| sizes.contains(&0)) {
            return Err(FactorError::Shape("a mode or rank is 0"));
        }
        let (left, right) = ranks.split_at(inputs.len());
        let fits = |sizes: [&[usize]; 2]| {
            let product = sizes.into_iter().flatten().try_fold(1usize, |size, n| size.checked_mul(*n));
            product.is_some_and(|size| size <= 1 << 40)
        };
        if !(fits([inputs, left]) && fits([outputs, right]) && fits([left, right])) {
            return Err(FactorError::Shape("the factors are too large"));
        }
        Ok(Self { inputs: inputs.to_vec(), outputs: outputs.to_vec(), ranks: ranks.to_vec() })
    }

    /// The ranks, those of the inputs first.
    pub fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// Modes with their ranks.
    fn pairs(&self) -> impl Iterator<Item = [usize; 2]> + Clone + '_ {
        self.inputs.iter().chain(&self.outputs).zip(&self.ranks).map(|(mode, rank)| [*mode, *rank])
    }

    /// The columns of U and of V.
    fn widths(&self) -> [usize; 2] {
        let (left, right) = self.ranks.split_at(self.inputs.len());
        [left.iter().product(), right.iter().product()]
    }

    /// Where the factors of the inputs, those of the outputs, and the core lie in the flat buffer.
    fn places(&self) -> [Range<usize>; 3] {
        let sizes: Vec<usize> = self.pairs().map(|[mode, rank]| mode * rank).collect();
        let (left, right) = sizes.split_at(self.inputs.len());
        let (middle, end) = (left.iter().sum(), left.iter().chain(right).sum());
        [0..middle, middle..end, end..end + self.ranks.iter().product::<usize>()]
    }

    /// Refuses what does not fit; the number of rows.
    fn check(&self, factors: usize, x: usize, y: usize) -> Result<usize, FactorError> {
        check_length("factors", factors, self.parameters())?;
        let rows = y / self.outputs();
        check_length("outputs", y, rows * self.outputs())?;
        check_length("inputs", x, rows.saturating_mul(self.inputs()))?;
        Ok(rows)
    }

    fn parts<'a, S: Scalar>(&'a self, factors: &'a [S]) -> Parts<'a, S> {
        let [left, right, core] = self.places();
        let (input_ranks, output_ranks) = self.ranks.split_at(self.inputs.len());
        let part = |place: Range<usize>| factors.get(place).unwrap_or_default();
        let [width, height] = self.widths();
        Parts {
            u: Kronecker::new(part(left), &self.inputs, input_ranks),
            v: Kronecker::new(part(right), &self.outputs, output_ranks),
            core: Matrix::new(part(core), width, height),
        }
    }
}

/// U, V and the core.
struct Parts<'a, S> {
    u: Kronecker<'a, S>,
    v: Kronecker<'a, S>,
    core: Matrix<'a, S>,
}

impl Factored for TuckerLinear {
    fn inputs(&self) -> usize {
        self.inputs.iter().product()
    }

    fn outputs(&self) -> usize {
        self.outputs.iter().product()
    }

    /// One matrix `[mode, rank]` for each mode, then the core.
    fn factors(&self) -> Vec<Vec<usize>> {
        self.pairs().map(|pair| pair.to_vec()).chain([self.ranks.clone()]).collect()
    }

    /// One bond for each mode, between its factor and the core.
    fn bonds(&self) -> Vec<Bond> {
        let [.., core] = self.places();
        let mut start = 0;
        let bond = |(index, [mode, rank]): (usize, [usize; 2])| {
            let at = start..start + mode * rank;
            start = at.end;
            let size = |ranks: Option<&[usize]>| ranks.unwrap_or_default().iter().product();
            let (outer, inner) = (size(self.ranks.get(..index)), size(self.ranks.get(index + 1..)));
            let slices =
                vec![Slices { at, outer: mode, inner: 1 }, Slices { at: core.clone(), outer, inner }];
            Bond { rank, slices }
        };
        self.pairs().enumerate().map(bond).collect()
    }

    /// An entry of W is a sum of ∏ ranks products of d + 1 entries, so each has the variance (variance / ∏ ranks)^(1/(d + 1)).
    fn init(&self, variance: f64, seed: Seed) -> Vec<f32> {
        let paths: f64 = self.ranks.iter().map(|rank| *rank as f64).product();
        let deviation = (variance / paths).powf(0.5 / (self.ranks.len() + 1) as f64);
        super::init::normal(self.parameters(), deviation, seed)
    }
}

impl<S: Scalar> Linear<S> for TuckerLinear {
    fn forward(&self, factors: &[S], x: &[S], y: &mut [S]) -> Result<(), FactorError> {
        let rows = self.check(factors.len(), x.len(), y.len())?;
        let [width, height] = self.widths();
        let Parts { u, v, core } = self.parts(factors);
        let inner = Matrix::new(x, rows, self.inputs()).multiply(u.matrix())?;
        let inner = Matrix::new(&inner, rows, width).multiply(core)?;
        let inner = Matrix::new(&inner, rows, height);
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
        let [width, height] = self.widths();
        let Parts { u, v, core } = self.parts(factors);
        let (x, e) = (Matrix::new(x, rows, self.inputs()), Matrix::new(errors, rows, self.outputs()));
        let top = e.multiply(v.matrix())?;
        let top = Matrix::new(&top, rows, height);
        let bottom = top.multiply(core.transposed())?;
        let bottom = Matrix::new(&bottom, rows, width);
        if let Some(below) = below {
            check_length("errors", below.len(), rows * self.inputs())?;
            S::multiply(below, Onto::Replace, bottom, u.matrix().transposed())?;
        }
        let Some(gradient) = gradient else { return Ok(()) };
        check_length("gradient", gradient.len(), factors.len())?;
        let [left, right, middle] = self.places();
        let inner = x.multiply(u.matrix())?;
        let inner = Matrix::new(&inner, rows, width);
        let slope = gradient.get_mut(middle).unwrap_or_default();
        S::multiply(slope, Onto::Replace, inner.transposed(), top)?;
        u.gradient(x.transposed().multiply(bottom)?, gradient.get_mut(left).unwrap_or_default());
        let inner = inner.multiply(core)?;
        let slope = e.transposed().multiply(Matrix::new(&inner, rows, height))?;
        v.gradient(slope, gradient.get_mut(right).unwrap_or_default());
        Ok(())
    }

    fn with_ranks(&self, ranks: &[usize]) -> Result<Arc<dyn Linear<S>>, FactorError> {
        Ok(Arc::new(Self::new(&self.inputs, &self.outputs, ranks)?))
    }
}

/// A ⊗ B for `a: [p, r]` and `b: [q, s]`: `[p·q, r·s]`.
fn kronecker<S: Scalar>(a: &[S], b: &[S], r: usize, s: usize) -> Vec<S> {
    let mut out = Vec::with_capacity(a.len() * b.len());
    for row in a.chunks_exact(r) {
        for other in b.chunks_exact(s) {
            out.extend(row.iter().flat_map(|x| other.iter().map(|y| *x * *y)));
        }
    }
    out
}

/// The Kronecker products of factors `[mode, rank]`.
struct Kronecker<'a, S> {
    factors: Vec<&'a [S]>,
    ranks: &'a [usize],
    /// The products of the first 1, 2, … factors; the last one is the whole.
    partials: Vec<Vec<S>>,
}

impl<'a, S: Scalar> Kronecker<'a, S> {
    fn new(values: &'a [S], modes: &[usize], ranks: &'a [usize]) -> Self {
        let mut rest = values;
        let mut next = |(mode, rank): (&usize, &usize)| {
            let (factor, behind) = rest.split_at((mode * rank).min(rest.len()));
            rest = behind;
            factor
        };
        let factors: Vec<&[S]> = modes.iter().zip(ranks).map(&mut next).collect();
        let (mut partials, mut width): (Vec<Vec<S>>, usize) = (Vec::with_capacity(factors.len()), 1);
        for (factor, rank) in factors.iter().zip(ranks) {
            let product = partials.last().map(|product| kronecker(product, factor, width, *rank));
            partials.push(product.unwrap_or_else(|| factor.to_vec()));
            width *= rank;
        }
        Self { factors, ranks, partials }
    }

    fn matrix(&self) -> Matrix<'_, S> {
        let whole = self.partials.last().map_or(&[][..], Vec::as_slice);
        let width: usize = self.ranks.iter().product();
        Matrix::new(whole, whole.len() / width, width)
    }

    /// Writes the gradients of all factors, one after another, from that of the whole.
    fn gradient(&self, whole: Vec<S>, gradient: &mut [S]) {
        let (mut errors, mut end) = (whole, gradient.len());
        let mut width: usize = self.ranks.iter().product();
        for (index, (factor, rank)) in self.factors.iter().zip(self.ranks).enumerate().rev() {
            let own = &mut gradient[end - factor.len()..end];
            end -= factor.len();
            width /= rank;
            let Some(product) = index.checked_sub(1).and_then(|index| self.partials.get(index)) else {
                own.copy_from_slice(&errors);
                continue;
            };
            own.fill(S::default());
            let mut before = vec![S::default(); product.len()];
            // For each row of the product, errors `[mode, width, rank]`.
            let rows = product.chunks_exact(width).zip(before.chunks_exact_mut(width));
            for ((row, back), errors) in rows.zip(errors.chunks_exact(width * factor.len())) {
                let digits = factor.chunks_exact(*rank).zip(own.chunks_exact_mut(*rank));
                for ((other, slopes), errors) in digits.zip(errors.chunks_exact(width * rank)) {
                    for ((x, sum), errors) in row.iter().zip(back.iter_mut()).zip(errors.chunks_exact(*rank))
                    {
                        slopes.iter_mut().zip(errors).for_each(|(slope, e)| *slope += *e * *x);
                        errors.iter().zip(other).for_each(|(e, y)| *sum += *e * *y);
                    }
                }
            }
            errors = before;
        }
    }
}
