//! Cutting indices out of factors.

use super::Bond;
use std::collections::BTreeMap;

/// The elements of all factors once the bonds have these ranks; factors without a bond do not count.
pub fn parameters(bonds: &[Bond], ranks: &[usize]) -> usize {
    let mut sizes = BTreeMap::new();
    for (bond, rank) in bonds.iter().zip(ranks) {
        for slices in &bond.slices {
            let size = sizes.entry(slices.at.start).or_insert(slices.at.len());
            *size = *size / bond.rank.max(1) * rank;
        }
    }
    sizes.values().sum()
}

/// The values without the slices whose index is not kept: `keep` has one list for each bond, one entry for each index. Values
/// outside of the bonds' factors stay.
pub fn prune<T: Copy>(bonds: &[Bond], keep: &[Vec<bool>], values: &[T]) -> Vec<T> {
    let mut alive = vec![true; values.len()];
    for (bond, keep) in bonds.iter().zip(keep) {
        for slices in &bond.slices {
            let factor = alive.get_mut(slices.at.clone()).unwrap_or_default();
            for (run, entries) in factor.chunks_mut(slices.inner.max(1)).enumerate() {
                if keep.get(run % bond.rank.max(1)) == Some(&false) {
                    entries.fill(false);
                }
            }
        }
    }
    values.iter().zip(alive).filter_map(|(value, alive)| alive.then_some(*value)).collect()
}
