//! Examples that are whole statements, above all those made of several.

use super::Example;
use crate::statement::{Computation, StatementError};
use crate::suite::{Case, World};
use crate::{Batch, Both, Chain, Improvement, Merge, Metric, NormBound, Prediction, Step};
use bitneuron_core::Seed;
use bitneuron_core::claim::Turn;
use bitneuron_core::exact::programs::merge::MergeRule;
use bitneuron_core::exact::programs::metric::Measure;

/// One example of each standard computation.
pub(super) fn examples() -> Result<Vec<Example>, StatementError> {
    let world = World::new(Seed::from_number(44));
    let [_, momentum, _, factorised] = world.kinds_of_steps();
    Ok(vec![
        of::<Turn>("statement: turn", &world.turn())?,
        of::<Merge>("statement: filtered merge", &world.merge(Some(MergeRule::default())))?,
        of::<Step>("statement: steps with momentum and decay", &momentum)?,
        of::<Step>("statement: steps of a factorised net", &factorised)?,
        of::<Metric>("statement: accuracy", &world.metric(Measure::Accuracy, true))?,
        of::<Improvement>("statement: improvement", &world.improvement(Measure::Accuracy, false))?,
        of::<NormBound>("statement: norm bound", &world.norm_bound())?,
        of::<Prediction>("statement: prediction", &world.prediction(world.factorised()))?,
        of::<Batch<Metric>>("statement: two metrics as one", &world.batch())?,
        of::<Both<Merge, Step>>("statement: a merge and steps as one", &world.both())?,
        of::<Chain<Step>>("statement: three chained steps", &world.chain())?,
        of::<Chain<Turn>>("statement: two chained turns", &world.turn_chain())?,
    ])
}

fn of<S: Computation>(name: &'static str, case: &Case<S>) -> Result<Example, StatementError> {
    let witness = S::witness(&case.witness).into_iter().cloned().collect();
    Ok(Example { name, relation: S::relation(&case.public)?, witness })
}
