//! Bulyan: many rounds of Krum, then the mean around the median of what they chose (El Mhamdi, Guerraoui, Rouault, *The
//! Hidden Vulnerability of Distributed Learning in Byzantium*, ICML 2018, section 4).
//!
//! ```text
//! θ = N − 2f voices are chosen one by one, each the Krum of those that are left
//! of each coordinate the θ − 2f chosen values nearest to their median are averaged
//! ```

use super::columns::{Keep, reduce};
use super::distances::Distances;
use super::faults::{Bearing, Faults};
use super::krum::{best, scores};
use super::voices::{Voices, unmoved};
use super::{Contribution, Laws, Merge, MergeError, Merged};

const BEARING: Bearing = Bearing { each: 4, least: 3 };

/// Bulyan over Krum.
///
/// Every voice with weight counts once, whatever it weighs. Needs `N ≥ 4f + 3` voices and tolerates `f`. It is refused
/// where too few have weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bulyan {
    /// How many may be arbitrary.
    pub faults: Faults,
}

impl Merge for Bulyan {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        self.faults.among(peers.len(), BEARING)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let mut left: Vec<u64> = voices.masses.iter().map(|mass| u64::from(*mass > 0)).collect();
        let count: u64 = left.iter().sum();
        // Voices without weight take room from the liars, not from the honest.
        let faults = self.faults.borne(count as usize - 1, BEARING) as u64;
        let distances = Distances::of(&voices.values);
        let wanted = count - 2 * faults;
        let mut chosen = vec![0u64; left.len()];
        for round in 0..wanted {
            // At least itself; of few that are left the neighbours run out.
            let need = (count - round).saturating_sub(faults + 1).max(1);
            let next = best(&scores(&distances, &left, need), &distances);
            (chosen[next], left[next]) = (1, 0);
        }
        let (values, votes) = reduce(&voices.values, &chosen, Keep::Near(wanted - 2 * faults));
        Ok(voices.merged(voices.params(values), &votes))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, BEARING)
    }

    /// As [`MeanAroundMedian`](super::MeanAroundMedian), over what Krum let through.
    fn stretch(&self) -> f64 {
        4.0
    }

    fn laws(&self) -> Laws {
        Laws::default()
    }
}
