//! The largest values of each tensor.
//!
//! ```text
//! x̂ᵢ = xᵢ for the k = ⌈p·n⌉ largest |xᵢ|, 0 for all others
//! ```
//! What is dropped is no larger than what is kept, hence ‖x − x̂‖² ≤ (1 − k/n)‖x‖² (Stich, Cordonnier and Jaggi,
//! *Sparsified SGD with Memory*, 2018). It is biased: updates need [`crate::ErrorFeedback`] around it.
//!
//! Part of a tensor: see [`super::magnitude`]; empty when all values are zero. At p = 1/100 a value costs 8.1 bits
//! for its position and 32 or 8 for itself.

use super::{
    density::Density,
    entries::{self, Entries},
    magnitude::{self, Precision},
};
use crate::{CodecId, CompressError, Compressor, ErrorBound, Limits, Packet, Properties};
use bitneuron_core::{Layout, Params, Seed};

/// Keeps the largest values.
///
/// ```
/// use bitneuron_compress::{Compressor, Limits, Top, sparse::Density};
/// use bitneuron_core::{Layout, Params, Seed};
/// use std::sync::Arc;
/// let layout = Arc::new(Layout::of(&[("w", &[2, 3])])?);
/// let params = Params::new(vec![0.1, -3.0, 0.2, 0.0, 2.0, -0.3], layout.clone())?;
/// let codec = Top::new(Density::new(1, 3)?);
/// let packet = codec.compress(&params, Seed::default())?;
/// let back = codec.decompress(&packet, &layout, Limits::of(&layout))?;
/// assert_eq!(back.values(), [0.0, -3.0, 0.0, 0.0, 2.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    density: Density,
    precision: Precision,
}

impl Top {
    /// Keeps this share of each tensor, as `f32`.
    pub fn new(density: Density) -> Self {
        Self { density, precision: Precision::Full }
    }

    /// With values in another form.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// δ = p, less what a byte loses.
    fn contraction(&self) -> f64 {
        self.density.ratio() * (1.0 - self.precision.loss())
    }

    fn open(self, packet: &Packet, expect: &Layout, limits: Limits) -> Result<Entries, CompressError> {
        entries::open(self.codec(), packet, expect, limits, magnitude::read)
    }
}

impl Default for Top {
    /// One value in a hundred, as `f32`.
    fn default() -> Self {
        Self::new(Density::PERCENT)
    }
}

impl Compressor for Top {
    fn codec(&self) -> CodecId {
        CodecId::TOP
    }

    fn properties(&self) -> Properties {
        Properties { contraction: self.contraction(), ..Properties::default() }
    }

    /// ‖x − x̂‖ ≤ √(1 − δ) ‖x‖.
    fn error(&self) -> ErrorBound {
        ErrorBound::Norm((1.0 - self.contraction()).sqrt())
    }

    fn compress(&self, params: &Params, _seed: Seed) -> Result<Packet, CompressError> {
        entries::packet(self.codec(), params, |values, first| {
            let kept = entries::kept(values, first, self.density.count(values.len()))?;
            let mut part = Vec::new();
            self.precision.write(&kept, &mut part);
            Ok(part)
        })
    }

    entries::decoding!();
}

entries::exact_decoder!(Top);
