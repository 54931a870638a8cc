//! Merging part by part, each part with its own age (Hegedűs, Danner, Jelasity, *Decentralized Learning Works: An
//! Empirical Comparison of Gossip Learning and Federated Learning*, JPDC 148, 2021, section 4.2).
//!
//! A model is cut in `S` parts and a message carries one. Then parts have been merged and trained different numbers of
//! times, so each has an age, and a rule merges part by part among those who carry it.

use super::admit::{in_order, of_one_layout};
use super::{Contribution, Laws, Merge, MergeError, Merged};
use bitneuron_core::{Layout, Params, Share};
use std::ops::Range;
use std::sync::Arc;
use thiserror::Error;

/// How a flat buffer is cut in parts that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    ends: Vec<usize>,
}

impl Parts {
    /// `count` parts of a layout, equal up to one element; no more than there are elements, and at least one.
    pub fn even(layout: &Layout, count: usize) -> Self {
        let (length, count) = (layout.len(), count.clamp(1, layout.len().max(1)));
        let end = |part: usize| (length as u128 * (part as u128 + 1) / count as u128) as usize;
        Self { ends: (0..count).map(end).collect() }
    }

    /// One part for each tensor that has elements; one where none has.
    pub fn tensors(layout: &Layout) -> Self {
        let ends = (0..layout.entries().len()).filter_map(|index| layout.range(index));
        let mut ends: Vec<usize> = ends.filter(|range| !range.is_empty()).map(|range| range.end).collect();
        if ends.is_empty() {
            ends.push(layout.len());
        }
        Self { ends }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Where a part lies.
    pub fn range(&self, part: usize) -> Option<Range<usize>> {
        let end = *self.ends.get(part)?;
        let start = part.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        Some(start..end)
    }

    fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.count()).filter_map(|part| self.range(part))
    }
}

/// Why parameters and ages do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartsError {
    /// The parts end elsewhere than the parameters.
    #[error("the parts cover {parts} values and the model has {model}")]
    Length {
        /// What the parts cover.
        parts: usize,
        /// What there is.
        model: usize,
    },
    /// Another number of ages than of parts.
    #[error("{ages} ages for {parts} parts")]
    Ages {
        /// How many ages.
        ages: usize,
        /// How many parts.
        parts: usize,
    },
}

/// Parameters in parts, with the age of each part that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct PartAged {
    params: Params,
    parts: Arc<Parts>,
    ages: Vec<Option<u64>>,
}

impl PartAged {
    /// Parameters whose parts have these ages; a part without age is not there, and its values mean nothing.
    ///
    /// # Errors
    /// The parts do not cover the parameters, or another number of ages.
    pub fn new(params: Params, parts: Arc<Parts>, ages: Vec<Option<u64>>) -> Result<Self, PartsError> {
        let (covered, model) = (parts.ends.last().copied().unwrap_or(0), params.values().len());
        if covered != model {
            return Err(PartsError::Length { parts: covered, model });
        }
        if ages.len() != parts.count() {
            return Err(PartsError::Ages { ages: ages.len(), parts: parts.count() });
        }
        Ok(Self { params, parts, ages })
    }

    /// All of a model at one age.
    ///
    /// # Errors
    /// The parts do not cover the parameters.
    pub fn whole(params: Params, parts: Arc<Parts>, age: u64) -> Result<Self, PartsError> {
        let ages = vec![Some(age); parts.count()];
        Self::new(params, parts, ages)
    }

    /// The parameters.
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// How they are cut.
    pub const fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// The age of each part that is there.
    pub fn ages(&self) -> &[Option<u64>] {
        &self.ages
    }

    /// This model with one part alone: what a message carries. Other values are zero and not there.
    #[must_use]
    pub fn only(&self, part: usize) -> Self {
        let mut params = Params::zeros(self.params.layout().clone());
        let mut ages = vec![None; self.ages.len()];
        if let (Some(range), Some(age)) = (self.parts.range(part), self.ages.get(part)) {
            params.values_mut()[range.clone()].copy_from_slice(&self.params.values()[range]);
            ages[part] = *age;
        }
        Self { params, parts: self.parts.clone(), ages }
    }

    /// The model after all its parts were trained once more.
    #[must_use]
    pub fn trained(self, params: Params) -> Self {
        let older = |age: Option<u64>| age.map(|age| age.saturating_add(1));
        Self { params, ages: self.ages.into_iter().map(older).collect(), ..self }
    }
}

