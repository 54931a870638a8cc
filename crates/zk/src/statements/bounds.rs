//! What a foreign goal may ask for before a program is built for it.
//!
//! A few bytes of a goal could ask for a program of millions of operations. Here the numbers alone are looked at.

use crate::statement::StatementError;
use bitneuron_core::goal::Goal;

/// The most steps of one turn; each holds a table of 4,097 entries.
const MAX_STEPS: u32 = 64;
/// The most rows of a batch.
const MAX_BATCH: u32 = 1 << 10;
/// The most rows of a data set, 2²⁰; drawing rows permutes all of them.
pub(super) const MAX_ROWS: u32 = 1 << 20;

pub(super) fn at_most(value: u32, limit: u32, what: &'static str) -> Result<(), StatementError> {
    if value <= limit { Ok(()) } else { Err(StatementError::TooLarge { what, limit: u64::from(limit) }) }
}

/// Whether programs of this goal may be built.
pub(super) fn goal(goal: &Goal) -> Result<(), StatementError> {
    at_most(goal.training.steps, MAX_STEPS, "steps")?;
    at_most(goal.training.batch, MAX_BATCH, "rows in a batch")?;
    at_most(goal.metric_set.rows, MAX_ROWS, "rows of a metric set")?;
    at_most(goal.max_inputs, Goal::MAX_INPUTS, "inputs of a turn")?;
    if goal.drawn == 0 || goal.drawn > goal.metric_set.rows {
        return Err(StatementError::Malformed("not a number of rows that can be drawn".into()));
    }
    if goal.metric_set.columns != goal.mlp.features() {
        return Err(StatementError::Malformed("the metric set does not fit the model".into()));
    }
    Ok(())
}
