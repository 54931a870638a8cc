//! Layers and tables that live their whole life as factors.
//!
//! A layer holds shapes; its factors are one flat slice, so that a model's parameters are factors and nothing else: they
//! are what is trained, sent, merged and served, and the dense matrix never exists. [`Factored`] says what the factors
//! are, [`Linear`] computes with them.
//!
//! | layer | parameters of 4,096 × 4,096 | a sample costs |
//! |---|---|---|
//! | dense | MN = 16.8 M | 33.6 M operations |
//! | [`TrainLinear::interleaved`] (TTM), four cores, rank 16 | 34,816 | 16.8 M in halves |
//! | [`TrainLinear::in_line`] (TT), eight cores, rank 16 | 10,368 | 0.26 M as two thin matrices |
//! | [`CpLinear`], rank 16 | 1,024 at eight modes | 0.26 M |
//! | [`TuckerLinear`], 64·64 inputs and outputs, ranks 4 | 1,280 | 0.26 M |
//!
//! [`plan`] chooses how a train is contracted, [`embedding`] holds tables whose rows are looked up, and the module
//! [`rank`](crate::rank) finds ranks while the factors are trained.
//!
//! Averaging the factors of two models is not averaging the models: factors may be multiplied by a matrix on one side of a
//! bond and by its inverse on the other without changing the layer. Models that share their history from one start stay
//! close enough for that; others are merged in the represented space, as sums with added ranks that are rounded.

mod cp;
pub mod embedding;
mod error;
mod init;
mod merge;
pub mod plan;
mod shape;
mod sweep;
mod train;
mod tucker;

pub use cp::CpLinear;
pub use embedding::{Bags, HotRows, TrainEmbedding};
pub use error::FactorError;
pub(crate) use error::check_length;
pub(crate) use init::gaussian;
pub use plan::{Pass, Plan, Reconstruct};
pub use shape::MatrixShape;
pub use train::TrainLinear;
pub use tucker::TuckerLinear;

use crate::{linalg::Scalar, rank::Bond};
use bitneuron_core::Seed;
use std::{fmt::Debug, sync::Arc};

/// What is held as factors.
///
/// Law: the flat buffer has the factors in the order of [`Factored::factors`], each row-major, and nothing else.
pub trait Factored: Debug + Send + Sync {
    /// Rows of the matrix: inputs of a layer, rows of a table.
    fn inputs(&self) -> usize;

    /// Columns of the matrix.
    fn outputs(&self) -> usize;

    /// The shapes of the factors, in the order of the flat buffer.
    fn factors(&self) -> Vec<Vec<usize>>;

    /// The bonds whose ranks may shrink.
    fn bonds(&self) -> Vec<Bond>;

    /// First factors, such that the entries of the matrix have about this variance.
    fn init(&self, variance: f64, seed: Seed) -> Vec<f32>;

    /// The elements of all factors.
    fn parameters(&self) -> usize {
        self.factors().iter().map(|shape| shape.iter().product::<usize>()).sum()
    }
}

/// A linear layer `Y = X·W` on its factors: `x: [rows, inputs]`, `y: [rows, outputs]`, both row by row.
///
/// Laws: gradients agree with finite differences; calls are pure; no slice of a wrong length panics.
pub trait Linear<S: Scalar = f32>: Factored {
    /// Writes `X·W` to `y`.
    ///
    /// # Errors
    /// A slice of a wrong length.
    fn forward(&self, factors: &[S], x: &[S], y: &mut [S]) -> Result<(), FactorError>;

    /// From `errors = ∂L/∂Y`, writes what is asked for: `∂L/∂factors` to `gradient` (as long as `factors`) and `∂L/∂X` to
    /// `below` (as long as `x`).
    ///
    /// # Errors
    /// A slice of a wrong length; what was asked for then holds no meaning.
    fn backward(
        &self,
        factors: &[S],
        x: &[S],
        errors: &[S],
        gradient: Option<&mut [S]>,
        below: Option<&mut [S]>,
    ) -> Result<(), FactorError>;

    /// The same layer with other ranks, one for each bond.
    ///
    /// # Errors
    /// [`FactorError::Shape`]: not one rank for each bond, or a rank of 0.
    fn with_ranks(&self, ranks: &[usize]) -> Result<Arc<dyn Linear<S>>, FactorError>;
}

/// Models hold layers of any kind.
const _: Option<&dyn Linear> = None;
