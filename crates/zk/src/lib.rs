//! Prove: statements over exact programs, provers, verifiers and what they guarantee.
#![forbid(unsafe_code)]
