//! Sumcheck: proofs in zero knowledge that an exact program was run on committed tensors, with no trusted setup.
//!
//! A relation becomes a `system` of constraints over cells; cells stand in *groups*, each committed on its own and at
//! its own time ([`group`]); the `protocol` shows of a system that it holds by one opening of all groups at one
//! point ([`opening`]). So a model which one proof ends with is what the next begins with.
//!
//! What a statement names as [`Binding::Committed`](bitneuron_core::exact::Binding::Committed) with the scheme
//! [`group::SCHEME`] is a tensor of a group, which the prover keeps in its `Vault`; with the scheme of Merkle trees it must
//! stand in the [`Library`](crate::Library), and is then as public as what the statement itself shows.
//!
//! The polynomial commitment is hiding WHIR over Goldilocks with its cubic extension, from Plonky3; its types do not leave
//! this module. [`soundness`] adds up all error terms: neither setups nor proofs below a hundred proven bits are taken.
//! `docs/proof-of-gradient.md` is the whole argument.
//!
//! What a prover needs is bounded by the cells of the opened polynomial, all groups of the statement and the proof's own padded to a
//! power of two: some 150 bytes each while they are opened (a word of a fourth or an eighth of rate and its tree, 48 bytes for
//! the library's first sumcheck, the cells themselves), and less before. The elements of nodes that only other nodes are made of go as
//! soon as the last of these is made, and the tree of fractions makes its leaves anew wherever it reads them, so a chain of steps
//! needs what its cells need, not what its intermediate results would. Beyond 2²⁵ fresh cells there is [`LowerError::TooLarge`], beyond
//! 2²⁶ cells in all [`SetupError::Parameters`], before the proof commits to anything.
//!
//! Feature `verify` builds the verifier alone, [`Checker`]; feature `sumcheck` adds the prover, `Sumcheck`. The steps that both
//! sides take are written once: where there is no prover, its half of them stands without use, and `absent` in the place of
//! what it needs. A panic of the library beneath is a rejection: it is caught where panics unwind. Where they abort, as on
//! `wasm32-unknown-unknown`, it is a trap, so there each proof is checked in a fresh instance.
#![cfg_attr(not(feature = "sumcheck"), allow(dead_code, reason = "the prover's half of what both sides do"))]

#[cfg(not(feature = "sumcheck"))]
mod absent;
mod align;
#[cfg(test)]
#[cfg(all(feature = "suite", feature = "sumcheck"))]
mod audit;
mod binding;
mod channel;
#[cfg(test)]
#[cfg(all(feature = "suite", feature = "sumcheck"))]
mod check;
mod checker;
#[cfg(feature = "sumcheck")]
pub mod convergent;
mod eq;
pub mod field;
#[cfg(all(feature = "suite", feature = "sumcheck"))]
pub mod forge;
mod fraction;
pub mod geometry;
pub mod group;
mod linked;
mod lower;
#[cfg(feature = "sumcheck")]
mod masks;
#[cfg(all(feature = "suite", feature = "sumcheck"))]
pub mod mutant;
pub mod opening;
#[cfg(feature = "sumcheck")]
mod outer;
mod pads;
mod product;
mod protocol;
#[cfg(feature = "sumcheck")]
mod prover;
mod range;
mod settle;
pub mod soundness;
mod system;
#[cfg(feature = "sumcheck")]
mod tree;
#[cfg(feature = "sumcheck")]
mod values;
#[cfg(feature = "sumcheck")]
pub mod vault;
#[cfg(test)]
#[cfg(all(feature = "suite", feature = "sumcheck"))]
mod veiled;
mod verifier;
mod weight;

#[cfg(not(feature = "sumcheck"))]
use absent::{tree, values};

pub use checker::Checker;
#[cfg(feature = "sumcheck")]
pub use convergent::Convergent;
pub use geometry::{Geometry, Setup, SetupError};
#[cfg(feature = "sumcheck")]
pub use group::Group;
pub use group::{Root, Spent};
pub use lower::LowerError;
#[cfg(feature = "sumcheck")]
pub use opening::open;
pub use opening::{Opening, OpeningError, verify};
#[cfg(feature = "sumcheck")]
pub use prover::{Sumcheck, SumcheckError};
#[cfg(feature = "sumcheck")]
pub use vault::Vault;

/// The domain of relations that belong to no statement.
const RELATION: &str = "bitneuron bare relation v1";
