//! The ledger kept in a store: opened again it is what it was, damaged it says so, cut off it has lost nothing.
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

#[path = "../world/mod.rs"]
mod world;

mod archive;
mod chain;
mod damage;
#[cfg(feature = "redb")]
mod faults;
mod laws;
