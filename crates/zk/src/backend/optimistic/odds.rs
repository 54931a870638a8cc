//! How likely a cheater is caught.
//!
//! Of `units` pieces `bad` are wrong and `drawn` different ones are audited, all choices equally likely. The cheater gets
//! away with chance C(units − bad, drawn) / C(units, drawn), a product of `drawn` fractions.

use bitneuron_core::exact::data::draw;
use bitneuron_core::{Digest, hash::Hasher};

/// The units that a beacon chooses for the audit of a run: `drawn` different ones, or all where there are fewer.
pub fn audited(binding: Digest, root: Digest, beacon: Digest, units: usize, drawn: usize) -> Vec<usize> {
    let seed = Hasher::new("bitneuron audited units v1")
        .update(&binding.0)
        .update(&root.0)
        .update(&beacon.0)
        .finish();
    let count = u32::try_from(units).unwrap_or(u32::MAX);
    let mut chosen: Vec<usize> = draw(seed, count, drawn.min(units))
        .into_iter()
        .filter_map(|unit| usize::try_from(unit).ok())
        .collect();
    chosen.sort_unstable();
    chosen
}

/// The chance that at least one wrong unit is audited: exact up to rounding.
pub fn caught(units: u64, bad: u64, drawn: u64) -> f64 {
    let good = units.saturating_sub(bad);
    let away: f64 = (0..drawn.min(units))
        .map(|at| good.saturating_sub(at) as f64 / units.saturating_sub(at) as f64)
        .product();
    1.0 - away
}

/// The least number of audited units with which a cheater with `bad` wrong ones is caught with at least this chance.
pub fn needed(units: u64, bad: u64, chance: f64) -> u64 {
    (0..=units).find(|drawn| caught(units, bad, *drawn) >= chance).unwrap_or(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chance_is_that_of_counting_all_choices() {
        for units in 1..=9u32 {
            for bad in 0..=units {
                for drawn in 0..=units {
                    let choices = (0u32..1 << units).filter(|set| set.count_ones() == drawn);
                    let wrong = (1u32 << bad) - 1;
                    let (mut all, mut hits) = (0u32, 0u32);
                    choices.for_each(|set| (all, hits) = (all + 1, hits + u32::from(set & wrong != 0)));
                    let counted = f64::from(hits) / f64::from(all);
                    assert!((caught(units.into(), bad.into(), drawn.into()) - counted).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn beacons_catch_as_often_as_they_should() {
        let (units, bad, drawn, games) = (40, 3, 8, 20_000u64);
        let hit = |game: &u64| {
            let beacon = Digest::of("test beacon", &game.to_le_bytes());
            let chosen = audited(Digest::ZERO, Digest::ZERO, beacon, units, drawn);
            assert!(chosen.len() == drawn && chosen.windows(2).all(|pair| pair[0] < pair[1]));
            chosen.iter().any(|unit| *unit < bad)
        };
        let caught_in = (0..games).filter(hit).count() as f64 / games as f64;
        let expected = caught(units as u64, bad as u64, drawn as u64);
        // Four standard deviations of 20,000 games.
        assert!((caught_in - expected).abs() < 0.015, "{caught_in} against {expected}");
        assert_eq!(needed(units as u64, bad as u64, expected), drawn as u64);
        assert_eq!(audited(Digest::ZERO, Digest::ZERO, Digest::ZERO, 3, 9), [0, 1, 2]);
    }
}
