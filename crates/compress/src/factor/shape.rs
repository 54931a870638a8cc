//! Modes and ranks of a matrix that is a train of cores.
//!
//! ```text
//! W[(i₁ … i_d), (j₁ … j_d)] = G₁[i₁, j₁] · G₂[i₂, j₂] ⋯ G_d[i_d, j_d]      G_k [r_{k−1}, m_k, n_k, r_k],  r₀ = r_d = 1
//! ```
//! Rows are inputs (∏ m_k of them), columns outputs (∏ n_k), both counted row-major over their digits. The cores lie one
//! after another in one flat buffer.

use super::FactorError;
use crate::rank::{Bond, Slices};
use std::ops::Range;

/// The modes and ranks of a matrix in the tensor-train format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixShape {
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    ranks: Vec<usize>,
}

impl MatrixShape {
    /// The most cores.
    pub const MAX_CORES: usize = 32;
    /// The most elements of all cores together.
    pub const MAX_PARAMETERS: usize = 1 << 30;

    /// A shape of d cores: d input modes, d output modes (1 where a core has none), d − 1 ranks between them.
    ///
    /// # Errors
    /// [`FactorError::Shape`]: not 2 to 32 cores, lists that do not belong together, a mode or rank of 0, or more than
    /// 2³⁰ parameters.
    pub fn new(inputs: &[usize], outputs: &[usize], ranks: &[usize]) -> Result<Self, FactorError> {
        if !(2..=Self::MAX_CORES).contains(&inputs.len()) {
            return Err(FactorError::Shape("a train has 2 to 32 cores"));
        }
        if outputs.len() != inputs.len() || ranks.len() + 1 != inputs.len() {
            return Err(FactorError::Shape("each core has two modes, and a rank lies between any two"));
        }
        if [inputs, outputs, ranks].iter().any(|sizes| sizes.contains(&0)) {
            return Err(FactorError::Shape("a mode or rank is 0"));
        }
        let shape = Self { inputs: inputs.to_vec(), outputs: outputs.to_vec(), ranks: ranks.to_vec() };
        let product =
            |sizes: &[usize]| sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
        let parameters = (0..inputs.len()).try_fold(0usize, |sum, core| {
            sum.checked_add(product(&shape.core(core))?).filter(|sum| *sum <= Self::MAX_PARAMETERS)
        });
        let elements = product(inputs).and_then(|rows| rows.checked_mul(product(outputs)?));
        if parameters.is_none() || elements.is_none_or(|elements| elements > isize::MAX as usize) {
            return Err(FactorError::Shape("the train is too large"));
        }
        Ok(shape)
    }

    /// The same modes with other ranks.
    ///
    /// # Errors
    /// As [`MatrixShape::new`].
    pub fn with_ranks(&self, ranks: &[usize]) -> Result<Self, FactorError> {
        Self::new(&self.inputs, &self.outputs, ranks)
    }

    /// The number of cores.
    pub fn cores(&self) -> usize {
        self.inputs.len()
    }

    /// The input modes.
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    /// The output modes.
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// The inner ranks.
    pub fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// `[r_{k−1}, m_k, n_k, r_k]` of core k, counted from 0; ones past the end.
    pub fn core(&self, core: usize) -> [usize; 4] {
        let at = |sizes: &[usize], index: Option<usize>| {
            index.and_then(|index| sizes.get(index)).copied().unwrap_or(1)
        };
        [
            at(&self.ranks, core.checked_sub(1)),
            at(&self.inputs, Some(core)),
            at(&self.outputs, Some(core)),
            at(&self.ranks, Some(core)),
        ]
    }

    /// What the cores `members`, multiplied together, are as one core.
    pub(super) fn merged(&self, members: &Range<usize>) -> [usize; 4] {
        let product = |sizes: &[usize]| sizes.get(members.clone()).unwrap_or_default().iter().product();
        let [left, ..] = self.core(members.start);
        let [.., right] = self.core(members.end.saturating_sub(1));
        [left, product(&self.inputs), product(&self.outputs), right]
    }

    /// The place of core k in the flat buffer.
    pub fn range(&self, core: usize) -> Range<usize> {
        let size = |core| self.core(core).iter().product::<usize>();
        let start = (0..core).map(size).sum();
        start..start + size(core)
    }

    /// The elements of all cores.
    pub fn parameters(&self) -> usize {
        self.range(self.cores() - 1).end
    }

    /// Rows of the matrix: the inputs of a layer.
    pub fn rows(&self) -> usize {
        self.inputs.iter().product()
    }

    /// Columns of the matrix: the outputs of a layer.
    pub fn columns(&self) -> usize {
        self.outputs.iter().product()
    }

    /// The bonds between the cores: bond k is the last index of core k and the first one of core k + 1.
    pub fn bonds(&self) -> Vec<Bond> {
        let bond = |index: usize| {
            let ([left, m, n, rank], [_, p, q, right]) = (self.core(index), self.core(index + 1));
            let before = Slices { at: self.range(index), outer: left * m * n, inner: 1 };
            let behind = Slices { at: self.range(index + 1), outer: 1, inner: p * q * right };
            Bond { rank, slices: vec![before, behind] }
        };
        (0..self.ranks.len()).map(bond).collect()
    }
}
