//! The 1,797 images of handwritten digits that rehearsals, examples and benches learn from: 64 features from 0 to 1, ten
//! classes. They are built in; see `data/README.md` for where they come from.

use bitneuron_core::{Dataset, Seed};
use bitneuron_learning::data::{DataError, SplitRule, digits};

const PACKED: &[u8] = include_bytes!("../../../data/digits.csv.gz");

/// All images.
///
/// # Errors
/// The file that was built in is another one.
pub fn all() -> Result<Dataset, DataError> {
    digits(PACKED)
}

/// 1,437 images to train on and 360 to report on, stratified.
///
/// # Errors
/// As [`all`].
pub fn halves(seed: Seed) -> Result<(Dataset, Dataset), DataError> {
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
