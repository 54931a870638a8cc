//! What is measured *on*: the same for the program `figures` and for the criterion benches.

pub mod block;
pub mod chain;
pub mod chatter;
pub mod digits;
pub mod fashion;
pub mod orders;
pub mod proof;
pub mod recommender;
pub mod step;
pub mod tensors;
pub mod training;
pub mod turn;
pub mod wide;
