//! Data to learn from: files that are read, sets that are drawn, and the protocol's split of the digits.
//!
//! | data | rows × features, classes | where |
//! |---|---|---|
//! | [`digits`](fn@digits) | 1,797 × 64, 10 | `data/digits.csv.gz` |
//! | [`breast_cancer`](fn@breast_cancer) | 569 × 30, 2 | `data/breast_cancer.csv.gz` |
//! | [`fashion_mnist`] | 60,000 + 10,000 × 784, 10 | Debian's package `dataset-fashion-mnist` |
//! | [`Blobs`], [`Spirals`], [`Shortcut`] | any | drawn from a seed |
//! | [`Taste`] | ratings of users | drawn from a seed |
//!
//! A line of a [`Table`] holds the features and then the label, separated by commas, all whole numbers. Features are divided by a
//! full scale, so that they lie in `[0, 1]`. The text is foreign: its size, the number of fields and every value are
//! bounded before anything is stored.

mod breast_cancer;
mod digits;
mod idx;
mod purchases;
mod ratings;
mod standard;
mod synthetic;

pub use breast_cancer::breast_cancer;
pub use digits::{DIGITS, digits};
pub use idx::{FASHION_MNIST, fashion_mnist, idx};
pub use purchases::Purchases;
pub use ratings::{Rating, Ratings, Taste};
pub use standard::Standard;
pub use synthetic::{Blobs, Shortcut, Spirals};

use bitneuron_core::{Dataset, Seed};
use ndarray::Array2;
use rand::seq::SliceRandom as _;
use std::io::Read as _;
use thiserror::Error;

/// What a table must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Features on a line, before the label.
    pub features: usize,
    /// The number of classes.
    pub classes: u32,
    /// The largest value of a feature; it becomes 1.
    pub full_scale: u16,
    /// The most rows accepted.
    pub rows: usize,
}

/// Why a table or a split was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DataError {
    /// A line has another number of fields.
    #[error("line {line}: {found} fields where {expected} belong")]
    Fields {
        /// The line, from 1.
        line: usize,
        /// Fields found (counting stops one beyond what is expected).
        found: usize,
        /// Fields expected.
        expected: usize,
    },
    /// A field is no whole number or out of range.
    #[error("line {line}: field {field} is out of range")]
    Value {
        /// The line, from 1.
        line: usize,
        /// The field, from 1.
        field: usize,
    },
    /// Not packed with gzip, no text where text belongs, or more than expected.
    #[error("not packed data, or too much of it")]
    Packed,
    /// Not an IDX file of bytes, or one whose sizes do not fit its data or each other.
    #[error("not IDX: {0}")]
    Idx(&'static str),
    /// A file that cannot be read.
    #[error("{path}: {why}")]
    File {
        /// Where it was looked for.
        path: String,
        /// What the system says.
        why: String,
    },
    /// More features than memory can address.
    #[error("no table has {0} features")]
    Features(usize),
    /// More rows than allowed.
    #[error("more than {0} rows")]
    TooManyRows(usize),
    /// Fewer rows than the split needs.
    #[error("{rows} rows where {needed} are needed")]
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many are needed.
        needed: usize,
    },
}

