//! What the network is measured against: the same integer model trained in one place, and by each user alone.

use bitneuron_core::exact::programs::{Mlp, metric::accuracy, step::Training};
use bitneuron_core::exact::{ExactData, ExactParams, Program, ShapeError, Tensor, execute};
use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::Update as _;
use bitneuron_learning::exact::ExactSgd;

/// Scores models on rows that no node ever sees.
#[derive(Debug)]
pub(crate) struct Examiner {
    program: Option<Program>,
    data: ExactData,
}

impl Examiner {
    pub(crate) fn new(mlp: &Mlp, data: &Dataset) -> Result<Self, ShapeError> {
        let data = ExactData::from_dataset(data)?;
        let rows = u32::try_from(data.rows()).unwrap_or(u32::MAX);
        Ok(Self { program: accuracy(mlp, rows, rows).ok(), data })
    }

    /// The share of rows that `model` classifies rightly; 0 for what is no model of this kind.
    pub(crate) fn score(&self, model: &ExactParams) -> f64 {
        let rows = i64::try_from(self.data.rows()).unwrap_or(0);
        let all = Tensor::vector((0..rows).collect());
        let inputs = [model.tensor(), self.data.features().clone(), self.data.labels().clone(), all];
        let run = self.program.as_ref().and_then(|program| execute(program, &inputs).ok());
        let right =
            run.and_then(|run| run.outputs().first().and_then(|output| output.data().first().copied()));
        right.unwrap_or(0) as f64 / (rows as f64).max(1.0)
    }
}

/// How long a baseline trains: epochs over its rows, long past the point where accuracy stops rising.
const EPOCHS: u32 = 60;

/// Trains from `start` on `data` until convergence.
pub(crate) fn converge(mlp: &Mlp, start: &ExactParams, data: &Dataset, seed: Seed) -> ExactParams {
    // Data and model fit by construction; were they not to, the baseline would stay at its start.
    let Ok(data) = ExactData::from_dataset(data) else { return start.clone() };
    let rows = u32::try_from(data.rows()).unwrap_or(u32::MAX);
    let batch = if rows >= 32 { 32 } else { 8 };
    let training = Training { steps: rows.div_ceil(batch).max(1), batch, rate_shift: 1 };
    let mut update = ExactSgd { mlp: mlp.clone(), training };
    let mut model = start.clone();
    for epoch in 0..EPOCHS {
        if update.update(&mut model, &data, seed.derive_number("epoch", u64::from(epoch))).is_err() {
            break;
        }
    }
    model
}
