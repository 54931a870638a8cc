//! What a contribution is worth: four scores of foreign models on rows that their authors have not seen.
//!
//! | score | formula | cost for n contributions | five copies | five noisy copies | five parts |
//! |---|---|---|---|---|---|
//! | [`LossDifference`] | `L(θ) − L(θᵢ)` | n + 1 evaluations | 3.6 | 3.5 | 1.1 |
//! | [`FirstOrder`] | `⟨∇L(θ), θ − θᵢ⟩` | one gradient, n products | 3.6 | 3.6 | 1.2 |
//! | [`LeaveOneOut`] | `L(M∖i) − L(M)` | n + 1 merges and evaluations | 2.2 | 2.0 | 0 |
//! | [`Shapley`] | mean marginal gain over orders | orders × n merges and evaluations | 6.0 | 5.9 | 0 |
//! | [`Unique`]`(LossDifference)` | divided among those alike | n² products more | 1.0 | 2.9 | 0.8 |
//!
//! θ is the own model before the merge, M the merge of all, L the mean cross-entropy on the hidden rows. A positive score is
//! an improvement; by the loss difference all of 64 signs were right on the digits, to first order 54. Who trains on false labels,
//! sends noise or sends the parent back is worth nothing by it.
//!
//! But *none of them may be paid out by itself*. The last three columns say how many times more of all positive scores an
//! attacker among nine honest sellers has, who enters its one model five times, five times with noise of three tenths of its
//! step, or as five models of a fifth of its rows each (mean of six seeds, digits, softmax regression; in a merge by the plain
//! mean). [`Unique`] takes the gain from exact copies and a fifth of it from noisy ones, which in many dimensions are hardly
//! alike.
//!
//! So scores serve the buyer, who picks with them what goes into the merge ([`Picked`]), and pay goes through the buyer: the
//! ledger pays stake × proved improvement × uniqueness, and the buyers' price reaches the users.

mod first_order;
mod leave_one_out;
mod loss_difference;
mod picked;
mod shapley;
mod unique;

pub use first_order::FirstOrder;
pub use leave_one_out::LeaveOneOut;
pub use loss_difference::LossDifference;
pub use picked::Picked;
pub use shapley::Shapley;
pub use unique::Unique;

use crate::eval;
use crate::merge::{Contribution, Merge, MergeError, admit};
use crate::model::{Model, ModelError};
use bitneuron_core::Dataset;
use thiserror::Error;

/// Why nothing is scored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The contributions are refused as a merge refuses them.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The hidden rows or the parameters do not fit the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There are no hidden rows.
    #[error("no hidden rows")]
    Empty,
    /// A setting makes no sense.
    #[error("{0} is out of range")]
    Setting(&'static str),
}

/// Rows that the contributors have not seen, and what is learned.
#[derive(Clone, Copy)]
pub struct Hidden<'a> {
    /// The model.
    pub model: &'a dyn Model,
    /// The rows.
    pub data: &'a Dataset,
}

impl std::fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hidden").field("rows", &self.data.len()).finish_non_exhaustive()
    }
}

impl Hidden<'_> {
    /// The mean loss of a model. Losses that are no number count as infinite.
    ///
    /// # Errors
    /// No rows, or rows that do not fit.
    pub fn loss(&self, params: &[f32]) -> Result<f64, ValueError> {
        if self.data.is_empty() {
            return Err(ValueError::Empty);
        }
        let loss = eval::cross_entropy(self.model, params, self.data)?;
        Ok(if loss.is_nan() { f64::INFINITY } else { loss })
    }
}

/// A score of contributions.
///
/// Laws: equal arguments give equal scores; there is one score for each peer, in their order; contributions that a merge
/// would refuse are refused with their owner's name.
pub trait Value: Send + Sync {
    /// The score of each peer, in nats of improvement.
    ///
    /// # Errors
    /// Contributions or rows that do not fit.
    fn values(
        &self,
        hidden: &Hidden<'_>,
        own: &Contribution<'_>,
        peers: &[Contribution<'_>],
    ) -> Result<Vec<f64>, ValueError>;
}

/// The trait stays object-safe.
const _: Option<&dyn Value> = None;

/// The loss of the merge of some of the peers; where they are too few for the rule, that of the own model.
fn loss_of_merge(
    rule: &dyn Merge,
    hidden: &Hidden<'_>,
    own: &Contribution<'_>,
    peers: &[Contribution<'_>],
) -> Result<f64, ValueError> {
    if peers.is_empty() {
        return hidden.loss(own.value.values());
    }
    match rule.merge(own, peers) {
        Ok(merged) => hidden.loss(merged.value.values()),
        Err(MergeError::TooFew { .. }) => hidden.loss(own.value.values()),
        Err(error) => Err(error.into()),
    }
}

/// What every score refuses.
fn check(own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<(), ValueError> {
    Ok(admit(own, peers)?)
}
