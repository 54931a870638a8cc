//! Peers brought nearer before a rule sees them: clipping by a fixed radius, and adaptive robust clipping.
//!
//! ```text
//! θᵢ ← θ_own + clip(θᵢ − θ_own, τ)       clip(z, τ) = z · min(1, τ / ‖z‖)
//! ```

use super::distances::squared_distance;
use super::faults::{Bearing, Faults};
use super::mean::{Pull, pull};
use super::voices::merged;
use super::{Contribution, Law, Laws, Merge, MergeError, Merged, admit};
use bitneuron_core::Params;
use rayon::prelude::*;

/// Merges by `rule` after peers farther than `radius` were brought to that distance.
fn clipped<M: Merge>(
    rule: &M,
    own: &Contribution<'_>,
    peers: &[Contribution<'_>],
    norms: &[f64],
    radius: f64,
) -> Result<Merged, MergeError> {
    let factor = |norm: &f64| if *norm > radius { radius / norm } else { 1.0 };
    let factors: Vec<f64> = norms.iter().map(factor).collect();
    let draw = |(peer, by): (&Contribution<'_>, &f64)| -> Option<Params> {
        let step = [Pull { toward: peer.value.values(), by: *by }];
        (*by < 1.0).then(|| pull(own.value, &step, |gap| gap))
    };
    let drawn: Vec<Option<Params>> = peers.iter().zip(&factors).map(draw).collect();
    let after: Vec<Contribution<'_>> = peers
        .iter()
        .zip(&drawn)
        .map(|(peer, drawn)| Contribution { value: drawn.as_ref().unwrap_or(peer.value), ..*peer })
        .collect();
    let outcome = rule.merge(own, &after)?;
    let mut parts = vec![0.0];
    parts.extend(outcome.influence.iter().zip(&factors).map(|(share, factor)| share.to_f64() * factor));
    parts[0] = 1.0 - parts.iter().sum::<f64>();
    Ok(merged(outcome.value, own, peers, &parts))
}

fn norms(own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Vec<f64> {
    let norm = |peer: &Contribution<'_>| squared_distance(own.value.values(), peer.value.values()).sqrt();
    peers.par_iter().with_min_len(4).map(norm).collect()
}

/// No peer speaks from farther than `radius`: the clipping of gradients that everybody knows, about the own value.
///
/// Weights enter as in the rule that follows. Tolerates what that rule does. A voice's share shrinks with its step; the
/// rest is the own model's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormClipped<M> {
    /// The rule that follows.
    pub rule: M,
    /// The largest distance from the own value.
    pub radius: f64,
}

impl<M: Merge> Merge for NormClipped<M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        clipped(&self.rule, own, peers, &norms(own, peers), self.radius.max(0.0))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.rule.tolerates(peers)
    }

    fn stretch(&self) -> f64 {
        self.rule.stretch()
    }

    fn laws(&self) -> Laws {
        self.rule.laws()
    }
}

/// Adaptive robust clipping (Allouah, Guerraoui, Gupta, Jellouli, Rizk, Stephan, *The Vital Role of Gradient Clipping in
/// Byzantine-Resilient Distributed Learning*, arXiv 2405.14432, algorithm 2): of `N` voices the `⌊2·f·(N − f)/N⌋` farthest
/// are brought to the distance of the next.
///
/// That is more than `f`, so no liar is left farther away than an honest peer. Distances are from the own value, voices
/// are counted and not weighed; weights enter as in the rule that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AdaptiveClipped<M> {
    /// The rule that follows.
    pub rule: M,
    /// How many may be arbitrary.
    pub faults: Faults,
}

impl<M: Merge> Merge for AdaptiveClipped<M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let faults = self.faults.before(&self.rule, own, peers, Bearing::MAJORITY)?;
        admit(own, peers)?;
        let norms = norms(own, peers);
        let voices = peers.len() + 1;
        let farthest = 2 * faults * (voices - faults) / voices;
        let radius = super::clipping::farthest_of(&norms, farthest);
        clipped(&self.rule, own, peers, &norms, radius)
    }

    /// What the rule does; and where its outcome lies between its inputs, as many as are clipped for, since then all
    /// inputs are near.
    fn tolerates(&self, peers: usize) -> usize {
        let near =
            if self.rule.laws().has(Law::Hull) { self.faults.borne(peers, Bearing::MAJORITY) } else { 0 };
        let within = if self.rule.laws().has(Law::Stake) { 0 } else { self.rule.tolerates(peers) };
        near.max(within)
    }

    fn stretch(&self) -> f64 {
        self.rule.stretch()
    }

    fn laws(&self) -> Laws {
        self.rule.laws().without(Law::Weights).without(Law::Stake)
    }
}
