//! Canonical polyadic decompositions (Hitchcock 1927; Kolda and Bader, *Tensor Decompositions and Applications*, 2009).
//!
//! A tensor with modes `n₁ … n_d` is a sum of R outer products, with a factor `A_k` of shape `[n_k, R]` for each mode:
//!
//! ```text
//! A[i₁, …, i_d] = Σ_r A₁[i₁, r] · A₂[i₂, r] ⋯ A_d[i_d, r]
//! ```
//! [`fn@decompose`] looks for the components by alternating least squares, [`CanonicalPolyadic`] does it for every tensor of
//! a layout for which they are smaller. The fewest numbers of all formats, Σ n_k·R, but the search may end in a local
//! minimum, and nothing is promised of the error. The modes of a tensor are its dimensions other than 1.

mod contract;
mod decompose;
mod fit;
mod mttkrp;
mod shape;

pub use decompose::{Als, Components, decompose};
pub use shape::CpShape;

use crate::{
    CompressError, ErrorBound,
    dense::check_finite,
    format::{FACTOR_FRACTION, Factored, LEAST_ELEMENTS, TensorFormat, sent_dense},
    reader::Reader,
    tt::fold,
    tucker::shape::modes,
};
use bitneuron_core::Seed;

/// The components of every tensor of the layout for which they are smaller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CanonicalPolyadic {
    als: Als,
}

impl Default for CanonicalPolyadic {
    /// Eight components.
    fn default() -> Self {
        Self { als: Als::new(8) }
    }
}

impl CanonicalPolyadic {
    /// Its name in the high byte of a codec.
    pub const ID: u8 = 3;

    /// Components found as `als` says.
    ///
    /// # Errors
    /// The rank is 0 or above 65,535, or there is no sweep.
    pub fn new(als: Als) -> Result<Self, CompressError> {
        if als.iterations == 0 || !(1..=usize::from(u16::MAX)).contains(&als.rank) {
            return Err(CompressError::Config("components are 1 to 65,535, and need a sweep"));
        }
        Ok(Self { als })
    }
}

impl TensorFormat for CanonicalPolyadic {
    const NAME: u8 = Self::ID;
    type Shape = CpShape;

    /// Nothing is promised.
    fn error(&self) -> ErrorBound {
        ErrorBound::Unknown
    }

    fn factorise(
        &self,
        values: &[f32],
        dims: &[u32],
        seed: Seed,
    ) -> Result<Option<Factored<CpShape>>, CompressError> {
        let modes = modes(dims);
        if values.len() < LEAST_ELEMENTS || modes.len() < 2 {
            return Ok(None);
        }
        if CpShape::new(modes.clone(), self.als.rank)?.check(values.len()).is_err() {
            return Ok(None);
        }
        let found = decompose(values, &modes, &self.als, seed)?;
        let finite = found.factors.iter().all(|factor| check_finite(factor).is_ok());
        // Components that cancel each other may be too large for what they add up to.
        Ok((finite && found.expand().is_ok()).then_some((found.shape, found.factors)))
    }

    fn write(shape: &CpShape, out: &mut Vec<u8>) {
        shape.write(out);
    }

    fn read(reader: &mut Reader<'_>, dims: &[u32]) -> Result<Option<CpShape>, CompressError> {
        let shape = CpShape::read(reader, modes(dims))?;
        if let Some(shape) = &shape {
            shape.check(fold::elements(dims)?)?;
        }
        Ok(shape)
    }

    fn factor_dims(shape: &CpShape) -> Vec<Vec<usize>> {
        shape.modes().iter().map(|mode| vec![*mode, shape.rank()]).collect()
    }

    fn expansion_work(shape: &CpShape) -> u64 {
        shape.work()
    }

    fn expand(shape: &CpShape, factors: &[&[f32]]) -> Result<Vec<f32>, CompressError> {
        contract::expand(shape, factors)
    }

    fn expand_fixed(shape: &CpShape, factors: &[&[i32]]) -> Result<Vec<i64>, CompressError> {
        contract::expand_fixed(shape, factors, FACTOR_FRACTION)
    }
}

sent_dense!(CanonicalPolyadic);
