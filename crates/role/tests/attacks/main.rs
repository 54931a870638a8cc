//! What strangers can do to a role: nothing but be named.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod light;
mod mempool;
mod message;
mod world;
