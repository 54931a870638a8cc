//! The laws of [`Merge`](crate::merge::Merge), [`Update`](crate::update::Update), [`Model`](crate::model::Model),
//! [`Objective`](crate::optim::Objective), [`Select`](crate::select::Select) and [`ModelCodec`](crate::gossip::ModelCodec) as
//! functions that judge anybody's implementation (feature `suite`).
//!
//! Each check draws its cases from a fixed seed, so a verdict never changes between runs, and names the law that was
//! broken. [`merge`] demands the laws that hold for every rule and those that the rule declares, no others. Rules over
//! `f32` parameters and over integers stand before the same judges: what these need of a type is [`Value`].
//!
//! ```
//! use bitneuron_learning::{merge::WeightedMean, suite};
//! suite::merge(&WeightedMean)?;
//! # Ok::<(), suite::Violation<bitneuron_learning::merge::Law>>(())
//! ```

mod codec;
mod merge;
mod model;
mod objective;
mod select;
mod update;
mod value;

pub use codec::{CodecLaw, codec};
pub use merge::merge;
pub use model::{ModelLaw, model};
pub use objective::{ObjectiveLaw, objective};
pub use select::{SelectLaw, select};
pub use update::{Problem, UpdateLaw, update};
pub use value::Value;

use std::fmt::{Debug, Display};
use thiserror::Error;

/// A broken law.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the law of {law} is broken: {why}")]
pub struct Violation<L: Debug + Display> {
    /// The law.
    pub law: L,
    /// What was seen.
    pub why: String,
}

/// Fails with a violation unless a condition holds.
fn demand<L: Debug + Display>(holds: bool, law: L, why: impl FnOnce() -> String) -> Result<(), Violation<L>> {
    if holds { Ok(()) } else { Err(Violation { law, why: why() }) }
}
