//! Merkle trees over BLAKE3 with inclusion proofs.
//!
//! Leaves and inner nodes are hashed under different domains and the root binds the number of leaves, so a node
//! never passes for a leaf and a tree never for a longer one. An odd node is carried up unchanged. The empty tree
//! has a root of its own.

use crate::{Digest, hash::Hasher};
use serde::{Deserialize, Serialize};

/// The digest of one leaf.
pub fn leaf(bytes: &[u8]) -> Digest {
    Digest::of("bitneuron merkle leaf v1", bytes)
}

/// The digest of an inner node.
pub fn node(left: Digest, right: Digest) -> Digest {
    Hasher::new("bitneuron merkle node v1").update(&left.0).update(&right.0).finish()
}

/// The root of a tree of so many leaves whose highest node is `top`; of no leaf when that is [`Digest::ZERO`].
pub fn root_of(top: Digest, leaves: u64) -> Digest {
    Hasher::new("bitneuron merkle root v1").update(&top.0).number(leaves).finish()
}

/// A tree that keeps all its levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// `levels[0]` are the leaves; the last level has at most one node.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// Builds the tree over leaf digests made by [`leaf`].
    pub fn new(leaves: Vec<Digest>) -> Self {
        Self { levels: Vec::new() }.with(leaves)
    }

    /// Builds the tree over other leaves; hashes only where they differ from those of this tree, place by place.
    #[must_use]
    pub fn with(&self, leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let depth = levels.len();
            let (below, known) = (self.levels.get(depth - 1), self.levels.get(depth));
            let renew = |(at, pair): (usize, &[Digest])| {
                let old = below.and_then(|below| below.chunks(2).nth(at));
                match (pair, known.and_then(|known| known.get(at))) {
                    (_, Some(known)) if old == Some(pair) => Some(*known),
                    ([left, right], _) => Some(node(*left, *right)),
                    ([odd], _) => Some(*odd),
                    _ => None,
                }
            };
            let next = level.chunks(2).enumerate().filter_map(renew).collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// Builds the tree over raw leaves.
    pub fn over<B: AsRef<[u8]>>(leaves: impl IntoIterator<Item = B>) -> Self {
        Self::new(leaves.into_iter().map(|bytes| leaf(bytes.as_ref())).collect())
    }

    /// The leaf digests, in order.
    pub fn leaves(&self) -> &[Digest] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// How many leaves there are.
    pub fn len(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The root, which binds all leaves, their order and their number.
    pub fn root(&self) -> Digest {
        let top = self.levels.last().and_then(|level| level.first()).copied().unwrap_or(Digest::ZERO);
        root_of(top, self.len() as u64)
    }

    /// How many levels there are, the leaves' among them.
    pub fn height(&self) -> usize {
        self.levels.len()
    }

    /// The node at this place of a level; level 0 are the leaves.
    pub fn at(&self, level: usize, index: usize) -> Option<Digest> {
        self.levels.get(level)?.get(index).copied()
    }

    /// The proof that leaf `index` is in the tree, or `None` when there is no such leaf.
    pub fn prove(&self, index: usize) -> Option<Inclusion> {
        if index >= self.len() {
            return None;
        }
        let mut path = Vec::new();
        let mut at = index;
        for level in &self.levels {
            if let Some(sibling) = level.get(at ^ 1) {
                path.push(*sibling);
            }
            at /= 2;
        }
        Some(Inclusion { index: index as u64, leaves: self.len() as u64, path })
    }
}

/// The proof that one leaf is in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// The leaf's place, counted from 0.
    pub index: u64,
    /// The number of leaves of the tree.
    pub leaves: u64,
    /// The siblings from the leaf up; odd nodes have none.
    pub path: Vec<Digest>,
}

impl Inclusion {
    /// Whether `leaf` (made by [`leaf`]) stands at [`Inclusion::index`] of the tree with this `root`.
    pub fn verify(&self, root: Digest, leaf: Digest) -> bool {
        if self.index >= self.leaves {
            return false;
        }
        let (mut at, mut width, mut digest) = (self.index, self.leaves, leaf);
        let mut path = self.path.iter();
        while width > 1 {
            if at ^ 1 < width {
                let Some(sibling) = path.next() else { return false };
                digest = if at % 2 == 0 { node(digest, *sibling) } else { node(*sibling, digest) };
            }
            at /= 2;
            width = width.div_ceil(2);
        }
        path.next().is_none() && root_of(digest, self.leaves) == root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_leaf_is_proved_and_no_other(n in 1usize..70, flip in any::<u8>()) {
            let leaves: Vec<[u8; 8]> = (0..n as u64).map(u64::to_le_bytes).collect();
            let tree = Tree::over(&leaves);
            for (index, bytes) in leaves.iter().enumerate() {
                let proof = tree.prove(index).expect("in range");
                prop_assert!(proof.verify(tree.root(), leaf(bytes)));
                prop_assert!(!proof.verify(tree.root(), leaf(&[flip])));
                let elsewhere = Inclusion { index: (proof.index + 1) % n as u64, ..proof.clone() };
                prop_assert!(n == 1 || !elsewhere.verify(tree.root(), leaf(bytes)));
                let longer = Inclusion { leaves: proof.leaves + 1, ..proof };
                prop_assert!(!longer.verify(tree.root(), leaf(bytes)));
            }
            prop_assert!(tree.prove(n).is_none());
        }
    }

    proptest! {
        #[test]
        fn a_tree_made_from_another_is_the_same(old in prop::collection::vec(0..3u8, 0..40), new in prop::collection::vec(0..3u8, 0..40)) {
            let tree = |leaves: &[u8]| Tree::over(leaves.iter().map(|byte| [*byte]));
            let leaves = tree(&new).leaves().to_vec();
            prop_assert_eq!(tree(&old).with(leaves), tree(&new));
        }
    }

    #[test]
    fn number_of_leaves_is_bound() {
        let one = Tree::over([[1u8]]);
        let carried = Tree::new(vec![leaf(&[1])]);
        assert_eq!(one.root(), carried.root());
        assert_ne!(Tree::new(vec![]).root(), one.root());
        assert_ne!(Tree::over([[1u8], [1u8]]).root(), one.root());
    }
}
