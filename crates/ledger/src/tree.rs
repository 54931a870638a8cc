//! The tree over the state: sections of entries under one root, and proofs of single entries.
//!
//! An entry is a pair of byte strings, key and value. The key's first byte is its section, the rest the canonical
//! encoding of what names the entry ([`crate::key`] makes them). Entries are leaves in the order of their keys:
//!
//! ```text
//! leaf = H(|key| ‖ key ‖ |value| ‖ value)     section root = Merkle(leaves)     state root = Merkle(section roots)
//! ```
//!
//! A section is a map that is shared between copies of a state until one of them changes it, and it remembers its
//! tree. So a copy of the state is cheap, and a block hashes the leaves that it touched and what is above them; where an
//! entry comes or goes, also the nodes above those to its right.

use bitneuron_core::merkle::{Inclusion, Tree, leaf};
use bitneuron_core::{Bytes, Digest, Wire, decode, encode, hash::Hasher};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Anything with a serde form as a wire type; only for entries of the tree, which are made here.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Plain<T>(T);

impl<T: Serialize + DeserializeOwned> Wire for Plain<T> {
    const LIMIT: usize = 1 << 20;
}

/// The canonical bytes of a key or a value.
pub(crate) fn bytes_of<T: Serialize + DeserializeOwned + Clone>(value: &T) -> Vec<u8> {
    encode(&Plain(value.clone()))
}

/// The value of these bytes.
pub(crate) fn value_of<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    decode::<Plain<T>>(bytes).ok().map(|plain| plain.0)
}

/// The key of an entry.
pub(crate) fn key_of<K: Serialize + DeserializeOwned + Clone>(section: u8, key: &K) -> Vec<u8> {
    let mut bytes = vec![section];
    bytes.extend(bytes_of(key));
    bytes
}

fn entry_leaf(key: &[u8], value: &[u8]) -> Digest {
    leaf(&Hasher::new("bitneuron ledger entry v1").part(key).part(value).finish().0)
}

/// A section of the tree, seen from above.
pub(crate) trait Part {
    /// The root over its entries.
    fn root(&self) -> Digest;
    /// The value under this key, and its way to the section's root.
    fn prove(&self, key: &[u8]) -> Option<(Vec<u8>, Inclusion)>;
}

/// What a key or a value of a section must be able to do.
pub(crate) trait Field: Clone + Serialize + DeserializeOwned {}

impl<T: Clone + Serialize + DeserializeOwned> Field for T {}

/// A section: a map that is copied when a copy of the state changes it.
///
/// It writes down what it changes: to undo it, and to hash again only what changed.
#[derive(Debug)]
pub(crate) struct Section<K, V> {
    map: Arc<BTreeMap<K, V>>,
    tree: OnceLock<Arc<Tree>>,
    /// The tree before `changes`.
    before: Arc<Tree>,
    /// Names with what stood there, in the order of the changes.
    changes: Vec<(K, Option<V>)>,
    /// How many of them are settled.
    settled: usize,
}

impl<K, V> Default for Section<K, V> {
    fn default() -> Self {
        Self {
            map: Arc::new(BTreeMap::new()),
            tree: OnceLock::new(),
            before: Arc::new(Tree::new(Vec::new())),
            changes: Vec::new(),
            settled: 0,
        }
    }
}

impl<K: Clone, V: Clone> Clone for Section<K, V> {
    /// A copy of a section whose tree is known needs nothing of what led to it.
    fn clone(&self) -> Self {
        let map = self.map.clone();
        match self.tree.get() {
            Some(tree) => {
                let (before, tree) = (tree.clone(), OnceLock::from(tree.clone()));
                Self { map, tree, before, changes: Vec::new(), settled: 0 }
            }
            None => Self {
                map,
                tree: OnceLock::new(),
                before: self.before.clone(),
                changes: self.changes.clone(),
                settled: self.settled,
            },
        }
    }
}

