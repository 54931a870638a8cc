//! Contests: what is refused, what is lost, what is paid, and that what is paid is what the pure functions say.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod course;
mod laws;
mod refusals;
mod seals;
mod stage;
#[path = "../world/mod.rs"]
mod world;
