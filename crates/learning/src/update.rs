//! What a node does with its own data: line 8 of Algorithms 1 and 3, line 4 of Algorithm 2.
//!
//! [`Update`] is the seam. It is generic over the model `T` and the data `D`, so that the same machines run on `f32`
//! parameters and on exact integers. The reference rule is [`Sgd`](crate::optim::Sgd).

use crate::model::ModelError;
use bitneuron_core::{Dataset, Params, Seed};
use std::error::Error;
use thiserror::Error;

/// What an update did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// The mean loss over the data before, in nats for cross-entropy.
    pub loss_before: f64,
    /// The mean loss over the data after.
    pub loss_after: f64,
    /// How many rows were learned from, each epoch counted.
    pub samples: u64,
}

/// Why an update was refused. The parameters are then what they were.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// There is nothing to learn from.
    #[error("no rows to learn from")]
    Empty,
    /// The parameters belong to another model.
    #[error("the parameters have another layout than the model")]
    Layout,
    /// The data do not fit the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A setting makes no sense.
    #[error("{0} is out of range")]
    Setting(&'static str),
    /// The loss or a parameter left the finite numbers.
    #[error("diverged at step {step}")]
    Diverged {
        /// The batch at which it was seen, from 0.
        step: u64,
    },
    /// A rule of somebody else's failed for its own reason.
    #[error(transparent)]
    Rule(Box<dyn Error + Send + Sync>),
}

/// A local learning rule.
///
/// Laws:
/// 1. *Replay*: equal parameters, data, round and seed give equal bytes, whatever was updated before.
/// 2. *Refusal is free*: on `Err` the parameters are untouched.
/// 3. *Progress*: on a convex problem with a sane rate the loss falls.
/// 4. *Honesty*: the progress states the losses that were measured.
pub trait Update<T = Params, D = Dataset>: Send {
    /// Improves `params` on `data`.
    ///
    /// `round` is the number of updates that the node has made before, from 0; a schedule reads it, most rules do not.
    /// All randomness comes from `seed`.
    ///
    /// # Errors
    /// The parameters are untouched.
    fn update(&mut self, params: &mut T, data: &D, round: u64, seed: Seed) -> Result<Progress, UpdateError>;
}

/// The trait stays object-safe.
const _: Option<&dyn Update> = None;

impl<T, D, U: Update<T, D> + ?Sized> Update<T, D> for Box<U> {
    fn update(&mut self, params: &mut T, data: &D, round: u64, seed: Seed) -> Result<Progress, UpdateError> {
        (**self).update(params, data, round, seed)
    }
}
