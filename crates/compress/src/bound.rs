//! How far a codec may be from what it was given.

use bitneuron_core::Params;

/// The error that a codec declares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ErrorBound {
    /// Every bit comes back.
    Lossless,
    /// ‖x − x̂‖₂ ≤ ε ‖x‖₂ over all parameters together.
    Norm(f64),
    /// max |x − x̂| ≤ ε max |x| over all parameters together, up to the smallest normal `f32`.
    Maximum(f64),
    /// Nothing is promised beforehand; the error has to be measured.
    Unknown,
}

impl ErrorBound {
    /// Whether `decoded` is within the bound of `original`.
    pub fn admits(self, original: &Params, decoded: &Params) -> bool {
        let pairs = || original.values().iter().zip(decoded.values());
        if original.layout() != decoded.layout() {
            return false;
        }
        match self {
            Self::Lossless => pairs().all(|(a, b)| a.to_bits() == b.to_bits()),
            Self::Norm(bound) => relative_error(original, decoded) <= bound,
            Self::Maximum(bound) => {
                let largest = original.values().iter().fold(0.0, |most: f64, x| most.max(f64::from(x.abs())));
                let slack = bound * largest + f64::from(f32::MIN_POSITIVE);
                pairs().all(|(a, b)| (f64::from(*a) - f64::from(*b)).abs() <= slack)
            }
            Self::Unknown => true,
        }
    }
}

/// ‖x − x̂‖₂ / ‖x‖₂, or 0 when both are zero.
pub fn relative_error(original: &Params, decoded: &Params) -> f64 {
    relative(original.values(), decoded.values())
}

/// [`relative_error`] of two buffers of one length.
pub fn relative(original: &[f32], decoded: &[f32]) -> f64 {
    let error: f64 = original.iter().zip(decoded).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    let norm: f64 = original.iter().map(|a| f64::from(*a).powi(2)).sum();
    if error == 0.0 { 0.0 } else { (error / norm).sqrt() }
}
