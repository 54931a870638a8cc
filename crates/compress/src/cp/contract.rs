//! Components summed to a tensor, in one fixed order.
//!
//! For each prefix (i₁, …, i_k) of an index, in row-major order, there is a row of R products `Π A_m[i_m, r]`, made from
//! that of the shorter prefix by one multiplication each; under the last mode the products are summed from the first
//! component to the last. No instruction fuses a product and a sum, so the `f64` values have the same bits on every
//! machine. The integer form rescales after every product but the last, and after the sum.

use super::CpShape;
use crate::CompressError;
use bitneuron_core::exact::fixed::rescale;
use std::iter::Sum;

/// The tensor, row-major. Sums in `f64`, rounded to `f32` once at the end.
pub(super) fn expand(shape: &CpShape, factors: &[&[f32]]) -> Result<Vec<f32>, CompressError> {
    check(shape, factors)?;
    let rule = Rule { product: |x: f64, y: f64| x * y, shorten: |product| product };
    let values: Vec<f32> = rule.run(shape, factors).into_iter().map(|x| x as f32).collect();
    crate::dense::check_finite(&values)?;
    Ok(values)
}

/// The tensor of integer factors with `fraction` fractional bits, with as many.
pub(super) fn expand_fixed(
    shape: &CpShape,
    factors: &[&[i32]],
    fraction: u32,
) -> Result<Vec<i64>, CompressError> {
    check(shape, factors)?;
    check_magnitudes(factors, fraction, shape.rank())?;
    let rule = Rule { product: |x: i64, y: i64| x * y, shorten: |product| rescale(product, fraction) };
    Ok(rule.run(shape, factors))
}

/// How numbers are multiplied, and how products and sums are brought back to the form of numbers.
struct Rule<P, S> {
    product: P,
    shorten: S,
}

impl<P, S> Rule<P, S> {
    fn run<N, F>(&self, shape: &CpShape, factors: &[&[F]]) -> Vec<N>
    where
        P: Fn(N, N) -> N,
        S: Fn(N) -> N,
        N: Copy + Sum + From<F>,
        F: Copy,
    {
        let wide: Vec<Vec<N>> =
            factors.iter().map(|factor| factor.iter().map(|x| N::from(*x)).collect()).collect();
        let mut values = Vec::with_capacity(shape.modes().iter().product());
        if let Some((first, rest)) = wide.split_first() {
            first.chunks_exact(shape.rank()).for_each(|row| self.below(rest, row, &mut values));
        }
        values
    }

    /// All indices that go on from the prefix of `row`.
    fn below<N>(&self, factors: &[Vec<N>], row: &[N], values: &mut Vec<N>)
    where
        P: Fn(N, N) -> N,
        S: Fn(N) -> N,
        N: Copy + Sum,
    {
        let Some((factor, rest)) = factors.split_first() else { return };
        for entries in factor.chunks_exact(row.len()) {
            let products = row.iter().zip(entries).map(|(x, y)| (self.product)(*x, *y));
            if rest.is_empty() {
                values.push((self.shorten)(products.sum()));
            } else {
                let next: Vec<N> = products.map(&self.shorten).collect();
                self.below(rest, &next, values);
            }
        }
    }
}

fn check<T>(shape: &CpShape, factors: &[&[T]]) -> Result<(), CompressError> {
    let lengths = shape.modes().iter().map(|mode| mode * shape.rank());
    if factors.iter().map(|factor| factor.len()).eq(lengths) {
        Ok(())
    } else {
        Err(CompressError::Malformed("a factor does not have the length of its shape"))
    }
}

/// No product and no sum exceeds 62 bits, judged by the largest magnitudes alone.
fn check_magnitudes(factors: &[&[i32]], fraction: u32, rank: usize) -> Result<(), CompressError> {
    let mut state = 1u128 << fraction;
    for factor in factors {
        let most = factor.iter().map(|x| x.unsigned_abs()).max().unwrap_or(0);
        let product = state * u128::from(most);
        if product * rank as u128 >= 1 << 62 {
            return Err(CompressError::Malformed("the factors are too large for integer sums"));
        }
        state = (product >> fraction) + 1;
    }
    Ok(())
}
