//! What gossip is measured against: everybody's data in one place, and everybody alone.
//!
//! Both use the same update as the network, so a difference comes from the exchange of models and from nothing else.

use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use rayon::prelude::*;

/// Trains on all data in one place: the ceiling.
///
/// # Errors
/// What the update refused.
pub fn centralised(
    update: &mut dyn Update,
    start: &Params,
    data: &Dataset,
    rounds: u64,
    seed: Seed,
) -> Result<(Params, Progress), UpdateError> {
    let mut params = start.clone();
    let mut whole = Progress::default();
    for round in 0..rounds {
        let progress = update.update(&mut params, data, seed.derive_number("round", round))?;
        if round == 0 {
            whole.loss_before = progress.loss_before;
        }
        whole.loss_after = progress.loss_after;
        whole.samples += progress.samples;
    }
    Ok((params, whole))
}

/// Trains each node on its own rows alone: the floor. Nodes run in parallel, each with its own seed.
///
/// # Errors
/// What the update of any node refused, the first node's first.
pub fn local_only<U: Update + Clone + Sync>(
    update: &U,
    start: &Params,
    parts: &[Dataset],
    rounds: u64,
    seed: Seed,
) -> Result<Vec<Params>, UpdateError> {
    let train = |(node, data): (usize, &Dataset)| {
        let own = seed.derive_number("node", node as u64);
        centralised(&mut update.clone(), start, data, rounds, own).map(|(params, _)| params)
    };
    let trained: Vec<Result<Params, UpdateError>> = parts.par_iter().enumerate().map(train).collect();
    trained.into_iter().collect()
}
