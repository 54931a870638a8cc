//! What gossip is measured against: everybody's data in one place, and everybody alone.
//!
//! Both use the same update as the network, so a difference comes from the exchange of models and from nothing else.

use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::Seed;
use rayon::prelude::*;

/// Trains on all data in one place: the ceiling.
///
/// # Errors
/// What the update refused.
pub fn centralised<T: Clone, D>(
    update: &mut dyn Update<T, D>,
    start: &T,
    data: &D,
    rounds: u64,
    seed: Seed,
) -> Result<(T, Progress), UpdateError> {
    let mut params = start.clone();
    let mut whole = Progress::default();
    for round in 0..rounds {
        let progress = update.update(&mut params, data, round, seed.derive_number("round", round))?;
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
pub fn local_only<T, D, U>(
    update: &U,
    start: &T,
    parts: &[D],
    rounds: u64,
    seed: Seed,
) -> Result<Vec<T>, UpdateError>
where
    T: Clone + Send + Sync,
    D: Sync,
    U: Update<T, D> + Clone + Sync,
{
    let train = |(node, data): (usize, &D)| {
        let own = seed.derive_number("node", node as u64);
        centralised(&mut update.clone(), start, data, rounds, own).map(|(params, _)| params)
    };
    let trained: Vec<Result<T, UpdateError>> = parts.par_iter().enumerate().map(train).collect();
    trained.into_iter().collect()
}
