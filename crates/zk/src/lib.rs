#![doc = include_str!("../README.md")]
//!
//! # The way through
//!
//! [`statement`] says what can be proved and shows how to add a statement of one's own; [`statements`] are the standard
//! ones. [`prover`] and [`verifier`] hold the two traits, [`guarantees`] what a verdict is worth, [`proof`] the bytes and
//! what they are bound to; [`doubt`] is what proofs owe that do not convince at once. [`backend`] holds the proof systems: [`Replay`] for every computation, [`Merkle`] for
//! holdings. [`pack`] and [`library`] keep witnesses small, and [`registry`] puts it all behind the ledger's seam
//! [`CheckClaim`](bitneuron_core::claim::CheckClaim); [`mod@file`] is a claim that a stranger checks offline. With feature `suite`, the module `suite` tests anybody's prover and
//! verifier, and `liar` holds dishonest provers.
#![forbid(unsafe_code)]

pub mod backend;
mod cache;
pub mod doubt;
pub mod file;
pub mod guarantees;
#[cfg(feature = "suite")]
pub mod liar;
pub mod library;
pub mod pack;
pub mod proof;
pub mod prover;
pub mod registry;
pub mod statement;
pub mod statements;
#[cfg(feature = "suite")]
pub mod suite;
pub mod verifier;

pub use backend::merkle::Merkle;
pub use backend::optimistic::Optimistic;
pub use backend::replay::Replay;
pub use doubt::{Accepted, Defence, Doubt};
pub use file::{FileError, ProofFile};
pub use guarantees::{Assumption, Guarantees, Settles, Soundness, ZeroKnowledge};
pub use library::Library;
pub use proof::{Backend, Proof, binding};
pub use prover::{ProveError, Prover};
pub use registry::{Registry, claim};
pub use statement::{Computation, Statement, StatementError, public_digest, recomputes};
pub use statements::{
    Batch, Both, Chain, Improvement, Merge, Metric, NormBound, Prediction, ScoreWitness, Step, StepWitness,
    TurnWitness,
};
pub use verifier::{Verifier, VerifyError};
