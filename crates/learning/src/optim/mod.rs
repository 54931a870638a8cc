//! Updates of `f32` parameters: [`Sgd`], and [`Annealed`], whose rate falls from round to round.

mod annealed;
mod sgd;

pub use annealed::Annealed;
pub use sgd::{Measure, Sgd};
