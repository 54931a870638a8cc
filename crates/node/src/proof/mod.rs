//! Proof files at a terminal: [`Example`] makes one, [`Check`] judges any, with no network.

pub mod check;
pub mod example;
mod maker;
mod says;

pub use check::{Check, Verdict};
pub use example::{Example, ExampleError, Method, Work};
