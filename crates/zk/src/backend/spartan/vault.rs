//! Commitments of this backend and what opens them.
//!
//! A tensor is committed to in rows of 2048 elements, each a Pedersen commitment `Σ xᵢ·Gᵢ + b·H` over T256 with a blind `b` of
//! its own, and the commitment is the digest of shape and rows ([`SCHEME`]). It hides perfectly and binds under the discrete
//! logarithm. The blinds follow from a seed and the tensor, so the seed opens the commitment: who proves something about a tensor
//! has both, the seed in a [`Vault`]. A model that one proof ends with is committed once and is what the next begins with.

use super::circuit::scalar;
use super::engine::{self, Scalar, WIDTH, uniform};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{Commitment, Digest, Seed, hash::Hasher};
use std::collections::BTreeMap;
use std::fmt;

/// The scheme of [`Commitment`]s that this backend can open.
pub const SCHEME: u16 = 3;

/// Encoded row commitments, one after the other.
pub(super) struct Rows(Vec<u8>);

/// A version byte and a length stand before the rows of an encoding.
pub(super) const HEADER: usize = 9;

impl Rows {
    /// From the encoding of the library's commitment.
    pub(super) fn of(encoding: &[u8]) -> Self {
        Self(encoding.get(HEADER..).unwrap_or(&[]).to_vec())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The commitment to a tensor of this shape.
    pub(super) fn commitment(shape: &[u32], rows: &[u8]) -> Commitment {
        let mut hasher = Hasher::new("bitneuron spartan commitment v1");
        hasher.number(shape.len() as u64);
        shape.iter().for_each(|size| {
            hasher.number(u64::from(*size));
        });
        Commitment { scheme: SCHEME, root: hasher.part(rows).finish() }
    }
}

/// The blinds of a tensor's rows.
pub(super) fn blinds(tensor: &Tensor, seed: Seed) -> Vec<Scalar> {
    let mut hasher = Hasher::new("bitneuron spartan blinds v1");
    let Digest(bytes) = hasher.update(&seed.0).update(&tensor.commitment().root.0).finish();
    let mut stream = Seed(bytes).rng();
    (0..tensor.len().div_ceil(WIDTH)).map(|_| uniform(&mut stream)).collect()
}

/// The hiding commitment to a tensor under a secret seed.
pub fn commit(tensor: &Tensor, seed: Seed) -> Commitment {
    let elements: Vec<Scalar> = tensor.data().iter().map(|value| scalar((*value).into())).collect();
    // The library has no reason to refuse: there are as many blinds as rows.
    let rows = engine::commit(&elements, &blinds(tensor, seed)).unwrap_or(Rows(Vec::new()));
    Rows::commitment(tensor.shape(), rows.bytes())
}

/// The seeds of commitments: what a prover must know besides the tensors. Secret.
#[derive(Clone, Default)]
pub struct Vault {
    seeds: BTreeMap<Commitment, Seed>,
}

impl Vault {
    /// An empty vault.
    pub fn new() -> Self {
        Self::default()
    }

    /// Commits to a tensor and keeps the seed.
    pub fn commit(&mut self, tensor: &Tensor, seed: Seed) -> Commitment {
        let commitment = commit(tensor, seed);
        self.insert(commitment, seed);
        commitment
    }

    /// Keeps the seed of a commitment, as its owner told it.
    pub fn insert(&mut self, commitment: Commitment, seed: Seed) {
        self.seeds.insert(commitment, seed);
    }

    /// The seed of a commitment.
    pub fn get(&self, commitment: &Commitment) -> Option<Seed> {
        self.seeds.get(commitment).copied()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.seeds.keys()).finish()
    }
}
