//! Data sets become one by standing behind each other, with a bound for each contributor: line 6 of Algorithm 3.
//!
//! The bound is what saves a validator from a flood of fakes (§5): however much one contributor sends, at most
//! `per_contributor` of its rows are ever held, and all together at most `rows`. Room is given out one row to each in
//! turn, so a name that sorts first has no advantage.
//!
//! The groups that a sender writes on its rows count for nothing. Each contributor is one group, named by a keyed
//! hash: without the key nobody can make a name that shares another's group and so uses up its room.

use super::admit::{in_order, shares};
use super::{Contribution, Laws, Merge, MergeError, Merged};
use bitneuron_core::{Dataset, NodeId, Seed, Weight};
use ndarray::{Axis, concatenate};
use std::collections::BTreeMap;

/// The group of rows that a node gathered itself; never capped by contributor.
pub const OWN_GROUP: u32 = 0;

/// Concatenation with caps.
#[derive(Debug, Clone, PartialEq)]
pub struct Concatenate {
    /// The most rows held of one contributor.
    pub per_contributor: usize,
    /// The most rows held in all; own rows are never dropped.
    pub rows: usize,
    /// The number of classes; a larger label is refused.
    pub classes: u32,
    /// The smallest and largest feature value; anything outside is refused.
    pub range: (f32, f32),
    /// The key that names groups; a secret of the node.
    pub key: Seed,
}

impl Concatenate {
    /// The group of a contributor's rows; never [`OWN_GROUP`].
    pub fn group(&self, from: NodeId) -> u32 {
        let digest =
            bitneuron_core::Digest::of("bitneuron contributor group v1", &[self.key.0, from.0].concat());
        (digest.to_u64() as u32).max(1)
    }

    fn admit(
        &self,
        own: &Contribution<'_, Dataset>,
        peers: &[Contribution<'_, Dataset>],
    ) -> Result<(), MergeError> {
        in_order(own, peers)?;
        let width = own.value.features().ncols();
        let (low, high) = self.range;
        for one in std::iter::once(own).chain(peers) {
            let fits = one.value.is_empty() || one.value.features().ncols() == width;
            if !fits || one.value.labels().iter().any(|label| *label >= self.classes) {
                return Err(MergeError::Layout(one.from));
            }
            if !one.value.features().iter().all(|value| (low..=high).contains(value)) {
                return Err(MergeError::OutOfRange(one.from));
            }
        }
        Ok(())
    }

    /// How many rows of each peer are taken: one in turn until nobody may or there is no room.
    fn grants(&self, own: &Dataset, peers: &[Contribution<'_, Dataset>]) -> Vec<usize> {
        let mut held = BTreeMap::<u32, usize>::new();
        for group in own.groups().iter().filter(|group| **group != OWN_GROUP) {
            *held.entry(*group).or_default() += 1;
        }
        let quota = |peer: &Contribution<'_, Dataset>| {
            let held = held.get(&self.group(peer.from)).copied().unwrap_or(0);
            peer.value.len().min(self.per_contributor.saturating_sub(held))
        };
        let quotas: Vec<usize> = peers.iter().map(quota).collect();
        let mut grants = vec![0; peers.len()];
        let mut room = self.rows.saturating_sub(own.len());
        loop {
            let before = room;
            for (grant, quota) in grants.iter_mut().zip(&quotas) {
                if room > 0 && *grant < *quota {
                    *grant += 1;
                    room -= 1;
                }
            }
            if room == before {
                return grants;
            }
        }
    }
}

impl Merge<Dataset> for Concatenate {
    fn merge(
        &self,
        own: &Contribution<'_, Dataset>,
        peers: &[Contribution<'_, Dataset>],
    ) -> Result<Merged<Dataset>, MergeError> {
        self.admit(own, peers)?;
        let grants = self.grants(own.value, peers);
        let mut features = vec![own.value.features().view()];
        let mut labels = own.value.labels().to_vec();
        let mut groups = own.value.groups().to_vec();
        for (peer, grant) in peers.iter().zip(&grants).filter(|(_, grant)| **grant > 0) {
            features.push(peer.value.features().slice_axis(Axis(0), (..*grant).into()));
            labels.extend_from_slice(&peer.value.labels()[..*grant]);
            groups.extend(std::iter::repeat_n(self.group(peer.from), *grant));
        }
        let features = concatenate(Axis(0), &features).map_err(|error| MergeError::Rule(Box::new(error)))?;
        let value =
            Dataset::grouped(features, labels, groups).map_err(|error| MergeError::Rule(Box::new(error)))?;
        let rows: Vec<Weight> = grants.iter().map(|grant| Weight(*grant as u64)).collect();
        let (own_share, influence) = shares(Weight(own.value.len() as u64), &rows);
        let age = super::admit::oldest(own, peers, &influence);
        Ok(Merged { value, age, own: own_share, influence })
    }

    fn laws(&self) -> Laws {
        Laws::NONE
    }
}
