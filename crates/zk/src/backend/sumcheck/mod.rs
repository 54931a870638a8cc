//! Sumcheck: transparent, hiding commitments to tensors as multilinear polynomials, opened many at a time.
//!
//! What stands is the ground floor of the backend: tensors are committed in *groups*, each on its own and at its own time
//! ([`group`]), and any number of groups of one [`Geometry`] is opened in one run at one point ([`opening`]), so that a model
//! which one proof ends with is what the next begins with. The reductions from programs to such openings come on top.
//!
//! The polynomial commitment is hiding WHIR over Goldilocks with its cubic extension, from Plonky3; its types do not leave
//! this module. [`Geometry::setup`] refuses parameters whose base case is not proven to a hundred bits.

pub mod field;
pub mod geometry;
pub mod group;
mod linked;
pub mod opening;

pub use geometry::{Geometry, Setup, SetupError};
pub use group::{Group, Root, Spent};
pub use opening::{Opening, OpeningError, open, verify};
