//! Proofs of single entries, for somebody who trusts only a header.
//!
//! A proof names what stands at the end of the key's path through the tree and the digests beside that path. Presence: the
//! key's own leaf. Absence: nothing there, or the leaf of another key that has the whole subtree for itself, which it could
//! not if the key were there too. With n entries about log₂(n) digests are beside the path.

use super::hash::{EMPTY, leaf, name_of, node, value_hash};
use crate::Value;
use bitneuron_core::{Bytes, Digest, Wire};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// More digests beside the path than a name has bits.
    #[error("a path longer than the names")]
    Depth,
    /// Absence shown by an entry that says nothing about the key.
    #[error("absence shown by an entry elsewhere")]
    Elsewhere,
    /// It leads to another root.
    #[error("the entry is not under this root")]
    Root,
}

/// What the tree says about a key, with the way to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryProof {
    pub(crate) end: End,
    /// The digests beside the path, from its end up to the root.
    pub(crate) siblings: Vec<Digest>,
}

/// What stands at the end of a key's path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    /// The key's value.
    Value(Bytes),
    /// Nothing.
    Empty,
    /// The leaf of another key: its name and the hash of its value.
    Other { name: Digest, value: Digest },
}

impl Wire for EntryProof {
    const LIMIT: usize = 1 << 20;
}

/// The bits of a name, the highest first.
fn bits(name: &Digest) -> impl DoubleEndedIterator<Item = bool> + ExactSizeIterator + '_ {
    (0..256).map(|at: usize| name.0.get(at / 8).is_some_and(|byte| byte & (128 >> (at % 8)) != 0))
}

impl EntryProof {
    /// What the state with this root has under the key; `None` when it has nothing there.
    ///
    /// # Errors
    /// Why this does not show it.
    pub fn verify(&self, root: Digest, key: &[u8]) -> Result<Option<Value>, ProofError> {
        let name = name_of(key);
        let depth = self.siblings.len();
        if depth > 256 {
            return Err(ProofError::Depth);
        }
        let (start, value) = match &self.end {
            End::Value(value) => (leaf(name, value_hash(value)), Some(Value(value.clone()))),
            End::Empty => (EMPTY, None),
            End::Other { name: other, value } => {
                let shared = bits(&name).zip(bits(other)).take_while(|(a, b)| a == b).count();
                if *other == name || shared < depth {
                    return Err(ProofError::Elsewhere);
                }
                (leaf(*other, *value), None)
            }
        };
        let path: Vec<bool> = bits(&name).take(depth).collect();
        let found = self.siblings.iter().zip(path.iter().rev()).fold(start, |below, (beside, right)| {
            if *right { node(*beside, below) } else { node(below, *beside) }
        });
        if found == root { Ok(value) } else { Err(ProofError::Root) }
    }

    /// The value that it claims to prove, not checked against any root.
    pub fn claimed(&self) -> Option<&[u8]> {
        match &self.end {
            End::Value(value) => Some(value),
            End::Empty | End::Other { .. } => None,
        }
    }
}
