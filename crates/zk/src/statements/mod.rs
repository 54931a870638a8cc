//! The standard statements: those of the claims that the ledger knows.

pub mod holding;
pub mod inference;
pub mod score;
pub mod turn;

pub use score::ScoreWitness;
pub use turn::TurnWitness;
