//! Updates of `f32` parameters: [`Sgd`], [`Annealed`], whose rate falls from round to round, and [`Adam`]; and
//! [`Shrinking`], which trains factored models while their ranks find themselves; [`FixedPoint`] trains in few bits.

mod adam;
mod annealed;
mod batches;
mod fixed_point;
mod sgd;
mod shrinking;

pub use adam::Adam;
pub use annealed::Annealed;
pub use fixed_point::FixedPoint;
pub use sgd::{Measure, Sgd};
pub use shrinking::{Shrinking, Shrunk};
