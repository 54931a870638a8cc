//! The laws of this crate's traits as code, so that a stranger's implementation can be tested.
//!
//! [`weigh::check`] tests a [`crate::Weigh`]; [`engine::check`] runs a [`crate::ConsensusEngine`] in a small virtual
//! [`network`] with delays, liars, twins, noise and [`crash`]es; [`log::check`] tests a [`crate::wal::Log`]. Each returns the
//! first law that does not hold. [`matrix`] plays engines through thousands of drawn cases of bad weather against the
//! adversaries of [`zoo`], shrinks a case that fails, and judges itself by the mistakes of [`bugs`], which it must find.
//! [`bias`] computes what chance is worth to whoever can bend it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and spans of a small made-up network, not weights"
)]

pub mod bias;
pub mod bugs;
pub mod crash;
pub mod engine;
pub mod log;
pub mod matrix;
pub mod network;
mod plan;
mod queue;
pub mod weigh;
pub mod zoo;

use thiserror::Error;

/// The laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// A weight never falls when stake or reputation rises.
    Monotone,
    /// A rule that says to be Sybil-neutral never lets parts weigh more than the whole.
    SybilNeutral,
    /// Reputation is worth at most ×1.25.
    Bounded,
    /// No two honest nodes commit different blocks at one height.
    Agreement,
    /// Every commit has a certificate of more than two thirds of the weight.
    Certified,
    /// A block judged invalid by honest nodes is never committed.
    Validity,
    /// A decided block stands on the one decided before it.
    Chain,
    /// A decided block was built by the proposer of a round no later than that in which it was decided.
    Turn,
    /// What honest nodes sign never contradicts itself, across the rounds of a height too.
    Faithful,
    /// With honest nodes and bounded delays, every height is decided.
    Liveness,
    /// No evidence is made against an honest node.
    NoSlander,
    /// A node that contradicts itself is accused.
    Accountability,
    /// Equal inputs give equal effects.
    Determinism,
    /// No bytes make the engine panic, or stop it.
    Totality,
    /// An engine that is told its records contradicts nothing that it said before a crash.
    Memory,
    /// After a crash a log holds a prefix of its records.
    Prefix,
    /// What a log was told to sync outlives a crash.
    Durability,
    /// What a log was told to forget does not come back.
    Forgetting,
}

/// A law that does not hold, with the case that shows it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{law:?} does not hold: {case}")]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// What was seen.
    pub case: String,
}

pub(crate) fn require(holds: bool, law: Law, case: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { law, case: case() }) }
}
