//! What codecs promise beyond their laws: what whoever sums up updates must know.

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
