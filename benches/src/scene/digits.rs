//! The handwritten digits, 1,797 rows, of which 360 are held out.

use crate::Failure;
use bitneuron::{
    core::{Dataset, Seed},
    learning::data::{DIGITS, SplitRule},
};
use std::io::Read as _;

const PACKED: &[u8] = include_bytes!("../../../data/digits.csv.gz");
/// The text has about 260,000 bytes.
const LIMIT: u64 = 1 << 20;

/// All rows.
///
/// # Errors
/// The file that was built in cannot be read.
pub fn all() -> Result<Dataset, Failure> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(PACKED).take(LIMIT).read_to_string(&mut text)?;
    Ok(DIGITS.parse(&text)?)
}

/// 1,437 rows to train on and 360 to report on, stratified.
///
/// # Errors
/// As [`all`].
pub fn halves(seed: Seed) -> Result<(Dataset, Dataset), Failure> {
    let rule = SplitRule { report: 360, metric: 0, public: 0 };
    let split = rule.split(&all()?, seed)?;
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
