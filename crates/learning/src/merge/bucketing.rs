//! Bucketing: peers are averaged in random groups of `s` before a rule sees them (Karimireddy, He, Jaggi, *Byzantine-Robust
//! Learning on Heterogeneous Datasets via Bucketing*, ICLR 2022, algorithm 1).
//!
//! Honest voices that differ come closer by averaging; `f` liars spoil at most `f` buckets.

use super::mean::{Pull, pull};
use super::voices::merged;
use super::{Contribution, Law, Laws, Merge, MergeError, Merged, admit};
use bitneuron_core::{NodeId, Params, Seed, Weight};
use rand::seq::SliceRandom as _;

/// Random buckets of peers before another rule.
///
/// The own value is a bucket of its own, so that no liar speaks in its name. Which peers share a bucket follows from the
/// seed, the own name and the own age, hence is another draw in every turn. Weights count within a bucket; the buckets
/// count alike, since one liar of little weight can spoil a heavy bucket. Tolerates what the rule tolerates of so many
/// buckets, whatever the liars weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucketing<M> {
    /// The rule that follows.
    pub rule: M,
    /// `s`, how many peers share a bucket; none is as one.
    pub size: usize,
    /// Where the draws come from.
    pub seed: Seed,
}

impl<M> Bucketing<M> {
    fn buckets(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..peers.len()).collect();
        let seed =
            Seed(bitneuron_core::Digest::of("bitneuron buckets v1", &[self.seed.0, own.from.0].concat()).0);
        order.shuffle(&mut seed.derive_number("turn", own.age).rng());
        order.chunks(self.size.max(1)).map(<[usize]>::to_vec).collect()
    }
}

impl<M: Merge> Merge for Bucketing<M> {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let buckets = self.buckets(own, peers);
        let parts = |bucket: &[usize]| -> Vec<f64> {
            let total = Weight::sum(bucket.iter().map(|index| peers[*index].weight)) as f64;
            let by = |index: &usize| peers[*index].weight.0 as f64 / total.max(1.0);
            bucket.iter().map(by).collect()
        };
        let mean = |bucket: &Vec<usize>| -> Params {
            let pulls: Vec<Pull<'_>> = bucket
                .iter()
                .zip(parts(bucket))
                .map(|(index, by)| Pull { toward: peers[*index].value.values(), by })
                .collect();
            pull(own.value, &pulls, |gap| gap)
        };
        let means: Vec<Params> = buckets.iter().map(mean).collect();
        let oldest = |bucket: &[usize]| bucket.iter().map(|index| peers[*index].age).max().unwrap_or(0);
        let weight =
            |bucket: &[usize]| Weight(u64::from(bucket.iter().any(|index| peers[*index].weight.0 > 0)));
        // Names that sort as the buckets do and are not the own one.
        let names = (0u32..).map(name).filter(|name| *name != own.from);
        let voices: Vec<Contribution<'_>> = buckets
            .iter()
            .zip(&means)
            .zip(names)
            .map(|((bucket, value), from)| Contribution {
                from,
                weight: weight(bucket),
                age: oldest(bucket),
                value,
            })
            .collect();
        let first = Contribution { weight: Weight(1), ..*own };
        let outcome = self.rule.merge(&first, &voices).map_err(|error| match error {
            MergeError::TooFew { need, .. } => {
                // So many buckets begin with this peer.
                let need = need.saturating_sub(1).saturating_mul(self.size.max(1)).saturating_add(1);
                MergeError::TooFew { have: peers.len(), need }
            }
            other => other,
        })?;
        let mut total = vec![0.0; peers.len() + 1];
        total[0] = outcome.own.to_f64();
        for (bucket, share) in buckets.iter().zip(&outcome.influence) {
            for (index, part) in bucket.iter().zip(parts(bucket)) {
                total[index + 1] = share.to_f64() * part;
            }
        }
        Ok(merged(outcome.value, own, peers, &total))
    }

    fn tolerates(&self, peers: usize) -> usize {
        self.rule.tolerates(peers.div_ceil(self.size.max(1)))
    }

    fn stretch(&self) -> f64 {
        self.rule.stretch()
    }

    fn laws(&self) -> Laws {
        self.rule.laws().without(Law::Permutation).without(Law::Weights).without(Law::Stake)
    }
}

fn name(index: u32) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&index.to_be_bytes());
    NodeId(bytes)
}
