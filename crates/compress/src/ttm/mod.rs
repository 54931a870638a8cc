//! Tensor trains of matrices (Oseledets, *Approximation of 2ᵈ × 2ᵈ Matrices Using Tensor Decomposition*, 2010).
//!
//! A matrix with rows m₁⋯m_d and columns n₁⋯n_d is a product of cores `G_k` of shape `[r_{k−1}, m_k, n_k, r_k]`:
//!
//! ```text
//! W[(i₁ … i_d), (j₁ … j_d)] = G₁[i₁, j₁] · G₂[i₂, j₂] ⋯ G_d[i_d, j_d]
//! ```
//! That is a train of the tensor whose k-th mode is the pair (i_k, j_k): [`MatrixTrain`] reorders the entries and leaves the
//! rest to [`crate::tt`]. Rows and columns are split alike, which suits matrices that act on each digit of an index
//! (Kronecker products have ranks 1), and gives the fewest parameters for layers.
//!
//! Structure of a tensor, which is read as the matrix nearest to square:
//! ```text
//! cores u8 (0: no train) · cores × (m u32 · n u32) · (cores − 1) × (r u16)
//! ```

mod permute;

use crate::{
    CompressError, ErrorBound,
    format::{FACTOR_FRACTION, Factored, LEAST_ELEMENTS, TensorFormat, sent_dense},
    reader::Reader,
    tt::{Train, TrainShape, Truncation, contract, decompose, fold},
};
use bitneuron_core::Seed;

/// Row and column modes of a matrix, and the ranks between the cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixShape {
    /// m_k and n_k of each core.
    pairs: Vec<[usize; 2]>,
    /// The train of the paired modes m_k·n_k.
    train: TrainShape,
}

impl MatrixShape {
    /// A shape that obeys the chain of ranks.
    ///
    /// # Errors
    /// [`CompressError::Malformed`]: a mode is 0, or as [`TrainShape::new`].
    pub fn new(pairs: Vec<[usize; 2]>, ranks: Vec<usize>) -> Result<Self, CompressError> {
        let modes = pairs.iter().map(|[row, column]| row.saturating_mul(*column)).collect();
        Ok(Self { train: TrainShape::new(modes, ranks)?, pairs })
    }

    /// m_k and n_k of each core.
    pub fn pairs(&self) -> &[[usize; 2]] {
        &self.pairs
    }

    /// The train of the paired modes.
    pub fn train(&self) -> &TrainShape {
        &self.train
    }

    /// Rows and columns of the matrix, or `None` when they do not fit.
    pub fn matrix(&self) -> Option<[usize; 2]> {
        let product =
            |side: usize| self.pairs.iter().try_fold(1usize, |all, pair| all.checked_mul(pair[side]));
        Some([product(0)?, product(1)?])
    }

    /// Rank before, m, n and rank behind of core `core`.
    pub fn core_shape(&self, core: usize) -> [usize; 4] {
        let [left, _, right] = self.train.core_shape(core);
        let [row, column] = self.pairs.get(core).copied().unwrap_or([1, 1]);
        [left, row, column, right]
    }

    fn check(&self, dims: &[u32]) -> Result<(), CompressError> {
        if self.matrix() != Some(fold::matrix(dims)?) {
            return Err(CompressError::Malformed("the modes do not multiply to the matrix"));
        }
        self.train.check(fold::elements(dims)?)
    }
}

/// A matrix as a train of cores.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixTrain {
    /// Modes and ranks.
    pub shape: MatrixShape,
    /// The cores, `[r_{k−1}, m_k, n_k, r_k]` each, row-major.
    pub cores: Vec<Vec<f32>>,
}

impl MatrixTrain {
    /// TT-SVD of the row-major matrix `values` with these row and column modes.
    ///
    /// ```
    /// use bitneuron_compress::{Truncation, ttm::MatrixTrain};
    /// // A Kronecker product of two 4×4 matrices has rank 1.
    /// let (a, b) = (|i: usize| (i * i + 1) as f32, |i: usize| i as f32 - 7.5);
    /// let entry = |at: usize| {
    ///     let (row, column) = (at / 16, at % 16);
    ///     a(row / 4 * 4 + column / 4) * b(row % 4 * 4 + column % 4)
    /// };
    /// let values: Vec<f32> = (0..256).map(entry).collect();
    /// let train = MatrixTrain::decompose(&values, &[[4, 4], [4, 4]], Truncation::Tolerance(1e-5))?;
    /// assert_eq!(train.shape.train().ranks(), [1]);
    /// # Ok::<(), bitneuron_compress::CompressError>(())
    /// ```
    ///
    /// # Errors
    /// The modes do not multiply to the values, or as [`fn@decompose`].
    pub fn decompose(
        values: &[f32],
        pairs: &[[usize; 2]],
        truncation: Truncation,
    ) -> Result<Self, CompressError> {
        let elements = pairs.iter().flatten().try_fold(1usize, |all, mode| all.checked_mul(*mode));
        if elements != Some(values.len()) {
            return Err(CompressError::Malformed("the modes do not multiply to the matrix"));
        }
        let modes: Vec<usize> = pairs.iter().map(|[row, column]| row * column).collect();
        let train = decompose(&permute::paired(values, pairs), &modes, truncation)?;
        Ok(Self::from_train(pairs.to_vec(), train))
    }

