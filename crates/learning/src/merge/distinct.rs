//! One voice for those that say the same.
//!
//! Colluders that send one value are each other's nearest neighbours at distance 0, and so win in rules that look for
//! close neighbours: six of twenty that flip their sign together beat nearest-neighbour mixing with Krum as soon as
//! honest voices differ. Honest models that were trained on different rows are never that close.

use super::distances::Distances;
use super::voices::{Voices, merged, quantile, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};

/// Peers that are alike speak once, with the weight of the heaviest of them, before another rule.
///
/// Peers are alike when they are nearer to each other than `within` times the middle distance of any two voices, over
/// chains of such pairs. The one that speaks is the heaviest, of equals the first by name; the others have no share.
/// What equals the own value is left alone. Honest twins are silenced like colluders, so this promises to tolerate
/// nobody in the sense of the law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distinct<M> {
    /// The rule that follows.
    pub rule: M,
    /// How near is alike, in middle distances.
    pub within: f64,
}

impl<M: Default> Default for Distinct<M> {
    /// A hundredth of the middle distance.
    fn default() -> Self {
        Self { rule: M::default(), within: 0.01 }
    }
}

impl<M> Distinct<M> {
    /// Which voices speak.
    fn speakers(&self, voices: &Voices<'_>) -> Vec<bool> {
        let distances = Distances::of(&voices.values);
        let count = voices.count();
        let pairs = || (1..count).flat_map(|i| (1..i).map(move |j| (i, j)));
        let squared: Vec<f64> = pairs().map(|(i, j)| distances.squared(i, j)).collect();
        let middle = quantile(&squared, &vec![1; squared.len()], (squared.len() as u64).div_ceil(2));
        let alike = self.within * self.within * middle;
        // The first of each group, by union of pairs.
        let mut group: Vec<usize> = (0..count).collect();
        for ((i, j), squared) in pairs().zip(&squared) {
            let near_own = distances.squared(0, i) <= alike || distances.squared(0, j) <= alike;
            if *squared <= alike && !near_own {
                let (a, b) = (group[i], group[j]);
                group.iter_mut().filter(|name| **name == a.max(b)).for_each(|name| *name = a.min(b));
            }
        }
        let heaviest = |name: usize| {
            let members = (0..count).filter(|index| group[*index] == name);
            members.max_by_key(|index| (voices.masses[*index], usize::MAX - index))
        };
        (0..count).map(|index| heaviest(group[index]) == Some(index)).collect()
    }
}

impl<M: Merge> Merge for Distinct<M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let speakers = self.speakers(&voices);
        let heard: Vec<Contribution<'_>> = voices
            .contributions()
            .zip(&speakers)
            .skip(1)
            .filter(|(_, speaks)| **speaks)
            .map(|(one, _)| *one)
            .collect();
        let outcome = match self.rule.merge(own, &heard) {
            // Fewer than the rule needs are left of those that it was given.
            Err(MergeError::TooFew { need, .. }) if need > peers.len() => {
                return Err(MergeError::TooFew { have: peers.len(), need });
            }
            Err(MergeError::TooFew { .. }) => return Ok(unmoved(own, peers)),
            outcome => outcome?,
        };
        let mut parts = vec![0.0; peers.len() + 1];
        parts[0] = outcome.own.to_f64();
        for (one, share) in heard.iter().zip(&outcome.influence) {
            if let Ok(place) = peers.binary_search_by(|peer| peer.from.cmp(&one.from)) {
                parts[place + 1] = share.to_f64();
            }
        }
        Ok(merged(outcome.value, own, peers, &parts))
    }

    fn laws(&self) -> Laws {
        self.rule.laws().without(Law::Weights).without(Law::Stake)
    }
}
