//! The seeded, weighted draw of proposers.
//!
//! `ticket = H(seed ‖ height ‖ round) mod Σ` over 128 bits of the hash; the member whose weight covers the ticket
//! proposes. As Σ < 2⁶³, no member's chance is off by more than 2⁻⁶⁴. Everybody computes the same draw, and nobody
//! can know it before the epoch's seed is known.

use crate::Electorate;
use bitneuron_core::{Height, NodeId, hash::Hasher};

/// The proposer of a round, found in `O(log n)`.
pub fn draw(electorate: &Electorate, height: Height, round: u32) -> NodeId {
    let digest = Hasher::new("bitneuron lottery v1")
        .update(&electorate.seed().0)
        .number(height.0)
        .number(u64::from(round))
        .finish();
    let wide = u128::from(digest.to_u64()) << 64 | u128::from(upper(&digest.0));
    let total = u128::from(electorate.total().0);
    let ticket = wide.checked_rem(total).and_then(|ticket| u64::try_from(ticket).ok()).unwrap_or(0);
    // An electorate is never empty and the ticket lies below the total.
    electorate.holder(ticket).unwrap_or_default()
}

fn upper(bytes: &[u8; 32]) -> u64 {
    let [_, _, _, _, _, _, _, _, a, b, c, d, e, f, g, h, ..] = *bytes;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::{Digest, Epoch, Weight};
    use std::collections::BTreeMap;

    const WEIGHTS: [u64; 5] = [3600, 3000, 2000, 1390, 10];

    fn electorate(seed: u8) -> Electorate {
        let members = WEIGHTS.iter().zip(1u8..).map(|(weight, n)| (NodeId([n; 32]), Weight(*weight)));
        Electorate::new(Epoch(0), members, Digest([seed; 32])).expect("allowed")
    }

    /// Pearson's χ² over 10⁵ draws, 4 degrees of freedom: above 18.47 once in a thousand seeds.
    fn chi_square(seed: u8) -> f64 {
        let electorate = electorate(seed);
        let mut counts = BTreeMap::new();
        for height in 1..=20_000 {
            for round in 0..5 {
                *counts.entry(draw(&electorate, Height(height), round)).or_insert(0u32) += 1;
            }
        }
        let total: u64 = WEIGHTS.iter().sum();
        let term = |(id, weight): (u8, &u64)| {
            let expected = 1e5 * *weight as f64 / total as f64;
            let seen = f64::from(counts.get(&NodeId([id; 32])).copied().unwrap_or(0));
            (seen - expected).powi(2) / expected
        };
        (1u8..).zip(&WEIGHTS).map(term).sum()
    }

    #[test]
    fn shares_follow_weights() {
        for seed in [1, 2, 3] {
            let statistic = chi_square(seed);
            assert!(statistic < 18.47, "seed {seed}: {statistic}");
        }
    }

    #[test]
    fn every_input_matters_and_the_draw_is_golden() {
        let draws = |seed: u8, height: u64, round: u32| -> Vec<u8> {
            let electorate = electorate(seed);
            (0..12).map(|n| draw(&electorate, Height(height + n), round).0[0]).collect()
        };
        let base = draws(1, 1, 0);
        assert_ne!(base, draws(2, 1, 0));
        assert_ne!(base, draws(1, 100, 0));
        assert_ne!(base, draws(1, 1, 1));
        assert_eq!(base, [1, 3, 2, 4, 2, 4, 1, 1, 1, 2, 1, 1]);
    }
}
