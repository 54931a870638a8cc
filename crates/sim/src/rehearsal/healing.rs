//! What healing blocks are worth to whoever serves what was learned.
//!
//! Blocks are fitted on the public rows, which every validator has, and stand before the served model; its parameters stay what the
//! chain says they are. Both are asked about the rows that no node ever sees: as they are, with noise, and moved by an adversary
//! that knows the model and not the blocks.

use super::cast::Cast;
use crate::report::{Healing, Served};
use crate::scenario::ScenarioError;
use bitneuron_core::{Dataset, Params, Seed, exact::ExactParams};
use bitneuron_learning::eval::accuracy;
use bitneuron_learning::heal::Healed;
use bitneuron_learning::model::{Mlp, Model};
use bitneuron_learning::robust::Pgd;
use rand::RngExt as _;
use std::sync::Arc;

/// The standard deviation of the noise.
const NOISE: f32 = 0.4;
/// How far an adversary moves a feature.
const REACH: f32 = 0.1;

fn setting(error: impl std::fmt::Display) -> ScenarioError {
    ScenarioError::Setting(error.to_string())
}

/// A head served without blocks and with them.
pub(super) fn healing(cast: &Cast, head: &ExactParams, seed: Seed) -> Result<Healing, ScenarioError> {
    let model = Arc::new(Mlp::try_from(&cast.plan.goal.net).map_err(setting)?);
    let healed = Healed::fit(model.clone(), &cast.public, seed.derive("blocks")).map_err(setting)?;
    let params = head.to_params();
    let served = |rows: &Dataset| -> Result<Served, ScenarioError> {
        let of = |model: &dyn Model, params: &Params| accuracy(model, params.values(), rows).map_err(setting);
        Ok(Served { bare: of(model.as_ref(), &params)?, healed: of(&healed, &params)? })
    };
    let attack =
        Pgd::fgsm(REACH).attack(model.as_ref(), params.values(), &cast.report, seed).map_err(setting)?;
    Ok(Healing {
        clean: served(&cast.report)?,
        noise: served(&noisy(&cast.report, seed.derive("noise"))?)?,
        attack: served(&attack)?,
    })
}

/// The rows with normal noise on every feature.
fn noisy(rows: &Dataset, seed: Seed) -> Result<Dataset, ScenarioError> {
    let mut rng = seed.rng();
    // Twelve uniform numbers sum to nearly a normal one of variance 1.
    let mut normal = || (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0;
    let features = rows.features().mapv(|x| x + NOISE * normal());
    Dataset::new(features, rows.labels().to_vec()).map_err(setting)
}
