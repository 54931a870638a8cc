//! Tensor trains (Oseledets, *Tensor-Train Decomposition*, SIAM J. Sci. Comput. 33(5), 2011).
//!
//! A tensor with modes `n₁ … n_d` is a product of cores `G_k` of shape `[r_{k−1}, n_k, r_k]`, with `r₀ = r_d = 1`:
//!
//! ```text
//! A[i₁, …, i_d] = G₁[i₁] · G₂[i₂] ⋯ G_d[i_d]
//! ```
//! [`fold`] turns the shape of a tensor into modes, [`mod@decompose`] finds the cores (TT-SVD), [`contract`] multiplies them
//! out again, [`shape`] holds modes and ranks and their bytes. Trains are added, scaled, compared, rounded and merged without
//! being multiplied out ([`Train`], [`merge`]). [`TensorTrain`] does this for every tensor of a layout for
//! which it is smaller, and leaves the others as they are.

mod arithmetic;
pub mod contract;
pub mod decompose;
pub mod fold;
pub mod shape;

pub(crate) use arithmetic::Cores;
pub use arithmetic::merge;
pub use decompose::{Truncation, decompose};
pub use shape::{TrainShape, WORK};

#[cfg(doc)]
use crate::{Chain, Compressor};
use crate::{
    CompressError, ErrorBound,
    dense::check_finite,
    format::{FACTOR_FRACTION, Factored, LEAST_ELEMENTS, TensorFormat, sent_dense},
    reader::Reader,
};
use bitneuron_core::Seed;

/// A tensor as a train of cores.
#[derive(Debug, Clone, PartialEq)]
pub struct Train {
    /// Modes and ranks.
    pub shape: TrainShape,
    /// The cores, `[r_{k−1}, n_k, r_k]` each, row-major.
    pub cores: Vec<Vec<f32>>,
}

impl Train {
    /// Multiplies the cores out: the tensor, row-major.
    ///
    /// # Errors
    /// A core has another length than the shape says, or a value is not finite.
    pub fn expand(&self) -> Result<Vec<f32>, CompressError> {
        let cores: Vec<&[f32]> = self.cores.iter().map(Vec::as_slice).collect();
        contract::expand(&self.shape, &cores)
    }

    /// Whether it may be sent in place of a tensor of `elements` elements.
    pub(crate) fn smaller_than(&self, elements: usize) -> bool {
        self.cores.iter().all(|core| check_finite(core).is_ok()) && self.shape.check(elements).is_ok()
    }
}

/// TT-SVD of every tensor of the layout for which the cores are smaller than the tensor.
///
/// As a [`Compressor`] it sends the cores as they are; in a [`Chain`] they go through a quantiser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TensorTrain {
    truncation: Truncation,
}

impl Default for TensorTrain {
    /// A relative error of at most 1 %.
    fn default() -> Self {
        Self { truncation: Truncation::Tolerance(0.01) }
    }
}

impl TensorTrain {
    /// Its name in the high byte of a codec.
    pub const ID: u8 = 1;

    /// Ranks as small as ‖A − Â‖ ≤ `tolerance` · ‖A‖ allows, for every tensor.
    ///
    /// # Errors
    /// `tolerance` is not within 10⁻⁶ … 1; below that, `f32` cores would not keep the promise.
    pub fn tolerance(tolerance: f64) -> Result<Self, CompressError> {
        let truncation = Truncation::Tolerance(tolerance);
        truncation.check()?;
        Ok(Self { truncation })
    }

    /// No rank above `max_rank`.
    ///
    /// # Errors
    /// `max_rank` is 0 or above 65,535.
    pub fn max_rank(max_rank: usize) -> Result<Self, CompressError> {
        let truncation = Truncation::MaxRank(max_rank);
        truncation.check()?;
        Ok(Self { truncation })
    }
}

impl TensorFormat for TensorTrain {
    const NAME: u8 = Self::ID;
    type Shape = TrainShape;

    /// The error that is promised when the cores are sent as they are.
    fn error(&self) -> ErrorBound {
        self.truncation.error()
    }

    fn factorise(
        &self,
        values: &[f32],
        dims: &[u32],
        _seed: Seed,
    ) -> Result<Option<Factored<TrainShape>>, CompressError> {
        let modes = fold::modes(dims);
        if values.len() < LEAST_ELEMENTS || modes.len() < 2 {
            return Ok(None);
        }
        let train = decompose(values, &modes, self.truncation)?;
        Ok(train.smaller_than(values.len()).then_some((train.shape, train.cores)))
    }

    fn write(shape: &TrainShape, out: &mut Vec<u8>) {
        shape.write(out);
    }

    fn read(reader: &mut Reader<'_>, dims: &[u32]) -> Result<Option<TrainShape>, CompressError> {
        let shape = TrainShape::read(reader)?;
        if let Some(shape) = &shape {
            shape.check(fold::elements(dims)?)?;
        }
        Ok(shape)
    }

    fn factor_dims(shape: &TrainShape) -> Vec<Vec<usize>> {
        (0..shape.modes().len()).map(|core| shape.core_shape(core).to_vec()).collect()
    }

    fn expansion_work(shape: &TrainShape) -> u64 {
        shape.work()
    }

    fn expand(shape: &TrainShape, cores: &[&[f32]]) -> Result<Vec<f32>, CompressError> {
        contract::expand(shape, cores)
    }

    fn expand_fixed(shape: &TrainShape, cores: &[&[i32]]) -> Result<Vec<i64>, CompressError> {
        contract::expand_fixed(shape, cores, FACTOR_FRACTION)
    }
}

sent_dense!(TensorTrain);
