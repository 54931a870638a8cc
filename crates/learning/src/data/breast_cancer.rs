//! The Wisconsin diagnostic breast cancer data: 569 tumours, 30 measures each, packed with gzip.

use super::DataError;
use bitneuron_core::Dataset;
use ndarray::Array2;

const FEATURES: usize = 30;
/// The most bytes that are unpacked; the file has about 120,000.
const LIMIT: u64 = 1 << 20;
/// The most rows that are read.
const ROWS: usize = 1 << 12;

/// Unpacks and reads the tumours: label 0 is malignant, 1 benign. The features are as they were measured, on scales of their
/// own; [`Standard`](super::Standard) makes them comparable. The workspace keeps them in `data/breast_cancer.csv.gz`.
///
/// # Errors
/// [`DataError::Packed`], or the first line that does not fit: the first names sizes and classes, each other has 30 numbers
/// and a label.
pub fn breast_cancer(packed: &[u8]) -> Result<Dataset, DataError> {
    let text = String::from_utf8(super::unpack(packed, LIMIT)?).map_err(|_| DataError::Packed)?;
    let (mut features, mut labels) = (Vec::new(), Vec::new());
    for (index, text) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        if labels.len() >= ROWS {
            return Err(DataError::TooManyRows(ROWS));
        }
        labels.push(line(index + 1, text, &mut features)?);
    }
    Array2::from_shape_vec((labels.len(), FEATURES), features)
        .ok()
        .and_then(|features| Dataset::new(features, labels).ok())
        .ok_or(DataError::Features(FEATURES))
}

/// Appends the features of one line and returns its label.
fn line(line: usize, text: &str, features: &mut Vec<f32>) -> Result<u32, DataError> {
    let expected = FEATURES + 1;
    let found = text.split(',').take(expected + 1).count();
    if found != expected {
        return Err(DataError::Fields { line, found, expected });
    }
    let mut fields = text.split(',').map(str::trim).enumerate();
    for (index, field) in fields.by_ref().take(FEATURES) {
        let value = field.parse::<f32>().ok().filter(|value| value.is_finite());
        features.push(value.ok_or(DataError::Value { line, field: index + 1 })?);
    }
    let label = fields.next().and_then(|(_, field)| field.parse().ok()).filter(|label| *label < 2);
    label.ok_or(DataError::Value { line, field: expected })
}
