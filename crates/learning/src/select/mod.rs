//! Which rows are learned from: the defence against faked data (§5), and fairness beside it.
//!
//! The paper names two criteria: learn only from rows of low loss, and bound the rows of each group (contributor). Low loss
//! alone is not enough: whoever floods the data teaches the model his labels, and then it is the honest rows whose loss is
//! high. So the bound comes first, before anything is learned, and the loss second:
//!
//! ```text
//! rows → GroupCap → LowLoss → one epoch of training → losses anew → …
//! ```
//!
//! [`Select`] is the seam; [`GroupCap`], [`LowLoss`] and [`FairRobust`] are the rules, a `Vec` of rules is one rule after
//! another, [`named`] reads them from text, and [`Selective`] makes any update of the crate learn from chosen rows. In
//! Algorithm 3 the rows carry their contributors since line 6 merged them ([`Concatenate`](crate::merge::Concatenate)), and
//! line 8 is a `Selective` update.

mod cap;
mod fair;
mod low_loss;
mod named;
mod selective;

pub use cap::{Cap, GroupCap};
pub use fair::{Attribute, FairRobust, FairSelection, Notion};
pub use low_loss::LowLoss;
pub use named::{NAMES, named};
pub use selective::Selective;

use crate::update::UpdateError;
use bitneuron_core::{Dataset, Seed};
use std::sync::Arc;
use thiserror::Error;

/// What a choice is made from.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// All rows.
    pub data: &'a Dataset,
    /// The loss of each row under the model as it is now.
    pub losses: &'a [f32],
    /// The epochs that the node has trained before, from 0.
    pub epoch: u64,
    /// The source of all randomness of this choice.
    pub seed: Seed,
}

impl Rows<'_> {
    /// The loss of a row; what is no number counts as infinite, so that it is never low.
    pub fn loss(&self, row: usize) -> f32 {
        self.losses.get(row).copied().filter(|loss| !loss.is_nan()).unwrap_or(f32::INFINITY)
    }

    /// The class of a row.
    pub fn label(&self, row: usize) -> u32 {
        self.data.labels().get(row).copied().unwrap_or(0)
    }

    /// The contributor of a row.
    pub fn group(&self, row: usize) -> u32 {
        self.data.groups().get(row).copied().unwrap_or(0)
    }
}

/// Why no choice is made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectError {
    /// A setting makes no sense.
    #[error("{0} is out of range")]
    Setting(&'static str),
    /// A rule for two classes was given a third.
    #[error("label {0}, but the rule knows two classes")]
    NotBinary(u32),
}

impl From<SelectError> for UpdateError {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Setting(what) => Self::Setting(what),
            SelectError::NotBinary(_) => Self::Rule(Box::new(error)),
        }
    }
}

/// The choices of one training, epoch by epoch. What one leaves for the next is held here.
///
/// Laws:
/// 1. *Replay*: equal rows from a fresh start give equal choices.
/// 2. *Subset*: only rows out of `among` are chosen. A row may stand several times, which weighs it.
/// 3. *Losses*: no loss, be it infinite or no number, panics or is preferred to a lower one.
pub trait Selection {
    /// The rows out of `among` (ascending) that are learned from in this epoch.
    ///
    /// # Errors
    /// A setting that makes no sense, or rows that the rule is not made for.
    fn choose(&mut self, rows: &Rows<'_>, among: Vec<usize>) -> Result<Vec<usize>, SelectError>;
}

/// A rule by which rows are chosen. Every [`Selection`] that can be cloned is one.
pub trait Select: Send + Sync {
    /// Begins a training.
    fn begin(&self) -> Box<dyn Selection + '_>;
}

/// The trait stays object-safe.
const _: Option<&dyn Select> = None;

impl<S: Selection + Clone + Send + Sync> Select for S {
    fn begin(&self) -> Box<dyn Selection + '_> {
        Box::new(self.clone())
    }
}

/// One rule after the other, each among the rows that those before it left.
impl Select for Vec<Arc<dyn Select>> {
    fn begin(&self) -> Box<dyn Selection + '_> {
        Box::new(InTurn(self.iter().map(|rule| rule.begin()).collect()))
    }
}

/// Several selections in turn.
struct InTurn<'a>(Vec<Box<dyn Selection + 'a>>);

impl Selection for InTurn<'_> {
    fn choose(&mut self, rows: &Rows<'_>, among: Vec<usize>) -> Result<Vec<usize>, SelectError> {
        self.0.iter_mut().try_fold(among, |among, rule| rule.choose(rows, among))
    }
}
