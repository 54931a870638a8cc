//! What every rule checks before it computes, and the shares that follow from weights.

use super::{Contribution, MergeError};
use bitneuron_core::{Layout, Params, Share, Weight};
use std::sync::Arc;

/// Refuses a set of contributions that no rule may merge.
///
/// # Errors
/// Peers out of order, another layout than the own value's, or a value that is not finite.
pub fn admit(own: &Contribution<'_, Params>, peers: &[Contribution<'_, Params>]) -> Result<(), MergeError> {
    in_order(own, peers)?;
    of_one_layout(own, peers, Params::layout)?;
    match std::iter::once(own).chain(peers).find(|one| !is_finite(one.value.values())) {
        Some(one) => Err(MergeError::OutOfRange(one.from)),
        None => Ok(()),
    }
}

/// Whether every value is finite; written so that it vectorises.
pub(crate) fn is_finite(values: &[f32]) -> bool {
    !values.iter().fold(false, |odd, value| odd | !value.is_finite())
}

/// Refuses a peer whose value has another layout than the own one.
pub(crate) fn of_one_layout<T>(
    own: &Contribution<'_, T>,
    peers: &[Contribution<'_, T>],
    layout: impl Fn(&T) -> &Arc<Layout>,
) -> Result<(), MergeError> {
    let ours = layout(own.value);
    let foreign = |theirs: &Arc<Layout>| !Arc::ptr_eq(theirs, ours) && theirs != ours;
    match peers.iter().find(|peer| foreign(layout(peer.value))) {
        Some(peer) => Err(MergeError::Layout(peer.from)),
        None => Ok(()),
    }
}

/// Whether `k ≤ n/2` far values cannot carry a filter at `radius` lower medians out of the bound of tolerance.
///
/// The lower median is then at most the largest honest distance, so what is kept lies within `radius` of those, and the
/// law grants `2·√(n + 1)` of them.
pub(crate) fn filter_tolerates(radius: f64, peers: usize) -> usize {
    if radius * radius <= 4.0 * (peers as f64 + 1.0) { peers / 2 } else { 0 }
}

/// Refuses peers that are not strictly ascending by name, or that hold the own name.
pub(crate) fn in_order<T>(
    own: &Contribution<'_, T>,
    peers: &[Contribution<'_, T>],
) -> Result<(), MergeError> {
    if let Some(pair) = peers.windows(2).find(|pair| pair[0].from >= pair[1].from) {
        return Err(MergeError::Order(pair[1].from));
    }
    match peers.iter().find(|peer| peer.from == own.from) {
        Some(peer) => Err(MergeError::Order(peer.from)),
        None => Ok(()),
    }
}

/// The shares of the own value and of each peer, in proportion to weights; all zero gives the own value everything.
pub fn shares(own: Weight, peers: &[Weight]) -> (Share, Vec<Share>) {
    let parts: Vec<u64> = std::iter::once(own.0).chain(peers.iter().map(|weight| weight.0)).collect();
    let mut shares = Share::divide(&parts);
    let influence = shares.split_off(1);
    (shares.first().copied().unwrap_or(Share::ONE), influence)
}

/// The largest age among the own value and the peers that have a share.
pub(crate) fn oldest<T>(
    own: &Contribution<'_, T>,
    peers: &[Contribution<'_, T>],
    influence: &[Share],
) -> u64 {
    let heard = peers.iter().zip(influence).filter(|(_, share)| share.0 > 0).map(|(peer, _)| peer.age);
    heard.chain([own.age]).max().unwrap_or(own.age)
}
