//! Parameters as other, fewer parameters.
//!
//! A transform turns parameters into *factors*: parameters of another layout, together with a few bytes of structure
//! from which the receiver derives that layout. [`crate::Chain`] sends the factors through a codec of values.

use crate::CompressError;
use bitneuron_core::{Layout, Params, Seed};
use std::sync::Arc;

/// What a transform makes of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    /// How the factors are to be read (ranks, modes), in canonical bytes.
    pub structure: Vec<u8>,
    /// The factors.
    pub params: Params,
}

/// A way to write parameters as factors.
pub trait Transform: Send + Sync {
    /// Its name in the high byte of a [`crate::CodecId`]; not 0.
    fn id(&self) -> u8;

    /// The factors of `params`, which are finite.
    ///
    /// # Errors
    /// A factorisation failed.
    fn forward(&self, params: &Params, seed: Seed) -> Result<Factors, CompressError>;

    /// The layout of the factors that `structure` describes for parameters of the layout `expect`. Bounded: the factors
    /// have at most as many elements as `expect`.
    ///
    /// # Errors
    /// The structure is malformed or does not fit.
    fn layout(&self, structure: &[u8], expect: &Layout) -> Result<Arc<Layout>, CompressError>;

    /// The parameters that the factors stand for, in a fixed order of operations.
    ///
    /// # Errors
    /// The structure is malformed, or a value is not finite.
    fn inverse(
        &self,
        structure: &[u8],
        factors: &Params,
        expect: &Arc<Layout>,
    ) -> Result<Params, CompressError>;
}

/// A transform whose inverse also runs on integers.
pub trait ExactTransform: Transform {
    /// Fractional bits that the factors are wanted in.
    fn factor_fraction(&self) -> u32;

    /// The multiplications of [`ExactTransform::inverse_fixed`]; any number for a malformed structure.
    fn work(&self, structure: &[u8], expect: &Layout) -> u64;

    /// The parameters with `fraction` fractional bits, from `factors` with [`ExactTransform::factor_fraction`] bits, by
    /// integer arithmetic alone.
    ///
    /// # Errors
    /// The structure is malformed, or a number does not fit.
    fn inverse_fixed(
        &self,
        structure: &[u8],
        factors: &[i32],
        expect: &Layout,
        fraction: u32,
    ) -> Result<Vec<i32>, CompressError>;
}