impl Table {
    /// Reads a table.
    ///
    /// ```
    /// use bitneuron_learning::data::Table;
    /// let table = Table { features: 2, classes: 2, full_scale: 4, rows: 10 };
    /// let data = table.parse("0,4,1\n2,1,0\n")?;
    /// assert_eq!(data.features()[[1, 0]], 0.5);
    /// assert_eq!(data.labels(), [1, 0]);
    /// assert!(table.parse("0,5,1\n").is_err());
    /// # Ok::<(), bitneuron_learning::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The first line that does not fit, or too many rows.
    pub fn parse(&self, text: &str) -> Result<Dataset, DataError> {
        let (mut features, mut labels) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if labels.len() >= self.rows {
                return Err(DataError::TooManyRows(self.rows));
            }
            labels.push(self.line(index + 1, line, &mut features)?);
        }
        let rows = labels.len();
        let expected = self.features;
        Array2::from_shape_vec((rows, expected), features)
            .ok()
            .and_then(|features| Dataset::new(features, labels).ok())
            .ok_or(DataError::Features(expected))
    }

    /// Appends the features of one line and returns its label.
    fn line(&self, line: usize, text: &str, features: &mut Vec<f32>) -> Result<u32, DataError> {
        let expected = self.features.saturating_add(1);
        let found = text.split(',').take(expected.saturating_add(1)).count();
        if found != expected {
            return Err(DataError::Fields { line, found, expected });
        }
        let mut label = None;
        for (index, field) in text.split(',').enumerate() {
            let refuse = DataError::Value { line, field: index + 1 };
            let value: u16 = field.trim().parse().map_err(|_| refuse.clone())?;
            if index < self.features {
                if value > self.full_scale {
                    return Err(refuse);
                }
                features.push(f32::from(value) / f32::from(self.full_scale.max(1)));
            } else {
                label = Some(u32::from(value)).filter(|label| *label < self.classes);
            }
        }
        label.ok_or(DataError::Value { line, field: expected })
    }
}

/// How rows are divided among those who never see each other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitRule {
    /// Rows that no node ever sees; figures are reported on them.
    pub report: usize,
    /// Rows committed in the genesis; models are scored on them.
    pub metric: usize,
    /// Per cent of the remaining rows that are public, for the validators' shards; the rest is the users'.
    pub public: usize,
}

impl Default for SplitRule {
    fn default() -> Self {
        Self { report: 360, metric: 144, public: 20 }
    }
}

/// A data set in four parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Rows for reports.
    pub report: Dataset,
    /// Rows for scores.
    pub metric: Dataset,
    /// Public training rows, for the validators.
    pub public: Dataset,
    /// Private training rows, for the users.
    pub private: Dataset,
}

impl SplitRule {
    /// Splits a data set at random, each part with the classes in nearly the same proportion.
    ///
    /// Rows are shuffled, then ordered by `(rank in class + ½) / (size of class)`; every run of that order is
    /// stratified to about one row in each class.
    ///
    /// # Errors
    /// Fewer rows than the report and metric parts need.
    pub fn split(&self, data: &Dataset, seed: Seed) -> Result<Split, DataError> {
        let (rows, needed) = (data.len(), self.report.saturating_add(self.metric));
        if rows < needed {
            return Err(DataError::TooFewRows { rows, needed });
        }
        let order = stratified(data, seed);
        let public = (rows - needed) * self.public.min(100) / 100;
        let (report, rest) = order.split_at(self.report);
        let (metric, rest) = rest.split_at(self.metric);
        let (public, private) = rest.split_at(public);
        let [report, metric, public, private] =
            [report, metric, public, private].map(|part| data.select(part));
        Ok(Split { report, metric, public, private })
    }
}

/// All rows in an order of which every run has the classes in proportion.
fn stratified(data: &Dataset, seed: Seed) -> Vec<usize> {
    let mut order: Vec<usize> = (0..data.len()).collect();
    order.shuffle(&mut seed.derive("stratified split").rng());
    let mut sizes = std::collections::BTreeMap::<u32, u64>::new();
    data.labels().iter().for_each(|label| *sizes.entry(*label).or_default() += 1);
    let mut ranks = std::collections::BTreeMap::<u32, u64>::new();
    let mut keyed: Vec<(f64, u32, usize)> = order
        .into_iter()
        .map(|row| {
            let label = data.labels()[row];
            let rank = ranks.entry(label).or_default();
            *rank += 1;
            let size = sizes.get(&label).copied().unwrap_or(1);
            ((2 * *rank - 1) as f64 / size as f64, label, row)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, _, row)| row).collect()
}

/// At most so many bytes, unpacked.
fn unpack(packed: &[u8], limit: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = flate2::read::GzDecoder::new(packed).take(limit + 1).read_to_end(&mut bytes);
    if read.is_err() || bytes.len() as u64 > limit { Err(DataError::Packed) } else { Ok(bytes) }
}
