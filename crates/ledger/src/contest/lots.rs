//! Which shards are called: drawn by their bonds, without putting any back.
//!
//! With bonds b_1 … b_n, the next one drawn is shard i with a chance of b_i / Σ b over those that are left. So what counts is the
//! capital that stands behind shards and is lost when they are not opened, not their number: one bond in many parts is drawn
//! exactly as often as the whole, and seals that cost little crowd nobody out.

use super::entry::ShardId;
use bitneuron_core::hash::Hasher;
use bitneuron_core::{Amount, Digest, GoalId};

/// The number from which the shard at a place of the order follows.
fn lot(beacon: Digest, goal: GoalId, place: usize) -> u128 {
    let mut hasher = Hasher::new("bitneuron called shard v2");
    let place = u64::try_from(place).unwrap_or(u64::MAX);
    let digest = hasher.update(&beacon.0).update(&goal.0.0).update(&place.to_le_bytes()).finish();
    digest.0.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes))
}

/// So many of these shards, in the order in which a beacon draws them. A shard without a bond is never drawn.
///
/// The remainder of 128 bits by a sum of at most 10¹⁹ is even but for one part in 2⁶⁴.
pub fn lots(beacon: Digest, goal: GoalId, shards: &[(ShardId, Amount)], count: usize) -> Vec<ShardId> {
    let (mut left, mut drawn) = (shards.to_vec(), Vec::new());
    let mut total = left.iter().fold(0u128, |sum, (_, bond)| sum.saturating_add(bond.0));
    while drawn.len() < count {
        let Some(mut at) = lot(beacon, goal, drawn.len()).checked_rem(total) else { break };
        let holds = |(_, bond): &(ShardId, Amount)| {
            let rest = at.checked_sub(bond.0);
            at = rest.unwrap_or(at);
            rest.is_none()
        };
        let Some(place) = left.iter().position(holds) else { break };
        let (shard, bond) = left.remove(place);
        total = total.saturating_sub(bond.0);
        drawn.push(shard);
    }
    drawn
}
