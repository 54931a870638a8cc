//! The shape of a tensor as modes of a train.
//!
//! Every dimension n is written as a product of ⌈log₁₆ n⌉ modes of nearly equal size, so that no data move: the row-major
//! index of the tensor is the row-major index of the modes. Dimensions of 1 vanish; a large prime stays one mode.

use crate::CompressError;

/// Modes are at most this large where the prime factors allow it.
const TARGET: u32 = 16;

/// The modes of a tensor of this shape, each at least 2; none when it has a dimension of 0.
pub fn modes(shape: &[u32]) -> Vec<usize> {
    if shape.contains(&0) {
        return Vec::new();
    }
    shape.iter().flat_map(|size| split(*size)).map(|mode| mode as usize).collect()
}

/// The elements of a tensor of this shape.
pub(crate) fn elements(dims: &[u32]) -> Result<usize, CompressError> {
    let product = dims.iter().try_fold(1usize, |product, size| product.checked_mul(*size as usize));
    product.ok_or(CompressError::Malformed("a tensor is larger than memory"))
}

/// A tensor as a matrix: the leading dimensions are its rows, the others its columns, cut where it is nearest to square.
pub(crate) fn matrix(dims: &[u32]) -> Result<[usize; 2], CompressError> {
    let elements = elements(dims)?;
    let rows = dims.iter().scan(1usize, |rows, size| {
        *rows *= *size as usize;
        Some(*rows)
    });
    let cuts = rows.filter(|rows| *rows > 0).map(|rows| [rows, elements / rows]);
    cuts.min_by_key(|[rows, columns]| (*rows).max(*columns))
        .ok_or(CompressError::Malformed("a tensor without elements is no matrix"))
}

/// The modes of the rows and of the columns of a matrix, as many for both; where one side has fewer, the rest are 1.
pub fn paired(rows: u32, columns: u32) -> Vec<[usize; 2]> {
    let count = count(rows).max(count(columns));
    let pairs = factors(rows, count).into_iter().zip(factors(columns, count));
    pairs
        .map(|(row, column)| [row as usize, column as usize])
        .filter(|[row, column]| row * column > 1)
        .collect()
}

/// The modes of one dimension, largest first.
fn split(size: u32) -> Vec<u32> {
    let mut modes = factors(size, count(size));
    modes.retain(|mode| *mode > 1);
    modes
}

/// How many modes a dimension is split into.
fn count(size: u32) -> u32 {
    let mut count = 1;
    while u64::from(TARGET).pow(count) < u64::from(size) {
        count += 1;
    }
    count
}

/// `count` factors of `size`, nearly equal, largest first.
fn factors(size: u32, count: u32) -> Vec<u32> {
    let mut modes = vec![1; count as usize];
    // Largest primes first, each into the smallest mode so far.
    for prime in primes(size).into_iter().rev() {
        if let Some(least) = modes.iter_mut().min() {
            *least *= prime;
        }
    }
    modes.sort_unstable_by(|a, b| b.cmp(a));
    modes
}

/// The prime factors of `size`, not decreasing.
fn primes(mut size: u32) -> Vec<u32> {
    let mut primes = Vec::new();
    let mut divisor = 2;
    while divisor <= size / divisor {
        while size.is_multiple_of(divisor) {
            primes.push(divisor);
            size /= divisor;
        }
        divisor += 1;
    }
    if size > 1 {
        primes.push(size);
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, test_runner::RngSeed};

    #[test]
    fn usual_shapes() {
        assert_eq!(modes(&[4096, 1024]), [16, 16, 16, 16, 8, 8]);
        assert_eq!(modes(&[64, 32, 1]), [8, 8, 8, 4]);
        assert_eq!(modes(&[10]), [10]);
        assert_eq!(modes(&[8191]), [8191]);
        assert_eq!(modes(&[3, 0]), Vec::<usize>::new());
        assert_eq!(modes(&[]), Vec::<usize>::new());
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn modes_multiply_to_the_shape(shape in prop::collection::vec(1u32..70_000, 0..4)) {
            let modes = modes(&shape);
            let product: u64 = modes.iter().map(|mode| *mode as u64).product();
            prop_assert_eq!(product, shape.iter().map(|size| u64::from(*size)).product::<u64>());
            prop_assert!(modes.iter().all(|mode| *mode >= 2));
        }
    }
}
