//! The commitment to a book: a sparse Merkle tree from keys (digests) to values (digests).
//!
//! A subtree without a key is the zero digest, one with a single key is that key's leaf, any other is the hash of its
//! halves, split by the next bit of the keys:
//!
//! ```text
//! leaf = H("… leaf", key ‖ value)      node = H("… node", left ‖ right)      root = H("… root", market ‖ top)
//! ```
//!
//! So the root depends on the set of records only, not on how it came about, and a record is proved with about
//! log₂(n) digests. Nodes are shared between copies: a copy of the tree is free, and what it changes it copies first. Changes are collected and applied
//! in one pass that hashes each touched node once.

use bitneuron_core::{Digest, Wire, hash::Hasher};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// Keys with the digests of their new leaves; `None` removes. Ascending by key.
type Changes<'a> = &'a [(Digest, Option<Digest>)];

#[derive(Debug, Clone)]
enum Node {
    /// A key.
    Leaf(Digest),
    /// Left and right half.
    Branch(Option<Link>, Option<Link>),
}

/// A node with its digest beside the pointer, so that hashing a branch does not visit the half that did not change.
#[derive(Debug, Clone)]
struct Link {
    digest: Digest,
    node: Arc<Node>,
}

fn leaf(key: Digest, value: Digest) -> Digest {
    Hasher::new("bitneuron market leaf v1").update(&key.0).update(&value.0).finish()
}

fn branch(left: Digest, right: Digest) -> Digest {
    Hasher::new("bitneuron market node v1").update(&left.0).update(&right.0).finish()
}

fn crown(market: &str, top: Digest) -> Digest {
    Hasher::new("bitneuron market root v1").part(market.as_bytes()).update(&top.0).finish()
}

fn digest_of(link: Option<&Link>) -> Digest {
    link.map_or(Digest::ZERO, |link| link.digest)
}

/// Bit `depth` of a key, the highest bit of the first byte first.
fn bit(key: &Digest, depth: usize) -> bool {
    const MASKS: [u8; 8] = [128, 64, 32, 16, 8, 4, 2, 1];
    let mask = MASKS.get(depth.rem_euclid(8)).copied().unwrap_or(0);
    key.0.get(depth.div_euclid(8)).is_some_and(|byte| byte & mask != 0)
}

/// The subtree at `depth` after `changes`, all of which belong to it. Nodes that no copy shares are changed in place.
fn apply(link: Option<Link>, depth: usize, changes: Changes<'_>) -> Option<Link> {
    let Some(Link { digest, mut node }) = link else { return grow(depth, changes) };
    if changes.is_empty() {
        return Some(Link { digest, node });
    }
    let (left, right) = match Arc::make_mut(&mut node) {
        Node::Branch(left, right) => (left.take(), right.take()),
        Node::Leaf(key) => {
            return match changes.binary_search_by_key(key, |change| change.0) {
                Ok(_) => grow(depth, changes),
                Err(at) => {
                    let (before, after) = changes.split_at(at);
                    grow(depth, &[before, &[(*key, Some(digest))], after].concat())
                }
            };
        }
    };
    let (low, high) = halves(depth, changes);
    let below = depth.saturating_add(1);
    join(apply(left, below, low), apply(right, below, high), Some(node))
}

/// The changes to the left and to the right of the branch at `depth`.
fn halves(depth: usize, changes: Changes<'_>) -> (Changes<'_>, Changes<'_>) {
    changes.split_at(changes.partition_point(|change| !bit(&change.0, depth)))
}

/// A subtree at `depth` that had nothing in it.
fn grow(depth: usize, changes: Changes<'_>) -> Option<Link> {
    match changes {
        [] | [(_, None)] => None,
        [(key, Some(digest))] => Some(Link { digest: *digest, node: Arc::new(Node::Leaf(*key)) }),
        _ => {
            let (low, high) = halves(depth, changes);
            let below = depth.saturating_add(1);
            join(grow(below, low), grow(below, high), None)
        }
    }
}

/// The subtree with these halves, in a node that is free for it or in a new one.
fn join(left: Option<Link>, right: Option<Link>, free: Option<Arc<Node>>) -> Option<Link> {
    let single = match (&left, &right) {
        (None, None) => return None,
        (Some(link), None) | (None, Some(link)) => matches!(*link.node, Node::Leaf(_)),
        (Some(_), Some(_)) => false,
    };
    if single {
        return left.or(right);
    }
    let digest = branch(digest_of(left.as_ref()), digest_of(right.as_ref()));
    let branch = Node::Branch(left, right);
    let node = match free {
        Some(mut node) => {
            *Arc::make_mut(&mut node) = branch;
            node
        }
        None => Arc::new(branch),
    };
    Some(Link { digest, node })
}

