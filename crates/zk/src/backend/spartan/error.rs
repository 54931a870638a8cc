//! What this backend cannot do.

use crate::prover::ProveError;
use crate::verifier::VerifyError;
use bitneuron_core::Commitment;
use thiserror::Error;

/// Why a relation is not for this backend. But for [`SpartanError::Shape`] it says nothing about the relation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpartanError {
    /// An operation or a form of it that has no circuit.
    #[error("no circuit for {0}")]
    Unsupported(&'static str),
    /// A public tensor of another shape than the program's, or bindings of another number: nothing true is stated.
    #[error("bindings that do not fit the program")]
    Shape,
    /// A circuit beyond the limit.
    #[error("more than {limit} cells or constraints")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// A commitment that no circuit opens; only [`super::SCHEME`] is.
    #[error("commitments of scheme {0} are not opened here")]
    Scheme(u16),
    /// The vault has no seed for a commitment.
    #[error("no seed for {0:?}")]
    Sealed(Commitment),
    /// The library failed.
    #[error("spartan2: {0}")]
    Library(String),
}

impl From<SpartanError> for ProveError {
    fn from(error: SpartanError) -> Self {
        Self::Rule(Box::new(error))
    }
}

impl From<SpartanError> for VerifyError {
    fn from(error: SpartanError) -> Self {
        match error {
            SpartanError::Shape => Self::False(error.to_string()),
            other => Self::Rule(Box::new(other)),
        }
    }
}
