//! The laws of [`Compressor`] and [`ExactDecoder`] as functions.
//!
//! [`check`] runs a codec over parameters of many shapes and says which law it breaks, if any; [`check_exact`] adds the
//! law of the integer path. Cases and mutants come from fixed seeds, so a verdict never changes from run to run.
//!
//! ```
//! use bitneuron_compress::{Dense, ErrorBound, suite};
//! suite::check(&Dense, ErrorBound::Lossless)?;
//! suite::check_exact(&Dense)?;
//! # Ok::<(), suite::Violation>(())
//! ```

mod cases;
mod exact;
mod laws;
mod mutant;
mod promises;

pub use cases::cases;
pub use exact::check_exact;
pub use laws::check;
pub use mutant::{mutant, mutant_bytes};

use crate::CompressError;
#[cfg(doc)]
use crate::{Compressor, ExactDecoder};
use std::panic::{AssertUnwindSafe, catch_unwind};
use thiserror::Error;

/// A law of [`Compressor`] or [`ExactDecoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Law {
    /// The decoded parameters are within the declared error.
    RoundTrip,
    /// The same input gives the same output.
    Deterministic,
    /// Packets name the codec, and only its own are read.
    Name,
    /// Packets are bound to their layout, and only the expected one is read.
    Layout,
    /// Limits are kept, before anything else is looked at.
    Limits,
    /// Any packet gives a typed error or finite values.
    Hostile,
    /// No part is longer, shorter, missing or left over.
    Canonical,
    /// What is not finite is refused.
    Finite,
    /// The integers are the rounded values.
    Exact,
    /// What the codec states in its properties holds, and adding onto is decoding and adding.
    Promises,
}

/// A law that was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("law {law:?} broken in case {case}: {how}")]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// The index of the parameters in [`cases`].
    pub case: usize,
    /// What was seen.
    pub how: String,
}

impl Violation {
    fn new(law: Law, case: usize, how: impl Into<String>) -> Self {
        Self { law, case, how: how.into() }
    }
}

/// Runs `call`; a panic breaks the law of hostile bytes, wherever it happens.
fn guarded<T>(case: usize, call: impl FnOnce() -> T) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Violation::new(Law::Hostile, case, "a panic"))
}

/// What came of a call, for messages.
fn told<T>(outcome: &Result<T, CompressError>) -> String {
    match outcome {
        Ok(_) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}
