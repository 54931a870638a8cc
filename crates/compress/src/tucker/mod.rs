//! Tucker decompositions (Tucker 1966; De Lathauwer, De Moor and Vandewalle, *A Multilinear Singular Value Decomposition*,
//! 2000).
//!
//! A tensor with modes `n₁ … n_d` is a small core `C` of shape `[r₁, …, r_d]`, multiplied along each mode by a factor `U_k`
//! of shape `[n_k, r_k]` with orthonormal columns:
//!
//! ```text
//! A[i₁, …, i_d] = Σ C[j₁, …, j_d] · U₁[i₁, j₁] ⋯ U_d[i_d, j_d]
//! ```
//! [`fn@decompose`] finds core and factors, [`Tucker`] does it for every tensor of a layout for which they are smaller.
//! Right for tensors of few modes with ranks below them (kernels of convolutions); the core grows with the power of the
//! modes, so for many modes a tensor train is smaller. The modes of a tensor are its dimensions other than 1.

mod contract;
mod decompose;
pub(crate) mod shape;

pub use decompose::{Core, decompose};
pub use shape::TuckerShape;

use crate::{
    CompressError, ErrorBound, Truncation,
    dense::check_finite,
    format::{FACTOR_FRACTION, Factored, LEAST_ELEMENTS, TensorFormat, sent_dense},
    reader::Reader,
    tt::fold,
};
use bitneuron_core::Seed;

/// The Tucker decomposition of every tensor of the layout for which it is smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tucker {
    truncation: Truncation,
    sweeps: usize,
}

impl Default for Tucker {
    /// A relative error of at most 1 %, without orthogonal iteration.
    fn default() -> Self {
        Self { truncation: Truncation::Tolerance(0.01), sweeps: 0 }
    }
}

impl Tucker {
    /// Its name in the high byte of a codec.
    pub const ID: u8 = 4;

    /// Ranks that end as `truncation` says, improved by at most `sweeps` sweeps of orthogonal iteration.
    ///
    /// # Errors
    /// The truncation is out of range.
    pub fn new(truncation: Truncation, sweeps: usize) -> Result<Self, CompressError> {
        truncation.check()?;
        Ok(Self { truncation, sweeps })
    }
}

impl TensorFormat for Tucker {
    const NAME: u8 = Self::ID;
    type Shape = TuckerShape;

    /// The error that is promised when core and factors are sent as they are.
    fn error(&self) -> ErrorBound {
        self.truncation.error()
    }

    fn factorise(
        &self,
        values: &[f32],
        dims: &[u32],
        _seed: Seed,
    ) -> Result<Option<Factored<TuckerShape>>, CompressError> {
        let modes = shape::modes(dims);
        if values.len() < LEAST_ELEMENTS || modes.len() < 2 {
            return Ok(None);
        }
        let core = decompose(values, &modes, self.truncation, self.sweeps)?;
        let sound = core.factors.iter().all(|factor| check_finite(factor).is_ok());
        let smaller = sound && core.shape.check(values.len()).is_ok();
        Ok(smaller.then_some((core.shape, core.factors)))
    }

    fn write(shape: &TuckerShape, out: &mut Vec<u8>) {
        shape.write(out);
    }

    fn read(reader: &mut Reader<'_>, dims: &[u32]) -> Result<Option<TuckerShape>, CompressError> {
        let shape = TuckerShape::read(reader, shape::modes(dims))?;
        if let Some(shape) = &shape {
            shape.check(fold::elements(dims)?)?;
        }
        Ok(shape)
    }

    fn factor_dims(shape: &TuckerShape) -> Vec<Vec<usize>> {
        shape.factor_dims()
    }

    fn expansion_work(shape: &TuckerShape) -> u64 {
        shape.work()
    }

    fn expand(shape: &TuckerShape, factors: &[&[f32]]) -> Result<Vec<f32>, CompressError> {
        contract::expand(shape, factors)
    }

    fn expand_fixed(shape: &TuckerShape, factors: &[&[i32]]) -> Result<Vec<i64>, CompressError> {
        contract::expand_fixed(shape, factors, FACTOR_FRACTION)
    }
}

sent_dense!(Tucker);
