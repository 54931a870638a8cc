//! Digits for the tests of the integer programs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::Dataset;
use ndarray::Array2;
use std::io::Read;

/// All 1,797 rows, features scaled to 0..1.
pub(super) fn digits() -> Dataset {
    let packed = include_bytes!("../../../../data/digits.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let rows: Vec<Vec<f32>> =
        text.lines().map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    let features = Array2::from_shape_fn((rows.len(), 64), |(row, column)| rows[row][column] / 16.0);
    Dataset::new(features, rows.iter().map(|row| row[64] as u32).collect()).unwrap()
}
