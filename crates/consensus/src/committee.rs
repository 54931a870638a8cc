//! Committees: seats drawn from a pool by weight, for one query.
//!
//! Seat j is whoever's weight covers the ticket `H(beacon ‖ query ‖ j)`, with replacement: who is heavy may sit more than
//! once, and a weight split over many names is drawn exactly as often as before. The beacon must not have been known when the query
//! was put and the pool fixed. A ticket is a 64-bit word below the largest multiple of the total; one above it is drawn
//! anew, so every unit of weight has the same chance.

use crate::Electorate;
use bitneuron_core::{Digest, NodeId, hash::Hasher};

/// Who holds the seats of a committee, in their order.
pub fn draw(pool: &Electorate, beacon: Digest, query: Digest, seats: u32) -> Vec<NodeId> {
    (0..seats).map(|seat| holder(pool, beacon, query, seat)).collect()
}

fn holder(pool: &Electorate, beacon: Digest, query: Digest, seat: u32) -> NodeId {
    let total = pool.total().0.max(1);
    let tickets = (0u64..).map(|again| {
        let mut hasher = Hasher::new("bitneuron seat v1");
        hasher.update(&beacon.0).update(&query.0).number(u64::from(seat)).number(again).finish().to_u64()
    });
    // 2⁶⁴ − 1 may be one short of a multiple, which costs the last multiple and no fairness.
    let fair = u64::MAX.saturating_sub(u64::MAX.checked_rem(total).unwrap_or(0));
    // As the total is below 2⁶³, a ticket is fair with a chance above one half, so the first hundred hold one.
    let ticket = tickets.take(256).find(|ticket| *ticket < fair).unwrap_or(0);
    // A pool is never empty and the ticket lies below the total.
    pool.holder(ticket.checked_rem(total).unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::{Epoch, Weight};
    use std::collections::BTreeMap;

    fn pool(weights: &[u64]) -> Electorate {
        let members = weights.iter().zip(1u8..).map(|(weight, n)| (NodeId([n; 32]), Weight(*weight)));
        Electorate::new(Epoch(0), members, Digest::ZERO).expect("allowed")
    }

    #[test]
    fn seats_follow_weights_with_replacement() {
        let weights = [3600, 3000, 2000, 1390, 10];
        let mut counts = BTreeMap::new();
        for n in 0..10_000u64 {
            let query = Hasher::new("test").number(n).finish();
            for seat in draw(&pool(&weights), Digest::ZERO, query, 10) {
                *counts.entry(seat).or_insert(0u32) += 1;
            }
        }
        let term = |(weight, n): (&u64, u8)| {
            let expected = *weight as f64 * 10.0;
            let seen = f64::from(counts.get(&NodeId([n; 32])).copied().unwrap_or(0));
            (seen - expected).powi(2) / expected
        };
        // Pearson's χ² over 10⁵ draws, 4 degrees of freedom: above 18.47 once in a thousand.
        let statistic: f64 = weights.iter().zip(1u8..).map(term).sum();
        assert!(statistic < 18.47, "{statistic}");
    }

    #[test]
    fn a_total_that_divides_badly_is_as_fair() {
        // 2⁶⁴ is three and a half times the total: of all tickets 4/7 would go to the first member, if none were drawn anew.
        let total = u64::MAX / 7 * 2;
        let pool = pool(&[total / 2, total - total / 2]);
        let mut first = 0;
        for n in 0..20_000u64 {
            let query = Hasher::new("test").number(n).finish();
            first += u32::from(draw(&pool, Digest::ZERO, query, 1)[0] == NodeId([1; 32]));
        }
        assert!((9_700..10_300).contains(&first), "{first}");
    }

    #[test]
    fn beacon_query_and_seat_all_count_and_the_draw_is_golden() {
        let pool = pool(&[5, 4, 3, 2, 1]);
        let seats = |beacon: u8, query: u8| -> Vec<u8> {
            draw(&pool, Digest([beacon; 32]), Digest([query; 32]), 12).iter().map(|id| id.0[0]).collect()
        };
        assert_ne!(seats(1, 1), seats(2, 1));
        assert_ne!(seats(1, 1), seats(1, 2));
        assert_eq!(seats(1, 1), [1, 1, 4, 2, 1, 1, 4, 3, 4, 1, 5, 4]);
        assert_eq!(
            draw(&pool, Digest::ZERO, Digest::ZERO, 3),
            draw(&pool, Digest::ZERO, Digest::ZERO, 9)[..3]
        );
    }

    /// All seats bad in (F/W)^c of draws, whatever the adversary does with its names.
    #[test]
    fn an_adversary_holds_all_seats_as_often_as_computed() {
        // A third of the weight, as one name and as twenty.
        let whole = pool(&[600, 600, 600]);
        let split = pool(&[[30; 20].as_slice(), &[600, 600]].concat());
        let caught = |pool: &Electorate, bad: u8| {
            let all = |n: &u64| {
                let query = Hasher::new("test").number(*n).finish();
                draw(pool, Digest::ZERO, query, 5).iter().all(|seat| seat.0[0] <= bad)
            };
            (0..100_000u64).filter(all).count() as f64
        };
        // 100,000/3⁵ = 411.5 ± 20.
        for count in [caught(&whole, 1), caught(&split, 20)] {
            assert!((count - 411.5).abs() < 61.0, "{count}");
        }
    }
}
