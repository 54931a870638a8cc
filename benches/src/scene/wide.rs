//! The steps of a turn of a wide model: two layers of 512, where a step is much work and little to commit to.

use super::step::Job;
use crate::Failure;
use bitneuron::core::Seed;
use bitneuron::core::exact::programs::{
    Mlp,
    step::{Training, sgd},
};
use bitneuron::core::exact::{Binding, Relation, Tensor};
use bitneuron::zk::backend::optimistic::{Outline, Plan};
use std::sync::Arc;

/// The width of every layer, and the rows of a batch.
pub const WIDTH: u32 = 512;
/// The steps of a turn.
pub const STEPS: u32 = 4;

/// The SGD steps of a turn (four, as the protocol has them) of a 512-512-512 model on batches of 512 rows.
///
/// # Errors
/// No such program.
pub fn steps() -> Result<Job, Failure> {
    let mlp = Mlp::new(&[WIDTH; 3])?;
    let program = sgd(
        &mlp,
        STEPS * WIDTH,
        Training { steps: STEPS, batch: WIDTH, rate_shift: 4, ..Training::default() },
    )?;
    let tensor = |(place, input): (usize, &bitneuron::core::exact::program::Input)| {
        if place == 0 {
            return Ok(mlp.init(Seed::from_number(1)).tensor());
        }
        let count: i64 = input.shape.iter().map(|size| i64::from(*size)).product();
        let most = input.interval.hi.min(255) + 1;
        Tensor::new(&input.shape, (0..count).map(|at| (at * 7_919 + 13) % most).collect())
    };
    let inputs = program.inputs().iter().enumerate().map(tensor).collect::<Result<_, _>>()?;
    Ok(Job { program, inputs })
}

/// The plan of the optimistic proof that the job gave these outputs, all tensors committed.
///
/// # Errors
/// None for a valid program.
pub fn plan(job: &Job, outputs: &[&Tensor]) -> Result<Plan, Failure> {
    let relation = Relation {
        inputs: job.inputs.iter().map(|tensor| Binding::Committed(tensor.commitment())).collect(),
        outputs: outputs.iter().map(|tensor| Binding::Committed(tensor.commitment())).collect(),
        program: job.program.clone(),
    };
    let outline = Outline::new(&relation.program)?;
    Ok(Plan { relation: Arc::new(relation), outline: Arc::new(outline) })
}
