//! A setting that cannot be read.

use thiserror::Error;

/// Text that is no setting of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read {text:?}: expected {expected}")]
pub struct Unread {
    /// The text.
    pub text: String,
    /// What would do.
    pub expected: &'static str,
}