/// Any rule, part by part: among those who carry a part, by the ages that the part has.
///
/// A part that the own model lacks is taken as the first peer's who carries it, and then merged. The share of a peer is
/// its mean share over all elements that anybody carries, the own one's what is left; the age is that of the oldest part. The scalar ages of
/// contributions count for nothing. Weights enter as in the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartWise<M> {
    /// The rule for each part.
    pub rule: M,
}

/// One part of a model as a model.
fn slice(value: &PartAged, range: &Range<usize>, layout: &Arc<Layout>) -> Params {
    let mut params = Params::zeros(layout.clone());
    params.values_mut().copy_from_slice(&value.params.values()[range.clone()]);
    params
}

impl<M: Merge> PartWise<M> {
    /// The merged part and everybody's share in it, none where nobody carries it.
    fn part(
        &self,
        part: usize,
        range: &Range<usize>,
        own: &Contribution<'_, PartAged>,
        peers: &[Contribution<'_, PartAged>],
    ) -> Result<Option<(Merged, Vec<Share>)>, MergeError> {
        let size = u32::try_from(range.len()).unwrap_or(u32::MAX);
        let layout = Layout::of(&[("part", &[size])]).map_err(|error| MergeError::Rule(Box::new(error)))?;
        let layout = Arc::new(layout);
        let carried = |one: &Contribution<'_, PartAged>| one.value.ages[part];
        let mut carriers: Vec<(usize, u64)> = Vec::new();
        carriers.extend(peers.iter().enumerate().filter_map(|(at, peer)| carried(peer).map(|age| (at, age))));
        let values: Vec<Params> =
            carriers.iter().map(|(at, _)| slice(peers[*at].value, range, &layout)).collect();
        let mut voices: Vec<Contribution<'_>> = carriers
            .iter()
            .zip(&values)
            .map(|((at, age), value)| Contribution {
                from: peers[*at].from,
                weight: peers[*at].weight,
                age: *age,
                value,
            })
            .collect();
        let mut influence = vec![Share::ZERO; peers.len()];
        let (outcome, places) = if let Some(age) = carried(own) {
            let value = slice(own.value, range, &layout);
            let first = Contribution { from: own.from, weight: own.weight, age, value: &value };
            (self.rule.merge(&first, &voices)?, &carriers[..])
        } else {
            if voices.is_empty() {
                return Ok(None);
            }
            let first = voices.remove(0);
            let outcome = self.rule.merge(&first, &voices)?;
            influence[carriers[0].0] = outcome.own;
            (outcome, &carriers[1..])
        };
        places.iter().zip(&outcome.influence).for_each(|((at, _), share)| influence[*at] = *share);
        Ok(Some((outcome, influence)))
    }
}

impl<M: Merge> Merge<PartAged> for PartWise<M> {
    fn merge(
        &self,
        own: &Contribution<'_, PartAged>,
        peers: &[Contribution<'_, PartAged>],
    ) -> Result<Merged<PartAged>, MergeError> {
        in_order(own, peers)?;
        of_one_layout(own, peers, |value| value.params.layout())?;
        if let Some(peer) = peers.iter().find(|peer| peer.value.parts != own.value.parts) {
            return Err(MergeError::Layout(peer.from));
        }
        let mut value = own.value.clone();
        let mut elements = vec![0u64; peers.len() + 1];
        for (part, range) in own.value.parts.ranges().enumerate() {
            let Some((outcome, influence)) = self.part(part, &range, own, peers)? else { continue };
            value.params.values_mut()[range.clone()].copy_from_slice(outcome.value.values());
            value.ages[part] = Some(outcome.age);
            let peers_share: u32 = influence.iter().map(|share| share.0).sum();
            let shares = [Share(Share::ONE.0 - peers_share)].into_iter().chain(influence);
            for (total, share) in elements.iter_mut().zip(shares) {
                *total += u64::from(share.0) * range.len() as u64;
            }
        }
        let mut shares = Share::divide(&elements);
        let influence = shares.split_off(1);
        let age = value.ages.iter().flatten().copied().max().unwrap_or(own.age);
        Ok(Merged { value, age, own: shares.first().copied().unwrap_or(Share::ONE), influence })
    }

    /// The rule's own: honest peers are trusted to carry every part. One that carries few leaves those to others.
    fn tolerates(&self, peers: usize) -> usize {
        let _ = peers;
        0
    }

    fn laws(&self) -> Laws {
        self.rule.laws().without(super::Law::Linear).without(super::Law::Stake).without(super::Law::Weights)
    }
}
