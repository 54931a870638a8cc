//! Self-healing (§5): "plug-in blocks to the trained model, such that the errors can be identified and mitigated in the
//! prediction process".
//!
//! Clean states of a layer lie near a low-dimensional manifold. A [`Manifold`] `E` is learned from them, a [`Block`] puts
//! it between two stages of a trained model ([`Staged`](crate::model::Staged)), and what lies off the manifold is moved back onto it:
//!
//! ```text
//! minimise over u   ½‖(x + u) − E(x + u)‖² + (c/2)‖u‖²
//! linear E, greedily:   x′ = E(x) + c/(1 + c)·(x − E(x))
//! ```
//!
//! after Chen, Li and Zhang, *Self-healing robust neural networks via closed-loop control* (arXiv 2206.12963). A [`Healed`]
//! model is a model again: it holds blocks and no weights, so attaching and detaching leave the served parameters, and
//! their digest, what they are. [`Control`] solves for all layers at once by Pontryagin's principle in place of greedily.
//!
//! Three manifolds: [`LinearManifold`], the closed form; [`MixtureManifold`], many linear ones, which heals most; and
//! [`AutoEncoder`]. Two lessons of measuring are built in. Healing clean states costs accuracy, so a block has a *gate* that
//! lets pass what is as near as clean states are. And projecting rows whose features are *missing* makes them worse: where
//! it is known which are, [`LinearManifold::complete`] solves for them from the others; a healed model does so for
//! features that are not a number.
//!
//! An adversary who knows the blocks does more harm than one who does not: [`Healed`] has gradients through them, to measure
//! how much.
//!
//! ```
//! use bitneuron_core::{Dataset, Seed};
//! use bitneuron_learning::heal::Healed;
//! use bitneuron_learning::model::{Mlp, Model};
//! use std::sync::Arc;
//! // Clean rows lie on a line in the plane.
//! let clean = ndarray::Array2::from_shape_fn((64, 2), |(row, column)| row as f32 * if column == 0 { 0.02 } else { 0.01 });
//! let model = Arc::new(Mlp::new(&[2, 4, 2])?);
//! let params = model.init(Seed::from_number(1));
//! let clean = Dataset::new(clean, (0..64).map(|row| row / 32).collect())?;
//! let healed = Healed::fit(model.clone(), &clean, Seed::from_number(2))?;
//! let (mut scores, mut bare) = ([0.0; 2], [0.0; 2]);
//! healed.scores(params.values(), &[0.4, f32::NAN], &mut scores)?; // the second feature is missing
//! model.scores(params.values(), &[0.4, 0.2], &mut bare)?;
//! assert!((scores[0] - bare[0]).abs() < 0.05);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod auto_encoder;
mod block;
mod complete;
mod control;
mod gaussian;
mod healed;
mod linear;
mod mixture;

pub use auto_encoder::{AutoEncoder, Training};
pub use block::Block;
pub use control::{Control, Steered};
pub use healed::{Healed, states};
pub use linear::LinearManifold;
pub use mixture::{Mixing, MixtureManifold};

use crate::model::ModelError;
use bitneuron_compress::linalg::LinalgError;
use thiserror::Error;

/// Why something cannot be healed.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum HealError {
    /// The states do not fill rows of this width.
    #[error("{found} values do not fill rows of {width}")]
    Width {
        /// How many values there are.
        found: usize,
        /// The width of a row.
        width: usize,
    },
    /// There are too few clean states to learn from.
    #[error("{0} clean states are too few")]
    TooFew(usize),
    /// A clean state holds a number that is not finite.
    #[error("a clean state is not finite")]
    NotFinite,
    /// A setting makes no sense.
    #[error("{0} is out of range")]
    Setting(&'static str),
    /// The model has no such stage, or its states have another width.
    #[error("no state {0} of this width")]
    NoState(usize),
    /// The factorisation failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
    /// The model refused what it was given.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Where clean states lie.
///
/// Laws: rows are independent; a state of the right width and of finite numbers is projected to finite numbers; nothing
/// panics.
pub trait Manifold: Send + Sync {
    /// The width of a state.
    fn width(&self) -> usize;

    /// Writes `E(x)` of states `[n, width]` to `onto`.
    ///
    /// # Errors
    /// A wrong length.
    fn project(&self, states: &[f32], onto: &mut [f32]) -> Result<(), ModelError>;

    /// Writes `E′(x)ᵀ·adjoint` to `below`.
    ///
    /// # Errors
    /// A wrong length.
    fn pull(&self, states: &[f32], adjoint: &[f32], below: &mut [f32]) -> Result<(), ModelError>;

    /// How strange each state is: by default the error of its reconstruction, `‖x − E(x)‖²`.
    ///
    /// # Errors
    /// A wrong length.
    fn strangeness(&self, states: &[f32], strangeness: &mut [f32]) -> Result<(), ModelError> {
        let mut onto = vec![0.0; states.len()];
        self.project(states, &mut onto)?;
        let width = self.width().max(1);
        let pairs = states.chunks_exact(width).zip(onto.chunks_exact(width));
        for (strange, (x, y)) in strangeness.iter_mut().zip(pairs) {
            *strange = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum();
        }
        Ok(())
    }
}

/// The trait stays object-safe.
const _: Option<&dyn Manifold> = None;

/// Refuses clean states that are no rows, too few, or not finite; how many there are.
fn check_clean(states: &[f32], width: usize) -> Result<usize, HealError> {
    let rows = states.len().checked_div(width).unwrap_or(0);
    if rows * width != states.len() || width == 0 {
        return Err(HealError::Width { found: states.len(), width });
    }
    if rows < 2 {
        return Err(HealError::TooFew(rows));
    }
    if states.iter().all(|value| value.is_finite()) { Ok(rows) } else { Err(HealError::NotFinite) }
}

/// The mean of rows.
fn mean_of<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, width: usize) -> Vec<f32> {
    let count = rows.len().max(1) as f64;
    let mut mean = vec![0.0f64; width];
    for row in rows {
        mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    mean.into_iter().map(|sum| (sum / count) as f32).collect()
}
