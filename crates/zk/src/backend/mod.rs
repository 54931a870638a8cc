//! The proof systems.

pub mod merkle;
pub mod optimistic;
pub mod replay;
#[cfg(feature = "spartan")]
pub mod spartan;
#[cfg(feature = "verify")]
pub mod sumcheck;
