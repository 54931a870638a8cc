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

use super::field::{Ext, Val, element, point, transcript};
use super::geometry::{Geometry, Setup};
use super::linked::{Cap, Tree};
use bitneuron_core::{ChainId, Commitment, Digest, Seed, hash::Hasher};
use p3_challenger::CanObserve;
use p3_commit::Mmcs;
use p3_dft::{Radix2DFTSmallBatch, TwoAdicSubgroupDft};
use p3_field::{BasedVectorSpace, PrimeCharacteristicRing, PrimeField64};
use p3_matrix::Matrix;
use p3_matrix::dense::RowMajorMatrix;
use p3_multilinear_util::point::Point;
use p3_multilinear_util::poly::Poly;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
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

/// A committed group, as its owner keeps it until the last opening.
pub struct Group {
    root: Root,
    /// Limb after limb.
    cells: Vec<Val>,
    /// Limb after limb, the rows after the message.
    masks: Vec<Val>,
    tree: Arc<Tree>,
    openings: u8,
    spent: u8,
}

/// A group has been opened as often as its randomness allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a group was opened {0} times, and there is randomness for no more")]
pub struct Spent(pub u8);

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("root", &self.root).field("spent", &self.spent).finish_non_exhaustive()
    }
}

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
        let mut hasher = Hasher::new("bitneuron grouped tensor v1");
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
        Some(Commitment { scheme: SCHEME, root: hasher.number(place as u64).finish() })
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

impl Group {
    /// Commits to tensors of integers, one after the other.
    ///
    /// All randomness comes from the entropy, hashed together with the integers, so that entropy used twice for different
    /// contents shows nothing.
    pub fn commit(setup: &Setup, tensors: &[&[i64]], chain: ChainId, entropy: Seed) -> Self {
        let elements =
            tensors.iter().map(|tensor| tensor.iter().map(|value| element(*value)).collect()).collect();
        Self::of(setup, elements, chain, entropy)
    }

    /// [`Group::commit`] for elements of the field.
    pub(super) fn of(setup: &Setup, tensors: Vec<Vec<Val>>, chain: ChainId, entropy: Seed) -> Self {
        // Nor may the same contents in another geometry or for another chain share it: each group has its own budget.
        let Geometry { rows, rate, mask_rate, openings } = setup.geometry();
        let mut hasher = Hasher::new("bitneuron group randomness v2");
        hasher.update(&entropy.0).update(&chain.0.0).update(&[rows, rate, mask_rate, openings]);
        hasher.number(tensors.len() as u64);
        for tensor in &tensors {
            let bytes: Vec<u8> =
                tensor.iter().flat_map(|value| value.as_canonical_u64().to_le_bytes()).collect();
            hasher.part(&bytes);
        }
        let mut random = uniform(Seed(hasher.finish().0));
        let sizes: Vec<u32> = tensors.iter().map(|tensor| tensor.len() as u32).collect();
        let elements: Vec<Val> = tensors.concat();
        let (capacity, rows) = (setup.capacity(), setup.cells());
        let count = limbs(elements.len(), capacity);
        let mut cells = Vec::with_capacity(count * rows);
        // What the tensors leave free is random, like the reserve: all that is told of the group as a whole is blinded by it.
        for limb in 0..count {
            let begin = (limb * capacity).min(elements.len());
            let end = (begin + capacity).min(elements.len());
            cells.extend_from_slice(&elements[begin..end]);
            cells.extend(std::iter::repeat_with(&mut random).take(rows - (end - begin)));
        }
        let masks: Vec<Val> = (0..count * setup.shown()).map(|_| random()).collect();
        Self::laid(setup, sizes, cells, masks, chain)
    }

    /// The group of these limbs, one after the other, with the rows after each message.
    pub(super) fn laid(
        setup: &Setup,
        sizes: Vec<u32>,
        cells: Vec<Val>,
        masks: Vec<Val>,
        chain: ChainId,
    ) -> Self {
        let rows = setup.cells();
        let count = cells.len() / rows;
        let (cap, tree) = super::field::trees().commit_matrix(encode(setup, &cells, &masks, count));
        let mut padded = cells.clone();
        padded.resize(count.next_power_of_two() * rows, Val::ZERO);
        let at = Point::new(Root::point(&cap, chain, setup, count));
        let value = Poly::new(padded).eval_base(&at);
        let root = Root { geometry: setup.geometry(), sizes, cap, value };
        let openings = setup.geometry().openings;
        Self { root, cells, masks, tree: Arc::new(tree), openings, spent: 0 }
    }

    /// What everybody may know.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    pub(super) fn cells(&self) -> &[Val] {
        &self.cells
    }

    pub(super) fn masks(&self) -> &[Val] {
        &self.masks
    }

    pub(super) const fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// How often it may still be opened.
    pub const fn left(&self) -> u8 {
        self.openings - self.spent
    }

    /// Whether there is randomness for one more opening.
    pub(super) const fn is_spent(&self) -> Result<(), Spent> {
        if self.spent < self.openings { Ok(()) } else { Err(Spent(self.spent)) }
    }

    /// Counts one more opening.
    pub(super) fn spend(&mut self) -> Result<(), Spent> {
        self.is_spent()?;
        self.spent += 1;
        Ok(())
    }
}

/// Uniform elements from a seed.
pub(super) fn uniform(seed: Seed) -> impl FnMut() -> Val {
    let mut rng = seed.rng();
    move || loop {
        // Words at or above the modulus are drawn again.
        let word = rng.next_u64();
        if word < Val::ORDER_U64 {
            return Val::from_u64(word);
        }
    }
}

/// The encoded limbs, one a column: the Reed–Solomon word of message and random rows.
fn encode(setup: &Setup, cells: &[Val], masks: &[Val], limbs: usize) -> RowMajorMatrix<Val> {
    let (rows, shown) = (setup.cells(), setup.shown());
    let mut values = vec![Val::ZERO; (rows << setup.geometry().rate) * limbs];
    for limb in 0..limbs {
        let column = cells[limb * rows..].iter().take(rows).chain(masks[limb * shown..].iter().take(shown));
        column.enumerate().for_each(|(row, cell)| values[row * limbs + limb] = *cell);
    }
    Radix2DFTSmallBatch::<Val>::default().dft_batch(RowMajorMatrix::new(values, limbs)).to_row_major_matrix()
}
