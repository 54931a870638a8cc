//! Limited merge: models of very different age are not mixed.
//!
//! Danner, Hegedűs, Jelasity, *Improving Gossip Learning via Limited Model Merging*, ICCCI 2023: of two models whose
//! ages differ by more than `L` the older one stays as it is; else they merge by age. For many: whoever is more than `L`
//! younger than the oldest model with weight has no part, the others merge by weight times age.

use super::admit::{admit, oldest};
use super::{AgeWeighted, Contribution, Law, Laws, Merge, MergeError, Merged};
use bitneuron_core::Weight;

/// The age-weighted mean of those that have learned about as much as the oldest.
///
/// An age is the word of its sender: machines cap it before it comes here. Tolerates nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// `L`, how many updates younger a model may be.
    pub gap: u64,
}

impl Merge for Limited {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let heard = std::iter::once(own).chain(peers).filter(|one| one.weight.0 > 0);
        let oldest_age = heard.map(|one| one.age).max().unwrap_or(own.age);
        let young = |age: u64| oldest_age.saturating_sub(age) > self.gap;
        let heard = |weight: Weight, age: u64| if young(age) { Weight(0) } else { weight };
        let near: Vec<Contribution<'_>> =
            peers.iter().map(|peer| Contribution { weight: heard(peer.weight, peer.age), ..*peer }).collect();
        let first = Contribution { weight: heard(own.weight, own.age), ..*own };
        let merged = AgeWeighted.merge(&first, &near)?;
        Ok(Merged { age: oldest(own, peers, &merged.influence), ..merged })
    }

    fn laws(&self) -> Laws {
        // A peer may be too young to be heard whatever it weighs, or too old to hear others: then weight moves nothing.
        Laws::default().with(Law::Linear)
    }
}
