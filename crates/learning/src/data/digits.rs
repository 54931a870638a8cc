//! The handwritten digits: 1,797 images of 8×8 pixels, packed with gzip.

use super::{DataError, Table};
use bitneuron_core::Dataset;

/// The handwritten digits as a table: 8×8 images of values 0–16, ten classes.
pub const DIGITS: Table = Table { features: 64, classes: 10, full_scale: 16, rows: 1 << 16 };

/// The most bytes that are unpacked; the digits have about 260,000.
const LIMIT: u64 = 1 << 20;

/// Unpacks and reads the digits, features from 0 to 1. The workspace keeps them in `data/digits.csv.gz`.
///
/// # Errors
/// [`DataError::Packed`], or the first line that does not fit [`DIGITS`].
pub fn digits(packed: &[u8]) -> Result<Dataset, DataError> {
    let text = String::from_utf8(super::unpack(packed, LIMIT)?).map_err(|_| DataError::Packed)?;
    DIGITS.parse(&text)
}
