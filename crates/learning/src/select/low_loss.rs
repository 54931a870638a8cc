//! "We only select data samples that have low loss function to participate in the training" (§5).
//!
//! Rows with false labels are learned last, so for a while their losses tell them from honest ones. At first the model knows
//! nothing and all rows are taken; the share falls to τ over the warm-up, epoch by epoch (the schedule of Han et al.,
//! *Co-teaching*, arXiv 1804.06872). The share is kept of each class by itself, else the classes that are
//! learned last lose their rows first, and are then never learned.

use super::{Rows, SelectError, Selection};
use std::collections::BTreeMap;

/// The rows of lowest loss.
///
/// The paper's first criterion, and the outer problem of Shen and Sanghavi, *Learning with bad training data via iterative
/// trimmed loss minimization* (arXiv 1810.11874). Against a flood it is worth nothing without [`GroupCap`](super::GroupCap)
/// before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LowLoss {
    /// The share τ of the rows of each class that is kept, above 0 and at most 1: as much as is believed to be clean.
    pub keep: f64,
    /// Over so many epochs the share falls from all rows to τ.
    pub warm_up: u64,
}

impl Default for LowLoss {
    /// Nine of ten rows, from the second epoch on.
    fn default() -> Self {
        Self { keep: 0.9, warm_up: 2 }
    }
}

impl Selection for LowLoss {
    fn choose(&mut self, rows: &Rows<'_>, among: Vec<usize>) -> Result<Vec<usize>, SelectError> {
        let mut classes = BTreeMap::<u32, Vec<usize>>::new();
        kept(self.keep, 0)?;
        let gone = rows.epoch.min(self.warm_up) as f64 / self.warm_up.max(1) as f64;
        let share = if rows.epoch < self.warm_up { 1.0 - gone * (1.0 - self.keep) } else { self.keep };
        for row in among {
            classes.entry(rows.label(row)).or_default().push(row);
        }
        let order = |a: &usize, b: &usize| rows.loss(*a).total_cmp(&rows.loss(*b)).then(a.cmp(b));
        let mut chosen = Vec::new();
        for mut own in classes.into_values() {
            let keep = kept(share, own.len())?;
            if keep < own.len() {
                own.select_nth_unstable_by(keep, order);
                own.truncate(keep);
            }
            chosen.extend(own);
        }
        chosen.sort_unstable();
        Ok(chosen)
    }
}

/// ⌈τ·n⌉ rows.
pub(super) fn kept(share: f64, rows: usize) -> Result<usize, SelectError> {
    if share > 0.0 && share <= 1.0 {
        Ok((share * rows as f64).ceil() as usize)
    } else {
        Err(SelectError::Setting("the share of rows kept"))
    }
}
