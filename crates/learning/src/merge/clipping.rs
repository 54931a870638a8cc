//! Means of bounded steps: centred clipping and ClippedGossip.
//!
//! ```text
//! clip(z, τ) = z · min(1, τ / ‖z‖)
//! v ← v + Σ aᵢ · clip(θᵢ − v, τ)         from v = θ_own, so many steps
//! ```
//!
//! Karimireddy, He, Jaggi, *Learning from History for Byzantine Robust Optimization*, ICML 2021, algorithm 2 (centred
//! clipping), and He, Karimireddy, Jaggi, *Byzantine-robust decentralized learning via ClippedGossip*, arXiv 2202.01545,
//! equation 4, where the own value is the centre and there is one step.
//!
//! A fixed radius must fit the scale of what is merged: a wide one clips nothing, a narrow one stops all learning. An
//! adaptive one is a quantile of the distances, which liars cannot widen while they are fewer than the quantile leaves
//! out.

use super::distances::{Distances, squared_distance};
use super::geometric::{drawn_in, within_reach};
use super::monna::from_own;
use super::voices::{Voices, quantile, unmoved};
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_core::Share;

/// How far a voice may pull.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Radius {
    /// This far. Tolerates nobody in the sense of the law, since it may be far beyond what honest peers differ by.
    Fixed(f64),
    /// As far as the nearest voices lie that have this share of the weight; one half is the median.
    Quantile(Share),
}

impl Default for Radius {
    /// The median distance.
    fn default() -> Self {
        Self::Quantile(Share(Share::ONE.0 / 2))
    }
}

impl Radius {
    /// The radius among voices at these squared distances.
    fn among(self, squared: &[f64], voices: &Voices<'_>) -> f64 {
        match self {
            Self::Fixed(radius) => radius.max(0.0),
            Self::Quantile(share) => {
                let need = u128::from(voices.whole) * u128::from(share.0) / u128::from(Share::ONE.0);
                quantile(squared, &voices.masses, (need as u64).max(1)).sqrt()
            }
        }
    }
}

/// The factors that bring voices at these squared distances within a radius.
fn factors(squared: &[f64], radius: f64) -> impl Iterator<Item = f64> {
    squared.iter().map(move |d| if d.sqrt() > radius { radius / d.sqrt() } else { 1.0 })
}

/// Centred clipping from the own value on.
///
/// By weight: `aᵢ` is the voice's part of all weight, and quantiles count weight. Tolerates what the quantile leaves out,
/// less than half of the weight, while the steps are few: each may carry the centre on by what the last one did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CentredClipping {
    /// How far a voice may pull in one step.
    pub radius: Radius,
    /// Steps.
    pub steps: usize,
}

impl Default for CentredClipping {
    /// The median distance, three steps.
    fn default() -> Self {
        Self { radius: Radius::default(), steps: 3 }
    }
}

impl CentredClipping {
    /// How far liars with just less than half of the weight may carry the centre, in honest distances: honest voices pull
    /// it back to at most where it was, the others on by a radius.
    fn drift(&self) -> f64 {
        (1..self.steps.min(64)).fold(1.0, |drift, _| drift + 0.5 * (1.0 + drift))
    }
}

impl Merge for CentredClipping {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let weights = voices.parts();
        let mut parts = vec![0.0; weights.len()];
        parts[0] = 1.0;
        let (reach, distances) = within_reach(&voices, &Distances::of(&voices.values));
        for _ in 0..self.steps {
            let squared = distances.to_sum(&parts);
            let radius = self.radius.among(&squared, &voices);
            let pulls = factors(&squared, radius).zip(&weights).map(|(factor, weight)| factor * weight);
            let pulls: Vec<f64> = pulls.collect();
            let stays = 1.0 - pulls.iter().sum::<f64>();
            parts.iter_mut().zip(pulls).for_each(|(part, pull)| *part = stays * *part + pull);
        }
        Ok(voices.combined(&drawn_in(&parts, &reach)))
    }

    fn tolerates(&self, peers: usize) -> usize {
        let Radius::Quantile(share) = self.radius else { return 0 };
        let left_out = (peers as u64 + 1) * u64::from(Share::ONE.0.saturating_sub(share.0));
        let beyond = (left_out / u64::from(Share::ONE.0)) as usize;
        let bound = 2.0 * (peers as f64 + 1.0).sqrt();
        if self.drift() <= bound { beyond.min(peers / 2) } else { 0 }
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Linear).with(Law::Stake)
    }
}