impl<K, V> Deref for Section<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl<K: Field + Ord, V: Field> Section<K, V> {
    fn put(&mut self, key: &K, value: Option<V>) -> Option<V> {
        let map = Arc::make_mut(&mut self.map);
        match value {
            Some(value) => map.insert(key.clone(), value),
            None => map.remove(key),
        }
    }

    fn change(&mut self, key: K, value: Option<V>) {
        if let Some(tree) = self.tree.take() {
            self.before = tree;
            self.changes.clear();
            self.settled = 0;
        }
        let old = self.put(&key, value);
        self.changes.push((key, old));
    }

    /// Sets an entry.
    pub(crate) fn set(&mut self, key: K, value: V) {
        self.change(key, Some(value));
    }

    /// Removes an entry, if it is there.
    pub(crate) fn unset(&mut self, key: &K) {
        if self.contains_key(key) {
            self.change(key.clone(), None);
        }
    }

    /// Sets many entries.
    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) {
        entries.into_iter().for_each(|(key, value)| self.set(key, value));
    }

    /// Keeps what `keep` wants.
    pub(crate) fn prune(&mut self, keep: impl Fn(&K, &V) -> bool) {
        let gone: Vec<K> =
            self.iter().filter(|(key, value)| !keep(key, value)).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| self.unset(key));
    }

    fn tree(&self) -> &Arc<Tree> {
        self.tree.get_or_init(|| Arc::new(self.before.with(self.leaves())))
    }

    /// The leaves of all entries: those of the tree before, and new ones for what has changed since.
    fn leaves(&self) -> Vec<Digest> {
        // What stood there first is what the tree before knows.
        let mut changed = BTreeMap::new();
        for (key, old) in &self.changes {
            changed.entry(key).or_insert(old.is_some());
        }
        let (mut known, mut changed) = (self.before.leaves().iter(), changed.into_iter().peekable());
        let mut leaves = Vec::with_capacity(self.len());
        for (key, value) in self.iter() {
            let mut fresh = false;
            while let Some((other, was)) = changed.next_if(|(other, _)| *other <= key) {
                if was {
                    known.next();
                }
                fresh |= other == key;
            }
            let old = if fresh { None } else { known.next().copied() };
            // The section's number is bound by the section's place in the tree above.
            leaves.push(old.unwrap_or_else(|| entry_leaf(&bytes_of(key), &bytes_of(value))));
        }
        leaves
    }
}

/// What can take back what was done since it was last settled.
pub(crate) trait Undo {
    /// Nothing up to here is taken back.
    fn settle(&mut self);
    /// Takes back what has changed since then, or since its root was asked for.
    fn undo(&mut self);
}

impl<K: Field + Ord, V: Field> Undo for Section<K, V> {
    fn settle(&mut self) {
        self.settled = self.changes.len();
    }

    fn undo(&mut self) {
        if self.tree.get().is_none() {
            for (key, old) in self.changes.split_off(self.settled).into_iter().rev() {
                self.put(&key, old);
            }
        }
    }
}

impl<K: Field + Ord, V: Field> Part for Section<K, V> {
    fn root(&self) -> Digest {
        self.tree().root()
    }

    fn prove(&self, key: &[u8]) -> Option<(Vec<u8>, Inclusion)> {
        let key: K = value_of(key)?;
        let value = bytes_of(self.get(&key)?);
        let inclusion = self.tree().prove(self.range(..key).count())?;
        Some((value, inclusion))
    }
}

/// A section that some other structure commits to; its entries are proved by that structure.
pub(crate) struct Foreign(pub(crate) Digest);

impl Part for Foreign {
    fn root(&self) -> Digest {
        self.0
    }

    fn prove(&self, _: &[u8]) -> Option<(Vec<u8>, Inclusion)> {
        None
    }
}

/// One entry of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its key, as [`crate::key`] makes it.
    pub key: Vec<u8>,
    /// The canonical encoding of its value.
    pub value: Bytes,
}

/// An entry with its way to the state root, for somebody who trusts only a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryProof {
    entry: Entry,
    section: Digest,
    inner: Inclusion,
    outer: Inclusion,
}

