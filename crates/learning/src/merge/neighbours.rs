//! Nearest-neighbour mixing: before a rule sees the voices, each is replaced by the mean of those nearest to it.
//!
//! Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan, *Fixing by Mixing: A Recipe for Optimal Byzantine ML under
//! Heterogeneity*, AISTATS 2023, algorithm 2. Honest voices come closer to each other, so the rule that follows can tell
//! liars from honest voices that merely differ:
//!
//! ```text
//! yᵢ = mean of the N − f voices nearest to θᵢ, itself among them
//! ```

use super::distances::Distances;
use super::faults::{Bearing, Faults};
use super::mean::{Pull, pull};
use super::products::mixtures;
use super::voices::{Voices, merged, nearest, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_core::Params;

/// Nearest-neighbour mixing before another rule.
///
/// By weight: the nearest until they have `(N − f) / N` of it, weighted; a mixed voice keeps the weight of its owner. The
/// share of a voice in the outcome is summed over the mixtures it is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NearestNeighbours<M> {
    /// The rule that follows.
    pub rule: M,
    /// How many may be arbitrary.
    pub faults: Faults,
}

/// Differences above this would leave the range of `f32` when they are summed.
const PLAIN: f64 = 1e30;

/// What each voice becomes, and the parts it is made of, row by row.
fn mix(voices: &Voices<'_>, need: u64) -> (Vec<Params>, Vec<f64>) {
    let distances = Distances::of(&voices.values);
    let rows = |index: usize| nearest(distances.row(index), &voices.masses, need);
    let parts: Vec<f64> = (0..voices.count()).flat_map(rows).collect();
    let mixed = if distances.row(0).iter().all(|squared| *squared < PLAIN) {
        let single: Vec<f32> = parts.iter().map(|part| *part as f32).collect();
        mixtures(&voices.values, &single).into_iter().map(|values| voices.params(values)).collect()
    } else {
        let own = voices.params(voices.values[0].to_vec());
        let one = |parts: &[f64]| {
            let heard = voices.values.iter().zip(parts).filter(|(_, part)| **part > 0.0);
            let pulls: Vec<Pull<'_>> = heard.map(|(value, part)| Pull { toward: value, by: *part }).collect();
            pull(&own, &pulls, |gap| gap)
        };
        parts.chunks_exact(voices.count()).map(one).collect()
    };
    (mixed, parts)
}

impl<M: Merge> NearestNeighbours<M> {
    /// What the voices become, the own one first; peers without weight have none.
    ///
    /// # Errors
    /// As the merge, but for what the rule that follows refuses.
    pub fn mixed(
        &self,
        own: &Contribution<'_>,
        peers: &[Contribution<'_>],
    ) -> Result<Vec<Params>, MergeError> {
        let faults = self.faults.among(peers.len(), Bearing::MAJORITY)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(vec![own.value.clone()]) };
        Ok(mix(&voices, voices.mass_of(peers.len() + 1 - faults)).0)
    }
}

impl<M: Merge> Merge for NearestNeighbours<M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.before(&self.rule, own, peers, Bearing::MAJORITY)?;
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let (mixed, parts) = mix(&voices, voices.mass_of(peers.len() + 1 - faults));
        // Peers without weight are handed on as they are: how many there are is for the rule to know.
        let mut next = mixed.iter().zip(voices.contributions());
        let first = next.next().map_or(*own, |(value, one)| Contribution { value, ..*one });
        let mut after = peers.to_vec();
        for (value, one) in next {
            after.iter_mut().filter(|peer| peer.from == one.from).for_each(|peer| peer.value = value);
        }
        let outcome = self.rule.merge(&first, &after)?;
        let mut total = vec![0.0; peers.len() + 1];
        let places = voices.contributions().map(|one| place(peers, one)).collect::<Vec<_>>();
        let shares: Vec<f64> = [outcome.own].iter().chain(&outcome.influence).map(|s| s.to_f64()).collect();
        for (row, from) in parts.chunks_exact(voices.count()).zip(&places) {
            for (part, to) in row.iter().zip(&places) {
                total[*to] += shares[*from] * part;
            }
        }
        Ok(merged(outcome.value, own, peers, &total))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, Bearing::MAJORITY).min(self.rule.tolerates(peers))
    }

    /// An honest mixture is within three honest distances of the own value, and within four of the own mixture, which is
    /// within one.
    fn stretch(&self) -> f64 {
        4.0 * self.rule.stretch() + 1.0
    }

    fn laws(&self) -> Laws {
        let laws = self.rule.laws().without(Law::Weights);
        // Mixtures are by weight, so what is tolerated is counted in weight.
        if self.rule.tolerates(usize::from(u16::MAX)) > 0 { laws.with(Law::Stake) } else { laws }
    }
}

/// The place of a contribution: 0 for the own one, one more than its index for a peer.
fn place(peers: &[Contribution<'_>], one: &Contribution<'_>) -> usize {
    peers.binary_search_by(|peer| peer.from.cmp(&one.from)).map_or(0, |index| index + 1)
}
