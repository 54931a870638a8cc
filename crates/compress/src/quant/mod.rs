//! Quantisers: real values to few bits, and back to exact numbers.

pub(crate) mod pack;
pub mod uniform;

pub use uniform::{Rounding, Uniform};
