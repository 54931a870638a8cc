//! All: one dependency that re-exports the BitNeuron crates.
#![forbid(unsafe_code)]
