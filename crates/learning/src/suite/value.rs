//! What the suites must know of a value to judge the rules that work on it.

use bitneuron_core::exact::{ExactParams, fixed};
use bitneuron_core::{Layout, Params};
use std::fmt::Debug;
use std::sync::Arc;

/// A vector of numbers in a layout, as the suites see it.
pub trait Value: Clone + Debug + Send + Sync {
    /// The rounding of one coordinate that is forgiven, relative to the largest magnitude (at least 1).
    const ROUNDING: f64;

    /// The value nearest to these numbers, one for each place of the layout.
    fn nearest(numbers: &[f64], layout: &Arc<Layout>) -> Self;

    /// The layout.
    fn layout(&self) -> &Arc<Layout>;

    /// The numbers.
    fn numbers(&self) -> Vec<f64>;

    /// The value to the bit.
    fn bits(&self) -> Vec<u32>;

    /// The same value spoiled in each way that no rule may merge; empty where the type admits none.
    fn spoiled(&self) -> Vec<Self>;
}

impl Value for Params {
    const ROUNDING: f64 = 1e-5;

    fn nearest(numbers: &[f64], layout: &Arc<Layout>) -> Self {
        let mut params = Self::zeros(Arc::clone(layout));
        for (value, number) in params.values_mut().iter_mut().zip(numbers) {
            *value = number.clamp(-1e38, 1e38) as f32;
        }
        params
    }

    fn layout(&self) -> &Arc<Layout> {
        self.layout()
    }

    fn numbers(&self) -> Vec<f64> {
        self.values().iter().map(|value| f64::from(*value)).collect()
    }

    fn bits(&self) -> Vec<u32> {
        self.values().iter().map(|value| value.to_bits()).collect()
    }

    fn spoiled(&self) -> Vec<Self> {
        let with = |odd: f32| {
            let mut params = self.clone();
            if let Some(last) = params.values_mut().last_mut() {
                *last = odd;
            }
            params
        };
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(with).to_vec()
    }
}

impl Value for ExactParams {
    /// Two units: one for the value, one for the share that it is multiplied by.
    const ROUNDING: f64 = 2.0 / (1u32 << fixed::WEIGHT_BITS) as f64;

    fn nearest(numbers: &[f64], layout: &Arc<Layout>) -> Self {
        let params = Params::nearest(numbers, layout);
        Self::from_params(&params).unwrap_or_else(|_| unreachable!("the suites draw small layouts"))
    }

    fn layout(&self) -> &Arc<Layout> {
        self.layout()
    }

    fn numbers(&self) -> Vec<f64> {
        self.to_params().numbers()
    }

    fn bits(&self) -> Vec<u32> {
        self.values().iter().map(|value| value.cast_unsigned()).collect()
    }

    fn spoiled(&self) -> Vec<Self> {
        Vec::new()
    }
}
