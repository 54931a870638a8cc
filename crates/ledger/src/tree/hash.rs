//! How the tree hashes: BLAKE3 by the rule of `jmt`, under a domain of its own.

use bitneuron_core::{Digest, hash::Hasher};
use jmt::SimpleHasher;
use jmt::proof::{INTERNAL_DOMAIN_SEPARATOR, LEAF_DOMAIN_SEPARATOR};
use std::sync::LazyLock;

/// BLAKE3 under the domain of the tree.
pub(super) struct Blake3(Hasher);

/// Deriving a key from the domain costs as much as a hash, so it is done once.
static DOMAIN: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("bitneuron ledger tree v1"));

impl SimpleHasher for Blake3 {
    fn new() -> Self {
        Self(DOMAIN.clone())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        self.0.finish().0
    }
}

/// The digest of a subtree without entries, which is the hash of nothing known.
pub(super) const EMPTY: Digest = Digest(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__");

fn hash(parts: &[&[u8]]) -> Digest {
    let mut hasher = Blake3::new();
    parts.iter().for_each(|part| hasher.update(part));
    Digest(hasher.finalize())
}

/// The name of a key in the tree, by whose bits its path goes.
pub(super) fn name_of(key: &[u8]) -> Digest {
    static DOMAIN: LazyLock<Hasher> = LazyLock::new(|| Hasher::new("bitneuron ledger key v1"));
    DOMAIN.clone().update(key).finish()
}

/// What a leaf holds of its value.
pub(super) fn value_hash(value: &[u8]) -> Digest {
    hash(&[value])
}

/// The leaf of an entry.
pub(super) fn leaf(name: Digest, value: Digest) -> Digest {
    hash(&[LEAF_DOMAIN_SEPARATOR, &name.0, &value.0])
}

/// The node above two subtrees.
pub(super) fn node(left: Digest, right: Digest) -> Digest {
    hash(&[INTERNAL_DOMAIN_SEPARATOR, &left.0, &right.0])
}
