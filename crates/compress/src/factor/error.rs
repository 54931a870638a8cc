//! Why a factorised layer refused what it was given.

use crate::linalg::LinalgError;
use thiserror::Error;

/// Why a factorised layer refused what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FactorError {
    /// Modes and ranks that make no layer.
    #[error("{0}")]
    Shape(&'static str),
    /// A slice has another length than the layer's shape demands.
    #[error("{found} values of {what} where {expected} belong")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length demanded.
        expected: usize,
    },
    /// A row that a table does not have.
    #[error("row {row} of a table of {rows}")]
    Row {
        /// The row asked for.
        row: u32,
        /// The rows of the table.
        rows: usize,
    },
    /// A product failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// Refuses a slice of another length.
pub(crate) const fn check_length(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), FactorError> {
    if found == expected { Ok(()) } else { Err(FactorError::Length { what, found, expected }) }
}
