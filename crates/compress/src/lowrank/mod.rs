//! Matrices of low rank by power steps (Vogels, Karimireddy and Jaggi, *PowerSGD*, 2019, algorithm 1).
//!
//! A tensor is read as the matrix M `[n, m]` nearest to square. From a guess Q `[m, r]` one power step gives
//!
//! ```text
//! P = orthonormal(M · Q),    Q ← Mᵀ · P,    M ≈ P · Qᵀ
//! ```
//! [`LowRank`] starts from a guess drawn by the seed. [`PowerSgd`] starts from the Q of the last packet, so that steps over
//! rounds become a power iteration on what the updates have in common, and adds what it left out to the next update.
//!
//! Structure: 1 and the rank as u16, or 0 where the tensor stays as it is. Factors: P `[n, r]` and Qᵀ `[r, m]`, which are the two
//! cores of a tensor train and are multiplied out as one. P is orthonormalised by Gram and Schmidt in `f64`.

mod encoder;

pub use encoder::PowerSgd;

use crate::{
    CompressError, ErrorBound,
    dense::check_finite,
    format::{FACTOR_FRACTION, Factored, LEAST_ELEMENTS, TensorFormat, sent_dense},
    linalg::{LinalgError, Matrix},
    reader::Reader,
    tt::{TrainShape, contract, fold},
};
use bitneuron_core::Seed;
use rand::Rng;

/// One power step for every tensor that has a larger rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LowRank {
    rank: u16,
}

impl Default for LowRank {
    /// Rank 4.
    fn default() -> Self {
        Self { rank: 4 }
    }
}

impl LowRank {
    /// Its name in the high byte of a codec.
    pub const ID: u8 = 5;

    /// Factors of this rank.
    ///
    /// # Errors
    /// The rank is 0 or above 65,535.
    pub fn new(rank: usize) -> Result<Self, CompressError> {
        match u16::try_from(rank) {
            Ok(rank) if rank > 0 => Ok(Self { rank }),
            _ => Err(CompressError::Config("a rank is 1 to 65,535")),
        }
    }

    /// The shape of a tensor's factors, or `None` where they would be no smaller.
    fn shape(self, dims: &[u32]) -> Result<Option<TrainShape>, CompressError> {
        let elements = fold::elements(dims)?;
        if elements < LEAST_ELEMENTS {
            return Ok(None);
        }
        let shape = train_shape(self.rank, dims);
        Ok(shape.ok().filter(|shape| shape.check(elements).is_ok()))
    }
}

/// The shape of factors of this rank.
fn train_shape(rank: u16, dims: &[u32]) -> Result<TrainShape, CompressError> {
    TrainShape::new(fold::matrix(dims)?.to_vec(), vec![usize::from(rank)])
}

/// Rows, columns and rank.
fn sizes(shape: &TrainShape) -> [usize; 3] {
    let [_, rows, rank] = shape.core_shape(0);
    let [_, columns, _] = shape.core_shape(1);
    [rows, columns, rank]
}

/// A guess of Q, `[columns, rank]`, with entries of −1 … 1.
fn guess(shape: &TrainShape, seed: Seed) -> Vec<f64> {
    let [_, columns, rank] = sizes(shape);
    let mut rng = seed.rng();
    (0..columns * rank).map(|_| f64::from(rng.next_u32() as i32) / f64::from(1u32 << 31)).collect()
}

/// One power step: P `[rows, rank]`, orthonormal, and Mᵀ·P `[columns, rank]`.
fn power_step(values: &[f32], shape: &TrainShape, q: &[f64]) -> Result<(Vec<f64>, Vec<f64>), LinalgError> {
    let [rows, columns, rank] = sizes(shape);
    let wide: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
    let matrix = Matrix::new(&wide, rows, columns);
    let mut p = matrix.multiply(Matrix::new(q, columns, rank))?;
    orthonormalise(&mut p, rank);
    let q = matrix.transposed().multiply(Matrix::new(&p, rows, rank))?;
    Ok((p, q))
}

/// Gram and Schmidt, twice for rounding; a column without a direction of its own becomes 0.
fn orthonormalise(p: &mut [f64], rank: usize) {
    let rows = p.len() / rank;
    let mut columns: Vec<Vec<f64>> =
        (0..rank).map(|j| p.iter().skip(j).step_by(rank).copied().collect()).collect();
    for j in 0..rank {
        let (done, rest) = columns.split_at_mut(j);
        let Some(column) = rest.first_mut() else { continue };
        let before = norm(column);
        for _ in 0..2 {
            for other in &*done {
                let share: f64 = column.iter().zip(other).map(|(x, y)| x * y).sum();
                column.iter_mut().zip(other).for_each(|(x, y)| *x -= share * y);
            }
        }
        let after = norm(column);
        let factor = if after > 1e-12 * before { 1.0 / after } else { 0.0 };
        column.iter_mut().for_each(|x| *x *= factor);
    }
    let entries = (0..rows).flat_map(|i| columns.iter().map(move |column| column[i]));
    p.iter_mut().zip(entries).for_each(|(into, x)| *into = x);
}

fn norm(column: &[f64]) -> f64 {
    column.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The factors as they travel, or `None` where one does not fit `f32`.
fn factors(shape: TrainShape, p: &[f64], q: &[f64]) -> Option<Factored<TrainShape>> {
    let [_, _, rank] = sizes(&shape);
    let p: Vec<f32> = p.iter().map(|x| *x as f32).collect();
    let qt: Vec<f32> = (0..rank).flat_map(|j| q.iter().skip(j).step_by(rank).map(|x| *x as f32)).collect();
    let finite = check_finite(&p).and_then(|()| check_finite(&qt)).is_ok();
    finite.then(|| (shape, vec![p, qt]))
}

impl TensorFormat for LowRank {
    const NAME: u8 = Self::ID;
    type Shape = TrainShape;

    /// Nothing is promised beforehand; a projection never makes the norm larger.
    fn error(&self) -> ErrorBound {
        ErrorBound::Unknown
    }

    fn factorise(
        &self,
        values: &[f32],
        dims: &[u32],
        seed: Seed,
    ) -> Result<Option<Factored<TrainShape>>, CompressError> {
        let Some(shape) = self.shape(dims)? else { return Ok(None) };
        let (p, q) = power_step(values, &shape, &guess(&shape, seed))?;
        Ok(factors(shape, &p, &q))
    }

    fn write(shape: &TrainShape, out: &mut Vec<u8>) {
        let [_, _, rank] = sizes(shape);
        out.push(1);
        out.extend((rank as u16).to_le_bytes());
    }

    fn read(reader: &mut Reader<'_>, dims: &[u32]) -> Result<Option<TrainShape>, CompressError> {
        if !reader.flag()? {
            return Ok(None);
        }
        let shape = train_shape(reader.u16()?, dims)?;
        shape.check(fold::elements(dims)?)?;
        Ok(Some(shape))
    }

    fn factor_dims(shape: &TrainShape) -> Vec<Vec<usize>> {
        let [rows, columns, rank] = sizes(shape);
        vec![vec![rows, rank], vec![rank, columns]]
    }

    fn expansion_work(shape: &TrainShape) -> u64 {
        shape.work()
    }

    fn expand(shape: &TrainShape, factors: &[&[f32]]) -> Result<Vec<f32>, CompressError> {
        contract::expand(shape, factors)
    }

    fn expand_fixed(shape: &TrainShape, factors: &[&[i32]]) -> Result<Vec<i64>, CompressError> {
        contract::expand_fixed(shape, factors, FACTOR_FRACTION)
    }
}

sent_dense!(LowRank);
