//! Krum: the voice that is closest to its nearest neighbours (Blanchard, El Mhamdi, Guerraoui, Stainer, NeurIPS 2017).
//!
//! ```text
//! score(i) = Σ ‖θᵢ − θⱼ‖²  over the N − f − 2 voices j nearest to i
//! ```
//!
//! By weight: the neighbours, and the voice itself at distance 0, make up `(N − f − 1) / N` of it; a voice with so much
//! weight has score 0. Liars that say exactly the same are each other's neighbours at distance 0: with honest voices far
//! apart they win. [`Distinct`](super::Distinct) looks for them.

use super::distances::Distances;
use super::faults::{Bearing, Faults};
use super::voices::{Voices, nearest, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};

/// The paper's proof needs `N > 2f + 2`.
const BEARING: Bearing = Bearing { each: 2, least: 3 };

/// The score of each voice; those without weight have none.
pub(super) fn scores(distances: &Distances, masses: &[u64], need: u64) -> Vec<f64> {
    let score = |index: usize| {
        let row = distances.row(index);
        let parts = nearest(row, masses, need);
        // What has no part may be at any distance, which times zero must stay zero.
        row.iter().zip(parts).filter(|(_, part)| *part > 0.0).map(|(d, part)| d * part).sum()
    };
    (0..masses.len()).map(|index| if masses[index] > 0 { score(index) } else { f64::INFINITY }).collect()
}

/// The voice with the least score; of equals the one nearest to the own value.
pub(super) fn best(scores: &[f64], distances: &Distances) -> usize {
    let own = distances.row(0);
    let order = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]).then(own[*a].total_cmp(&own[*b]));
    (0..scores.len()).min_by(order).unwrap_or(0)
}

/// One voice, the one with the least score.
///
/// Needs `N ≥ 2f + 3` and tolerates `f` of weight `f / N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Krum {
    /// How many may be arbitrary.
    pub faults: Faults,
}

impl Merge for Krum {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.among(peers.len(), BEARING)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let distances = Distances::of(&voices.values);
        let need = voices.mass_of(peers.len().saturating_sub(faults).max(1));
        let chosen = best(&scores(&distances, &voices.masses, need), &distances);
        let parts: Vec<f64> = (0..voices.count()).map(|index| f64::from(u8::from(index == chosen))).collect();
        Ok(voices.combined(&parts))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, BEARING)
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Linear).with(Law::Stake)
    }
}

/// The mean of the `m` voices with the least scores (Blanchard et al. 2017), by weight.
///
/// Needs and tolerates what [`Krum`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MultiKrum {
    /// How many may be arbitrary.
    pub faults: Faults,
    /// How many are averaged, at most `N − f`, which is also what nothing means.
    pub chosen: Option<usize>,
}

impl Merge for MultiKrum {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.among(peers.len(), BEARING)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let distances = Distances::of(&voices.values);
        let need = voices.mass_of(peers.len().saturating_sub(faults).max(1));
        let scores = scores(&distances, &voices.masses, need);
        let most = peers.len() + 1 - faults;
        let chosen = self.chosen.unwrap_or(most).clamp(1, most);
        Ok(voices.combined(&nearest(&scores, &voices.masses, voices.mass_of(chosen))))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, BEARING)
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Linear).with(Law::Stake)
    }
}
