//! The canonical programs of nets, dense or factorised: merge, SGD step, turn, inference, metric and norm.

pub mod filter;
pub mod inference;
mod layer;
mod loss;
pub mod merge;
pub mod metric;
pub mod mlp;
pub mod net;
pub mod norm;
pub mod robust;
pub mod step;
pub mod train;
pub mod training;
pub mod turn;

pub use mlp::Mlp;
pub use net::{Contraction, Linear, Net};
pub use train::Train;
