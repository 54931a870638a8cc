//! Each example is a program of its own under `examples/`. Here stands only what they read.

use bitneuron::core::Dataset;
use bitneuron::learning::data::DIGITS;
use std::{error::Error, io::Read as _};

/// The 1,797 images of handwritten digits in `data/digits.csv.gz`: 64 features from 0 to 1, ten classes.
///
/// # Errors
/// The file was changed.
pub fn digits() -> Result<Dataset, Box<dyn Error>> {
    let packed = include_bytes!("../../data/digits.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text)?;
    Ok(DIGITS.parse(&text)?)
}
