//! The 1,797 images of handwritten digits that rehearsals, examples and benches learn from: 64 features from 0 to 1, ten
//! classes. They are built in; see `data/README.md` for where they come from.

use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::data::{DIGITS, DataError, SplitRule};
use std::io::{self, Read as _};
use thiserror::Error;

const PACKED: &[u8] = include_bytes!("../../../data/digits.csv.gz");
/// The text has about 260,000 bytes.
const LIMIT: u64 = 1 << 20;

/// Why the digits cannot be read: the file that was built in is another one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DigitsError {
    /// It is no packed text.
    #[error("the packed digits: {0}")]
    Unpack(#[from] io::Error),
    /// It holds no such table, or too few rows.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// All images.
///
/// # Errors
/// The file that was built in cannot be read.
pub fn all() -> Result<Dataset, DigitsError> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(PACKED).take(LIMIT).read_to_string(&mut text)?;
    Ok(DIGITS.parse(&text)?)
}

/// 1,437 images to train on and 360 to report on, stratified.
///
/// # Errors
/// As [`all`].
pub fn halves(seed: Seed) -> Result<(Dataset, Dataset), DigitsError> {
    let split = SplitRule { report: 360, metric: 0, public: 0 }.split(&all()?, seed)?;
    Ok((split.private, split.report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_are_what_they_say() {
        let (train, report) = halves(Seed::from_number(1)).unwrap();
        assert_eq!((train.len(), report.len(), train.classes()), (1_437, 360, 10));
    }
}
