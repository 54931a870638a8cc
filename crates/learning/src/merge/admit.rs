//! What every rule checks before it computes, and the shares that follow from weights.

use super::{Contribution, MergeError};
use bitneuron_core::{Params, Share, Weight};
use std::sync::Arc;

/// Refuses a set of contributions that no rule may merge.
///
/// # Errors
/// Peers out of order, another layout than the own value's, or a value that is not finite.
pub fn admit(own: &Contribution<'_, Params>, peers: &[Contribution<'_, Params>]) -> Result<(), MergeError> {
    in_order(own, peers)?;
    let layout = own.value.layout();
    for one in std::iter::once(own).chain(peers) {
        if !Arc::ptr_eq(one.value.layout(), layout) && one.value.layout() != layout {
            return Err(MergeError::Layout(one.from));
        }
        if !crate::is_finite(one.value.values()) {
            return Err(MergeError::OutOfRange(one.from));
        }
    }
    Ok(())
}

/// Refuses peers that are not strictly ascending by name, or that hold the own name.
pub(super) fn in_order<T>(
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
pub(super) fn oldest<T>(
    own: &Contribution<'_, T>,
    peers: &[Contribution<'_, T>],
    influence: &[Share],
) -> u64 {
    let heard = peers.iter().zip(influence).filter(|(_, share)| share.0 > 0).map(|(peer, _)| peer.age);
    heard.chain([own.age]).max().unwrap_or(own.age)
}
