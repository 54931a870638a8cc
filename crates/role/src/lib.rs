//! Play: user and validator machines composed from the other crates, and the builder with six trait slots.
#![forbid(unsafe_code)]
