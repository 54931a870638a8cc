//! Quantisers: real values to few bits, and back to exact numbers.
//!
//! | | bits for each value | error |
//! |---|---|---|
//! | [`Float`] | 16 or 8 | relative to each value |
//! | [`Uniform`] | 1 to 16 | a step and an offset for each block |
//! | [`Absmax8`], [`Absmax4`], [`Nf4`] | 8.06, 4.25, 4.25 | relative to the largest of each block |
//! | [`Sign`] | 1 | for error feedback only |
//! | [`Ecsq`] | up to about 7 | one step for all, entropy coded: the fewest bits for a given error |
//! | [`Rotated`] | about 1 to 7 | without bias, for updates that are averaged |
//!
//! All but the last two have a length that follows from the layout, and all but the last decode to integers.

pub mod absmax;
pub mod draw;
pub mod ecsq;
pub mod float;
mod hadamard;
pub mod nf4;
mod nibble;
pub(crate) mod pack;
pub mod rotated;
mod scale;
pub mod sign;
mod step;
mod tensorwise;
pub mod uniform;

pub use absmax::{Absmax4, Absmax8};
pub use draw::Draws;
pub use ecsq::Ecsq;
pub use float::Float;
pub use nf4::Nf4;
pub use rotated::Rotated;
pub use sign::Sign;
pub use uniform::{Rounding, Uniform};
