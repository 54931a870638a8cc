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
//! root until then. So a copy of the state is cheap and a block hashes only the sections that it touched.

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

/// A section: a map that is copied when it is changed.
#[derive(Debug, Clone)]
pub(crate) struct Section<K, V> {
    map: Arc<BTreeMap<K, V>>,
    root: OnceLock<Digest>,
}

impl<K, V> Default for Section<K, V> {
    fn default() -> Self {
        Self { map: Arc::new(BTreeMap::new()), root: OnceLock::new() }
    }
}

impl<K, V> Deref for Section<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.map
    }
}

impl<K: Field + Ord, V: Field> Section<K, V> {
    /// The map, to be changed.
    pub(crate) fn edit(&mut self) -> &mut BTreeMap<K, V> {
        self.root = OnceLock::new();
        Arc::make_mut(&mut self.map)
    }

    /// Sets an entry.
    pub(crate) fn set(&mut self, key: K, value: V) {
        self.edit().insert(key, value);
    }

    /// Removes an entry, if it is there.
    pub(crate) fn unset(&mut self, key: &K) {
        if self.contains_key(key) {
            self.edit().remove(key);
        }
    }

    /// Keeps what `keep` wants; touches nothing when it wants all.
    pub(crate) fn prune(&mut self, keep: impl Fn(&K, &V) -> bool) {
        if self.iter().any(|(key, value)| !keep(key, value)) {
            self.edit().retain(|key, value| keep(key, value));
        }
    }

    fn tree(&self) -> Tree {
        // The section's number is bound by the section's place in the tree above.
        Tree::new(self.iter().map(|(key, value)| entry_leaf(&bytes_of(key), &bytes_of(value))).collect())
    }
}

impl<K: Field + Ord, V: Field> Part for Section<K, V> {
    fn root(&self) -> Digest {
        *self.root.get_or_init(|| self.tree().root())
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
        fn a_remembered_root_is_the_root(steps in prop::collection::vec((0..12u8, prop::option::of(0..3u64), any::<bool>()), 1..60)) {
            let mut section = Section::<u8, u64>::default();
            for (key, value, copied) in steps {
                let before = (section.clone(), section.root());
                match value {
                    Some(value) => section.set(key, value),
                    None => section.unset(&key),
                }
                section.prune(|key, _| *key < 11);
                let mut fresh = Section::<u8, u64>::default();
                fresh.edit().extend(section.iter().map(|(key, value)| (*key, *value)));
                prop_assert_eq!(section.root(), fresh.root());
                prop_assert_eq!(section.root() == before.1, *section == *before.0, "as equal as the maps");
                prop_assert_eq!(before.0.tree().root(), before.1, "a copy keeps what it had");
                if copied {
                    section = section.clone();
                }
            }
        }

        #[test]
        fn an_entry_is_proved_in_its_section_only(n in 1..40u8, wanted in any::<u8>()) {
            let mut sections = [Section::<u8, u64>::default(), Section::default(), Section::default()];
            for section in &mut sections {
                section.edit().extend((0..n).map(|key| (key, u64::from(key))));
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
