//! A buyer's choice: what has no worth on its hidden rows does not go into the merge.

use super::{Hidden, Value, ValueError};
use crate::merge::{Contribution, Laws, Merge, MergeError, Merged, admit};
use crate::model::Model;
use bitneuron_core::{Dataset, Share};
use std::sync::Arc;

/// A merge of those that are worth something. Whoever is not has no share.
#[derive(Clone)]
pub struct Picked<V, M> {
    /// The score.
    pub value: V,
    /// The rule for those that are picked.
    pub merge: M,
    /// What is learned.
    pub model: Arc<dyn Model>,
    /// The buyer's own rows that nobody else has seen.
    pub hidden: Arc<Dataset>,
}

impl<V, M> std::fmt::Debug for Picked<V, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picked").field("rows", &self.hidden.len()).finish_non_exhaustive()
    }
}

impl<V: Value, M: Merge> Merge for Picked<V, M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let hidden = Hidden { model: self.model.as_ref(), data: &self.hidden };
        let values = self.value.values(&hidden, own, peers).map_err(|error| match error {
            ValueError::Merge(error) => error,
            other => MergeError::Rule(Box::new(other)),
        })?;
        let is_picked = |value: &f64| *value > 0.0;
        let picked: Vec<Contribution<'_>> =
            peers.iter().zip(&values).filter(|(_, value)| is_picked(value)).map(|(peer, _)| *peer).collect();
        let merged = self.merge.merge(own, &picked)?;
        let mut shares = merged.influence.iter();
        let share = |value: &f64| if is_picked(value) { shares.next().copied() } else { None };
        let influence = values.iter().map(share).map(|share| share.unwrap_or(Share::ZERO)).collect();
        Ok(Merged { influence, ..merged })
    }

    /// That of the inner rule for as many as there are; which of them are arbitrary the hidden rows tell, no law does.
    fn tolerates(&self, _: usize) -> usize {
        0
    }

    fn laws(&self) -> Laws {
        Laws::NONE
    }
}
