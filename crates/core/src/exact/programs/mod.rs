//! The canonical programs: merge, SGD step, inference, metric and norm of multilayer perceptrons.

pub mod inference;
pub mod merge;
pub mod metric;
pub mod mlp;
pub mod norm;
pub mod step;
pub mod turn;

pub use mlp::Mlp;
