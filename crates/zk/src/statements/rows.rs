//! Rows that statements train or measure on.

use bitneuron_core::exact::{DataRoot, ExactData, Tensor, data::draw};
use bitneuron_core::goal::Goal;
use bitneuron_core::{Digest, exact::Binding};
use serde::{Deserialize, Serialize};

use crate::statement::StatementError;

/// Features `[rows, features]` and what belongs to them: labels `[rows]`, or targets `[rows, outputs]`, as
/// [`Loss`](bitneuron_core::exact::programs::step::Loss) says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The features.
    pub features: Tensor,
    /// The labels or targets.
    pub targets: Tensor,
}

impl Rows {
    /// The published commitments.
    pub fn root(&self) -> DataRoot {
        let size = |axis: usize| self.features.shape().get(axis).copied().unwrap_or(0);
        DataRoot {
            rows: size(0),
            columns: size(1),
            features: self.features.commitment(),
            labels: self.targets.commitment(),
        }
    }
}

impl From<&ExactData> for Rows {
    fn from(data: &ExactData) -> Self {
        Self { features: data.features().clone(), targets: data.labels().clone() }
    }
}

/// Rows drawn from a public seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sample {
    /// What they are drawn from.
    pub seed: Digest,
    /// How many.
    pub count: u32,
}

/// The bindings of features and targets, for a set that fits the net's features.
///
/// # Errors
/// A set of other columns or of more rows than a data set may have.
pub(super) fn bindings(data: &DataRoot, features: u32) -> Result<[Binding; 2], StatementError> {
    if data.columns != features {
        return Err(StatementError::Malformed("the data do not fit the model".into()));
    }
    within("rows", data.rows, Goal::MAX_ROWS)?;
    Ok([Binding::Committed(data.features), Binding::Committed(data.labels)])
}

/// The rows drawn from a seed, as a public input.
pub(super) fn drawn(seed: Digest, data: &DataRoot, count: u32) -> Binding {
    Binding::Public(Tensor::vector(draw(seed, data.rows, count as usize)))
}

/// Refuses a size above its limit.
pub(super) fn within(what: &'static str, size: u32, limit: u32) -> Result<(), StatementError> {
    if size > limit { Err(StatementError::TooLarge { what, limit: u64::from(limit) }) } else { Ok(()) }
}