impl Entry {
    /// The value, as the type that the key's section holds; `None` when it is of another.
    pub fn read<T: Serialize + DeserializeOwned>(&self) -> Option<T> {
        value_of(&self.value)
    }
}

impl Wire for EntryProof {
    const LIMIT: usize = 1 << 20;
}

impl EntryProof {
    /// The entry, when it is in the state with this root.
    pub fn verify(&self, root: Digest) -> Option<Entry> {
        let (section, key) = self.entry.key.split_first()?;
        let holds = self.outer.index == u64::from(*section)
            && self.outer.verify(root, leaf(&self.section.0))
            && self.inner.verify(self.section, entry_leaf(key, &self.entry.value));
        holds.then(|| self.entry.clone())
    }
}

/// The root over the sections.
pub(crate) fn root(parts: &[&dyn Part]) -> Digest {
    above(parts).root()
}

fn above(parts: &[&dyn Part]) -> Tree {
    Tree::over(parts.iter().map(|part| part.root().0))
}

/// The proof of one entry.
pub(crate) fn prove(parts: &[&dyn Part], key: &[u8]) -> Option<EntryProof> {
    let (section, rest) = key.split_first()?;
    let part = parts.get(usize::from(*section))?;
    let (value, inner) = part.prove(rest)?;
    let outer = above(parts).prove(usize::from(*section))?;
    Some(EntryProof {
        entry: Entry { key: key.to_vec(), value: Bytes(value) },
        section: part.root(),
        inner,
        outer,
    })
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_remembered_root_is_the_root(steps in prop::collection::vec((0..12u8, prop::option::of(0..3u64), 0..6u8), 1..60)) {
            let mut section = Section::<u8, u64>::default();
            let mut settled = (*section.map).clone();
            for (key, value, then) in steps {
                // The root is asked for now and then, so that changes pile up between.
                let before = (section.clone(), (*section.map).clone());
                match value {
                    Some(value) => section.set(key, value),
                    None => section.unset(&key),
                }
                section.prune(|key, _| *key < 11);
                match then {
                    0 => {
                        section.undo();
                        prop_assert_eq!(&*section, &settled, "all since the last settling is taken back");
                    }
                    1 => {
                        section.settle();
                        settled = (*section.map).clone();
                    }
                    2 => section = section.clone(),
                    _ => {}
                }
                let mut fresh = Section::<u8, u64>::default();
                fresh.extend(section.iter().map(|(key, value)| (*key, *value)));
                if then > 3 {
                    prop_assert_eq!(section.root(), fresh.root());
                    settled = (*section.map).clone();
                }
                prop_assert_eq!(section.clone().root(), fresh.root());
                prop_assert_eq!(&*before.0, &before.1, "a copy keeps what it had");
                let mut copy = Section::<u8, u64>::default();
                copy.extend(before.1);
                prop_assert_eq!(before.0.root(), copy.root());
            }
        }

        #[test]
        fn an_entry_is_proved_in_its_section_only(n in 1..40u8, wanted in any::<u8>()) {
            let mut sections = [Section::<u8, u64>::default(), Section::default(), Section::default()];
            for section in &mut sections {
                section.extend((0..n).map(|key| (key, u64::from(key))));
            }
            let parts: Vec<&dyn Part> = sections.iter().map(|section| section as &dyn Part).collect();
            let key = key_of(1, &(wanted % n));
            let proof = prove(&parts, &key).expect("there");
            let entry = proof.verify(root(&parts)).expect("holds");
            prop_assert_eq!(entry.read::<u64>(), Some(u64::from(wanted % n)));
            // The same entry is in all three, but a proof of one says nothing of the others.
            let mut moved = proof.clone();
            moved.entry.key[0] = 2;
            prop_assert!(moved.verify(root(&parts)).is_none());
            let mut other = proof;
            other.entry.value = Bytes(bytes_of(&99u64));
            prop_assert!(other.verify(root(&parts)).is_none());
            prop_assert!(prove(&parts, &key_of(1, &n)).is_none());
            prop_assert!(prove(&parts, &key_of(3, &0u8)).is_none());
        }
    }
}