/// Records, by key, under one root.
#[derive(Debug, Clone)]
pub(super) struct Records {
    market: &'static str,
    top: Option<Link>,
    pending: BTreeMap<Digest, Option<Digest>>,
}

impl Records {
    pub(super) const fn new(market: &'static str) -> Self {
        Self { market, top: None, pending: BTreeMap::new() }
    }

    /// Sets a record, or removes it.
    pub(super) fn set(&mut self, key: Digest, value: Option<Digest>) {
        self.pending.insert(key, value.map(|value| leaf(key, value)));
    }

    fn changes(&self) -> Vec<(Digest, Option<Digest>)> {
        self.pending.iter().map(|(key, leaf)| (*key, *leaf)).collect()
    }

    fn applied(&self) -> Option<Link> {
        apply(self.top.clone(), 0, &self.changes())
    }

    /// Hashes what has changed, so that it is not hashed at every call of [`Self::root`].
    pub(super) fn flush(&mut self) {
        self.top = apply(self.top.take(), 0, &self.changes());
        self.pending.clear();
    }

    /// The root over all records.
    pub(super) fn root(&self) -> Digest {
        crown(self.market, digest_of(self.applied().as_ref()))
    }

    /// The proof of the record under this key.
    pub(super) fn prove(&self, key: Digest) -> Option<RecordProof> {
        let (mut link, mut siblings, mut depth) = (self.applied()?, Vec::new(), 0usize);
        loop {
            let next = match &*link.node {
                Node::Leaf(found) => return (*found == key).then_some(RecordProof { siblings }),
                Node::Branch(left, right) => {
                    let (next, other) = if bit(&key, depth) { (right, left) } else { (left, right) };
                    siblings.push(digest_of(other.as_ref()));
                    next.clone()?
                }
            };
            link = next;
            depth = depth.saturating_add(1);
        }
    }
}

/// The proof that a record is in a book with some root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordProof {
    /// The digests beside the path, from the top down.
    siblings: Vec<Digest>,
}

impl Wire for RecordProof {
    /// 256 siblings and their number.
    const LIMIT: usize = 8_201;
}

impl RecordProof {
    /// Whether the book of this market with this root has this value under this key.
    pub fn verify(&self, market: &str, root: Digest, key: Digest, value: Digest) -> bool {
        let start = leaf(key, value);
        let top = self.siblings.iter().enumerate().rev().fold(start, |below, (depth, sibling)| {
            if bit(&key, depth) { branch(*sibling, below) } else { branch(below, *sibling) }
        });
        self.siblings.len() <= 256 && crown(market, top) == root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Keys that share long prefixes now and then.
    fn key() -> impl Strategy<Value = Digest> {
        (0..4u8, 0..4u8, 0..8u8).prop_map(|(first, middle, last)| {
            let mut bytes = [0; 32];
            (bytes[0], bytes[15], bytes[31]) = (first << 6, middle, last);
            Digest(bytes)
        })
    }

    fn value(n: u8) -> Digest {
        Digest([n; 32])
    }

    proptest! {
        #[test]
        fn the_root_depends_on_the_records_only(
            steps in prop::collection::vec((key(), prop::option::of(0..3u8), any::<bool>()), 0..120)
        ) {
            let (mut records, mut model) = (Records::new("m"), BTreeMap::new());
            for (key, n, flush) in steps {
                records.set(key, n.map(value));
                match n {
                    Some(n) => model.insert(key, value(n)),
                    None => model.remove(&key),
                };
                if flush {
                    records.flush();
                }
            }
            let mut fresh = Records::new("m");
            model.iter().rev().for_each(|(key, value)| fresh.set(*key, Some(*value)));
            let root = records.root();
            prop_assert_eq!(root, fresh.root());
            records.flush();
            prop_assert_eq!(root, records.root());
            let empty = Records::new("m").root();
            prop_assert_eq!(root == empty, model.is_empty());
            for (key, value) in &model {
                let proof = records.prove(*key).expect("there");
                prop_assert!(proof.verify("m", root, *key, *value));
                prop_assert!(!proof.verify("n", root, *key, *value));
                prop_assert!(!proof.verify("m", root, *key, Digest([9; 32])));
                prop_assert!(!proof.verify("m", empty, *key, *value));
            }
            let absent = Digest([0xaa; 32]);
            prop_assert_eq!(records.prove(absent), None);
        }
    }
}
