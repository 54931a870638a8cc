//! Multilayer perceptrons in integers: sizes, layout and first parameters.

use crate::Layout;
use crate::Seed;
use crate::exact::{ExactParams, ProgramError, Tensor, fixed};
use crate::params::Entry;
use rand_chacha::rand_core::Rng;
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

    /// A first model: weights uniform within ±√(6 / fan-in) (He et al. 2015, for ReLU), biases zero, drawn in integers so that
    /// a seed gives the same model on every machine.
    pub fn init(&self, seed: Seed) -> ExactParams {
        let mut rng = seed.derive("mlp init").rng();
        let mut values = Vec::with_capacity(self.parameters() as usize);
        for (from, to) in self.pairs() {
            let limit = (6u64 << (2 * fixed::WEIGHT_BITS)).checked_div(u64::from(from)).unwrap_or(0).isqrt();
            let limit = limit.min(fixed::WEIGHT_LIMIT.unsigned_abs());
            let span = u128::from(limit).saturating_mul(2).saturating_add(1);
            for _ in 0..u64::from(from).saturating_mul(u64::from(to)) {
                let drawn = u128::from(rng.next_u64()).saturating_mul(span) >> 64;
                values.push((drawn as i32).saturating_sub(limit as i32));
            }
            values.extend(std::iter::repeat_n(0, to as usize));
        }
        ExactParams::from_drawn(values, self.layout())
    }

    /// The layout of the flat buffer: `w1, b1, w2, b2, …`.
    pub fn layout(&self) -> Arc<Layout> {
        let entries = self.pairs().enumerate().flat_map(|(at, (from, to))| {
            let layer = at.saturating_add(1);
            [
                Entry { name: format!("w{layer}"), shape: vec![from, to] },
                Entry { name: format!("b{layer}"), shape: vec![to] },
            ]
        });
        let layout = Layout::new(entries.collect());
        Arc::new(
            layout.unwrap_or_else(|_| unreachable!("fewer layers and parameters than a layout may have")),
        )
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.sizes.windows(2).filter_map(|pair| match pair {
            [from, to] => Some((*from, *to)),
            _ => None,
        })
    }
}
