//! The integer parameters of a model: what is sent, merged, stepped, voted on and proved.

use super::{Tensor, fixed};
use crate::{Bytes, Commitment, Layout, Params};
use std::sync::Arc;
use thiserror::Error;

/// A model's parameters as integers with [`fixed::WEIGHT_BITS`] fractional bits, each within ±[`fixed::WEIGHT_LIMIT`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactParams {
    values: Vec<i32>,
    layout: Arc<Layout>,
}

/// Why integers are not the parameters of a model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Another number of values than the layout has.
    #[error("{found} values where the layout has {expected}")]
    Length {
        /// How many were given.
        found: usize,
        /// How many the layout has.
        expected: usize,
    },
    /// More parameters than a tensor holds.
    #[error("{0} parameters, at most {most} allowed", most = Tensor::MAX_ELEMENTS)]
    TooLarge(usize),
    /// A value outside the interval of weights.
    #[error("parameter {index} is {found}, outside ±2^14")]
    Range {
        /// The place in the flat buffer.
        index: usize,
        /// The value.
        found: i64,
    },
}

impl ExactParams {
    /// Wraps integers, refusing what no model may hold.
    ///
    /// # Errors
    /// Another length than the layout's, more parameters than a tensor holds, or a value outside the interval.
    pub fn new(values: Vec<i32>, layout: Arc<Layout>) -> Result<Self, ModelError> {
        if values.len() != layout.len() {
            return Err(ModelError::Length { found: values.len(), expected: layout.len() });
        }
        Self::fits(&layout)?;
        match values.iter().position(|value| i64::from(value.unsigned_abs()) > fixed::WEIGHT_LIMIT) {
            None => Ok(Self { values, layout }),
            Some(index) => {
                Err(ModelError::Range { index, found: values.get(index).map_or(0, |v| i64::from(*v)) })
            }
        }
    }

    /// Rounds `f32` parameters to nearest and moves them into the interval.
    ///
    /// # Errors
    /// More parameters than a tensor holds.
    pub fn from_params(params: &Params) -> Result<Self, ModelError> {
        Self::fits(params.layout())?;
        let round = |value: &f32| fixed::from_f32(*value, fixed::WEIGHT_BITS, fixed::WEIGHT_LIMIT) as i32;
        Ok(Self { values: params.values().iter().map(round).collect(), layout: params.layout().clone() })
    }

    fn fits(layout: &Layout) -> Result<(), ModelError> {
        if layout.len() > Tensor::MAX_ELEMENTS { Err(ModelError::TooLarge(layout.len())) } else { Ok(()) }
    }

    /// Wraps integers drawn inside the interval for every place of the layout.
    pub(super) fn from_drawn(values: Vec<i32>, layout: Arc<Layout>) -> Self {
        debug_assert_eq!(values.len(), layout.len());
        Self { values, layout }
    }

    /// From the flat tensor of a program.
    ///
    /// # Errors
    /// As [`ExactParams::new`].
    pub fn from_tensor(tensor: &Tensor, layout: Arc<Layout>) -> Result<Self, ModelError> {
        let narrow = |(index, value): (usize, &i64)| {
            i32::try_from(*value).map_err(|_| ModelError::Range { index, found: *value })
        };
        Self::new(tensor.data().iter().enumerate().map(narrow).collect::<Result<_, _>>()?, layout)
    }

    /// The flat tensor `[parameters]` that programs take.
    pub fn tensor(&self) -> Tensor {
        Tensor::vector(self.values.iter().map(|value| i64::from(*value)).collect())
    }

    /// Two little-endian bytes for each integer: how models travel without loss.
    pub fn to_bytes(&self) -> Bytes {
        Bytes(self.values.iter().flat_map(|value| (*value as i16).to_le_bytes()).collect())
    }

    /// The model of these bytes; `None` when they are not one of this layout.
    pub fn from_bytes(bytes: &[u8], layout: &Arc<Layout>) -> Option<Self> {
        let (pairs, []) = bytes.as_chunks::<2>() else { return None };
        if pairs.len() != layout.len() {
            return None;
        }
        let values = pairs.iter().map(|pair| i32::from(i16::from_le_bytes(*pair))).collect();
        Self::new(values, layout.clone()).ok()
    }

    /// As `f32`, exactly.
    pub fn to_params(&self) -> Params {
        let values = self.values.iter().map(|value| fixed::to_f32(i64::from(*value), fixed::WEIGHT_BITS));
        let mut params = Params::zeros(self.layout.clone());
        params.values_mut().iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
        params
    }

    /// The integers.
    pub fn values(&self) -> &[i32] {
        &self.values
    }

    /// The layout.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The commitment to the flat tensor.
    pub fn commitment(&self) -> Commitment {
        self.tensor().commitment()
    }
}
