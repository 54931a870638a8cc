//! Integer tensors: a shape and a row-major buffer.

use crate::{Commitment, hash::Hasher, merkle};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A dense integer tensor of at most [`Tensor::MAX_DIMS`] dimensions, row-major.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Tensor {
    shape: Vec<u32>,
    data: Vec<i64>,
}

/// A shape that is too large or does not fit its buffer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("shape {shape:?} does not describe {length} elements")]
pub struct ShapeError {
    /// The shape.
    pub shape: Vec<u32>,
    /// The length of the buffer.
    pub length: usize,
}

/// The number of elements of a shape; `None` when it has too many dimensions or elements.
///
/// The sizes that are not zero are bounded together, also where another is zero: no product of some of them, such as a
/// stride, is larger than [`Tensor::MAX_ELEMENTS`].
pub fn elements(shape: &[u32]) -> Option<usize> {
    (shape.len() <= Tensor::MAX_DIMS).then_some(())?;
    shape
        .iter()
        .try_fold(1usize, |product, size| product.checked_mul((*size).max(1) as usize))
        .filter(|product| *product <= Tensor::MAX_ELEMENTS)
        .map(|product| if shape.contains(&0) { 0 } else { product })
}

impl Tensor {
    /// The most dimensions.
    pub const MAX_DIMS: usize = 6;
    /// The most elements, 2²⁴.
    pub const MAX_ELEMENTS: usize = 1 << 24;
    /// How many consecutive elements one leaf of a commitment holds.
    pub const CHUNK: usize = 128;

    /// A tensor of this shape.
    ///
    /// # Errors
    /// Too many dimensions or elements, or a buffer of another length.
    pub fn new(shape: &[u32], data: Vec<i64>) -> Result<Self, ShapeError> {
        if elements(shape) == Some(data.len()) {
            Ok(Self { shape: shape.to_vec(), data })
        } else {
            Err(ShapeError { shape: shape.to_vec(), length: data.len() })
        }
    }

    /// A vector.
    ///
    /// # Panics
    /// On more than [`Tensor::MAX_ELEMENTS`]; what may be longer goes through [`Tensor::new`].
    pub fn vector(data: Vec<i64>) -> Self {
        assert!(data.len() <= Self::MAX_ELEMENTS, "a vector of {} elements", data.len());
        Self { shape: vec![data.len() as u32], data }
    }

    /// One number, of no dimension.
    pub fn scalar(value: i64) -> Self {
        Self { shape: Vec::new(), data: vec![value] }
    }

    /// The shape, outermost first.
    pub fn shape(&self) -> &[u32] {
        &self.shape
    }

    /// The elements, row-major.
    pub fn data(&self) -> &[i64] {
        &self.data
    }

    /// The elements, taken out.
    pub fn into_data(self) -> Vec<i64> {
        self.data
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The Merkle tree of the commitment: leaves of [`Tensor::CHUNK`] elements as 8-byte little-endian integers.
    pub fn tree(&self) -> merkle::Tree {
        let mut bytes = Vec::with_capacity(Self::CHUNK * 8);
        merkle::Tree::new(
            self.data
                .chunks(Self::CHUNK)
                .map(|chunk| {
                    bytes.clear();
                    chunk.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
                    merkle::leaf(&bytes)
                })
                .collect(),
        )
    }

    /// The commitment to shape and elements.
    pub fn commitment(&self) -> Commitment {
        commitment(&self.shape, self.tree().root())
    }
}

/// The commitment to a tensor of this shape whose tree has this root.
pub fn commitment(shape: &[u32], root: crate::Digest) -> Commitment {
    let mut hasher = Hasher::new("bitneuron tensor commitment v1");
    hasher.number(shape.len() as u64);
    shape.iter().for_each(|size| {
        hasher.number(u64::from(*size));
    });
    Commitment::merkle(hasher.update(&root.0).finish())
}

#[derive(Serialize, Deserialize)]
struct Raw {
    shape: Vec<u32>,
    data: Vec<i64>,
}

impl TryFrom<Raw> for Tensor {
    type Error = ShapeError;

    fn try_from(raw: Raw) -> Result<Self, ShapeError> {
        Self::new(&raw.shape, raw.data)
    }
}

impl From<Tensor> for Raw {
    fn from(tensor: Tensor) -> Self {
        Self { shape: tensor.shape, data: tensor.data }
    }
}
