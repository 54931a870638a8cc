//! Groups: tensors committed together, to be opened with others later.
//!
//! A group is some limbs of field elements, each encoded with random rows after its message, so that the rows which an
//! opening shows say nothing. One opening uses up as many random rows as it shows; a group that is opened `P` times needs
//! `P` times as many, so all but the scheme's own are reserved as the last cells of each limb. Who opens a group beyond that
//! shows its contents: [`Spent`] refuses.
//!
//! At the radius used here a root binds a short *list* of contents. Within one proof that is accounted for; between proofs
//! it is not. So what passes from one proof to the next is a [`Root`]: the Merkle root with the value of the polynomial at a
//! point that follows from it. All proofs that use the group claim this value, and two contents of one list share it with
//! chance below 2⁻¹⁵⁰ only.

#[cfg(feature = "sumcheck")]
mod kept;

#[cfg(feature = "sumcheck")]
pub use kept::Group;
#[cfg(feature = "sumcheck")]
pub(super) use kept::uniform;

use super::field::{Ext, Val, point, transcript};
use super::geometry::{Geometry, Setup};
use super::linked::Cap;
use bitneuron_core::{ChainId, Commitment, Digest, hash::Hasher};
use p3_challenger::CanObserve;
use p3_field::{BasedVectorSpace, PrimeField64};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What everybody knows of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    geometry: Geometry,
    /// The elements of each tensor in it.
    sizes: Vec<u32>,
    /// The Merkle root of the encoded limbs.
    pub(super) cap: Cap,
    /// The value of its polynomial at the point that follows from chain and root.
    pub(super) value: Ext,
}

/// A group has been opened as often as its randomness allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a group was opened {0} times, and there is randomness for no more")]
pub struct Spent(pub u8);

/// The scheme of commitments to tensors of a group.
pub const SCHEME: u16 = 2;
/// The fewest limbs of a group: a leaf of one alone has too little entropy to hide behind a hash.
const FEWEST: usize = 2;

impl Root {
    /// The sizes of its limbs.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The elements of each tensor in it.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// Whether its trees have one root, as all do that are made here.
    pub(super) fn is_single(&self) -> bool {
        self.cap.roots().len() == 1
    }

    /// The elements of all tensors in it.
    pub(super) fn elements(&self) -> usize {
        self.sizes.iter().fold(0, |sum, size| sum.saturating_add(*size as usize))
    }

    /// The limbs that its tensors fill, each `capacity` elements.
    pub(super) fn limbs(&self, capacity: usize) -> usize {
        limbs(self.elements(), capacity)
    }

    /// The element at which tensor `place` begins.
    pub(super) fn start(&self, place: usize) -> usize {
        self.sizes.iter().take(place).map(|size| *size as usize).sum()
    }

    /// The commitment to tensor `place` of the group; `None` where there is none.
    pub fn commitment(&self, place: usize) -> Option<Commitment> {
        self.sizes.get(place)?;
        let root = self.absorbed("bitneuron grouped tensor v1").number(place as u64).finish();
        Some(Commitment { scheme: SCHEME, root })
    }

    /// The group's own name, by which its openings are counted.
    pub fn name(&self) -> Digest {
        self.absorbed("bitneuron group name v1").finish()
    }

    /// A hasher that has taken in all of the root.
    fn absorbed(&self, domain: &str) -> Hasher {
        let mut hasher = Hasher::new(domain);
        let Geometry { rows, rate, mask_rate, openings } = self.geometry;
        hasher.update(&[rows, rate, mask_rate, openings]).number(self.sizes.len() as u64);
        self.sizes.iter().for_each(|size| {
            hasher.number(u64::from(*size));
        });
        self.cap.roots().iter().for_each(|root| {
            hasher.update(root);
        });
        let coefficients: &[Val] = self.value.as_basis_coefficients_slice();
        coefficients.iter().for_each(|value| {
            hasher.number(value.as_canonical_u64());
        });
        hasher
    }

    /// The point at which the group's value is stated: a coordinate for each doubling of its limbs, then one for each of its
    /// rows.
    pub(super) fn point(cap: &Cap, chain: ChainId, setup: &Setup, limbs: usize) -> Vec<Ext> {
        let mut challenger = transcript(Digest::of("bitneuron group point v1", &chain.0.0));
        challenger.observe(cap.clone());
        point(&mut challenger, usize::from(setup.geometry().rows) + limb_variables(limbs))
    }
}

/// The limbs that so many elements fill.
pub(super) fn limbs(elements: usize, capacity: usize) -> usize {
    elements.div_ceil(capacity.max(1)).max(FEWEST)
}

/// The variables that name a limb of a group: the group is as many limbs as the next power of two.
pub(super) fn limb_variables(limbs: usize) -> usize {
    limbs.next_power_of_two().trailing_zeros() as usize
}
