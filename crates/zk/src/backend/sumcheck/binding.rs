//! What a proof is about: where the tensors of a relation stand, and the system and setup that follow.

use super::Checker;
use super::geometry::{Setup, SetupError};
use super::group::{self, Root};
use super::lower::{Given, LowerError, lower};
use super::protocol::Messages;
use super::system::{Store, System};
use crate::Proof;
use bitneuron_core::claim::Opening;
use bitneuron_core::exact::{Binding, Relation};
use bitneuron_core::{Commitment, Digest, Wire, hash::Hasher};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A proof's bytes.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Body {
    /// The statement's groups.
    pub(super) roots: Vec<Root>,
    /// Group and place of each tensor committed in a group: of the inputs, then of the outputs.
    pub(super) places: Vec<(u16, u16)>,
    /// The proof's own group.
    pub(super) own: Root,
    pub(super) messages: Messages,
}

impl Wire for Body {
    const LIMIT: usize = Proof::MAX_BODY;
}

/// The front of a proof's bytes: [`Body`] begins with these two.
#[derive(Serialize, Deserialize)]
pub(super) struct Heading {
    roots: Vec<Root>,
    places: Vec<(u16, u16)>,
}

impl Wire for Heading {
    const LIMIT: usize = Proof::MAX_BODY;
}

impl Heading {
    /// The groups with the tensors of the relation that are said to be in each.
    pub(super) fn openings(&self, relation: &Relation) -> Vec<Opening> {
        let mut named: BTreeMap<u16, BTreeSet<Commitment>> = BTreeMap::new();
        for (commitment, (group, _)) in stored(relation).zip(&self.places) {
            named.entry(*group).or_default().insert(*commitment);
        }
        let opening = |(group, tensors): (u16, BTreeSet<Commitment>)| {
            let root = self.roots.get(usize::from(group))?;
            Some(Opening { group: root.name(), tensors: tensors.into_iter().collect() })
        };
        named.into_iter().filter_map(opening).collect()
    }
}

/// The commitments of a relation that are in groups: of the inputs, then of the outputs.
fn stored(relation: &Relation) -> impl Iterator<Item = &Commitment> {
    relation.inputs.iter().chain(&relation.outputs).filter_map(|binding| match binding {
        Binding::Committed(commitment) if commitment.scheme == group::SCHEME => Some(commitment),
        _ => None,
    })
}

/// Programs above so many elements try the longer digits too.
const LONG: usize = 1 << 16;
/// Bits of digits: short ones have a small table, long ones need fewer cells.
const DIGITS: [u32; 2] = [12, 16];

/// Where the tensors of a relation stand.
pub(super) struct Bound {
    pub(super) inputs: Vec<Given>,
    pub(super) outputs: Vec<Given>,
}

impl Checker {
    /// Each binding's tensor, if known, or its place, as `find` says.
    pub(super) fn bound(
        &self,
        relation: &Relation,
        mut find: impl FnMut(&Commitment) -> Option<Store>,
    ) -> Result<Bound, Commitment> {
        let mut given = |binding: &Binding| match binding {
            Binding::Public(tensor) => Ok(Given::Known(tensor.clone())),
            Binding::Committed(commitment) if commitment.scheme == group::SCHEME => {
                find(commitment).map(Given::Stored).ok_or(*commitment)
            }
            Binding::Committed(commitment) => {
                let known = self.library.get(commitment).ok_or(*commitment)?;
                Ok(Given::Known((**known).clone()))
            }
        };
        Ok(Bound {
            inputs: relation.inputs.iter().map(&mut given).collect::<Result<_, _>>()?,
            outputs: relation.outputs.iter().map(&mut given).collect::<Result<_, _>>()?,
        })
    }

    /// The system of a relation, with the digits that need the fewest cells.
    pub(super) fn system(relation: &Relation, bound: &Bound, own: usize) -> Result<System, LowerError> {
        let build = |bits| lower(&relation.program, &bound.inputs, &bound.outputs, own, bits);
        let short = build(DIGITS[0])?;
        if short.own < LONG {
            return Ok(short);
        }
        let long = build(DIGITS[1])?;
        Ok(if long.own < short.own { long } else { short })
    }

    /// The setup for groups of these roots and own cells.
    pub(super) fn spanning<'a>(
        &self,
        roots: impl Iterator<Item = &'a Root>,
        own: usize,
    ) -> Result<Setup, SetupError> {
        self.holding(roots.map(Root::elements), own)
    }

    /// The setup for groups of so many elements and own cells.
    pub(super) fn holding(
        &self,
        groups: impl Iterator<Item = usize>,
        own: usize,
    ) -> Result<Setup, SetupError> {
        let capacity = self.setup(2)?.capacity();
        let all = groups.chain([own]);
        let limbs = all.fold(0usize, |sum, elements| sum.saturating_add(group::limbs(elements, capacity)));
        let bits = limbs.checked_next_power_of_two().map_or(usize::MAX, |all| all.trailing_zeros() as usize);
        self.setup(bits.max(2))
    }
}

/// What a run is bound to: the proof's binding and where its tensors stand.
pub(super) fn bound_with(binding: Digest, places: &[(u16, u16)]) -> Digest {
    let mut hasher = Hasher::new("bitneuron sumcheck binding v1");
    hasher.update(&binding.0).number(places.len() as u64);
    places.iter().for_each(|(group, place)| {
        hasher.number(u64::from(*group)).number(u64::from(*place));
    });
    hasher.finish()
}
