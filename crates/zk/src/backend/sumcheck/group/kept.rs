//! Groups as their owner keeps them: contents, randomness and tree, until the last opening.

use super::{Root, Spent, limbs};
use crate::backend::sumcheck::field::{Val, element, trees};
use crate::backend::sumcheck::geometry::{Geometry, Setup};
use crate::backend::sumcheck::linked::Tree;
use bitneuron_core::{ChainId, Seed, hash::Hasher};
use p3_commit::Mmcs;
use p3_dft::{Radix2DFTSmallBatch, TwoAdicSubgroupDft};
use p3_field::{PrimeCharacteristicRing, PrimeField64};
use p3_matrix::dense::RowMajorMatrix;
use p3_multilinear_util::point::Point;
use p3_multilinear_util::poly::Poly;
use rand_chacha::rand_core::Rng;
use std::sync::Arc;

/// Elements that are hashed at once.
const HASHED: usize = 1 << 12;

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

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("root", &self.root).field("spent", &self.spent).finish_non_exhaustive()
    }
}

impl Group {
    /// Commits to tensors of integers, one after the other.
    ///
    /// All randomness comes from the entropy, hashed together with the integers, so that entropy used twice for different
    /// contents shows nothing.
    pub fn commit(setup: &Setup, tensors: &[&[i64]], chain: ChainId, entropy: Seed) -> Self {
        let elements: Vec<Vec<Val>> =
            tensors.iter().map(|tensor| tensor.iter().map(|value| element(*value)).collect()).collect();
        Self::of(setup, &elements, chain, entropy)
    }

    /// [`Group::commit`] for elements of the field.
    pub(in super::super) fn of(setup: &Setup, tensors: &[Vec<Val>], chain: ChainId, entropy: Seed) -> Self {
        // Nor may the same contents in another geometry or for another chain share it: each group has its own budget.
        let Geometry { rows, rate, mask_rate, openings } = setup.geometry();
        let mut hasher = Hasher::new("bitneuron group randomness v2");
        hasher.update(&entropy.0).update(&chain.0.0).update(&[rows, rate, mask_rate, openings]);
        hasher.number(tensors.len() as u64);
        for tensor in tensors {
            hasher.number(8 * tensor.len() as u64);
            for part in tensor.chunks(HASHED) {
                let bytes: Vec<u8> =
                    part.iter().flat_map(|value| value.as_canonical_u64().to_le_bytes()).collect();
                hasher.update(&bytes);
            }
        }
        let mut random = uniform(Seed(hasher.finish().0));
        let sizes: Vec<u32> = tensors.iter().map(|tensor| tensor.len() as u32).collect();
        let (capacity, rows) = (setup.capacity(), setup.cells());
        let count = limbs(tensors.iter().map(Vec::len).sum(), capacity);
        let mut elements = tensors.iter().flatten().copied();
        let mut cells = Vec::with_capacity(count * rows);
        // What the tensors leave free is random, like the reserve: all that is told of the group as a whole is blinded by it.
        for limb in 1..=count {
            cells.extend(elements.by_ref().take(capacity));
            cells.resize_with(limb * rows, &mut random);
        }
        let masks: Vec<Val> = (0..count * setup.shown()).map(|_| random()).collect();
        Self::laid(setup, sizes, cells, masks, chain)
    }

    /// The group of these limbs, one after the other, with the rows after each message.
    pub(in super::super) fn laid(
        setup: &Setup,
        sizes: Vec<u32>,
        cells: Vec<Val>,
        masks: Vec<Val>,
        chain: ChainId,
    ) -> Self {
        let rows = setup.cells();
        let count = cells.len() / rows;
        let (cap, tree) = trees().commit_matrix(encode(setup, &cells, &masks, count));
        let at = Point::new(Root::point(&cap, chain, setup, count));
        let length = cells.len();
        let mut cells = cells;
        cells.resize(count.next_power_of_two() * rows, Val::ZERO);
        let padded = Poly::new(cells);
        let value = padded.eval_base(&at);
        let mut cells = padded.into_evals();
        cells.truncate(length);
        cells.shrink_to_fit();
        let root = Root { geometry: setup.geometry(), sizes, cap, value };
        let openings = setup.geometry().openings;
        Self { root, cells, masks, tree: Arc::new(tree), openings, spent: 0 }
    }

    /// What everybody may know.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    pub(in super::super) fn cells(&self) -> &[Val] {
        &self.cells
    }

    pub(in super::super) fn masks(&self) -> &[Val] {
        &self.masks
    }

    pub(in super::super) const fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// How often it may still be opened.
    pub const fn left(&self) -> u8 {
        self.openings - self.spent
    }

    /// Whether there is randomness for one more opening.
    pub(in super::super) const fn is_spent(&self) -> Result<(), Spent> {
        if self.spent < self.openings { Ok(()) } else { Err(Spent(self.spent)) }
    }

    /// Counts one more opening.
    pub(in super::super) fn spend(&mut self) -> Result<(), Spent> {
        self.is_spent()?;
        self.spent += 1;
        Ok(())
    }
}

/// Uniform elements from a seed.
pub(in super::super) fn uniform(seed: Seed) -> impl FnMut() -> Val {
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
    Radix2DFTSmallBatch::<Val>::default().dft_batch(RowMajorMatrix::new(values, limbs))
}
