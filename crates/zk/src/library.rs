//! Tensors that everybody knows: metric sets and registered public shards.
//!
//! A proof refers to them by their commitment, and a verifier takes them from here instead of from the proof. They are
//! hashed once, when they enter, and never again.
//!
//! A verdict depends on the library, so the library is part of what is agreed: all validators of a chain hold the same
//! tensors at the same height (those of registered goals and registered shards), and a proof refers only to them.

use bitneuron_core::Commitment;
use bitneuron_core::exact::{DataRoot, ExactData, Tensor};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tensors by their commitment. Cloning shares the tensors.
#[derive(Debug, Clone, Default)]
pub struct Library {
    tensors: BTreeMap<Commitment, Arc<Tensor>>,
}

impl Library {
    /// An empty library.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hashes and keeps a tensor.
    pub fn insert(&mut self, tensor: Tensor) -> Commitment {
        let commitment = tensor.commitment();
        self.tensors.insert(commitment, Arc::new(tensor));
        commitment
    }

    /// Hashes and keeps the features and labels of a data set.
    pub fn insert_data(&mut self, data: &ExactData) -> DataRoot {
        let size = |axis: usize| data.features().shape().get(axis).copied().unwrap_or(0);
        DataRoot {
            rows: size(0),
            columns: size(1),
            features: self.insert(data.features().clone()),
            labels: self.insert(data.labels().clone()),
        }
    }

    /// The tensor with this commitment.
    pub fn get(&self, commitment: &Commitment) -> Option<&Arc<Tensor>> {
        self.tensors.get(commitment)
    }

    /// All tensors, in the order of their commitments.
    pub fn tensors(&self) -> impl Iterator<Item = &Arc<Tensor>> {
        self.tensors.values()
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }
}
