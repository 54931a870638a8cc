//! What strangers, sellers, silent peers and rash engines can do to a role: little, and it is named.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod doubt;
mod engine;
mod light;
mod mempool;
mod message;
mod trade;
mod user;
mod world;
