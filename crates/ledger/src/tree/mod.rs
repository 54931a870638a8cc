//! The tree over the state's entries: a Jellyfish Merkle tree by `jmt`, which nothing else names.
//!
//! ```text
//! name = H(key)      leaf = H("JMT::LeafNode" ‖ name ‖ H(value))      node = H("JMT::IntrnalNode" ‖ left ‖ right)
//! ```
//!
//! It is a binary tree by the bits of the names, in which a subtree with one entry is that entry's leaf and one with none
//! is a constant. So the root depends on the entries alone, never on how they came about, and absence is as provable as
//! presence. The nodes of one version are kept, by their place; older versions live on in copies of the state, which share
//! their nodes. Nothing is ever pruned, because nothing stale is kept.

mod hash;
mod proof;

pub use proof::{EntryProof, ProofError};

use crate::Refused;
use crate::entry::{Change, bytes_of, value_of};
use bitneuron_core::{Bytes, Digest};
use hash::{Blake3, EMPTY, leaf, name_of, node};
use imbl::OrdMap;
use jmt::storage::{LeafNode, NibblePath, Node, NodeKey, TreeReader, TreeUpdateBatch};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, Version};
use proof::End;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Where a node is: the nibbles from the root to it, by number and in order.
///
/// As an array, since the map copies places whenever it copies a node of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    nibbles: u8,
    bytes: [u8; 32],
}

impl Place {
    const ROOT: Self = Self { nibbles: 0, bytes: [0; 32] };

    fn of(path: &NibblePath) -> Self {
        let mut place = Self::ROOT;
        for nibble in path.nibbles() {
            let (at, shift) = (place.nibbles / 2, if place.nibbles % 2 == 0 { 4 } else { 0 });
            if let Some(byte) = place.bytes.get_mut(usize::from(at)) {
                *byte |= u8::from(nibble) << shift;
            }
            place.nibbles = place.nibbles.saturating_add(1);
        }
        place
    }
}

/// The tree of one state. Copies are free.
#[derive(Clone)]
pub(crate) struct Tree {
    nodes: OrdMap<Place, Arc<Node>>,
    /// How many updates have made it: names the nodes within an update, and nothing else.
    version: Version,
    root: Digest,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: OrdMap::new(), version: 0, root: EMPTY }
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("root", &self.root)
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

/// A tree as `jmt` reads it, with the one value that a proof asks for.
struct Reader<'a> {
    nodes: &'a OrdMap<Place, Arc<Node>>,
    value: Option<&'a [u8]>,
}

impl TreeReader for Reader<'_> {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let place = Place::of(key.nibble_path());
        let node = self.nodes.get(&place).map(|node| node.as_ref().clone());
        // A tree without entries has a root all the same.
        Ok(node.or_else(|| (place == Place::ROOT).then_some(Node::Null)))
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self.value.map(<[u8]>::to_vec))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("trees are not restored by ranges")
    }
}

fn broken(error: &anyhow::Error) -> Refused {
    Refused::Tree(error.to_string())
}

impl Tree {
    /// The root over all entries.
    pub(crate) const fn root(&self) -> Digest {
        self.root
    }

    /// Takes in the changes of a block, each key once. What is set is hashed in one pass over the touched nodes; what is
    /// removed goes one by one.
    ///
    /// # Errors
    /// A node is missing: a fault of the program, and the tree is what it was.
    pub(crate) fn update(&mut self, changes: &[Change]) -> Result<(), Refused> {
        let before = self.clone();
        self.take(changes).map_err(|error| {
            *self = before;
            broken(&error)
        })
    }