    fn from_train(pairs: Vec<[usize; 2]>, train: Train) -> Self {
        Self { shape: MatrixShape { pairs, train: train.shape }, cores: train.cores }
    }

    /// The same cores as a train of the paired modes: for its arithmetic.
    pub fn to_train(&self) -> Train {
        Train { shape: self.shape.train.clone(), cores: self.cores.clone() }
    }

    /// Multiplies the cores out: the matrix, row-major.
    ///
    /// # Errors
    /// A core has another length than the shape says, or a value is not finite.
    pub fn expand(&self) -> Result<Vec<f32>, CompressError> {
        let cores: Vec<&[f32]> = self.cores.iter().map(Vec::as_slice).collect();
        TensorTrainMatrix::expand(&self.shape, &cores)
    }

    /// The weighted mean of matrices with the same modes, as [`crate::tt::merge`].
    ///
    /// # Errors
    /// The modes differ, or as [`crate::tt::merge`].
    pub fn merge(matrices: &[(f64, &Self)], truncation: Truncation) -> Result<Self, CompressError> {
        let (_, first) = matrices.first().ok_or(CompressError::Config("a mean needs a matrix"))?;
        if matrices.iter().any(|(_, matrix)| matrix.shape.pairs != first.shape.pairs) {
            return Err(CompressError::Config("the matrices have other modes"));
        }
        let trains: Vec<(f64, Train)> =
            matrices.iter().map(|(weight, matrix)| (*weight, matrix.to_train())).collect();
        let terms: Vec<(f64, &Train)> = trains.iter().map(|(weight, train)| (*weight, train)).collect();
        Ok(Self::from_train(first.shape.pairs.clone(), crate::tt::merge(&terms, truncation)?))
    }
}

/// Every tensor of the layout as a train of matrices, where that is smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TensorTrainMatrix {
    truncation: Truncation,
}

impl Default for TensorTrainMatrix {
    /// A relative error of at most 1 %.
    fn default() -> Self {
        Self { truncation: Truncation::Tolerance(0.01) }
    }
}

impl TensorTrainMatrix {
    /// Its name in the high byte of a codec.
    pub const ID: u8 = 2;

    /// Ranks that end as `truncation` says.
    ///
    /// # Errors
    /// The truncation is out of range.
    pub fn new(truncation: Truncation) -> Result<Self, CompressError> {
        truncation.check()?;
        Ok(Self { truncation })
    }
}

impl TensorFormat for TensorTrainMatrix {
    const NAME: u8 = Self::ID;
    type Shape = MatrixShape;

    /// The error that is promised when the cores are sent as they are.
    fn error(&self) -> ErrorBound {
        self.truncation.error()
    }

    fn factorise(
        &self,
        values: &[f32],
        dims: &[u32],
        _seed: Seed,
    ) -> Result<Option<Factored<MatrixShape>>, CompressError> {
        if values.len() < LEAST_ELEMENTS {
            return Ok(None);
        }
        let [rows, columns] = fold::matrix(dims)?;
        let (Ok(rows), Ok(columns)) = (u32::try_from(rows), u32::try_from(columns)) else { return Ok(None) };
        let pairs = fold::paired(rows, columns);
        if pairs.len() < 2 {
            return Ok(None);
        }
        let matrix = MatrixTrain::decompose(values, &pairs, self.truncation)?;
        let smaller = matrix.to_train().smaller_than(values.len());
        Ok(smaller.then_some((matrix.shape, matrix.cores)))
    }

    fn write(shape: &MatrixShape, out: &mut Vec<u8>) {
        out.push(shape.pairs.len() as u8);
        shape.pairs.iter().flatten().for_each(|mode| out.extend((*mode as u32).to_le_bytes()));
        shape.train.ranks().iter().for_each(|rank| out.extend((*rank as u16).to_le_bytes()));
    }

    fn read(reader: &mut Reader<'_>, dims: &[u32]) -> Result<Option<MatrixShape>, CompressError> {
        let cores = usize::from(reader.u8()?);
        if cores == 0 {
            return Ok(None);
        }
        let pair = |reader: &mut Reader<'_>| Ok([reader.u32()? as usize, reader.u32()? as usize]);
        let pairs = (0..cores).map(|_| pair(reader)).collect::<Result<_, CompressError>>()?;
        let ranks =
            (1..cores).map(|_| Ok(usize::from(reader.u16()?))).collect::<Result<_, CompressError>>()?;
        let shape = MatrixShape::new(pairs, ranks)?;
        shape.check(dims)?;
        Ok(Some(shape))
    }

    fn factor_dims(shape: &MatrixShape) -> Vec<Vec<usize>> {
        (0..shape.pairs.len()).map(|core| shape.core_shape(core).to_vec()).collect()
    }

    fn expansion_work(shape: &MatrixShape) -> u64 {
        shape.train.work()
    }

    fn expand(shape: &MatrixShape, cores: &[&[f32]]) -> Result<Vec<f32>, CompressError> {
        Ok(permute::unpaired(&contract::expand(&shape.train, cores)?, &shape.pairs))
    }

    fn expand_fixed(shape: &MatrixShape, cores: &[&[i32]]) -> Result<Vec<i64>, CompressError> {
        let values = contract::expand_fixed(&shape.train, cores, FACTOR_FRACTION)?;
        Ok(permute::unpaired(&values, &shape.pairs))
    }
}

sent_dense!(TensorTrainMatrix);
