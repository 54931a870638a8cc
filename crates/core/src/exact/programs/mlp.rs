//! Multilayer perceptrons in integers: sizes, layout and first parameters.

use super::Net;
use crate::exact::{ExactParams, ProgramError, Tensor};
use crate::{Layout, Seed};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The sizes of a multilayer perceptron with ReLU between layers: features, hidden sizes, classes.
///
/// Two sizes are softmax regression. The parameters are `w1 [in, out]`, `b1 [out]`, `w2`, `b2`, … in one flat buffer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct Mlp {
    sizes: Vec<u32>,
}

impl TryFrom<Vec<u32>> for Mlp {
    type Error = ProgramError;

    fn try_from(sizes: Vec<u32>) -> Result<Self, ProgramError> {
        Self::new(&sizes)
    }
}

impl From<Mlp> for Vec<u32> {
    fn from(mlp: Mlp) -> Self {
        mlp.sizes
    }
}

impl Mlp {
    /// The most layers.
    pub const MAX_LAYERS: usize = 16;
    /// The widest layer.
    pub const MAX_WIDTH: u32 = 1 << 14;

    /// The perceptron with these sizes, input first, classes last.
    ///
    /// # Errors
    /// Fewer than two sizes, too many layers, a size of 0 or above [`Mlp::MAX_WIDTH`], or more parameters than a tensor
    /// holds ([`Tensor::MAX_ELEMENTS`]).
    pub fn new(sizes: &[u32]) -> Result<Self, ProgramError> {
        let layers = sizes.len().saturating_sub(1);
        let fits = (1..=Self::MAX_LAYERS).contains(&layers)
            && sizes.iter().all(|size| (1..=Self::MAX_WIDTH).contains(size));
        if !fits {
            return Err(ProgramError::Argument("not the sizes of an MLP"));
        }
        let mlp = Self { sizes: sizes.to_vec() };
        if mlp.parameters() as usize > Tensor::MAX_ELEMENTS {
            return Err(ProgramError::TooLarge { what: "parameters", limit: Tensor::MAX_ELEMENTS });
        }
        Ok(mlp)
    }

    /// The sizes, input first.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The number of features.
    pub fn features(&self) -> u32 {
        self.sizes.first().copied().unwrap_or(0)
    }

    /// The number of classes.
    pub fn classes(&self) -> u32 {
        self.sizes.last().copied().unwrap_or(0)
    }

    /// The number of parameters.
    pub fn parameters(&self) -> u32 {
        self.pairs().map(|(from, to)| from.saturating_add(1).saturating_mul(to)).fold(0, u32::saturating_add)
    }

    /// A first model: [`Net::init`].
    pub fn init(&self, seed: Seed) -> ExactParams {
        Net::from(self).init(seed)
    }

    /// The layout of the flat buffer: `w1, b1, w2, b2, …`.
    pub fn layout(&self) -> Arc<Layout> {
        Net::from(self).layout()
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.sizes.windows(2).filter_map(|pair| match pair {
            [from, to] => Some((*from, *to)),
            _ => None,
        })
    }
}
