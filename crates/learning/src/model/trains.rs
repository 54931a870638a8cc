//! Perceptrons whose matrices are trains of cores, from nothing but widths and a rank.

use super::{Layer, Mlp, ModelError};
use bitneuron_compress::factor::{FactorError, TrainLinear};
use std::sync::Arc;

/// The most cores of a matrix: with more of them and one rank there is less to learn with.
const MOST_CORES: usize = 3;

impl Mlp {
    /// A network of these widths whose matrices are trains of two or three cores with ranks of at most `rank` between them
    /// (Novikov et al. 2015, *Tensorizing Neural Networks*). Modes are as equal as the prime factors of the widths allow, in
    /// rising order, and a bond is no wider than what lies on either side of it. A matrix with a width that has no two prime
    /// factors stays whole.
    ///
    /// ```
    /// use bitneuron_learning::model::{Mlp, Model};
    /// // 4·4·4 × 8·8·8, 8·8·8 × 8·8·8 and 16·32 × 2·5.
    /// let model = Mlp::trains(&[64, 512, 512, 10], 6)?;
    /// let weights = 4 * 8 * (6 + 36 + 6) + 8 * 8 * (6 + 36 + 6) + 6 * (16 * 2 + 32 * 5);
    /// assert_eq!(model.layout().len(), weights + 512 + 512 + 10);
    /// assert_eq!(Mlp::new(&[64, 512, 512, 10])?.layout().len(), 301_066);
    /// # Ok::<(), bitneuron_learning::model::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Mlp::new`]; also a rank of 0.
    pub fn trains(widths: &[usize], rank: usize) -> Result<Self, ModelError> {
        if widths.contains(&0) {
            return Err(ModelError::Widths(widths.to_vec()));
        }
        let layers = widths.windows(2).map(|pair| layer(pair[0], pair[1], rank));
        Self::of(layers.collect::<Result<_, _>>()?).map_err(|_| ModelError::Widths(widths.to_vec()))
    }
}

fn layer(inputs: usize, outputs: usize, rank: usize) -> Result<Layer, FactorError> {
    let [rows, columns] = [inputs, outputs].map(primes);
    let cores = rows.len().min(columns.len()).min(MOST_CORES);
    if cores < 2 {
        return Ok(Layer::Dense { inputs, outputs });
    }
    let [rows, columns] = [rows, columns].map(|primes| modes(&primes, cores));
    let sizes: Vec<usize> = rows.iter().zip(&columns).map(|(row, column)| row * column).collect();
    let product = |sizes: &[usize]| sizes.iter().fold(1usize, |product, size| product.saturating_mul(*size));
    let ranks = (1..cores).map(|bond| {
        let (left, right) = sizes.split_at(bond);
        rank.min(product(left)).min(product(right))
    });
    let train = TrainLinear::interleaved(&rows, &columns, &ranks.collect::<Vec<_>>())?;
    Ok(Layer::Factored(Arc::new(train)))
}

/// The prime factors, rising.
fn primes(mut width: usize) -> Vec<usize> {
    let (mut primes, mut divisor) = (Vec::new(), 2);
    while width > 1 {
        // No divisor above the root: what is left is a prime.
        if divisor > width / divisor {
            divisor = width;
        }
        if width.is_multiple_of(divisor) {
            primes.push(divisor);
            width /= divisor;
        } else {
            divisor += 1;
        }
    }
    primes
}

/// So many factors, as equal as the primes allow, rising: the largest prime goes where the product is smallest.
fn modes(primes: &[usize], count: usize) -> Vec<usize> {
    let mut modes = vec![1; count];
    for prime in primes.iter().rev() {
        if let Some(least) = modes.iter_mut().min() {
            *least *= prime;
        }
    }
    modes.sort_unstable();
    modes
}
