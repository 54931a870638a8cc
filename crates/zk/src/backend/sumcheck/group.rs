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
use super::geometry::Setup;
use super::linked::{Cap, Tree};
use bitneuron_core::{ChainId, Digest, Seed, hash::Hasher};
use p3_challenger::CanObserve;
use p3_commit::Mmcs;
use p3_dft::{Radix2DFTSmallBatch, TwoAdicSubgroupDft};
use p3_field::{PrimeCharacteristicRing, PrimeField64};
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
    /// How many limbs it has.
    pub limbs: usize,
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
    openings: usize,
    spent: usize,
}

/// A group has been opened as often as its randomness allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a group was opened {0} times, and there is randomness for no more")]
pub struct Spent(pub usize);

/// Cells that do not fit into a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{cells} cells in {limbs} limbs of {capacity}")]
pub struct Overfull {
    /// The cells given.
    pub cells: usize,
    /// The limbs.
    pub limbs: usize,
    /// The cells that each limb takes.
    pub capacity: usize,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("root", &self.root).field("spent", &self.spent).finish_non_exhaustive()
    }
}

impl Root {
    /// The point at which the group's value is stated: of `rows` coordinates, then one for each doubling of its limbs.
    pub(super) fn point(cap: &Cap, chain: ChainId, setup: &Setup, limbs: usize) -> Vec<Ext> {
        let mut challenger = transcript(Digest::of("bitneuron group point v1", &chain.0.0));
        challenger.observe(cap.clone());
        point(&mut challenger, setup.geometry().rows + limb_variables(limbs))
    }
}

/// The variables that name a limb of a group: the group is as many limbs as the next power of two.
pub(super) fn limb_variables(limbs: usize) -> usize {
    limbs.next_power_of_two().trailing_zeros() as usize
}

impl Group {
    /// Commits to integers, limb after limb, at most [`Setup::capacity`] of them in each; what is missing is zero.
    ///
    /// All randomness comes from the entropy, hashed together with the integers, so that entropy used twice for different
    /// contents shows nothing.
    ///
    /// # Errors
    /// A limb with too many integers.
    pub fn commit(
        setup: &Setup,
        limbs: &[Vec<i64>],
        chain: ChainId,
        entropy: Seed,
    ) -> Result<Self, Overfull> {
        let (count, capacity, rows) = (limbs.len(), setup.capacity(), setup.cells());
        let mut hasher = Hasher::new("bitneuron group randomness v1");
        hasher.update(&entropy.0).number(count as u64);
        let mut cells = Vec::with_capacity(count * rows);
        for limb in limbs {
            if limb.len() > capacity {
                return Err(Overfull { cells: limb.len(), limbs: count, capacity });
            }
            let bytes: Vec<u8> = limb.iter().flat_map(|value| value.to_le_bytes()).collect();
            hasher.part(&bytes);
            cells.extend(limb.iter().map(|value| element(*value)));
            cells.resize(cells.len() + rows - limb.len(), Val::ZERO);
        }
        let mut rng = Seed(hasher.finish().0).rng();
        let mut random = || loop {
            // Uniform: words at or above the modulus are drawn again.
            let word = rng.next_u64();
            if word < Val::ORDER_U64 {
                return Val::from_u64(word);
            }
        };
        for limb in cells.chunks_mut(rows) {
            limb[capacity..].fill_with(&mut random);
        }
        let masks: Vec<Val> = (0..count * setup.shown()).map(|_| random()).collect();
        let (cap, tree) = super::field::trees().commit_matrix(encode(setup, &cells, &masks, count));
        let mut padded = cells.clone();
        padded.resize(count.next_power_of_two() * rows, Val::ZERO);
        let at = Point::new(Root::point(&cap, chain, setup, count));
        let value = Poly::new(padded).eval_base(&at);
        let root = Root { limbs: count, cap, value };
        let openings = setup.geometry().openings;
        Ok(Self { root, cells, masks, tree: Arc::new(tree), openings, spent: 0 })
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