/// How many neighbours are known to lie, or how far anybody may pull.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Neighbourhood {
    /// A fixed radius.
    Radius(f64),
    /// So many of the neighbours may be liars: the radius is the distance of the next farthest, which no more than the
    /// farthest honest one has.
    Liars(super::Faults),
}

/// ClippedGossip: one step of bounded pulls toward the neighbours of a graph.
///
/// `aⱼ = wⱼ / Σ w`, the own weight in the sum. For a mixing matrix, as Metropolis and Hastings', the caller gives the
/// weights of its row. Tolerates the liars it is told of, whatever they weigh, since nobody's pull is longer than the
/// farthest honest distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClippedGossip {
    /// How the radius is chosen.
    pub neighbours: Neighbourhood,
}

impl Default for ClippedGossip {
    /// A quarter of the neighbourhood lies.
    fn default() -> Self {
        Self { neighbours: Neighbourhood::Liars(super::Faults::default()) }
    }
}

/// Any honest neighbour beside the liars will do.
const NEIGHBOUR: super::faults::Bearing = super::faults::Bearing { each: 1, least: 2 };

/// The largest number that is left without the `without` largest; 0 when none is.
pub(super) fn farthest_of(numbers: &[f64], without: usize) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.iter().rev().nth(without).copied().unwrap_or(0.0)
}

impl Merge for ClippedGossip {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = match self.neighbours {
            Neighbourhood::Liars(faults) => Some(faults.among(peers.len(), NEIGHBOUR)?),
            Neighbourhood::Radius(_) => None,
        };
        let Some(voices) = Voices::admit(own, peers)? else { return Ok(unmoved(own, peers)) };
        let squared = from_own(&voices);
        let radius = match (self.neighbours, faults) {
            (Neighbourhood::Radius(radius), _) => radius.max(0.0),
            (_, faults) => farthest_of(&squared[1..], faults.unwrap_or(0)).sqrt(),
        };
        let pulls = factors(&squared, radius).zip(voices.parts()).map(|(factor, weight)| factor * weight);
        let mut parts: Vec<f64> = pulls.collect();
        parts[0] = 0.0;
        parts[0] = 1.0 - parts.iter().sum::<f64>();
        Ok(voices.combined(&parts))
    }

    fn tolerates(&self, peers: usize) -> usize {
        match self.neighbours {
            Neighbourhood::Liars(faults) => faults.borne(peers, NEIGHBOUR),
            Neighbourhood::Radius(_) => 0,
        }
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Linear)
    }
}

/// Any rule, kept near the own value: what it says is followed no farther than the farthest honest peer lies.
///
/// ```text
/// θ = θ_own + clip(M(θ…) − θ_own, τ)      τ = the (f + 1)-th largest distance of a peer
/// ```
///
/// The idea of ClippedGossip applied to the outcome of a rule instead of each pull. Tolerates `f` peers whatever the rule
/// within does, the plain mean among them. Weights enter as in that rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SelfCentred<M> {
    /// The rule within.
    pub rule: M,
    /// How many peers may be arbitrary.
    pub faults: super::Faults,
}

impl<M: Merge> Merge for SelfCentred<M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.before(&self.rule, own, peers, NEIGHBOUR)?;
        let mut merged = self.rule.merge(own, peers)?;
        let near = |value: &bitneuron_core::Params| squared_distance(own.value.values(), value.values());
        let squared: Vec<f64> = peers.iter().map(|peer| near(peer.value)).collect();
        let (radius, moved) = (farthest_of(&squared, faults).sqrt(), near(&merged.value).sqrt());
        if moved > radius {
            let factor = radius / moved;
            let step = [super::mean::Pull { toward: merged.value.values(), by: factor }];
            let value = super::mean::pull(own.value, &step, |gap| gap);
            let parts = merged.influence.iter().map(|share| share.to_f64() * factor);
            let parts: Vec<f64> = parts.collect();
            let rest = 1.0 - parts.iter().sum::<f64>();
            let parts: Vec<f64> = [rest].into_iter().chain(parts).collect();
            merged = super::voices::merged(value, own, peers, &parts);
        }
        Ok(merged)
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.faults.borne(peers, NEIGHBOUR).max(if self.rule.laws().has(Law::Stake) {
            0
        } else {
            self.rule.tolerates(peers)
        })
    }

    fn stretch(&self) -> f64 {
        self.rule.stretch()
    }

    fn laws(&self) -> Laws {
        self.rule.laws().without(Law::Weights).without(Law::Stake)
    }
}
