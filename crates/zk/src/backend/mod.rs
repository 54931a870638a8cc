//! The proof systems.

pub mod merkle;
pub mod replay;
