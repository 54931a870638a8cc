//! Where the owner of tensors keeps them, with the randomness of their commitments.

use super::field::element;
use super::geometry::Setup;
use super::group::{Group, Root};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{ChainId, Commitment, Seed};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Groups by the commitments to their tensors. Clones share the groups, so an opening counts everywhere.
#[derive(Debug, Clone, Default)]
pub struct Vault {
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    groups: Vec<Option<Group>>,
    places: BTreeMap<Commitment, (usize, usize)>,
}

impl Vault {
    /// An empty vault.
    pub fn new() -> Self {
        Self::default()
    }

    /// Commits to tensors that will be opened together, in one group; the commitment to each. Whoever is given a tensor and the
    /// entropy makes the same commitments.
    pub fn commit(
        &self,
        setup: &Setup,
        tensors: &[&Tensor],
        chain: ChainId,
        entropy: Seed,
    ) -> Vec<Commitment> {
        let contents: Vec<&[i64]> = tensors.iter().map(|tensor| tensor.data()).collect();
        let group = Group::commit(setup, &contents, chain, entropy);
        let commitments: Vec<Commitment> =
            (0..tensors.len()).filter_map(|place| group.root().commitment(place)).collect();
        let mut shelf = self.lock();
        if commitments.first().is_none_or(|first| !shelf.places.contains_key(first)) {
            let at = shelf.groups.len();
            shelf.groups.push(Some(group));
            shelf.places.extend(commitments.iter().enumerate().map(|(place, own)| (*own, (at, place))));
        }
        commitments
    }

    /// How often the tensor's group may still be opened; 0 for one that is not here.
    pub fn left(&self, commitment: &Commitment) -> u8 {
        let shelf = self.lock();
        shelf.find(commitment).and_then(|(group, _)| shelf.groups[group].as_ref()).map_or(0, Group::left)
    }

    /// Forgets the group of a tensor.
    pub fn forget(&self, commitment: &Commitment) {
        let mut shelf = self.lock();
        if let Some((group, _)) = shelf.find(commitment) {
            shelf.groups[group] = None;
            shelf.places.retain(|_, (own, _)| *own != group);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shelf> {
        // Nothing is left half done under the lock.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    pub(super) fn find(&self, commitment: &Commitment) -> Option<(usize, usize)> {
        self.places.get(commitment).copied()
    }

    pub(super) fn root(&self, group: usize) -> Option<&Root> {
        self.groups.get(group)?.as_ref().map(Group::root)
    }

    /// Whether tensor `place` of the group holds these elements.
    pub(super) fn holds(&self, setup: &Setup, (group, place): (usize, usize), tensor: &Tensor) -> bool {
        let Some(group) = self.groups.get(group).and_then(Option::as_ref) else { return false };
        let (start, capacity, rows) = (group.root().start(place), setup.capacity(), setup.cells());
        let size = group.root().sizes().get(place).map(|size| *size as usize);
        size == Some(tensor.len())
            && tensor.data().iter().enumerate().all(|(at, value)| {
                let at = start + at;
                group.cells()[at / capacity * rows + at % capacity] == element(*value)
            })
    }

    /// Lends groups, to be given back by [`Shelf::give`].
    pub(super) fn take(&mut self, groups: &[usize]) -> Vec<Option<Group>> {
        groups.iter().map(|group| self.groups.get_mut(*group).and_then(Option::take)).collect()
    }

    pub(super) fn give(&mut self, groups: &[usize], lent: Vec<Option<Group>>) {
        for (place, group) in groups.iter().zip(lent) {
            if let Some(slot) = self.groups.get_mut(*place) {
                *slot = group;
            }
        }
    }
}
