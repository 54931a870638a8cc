//! The standard statements.
//!
//! [`turn`], [`score`], [`inference`] and [`holding`] are the claims that the ledger knows, bound to a goal. The others say
//! one thing each about nets of any layers: [`merge`], [`step`], [`metric`], [`norm`] and [`prediction`]. [`batch`] makes one
//! statement of several, and [`segment`] cuts long chains of them.

pub mod batch;
pub mod holding;
pub mod inference;
pub mod merge;
pub mod metric;
mod name;
pub mod norm;
pub mod prediction;
pub mod rows;
pub mod score;
pub mod segment;
pub mod step;
pub mod turn;

pub use batch::{Batch, Both, Chain, Link, Pair, Several};
pub use merge::Merge;
pub use metric::{Improvement, ImprovementWitness, Metric, MetricWitness, Test};
pub use norm::NormBound;
pub use prediction::Prediction;
pub use rows::{Rows, Sample};
pub use score::ScoreWitness;
pub use segment::{Segment, ends, segments};
pub use step::{State, Step, StepWitness};
pub use turn::TurnWitness;