    fn take(&mut self, changes: &[Change]) -> anyhow::Result<()> {
        let name = |change: &Change| KeyHash(name_of(&change.key).0);
        let set = |change: &Change| Some((name(change), change.value.clone()?));
        let sets: Vec<(KeyHash, OwnedValue)> = changes.iter().filter_map(set).collect();
        if !sets.is_empty() {
            self.step(|tree, version| tree.batch_put_value_sets(vec![sets], None, version))?;
        }
        let gone: Vec<(KeyHash, Option<OwnedValue>)> = changes
            .iter()
            .filter(|change| change.value.is_none())
            .map(|change| (name(change), None))
            .collect();
        if !gone.is_empty() {
            self.step(|tree, version| tree.put_value_sets([gone], version))?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        put: impl FnOnce(
            &JellyfishMerkleTree<'_, Reader<'_>, Blake3>,
            Version,
        ) -> anyhow::Result<(Vec<RootHash>, TreeUpdateBatch)>,
    ) -> anyhow::Result<()> {
        let version = self.version.wrapping_add(1);
        let reader = Reader { nodes: &self.nodes, value: None };
        let (roots, batch) = put(&JellyfishMerkleTree::new(&reader), version)?;
        let fresh = batch.node_batch;
        for stale in batch.stale_node_index_batch {
            let path = stale.node_key.nibble_path();
            // Most have a successor in their place.
            if fresh.get_node(&NodeKey::new(version, path.clone())).is_none() {
                self.nodes.remove(&Place::of(path));
            }
        }
        for (key, node) in fresh.nodes() {
            self.nodes.insert(Place::of(key.nibble_path()), Arc::new(node.clone()));
        }
        self.version = version;
        self.root = roots.last().map_or(self.root, |root| Digest(root.0));
        Ok(())
    }

    /// Proves that a key has this value, or has none. Of a broken tree the proof does not hold.
    pub(crate) fn prove(&self, key: &[u8], value: Option<Vec<u8>>) -> EntryProof {
        let reader = Reader { nodes: &self.nodes, value: value.as_deref() };
        let tree = JellyfishMerkleTree::<'_, _, Blake3>::new(&reader);
        let found = tree.get_with_proof(KeyHash(name_of(key).0), self.version);
        let path = found.ok().and_then(|(_, proof)| value_of::<Path>(&bytes_of(&proof))).unwrap_or_default();
        let end = match (value, path.leaf) {
            (Some(value), _) => End::Value(Bytes(value)),
            (None, Some((name, value))) => End::Other { name, value },
            (None, None) => End::Empty,
        };
        EntryProof { end, siblings: path.siblings.iter().map(Sibling::digest).collect() }
    }
}

/// A proof of `jmt` by its serde form, the only one in which it shows its siblings.
#[derive(Default, Clone, Serialize, Deserialize)]
struct Path {
    leaf: Option<(Digest, Digest)>,
    siblings: Vec<Sibling>,
    hasher: (),
}

#[derive(Clone, Serialize, Deserialize)]
enum Sibling {
    Empty,
    Node(Digest, Digest),
    Leaf(Digest, Digest),
}

impl Sibling {
    /// What stands beside the path: who checks it needs no more.
    fn digest(&self) -> Digest {
        match self {
            Self::Empty => EMPTY,
            Self::Node(left, right) => node(*left, *right),
            Self::Leaf(name, value) => leaf(*name, *value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::{decode, encode};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn change(key: u16, value: Option<u8>) -> Change {
        Change { key: key.to_le_bytes().to_vec(), value: value.map(|byte| vec![byte; usize::from(byte)]) }
    }

    fn tree_of(entries: &BTreeMap<u16, u8>) -> Tree {
        let mut tree = Tree::default();
        let all: Vec<Change> = entries.iter().map(|(key, value)| change(*key, Some(*value))).collect();
        tree.update(&all).expect("whole");
        tree
    }

    fn history() -> impl Strategy<Value = Vec<BTreeMap<u16, Option<u8>>>> {
        let block = prop::collection::btree_map(0..300u16, prop::option::of(0..9u8), 0..40);
        prop::collection::vec(block, 1..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_root_depends_on_the_entries_only(blocks in history()) {
            let (mut tree, mut model) = (Tree::default(), BTreeMap::new());
            for block in blocks {
                let before = (tree.clone(), tree_of(&model).root());
                let changes: Vec<Change> = block.iter().map(|(key, value)| change(*key, *value)).collect();
                tree.update(&changes).expect("whole");
                for (key, value) in block {
                    match value {
                        Some(value) => model.insert(key, value),
                        None => model.remove(&key),
                    };
                }
                let fresh = tree_of(&model);
                prop_assert_eq!(tree.root(), fresh.root());
                // No node is kept that a fresh tree would not have.
                prop_assert!(tree.nodes.keys().eq(fresh.nodes.keys()) || model.is_empty());
                prop_assert_eq!(before.0.root(), before.1, "a copy keeps what it had");
                // Its nodes too, not only the root that it remembers.
                prop_assert!(before.0.prove(&[1, 1, 1], None).verify(before.1, &[1, 1, 1]).is_ok());
            }
        }

        #[test]
        fn presence_and_absence_are_proved_and_nothing_else(
            entries in prop::collection::btree_map(0..120u16, 1..9u8, 0..60),
            (wanted, flip) in (0..120u16, any::<prop::sample::Index>()),
        ) {
            let tree = tree_of(&entries);
            let key = wanted.to_le_bytes();
            let value = entries.get(&wanted).map(|value| vec![*value; usize::from(*value)]);
            let proof = tree.prove(&key, value.clone());
            let proved = proof.verify(tree.root(), &key).expect("holds");
            prop_assert_eq!(proved.map(|value| value.0.0), value.clone());
            // Neither another value, nor absence of what is there, nor presence of what is not.
            for lie in [None, Some(vec![]), Some(vec![0x77])] {
                if lie != value {
                    prop_assert!(tree.prove(&key, lie.clone()).verify(tree.root(), &key).is_err());
                    let end = lie.map_or(End::Empty, |lie| End::Value(Bytes(lie)));
                    let forged = EntryProof { end, ..proof.clone() };
                    let absent = forged.end == End::Empty && value.is_none();
                    prop_assert!(forged.verify(tree.root(), &key).is_err() || absent);
                }
            }
            let mut bytes = encode(&proof);
            let at = flip.index(bytes.len());
            bytes[at] ^= 1;
            if let Ok(mutant) = decode::<EntryProof>(&bytes) {
                prop_assert!(mutant.verify(tree.root(), &key).is_err(), "byte {at}");
            }
        }

        #[test]
        fn a_proof_holds_when_that_of_the_library_does(
            entries in prop::collection::btree_map(0..120u16, 1..9u8, 1..60),
            wanted in 0..120u16,
        ) {
            let tree = tree_of(&entries);
            let key = wanted.to_le_bytes();
            let value = entries.get(&wanted).map(|value| vec![*value; usize::from(*value)]);
            let reader = Reader { nodes: &tree.nodes, value: value.as_deref() };
            let name = KeyHash(name_of(&key).0);
            let theirs = JellyfishMerkleTree::<'_, _, Blake3>::new(&reader).get_with_proof(name, tree.version);
            let (found, theirs) = theirs.expect("whole");
            prop_assert_eq!(&found, &value);
            theirs.verify(RootHash(tree.root().0), name, value.as_ref()).expect("holds");
            prop_assert!(tree.prove(&key, value).verify(tree.root(), &key).is_ok());
        }
    }

    /// Somebody else's leaf shows nothing about a key whose path leaves that leaf's path earlier.
    #[test]
    fn an_entry_elsewhere_shows_no_absence() {
        let tree = tree_of(&(0..64).map(|key| (key, 1)).collect());
        let there = 5u16.to_le_bytes();
        let other = tree.prove(&there, Some(vec![1]));
        let (name, value) = (name_of(&there), hash::value_hash(&[1]));
        let forged = EntryProof { end: End::Other { name, value }, ..other.clone() };
        assert_eq!(forged.verify(tree.root(), &there), Err(ProofError::Elsewhere), "of itself");
        for key in (0..64u16).filter(|key| *key != 5) {
            assert_eq!(forged.verify(tree.root(), &key.to_le_bytes()), Err(ProofError::Elsewhere));
        }
        let deep = EntryProof { end: End::Empty, siblings: vec![EMPTY; 257] };
        assert_eq!(deep.verify(tree.root(), &there), Err(ProofError::Depth));
        assert_eq!(Tree::default().prove(&there, None).verify(EMPTY, &there), Ok(None));
    }
}
