//! One node, one voice.

use super::{Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_core::Weight;

/// Every voice with weight counts once in the rule within.
///
/// What that rule tolerates in weight it then tolerates in number, whatever the liars weigh. Stake counts for nothing:
/// use it where names are not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EqualVoices<M> {
    /// The rule within.
    pub rule: M,
}

impl<M: Merge> Merge for EqualVoices<M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        let level = |weight: Weight| Weight(weight.0.min(1));
        let peers: Vec<Contribution<'_>> =
            peers.iter().map(|peer| Contribution { weight: level(peer.weight), ..*peer }).collect();
        self.rule.merge(&Contribution { weight: level(own.weight), ..*own }, &peers)
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.rule.tolerates(peers)
    }

    fn stretch(&self) -> f64 {
        self.rule.stretch()
    }

    fn laws(&self) -> Laws {
        self.rule.laws().without(Law::Weights).without(Law::Stake)
    }
}
