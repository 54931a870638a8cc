//! MoNNA: the mean of the voices nearest to the own one (Farhadkhani, Guerraoui, Gupta, Hoang, Pinot, Stephan, *Robust
//! Collaborative Learning with Linear Gradient Overhead*, ICML 2023, algorithm 1).
//!
//! `N − f` voices are averaged, the own one among them. Nobody can move a node farther than its farthest honest peer
//! would, but a node that is off alone finds back slowly.

use super::distances::squared_distance;
use super::faults::{Bearing, Faults};
use super::voices::{Voices, nearest, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};
use rayon::prelude::*;

/// The mean of the nearest `N − f`.
///
/// By weight: the nearest until they have `(N − f) / N` of it, weighted. Tolerates `f / N` of it, at most a minority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NearestToOwn {
    /// How many may be arbitrary.
    pub faults: Faults,
}

/// The squared distance of each voice from the own one.
pub(super) fn from_own(voices: &Voices<'_>) -> Vec<f64> {
    let own = voices.values[0];
    voices.values.par_iter().with_min_len(4).map(|value| squared_distance(own, value)).collect()
}

impl Merge for NearestToOwn {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.among(peers.len(), Bearing::MAJORITY)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let need = voices.mass_of(peers.len() + 1 - faults);
        Ok(voices.combined(&nearest(&from_own(&voices), &voices.masses, need)))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, Bearing::MAJORITY)
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Linear).with(Law::Stake)
    }
}
