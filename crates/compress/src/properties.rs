//! What codecs promise beyond their laws: what whoever sums up updates must know.

use crate::{CompressError, Compressor, Limits, bound::relative_error, factor};
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// Promises of a codec about x̂, decoded from a packet of x.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Properties {
    /// The mean of x̂ over seeds is x.
    pub unbiased: bool,
    /// δ in 0 … 1: ‖x − x̂‖² ≤ (1 − δ)‖x‖² for every x, on average over seeds. 1 is lossless, 0 promises nothing.
    pub contraction: f64,
    /// With one seed, sums of decoded values are what sums decode to.
    pub linear: bool,
}

impl Properties {
    /// Nothing is lost.
    pub const LOSSLESS: Self = Self { unbiased: true, contraction: 1.0, linear: true };
}

/// The contraction that is to be expected where nobody chose the values to be bad: 1 − ‖x − x̂‖²/‖x‖² of independent normal values of
/// this layout, the same for a seed. At most 1; negative where x̂ is farther from x than 0 is.
///
/// [`Properties::contraction`] holds for every x, and is a fraction of this for codecs that keep the largest values, or nothing:
///
/// ```
/// use bitneuron_compress::{Compressor, Sign, Top, properties, sparse::Density};
/// use bitneuron_core::{Layout, Seed};
/// use std::sync::Arc;
/// let layout = Arc::new(Layout::of(&[("w", &[100, 100])])?);
/// let typical = |codec: &dyn Compressor| properties::typical_contraction(codec, &layout, Seed::from_number(1));
/// // A hundredth of normal values has a twelfth of their energy, and signs are right in 2/π of it.
/// let top = Top::new(Density::PERCENT);
/// assert!((top.properties().contraction - 0.01).abs() < 1e-6 && (typical(&top)? - 0.0845).abs() < 0.01);
/// assert!(Sign.properties().contraction == 0.0 && (typical(&Sign)? - 0.6366).abs() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The codec refuses such values.
pub fn typical_contraction(
    codec: &dyn Compressor,
    layout: &Arc<Layout>,
    seed: Seed,
) -> Result<f64, CompressError> {
    let values = factor::gaussian(seed.derive("typical contraction")).take(layout.len());
    let params = Params::new(values.map(|value| value as f32).collect(), Arc::clone(layout))?;
    let packet = codec.compress(&params, seed)?;
    let limits = Limits { bytes: packet.len(), elements: layout.len() };
    let back = codec.decompress(&packet, layout, limits)?;
    Ok(1.0 - relative_error(&params, &back).powi(2))
}
