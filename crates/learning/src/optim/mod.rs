//! Updates of `f32` parameters: [`Sgd`], [`Annealed`], whose rate falls from round to round, and [`Adam`]; and
//! [`Shrinking`], which trains factored models while their ranks find themselves.

mod adam;
mod annealed;
mod batches;
mod sgd;
mod shrinking;

pub use adam::Adam;
pub(crate) use adam::Moments;
pub use annealed::Annealed;
pub use sgd::{Measure, Sgd};
pub use shrinking::{Shrinking, Shrunk};
