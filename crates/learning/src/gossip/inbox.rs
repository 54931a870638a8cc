//! Contributions that wait for a turn, and their merging without those that the rule refuses.

use crate::merge::{Contribution, Merge, MergeError, Merged};
use bitneuron_core::{NodeId, Share, Weight};
use std::collections::BTreeMap;

/// One contribution that waits.
#[derive(Debug)]
pub(super) struct Waiting<V> {
    pub(super) weight: Weight,
    pub(super) age: u64,
    pub(super) value: V,
}

/// Contributions by name; the latest of one contributor counts.
pub(super) type Inbox<V> = BTreeMap<NodeId, Waiting<V>>;

/// The own value with contributions merged in.
pub(super) struct Joined<V> {
    pub(super) merged: Merged<V>,
    pub(super) names: Vec<NodeId>,
}

impl<V> Joined<V> {
    /// Names with their shares.
    pub(super) fn shares(&self) -> Vec<(NodeId, Share)> {
        self.names.iter().copied().zip(self.merged.influence.iter().copied()).collect()
    }
}

/// What a merge has to tell.
pub(super) enum Fault {
    /// One contribution was refused and left out.
    Offence { by: NodeId, why: MergeError },
    /// The rule could not do without any of these, and none of them is to blame.
    Discarded { from: Vec<NodeId>, why: MergeError },
}

/// Merges the inbox, leaving out one refused contribution after the other; `None` leaves the own value alone.
pub(super) fn join<V>(
    rule: &dyn Merge<V>,
    own: &Contribution<'_, V>,
    inbox: &Inbox<V>,
    mut tell: impl FnMut(Fault),
) -> Option<Joined<V>> {
    let mut peers: Vec<Contribution<'_, V>> = inbox
        .iter()
        .map(|(from, one)| Contribution { from: *from, weight: one.weight, age: one.age, value: &one.value })
        .collect();
    while !peers.is_empty() {
        let names = || peers.iter().map(|peer| peer.from).collect();
        match rule.merge(own, &peers) {
            Ok(merged) => return Some(Joined { merged, names: names() }),
            Err(why) => {
                let culprit = why.culprit().and_then(|id| peers.iter().position(|peer| peer.from == id));
                let Some(index) = culprit else {
                    tell(Fault::Discarded { from: names(), why });
                    return None;
                };
                let by = peers.remove(index).from;
                tell(Fault::Offence { by, why });
            }
        }
    }
    None
}
