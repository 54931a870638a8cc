//! Tables of embeddings as trains: a row is a product of small matrices, one for each digit of its index.
//!
//! ```text
//! row(i₁ … i_d) = G₁[i₁] · G₂[i₂] ⋯ G_d[i_d]        G_k[i_k]: [r_{k−1}, n_k·r_k],  ∏ m_k rows of ∏ n_k values
//! ```
//! A million rows of 64 values are 64 million numbers as a table and 52 thousand as four cores of rank 16 (Yin et al.,
//! *TT-Rec*, MLSys 2021). Rows are looked up in batches: at each core the rows that share a digit are one product, so that
//! each slice is read once a batch. The way back visits each touched slice once, too, and moves it at once, so that no
//! gradient of the cores is ever held. [`HotRows`] keeps rows that are asked for often.

mod bags;
mod hot;
mod level;

pub use bags::Bags;
pub use hot::HotRows;

use super::{FactorError, Factored, MatrixShape, check_length};
use crate::rank::Bond;
use bitneuron_core::Seed;
use level::{Level, Scratch};

/// What moves a run of parameters: called with its place in the flat buffer, its values, and its gradient.
pub type Step<'a> = &'a mut dyn FnMut(usize, &mut [f32], &[f32]);

/// Rows looked up at a time: the states of so many rows stay in the cache.
const CHUNK: usize = 4096;

/// A table of embeddings whose rows are products of cores.
///
/// ```
/// use bitneuron_compress::factor::{Factored, TrainEmbedding};
/// use bitneuron_core::Seed;
/// // 1,000 rows of 8 values.
/// let table = TrainEmbedding::new(&[10, 10, 10], &[2, 2, 2], &[4, 4])?;
/// let cores = table.init(0.01, Seed::from_number(1));
/// let mut rows = [0.0; 16];
/// table.look_up(&cores, &[7, 123], &mut rows)?;
/// # Ok::<(), bitneuron_compress::factor::FactorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainEmbedding {
    shape: MatrixShape,
}

impl TrainEmbedding {
    /// A table of ∏ `digits` rows of ∏ `widths` values.
    ///
    /// # Errors
    /// As [`MatrixShape::new`]; also when an index does not fit 32 bits.
    pub fn new(digits: &[usize], widths: &[usize], ranks: &[usize]) -> Result<Self, FactorError> {
        let shape = MatrixShape::new(digits, widths, ranks)?;
        if shape.rows() > u32::MAX as usize {
            return Err(FactorError::Shape("a row is named by 32 bits"));
        }
        Ok(Self { shape })
    }

    /// Modes and ranks.
    pub const fn shape(&self) -> &MatrixShape {
        &self.shape
    }

    /// Writes the rows `rows` to `out`, `[rows, width]`.
    ///
    /// # Errors
    /// A slice of a wrong length, or a row that does not exist.
    pub fn look_up(&self, cores: &[f32], rows: &[u32], out: &mut [f32]) -> Result<(), FactorError> {
        self.check(cores, rows)?;
        let width = self.outputs();
        check_length("outputs", out.len(), rows.len().saturating_mul(width))?;
        let levels = self.levels();
        let mut scratch = Scratch::default();
        for (rows, out) in rows.chunks(CHUNK).zip(out.chunks_mut(CHUNK * width)) {
            let mut state = vec![1.0; rows.len()];
            for level in &levels {
                state = level.apply(cores, rows, &state, &mut scratch)?;
            }
            out.copy_from_slice(&state);
        }
        Ok(())
    }

    /// Writes the sum of the rows of each bag to `out`, `[bags, width]`. A row that is in many bags is computed once.
    ///
    /// # Errors
    /// As [`TrainEmbedding::look_up`]; also when the bags are not in order.
    pub fn sum(&self, cores: &[f32], bags: Bags<'_>, out: &mut [f32]) -> Result<(), FactorError> {
        let width = self.outputs();
        bags.check()?;
        check_length("outputs", out.len(), bags.len().saturating_mul(width))?;
        let distinct = bags.distinct();
        let mut rows = vec![0.0; distinct.len() * width];
        self.look_up(cores, &distinct, &mut rows)?;
        out.fill(0.0);
        for (bag, sum) in bags.iter().zip(out.chunks_exact_mut(width)) {
            for row in bag {
                let at = distinct.binary_search(row).unwrap_or_default() * width;
                sum.iter_mut().zip(&rows[at..at + width]).for_each(|(sum, value)| *sum += value);
            }
        }
        Ok(())
    }

    /// Learns from `errors = ∂L/∂sums`, `[bags, width]`: gives every run of parameters that the bags touched to `step`, with
    /// its place in the flat buffer and its gradient. `step` moves the run; each is given once.
    ///
    /// # Errors
    /// As [`TrainEmbedding::sum`]; the cores are then unchanged.
    pub fn train(
        &self,
        cores: &mut [f32],
        bags: Bags<'_>,
        errors: &[f32],
        step: Step<'_>,
    ) -> Result<(), FactorError> {
        let width = self.outputs();
        bags.check()?;
        check_length("errors", errors.len(), bags.len().saturating_mul(width))?;
        self.check(cores, bags.rows)?;
        let rows = bags.distinct();
        let mut back = vec![0.0; rows.len() * width];
        for (bag, error) in bags.iter().zip(errors.chunks_exact(width)) {
            for row in bag {
                let at = rows.binary_search(row).unwrap_or_default() * width;
                back[at..at + width].iter_mut().zip(error).for_each(|(sum, error)| *sum += error);
            }
        }
        let levels = self.levels();
        let mut scratch = Scratch::default();
        let mut states = vec![vec![1.0; rows.len()]];
        for level in levels.iter().take(levels.len() - 1) {
            let state = level.apply(cores, &rows, states.last().map_or(&[], Vec::as_slice), &mut scratch)?;
            states.push(state);
        }
        for (level, state) in levels.iter().zip(&states).rev() {
            back = level.train(cores, &rows, state, &back, &mut scratch, step)?;
        }
        Ok(())
    }

    fn check(&self, cores: &[f32], rows: &[u32]) -> Result<(), FactorError> {
        check_length("cores", cores.len(), self.shape.parameters())?;
        let all = self.inputs();
        match rows.iter().find(|row| **row as usize >= all) {
            Some(row) => Err(FactorError::Row { row: *row, rows: all }),
            None => Ok(()),
        }
    }

    fn levels(&self) -> Vec<Level> {
        (0..self.shape.cores()).map(|core| Level::new(&self.shape, core)).collect()
    }
}

impl Factored for TrainEmbedding {
    fn inputs(&self) -> usize {
        self.shape.rows()
    }

    fn outputs(&self) -> usize {
        self.shape.columns()
    }

    fn factors(&self) -> Vec<Vec<usize>> {
        (0..self.shape.cores()).map(|core| self.shape.core(core).to_vec()).collect()
    }

    fn bonds(&self) -> Vec<Bond> {
        self.shape.bonds()
    }

    fn init(&self, variance: f64, seed: Seed) -> Vec<f32> {
        super::init::cores(&self.shape, variance, seed)
    }
}
