//! The laws of this crate's traits as checks for anybody's implementation.
//!
//! Each function returns the first law that is broken. Cases come from a seed, so a failure repeats.

pub mod overlay;
pub mod sampling;
