//! The proof systems.

pub mod merkle;
pub mod optimistic;
pub mod replay;
#[cfg(feature = "sumcheck")]
pub mod sumcheck;
