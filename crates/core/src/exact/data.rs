//! A labelled data set as integers, its commitments, and the drawing of rows from a public seed.

use super::tensor::ShapeError;
use super::{Interval, Tensor, fixed};
use crate::{Bytes, Commitment, Dataset, Seed, hash::Digest};
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

/// Features `[rows, columns]` with 8 fractional bits within ±1, and labels `[rows]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactData {
    features: Tensor,
    labels: Tensor,
}

/// What is published of a data set: its size and the commitments to features and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DataRoot {
    /// The number of rows.
    pub rows: u32,
    /// The number of features of a row.
    pub columns: u32,
    /// The commitment to the features.
    pub features: Commitment,
    /// The commitment to the labels.
    pub labels: Commitment,
}

impl ExactData {
    /// Rounds features to 8 fractional bits and moves them into ±1.
    ///
    /// # Errors
    /// More elements than a tensor holds.
    pub fn from_dataset(data: &Dataset) -> Result<Self, ShapeError> {
        let round = |value: &f32| fixed::from_f32(*value, fixed::ACTIVATION_BITS, fixed::FEATURE_LIMIT);
        // No tensor has a size of `u32::MAX`.
        let [rows, columns] =
            [data.len(), data.features().ncols()].map(|size| u32::try_from(size).unwrap_or(u32::MAX));
        let features = Tensor::new(&[rows, columns], data.features().iter().map(round).collect())?;
        let labels = Tensor::new(&[rows], data.labels().iter().map(|label| i64::from(*label)).collect())?;
        Ok(Self { features, labels })
    }

    /// From its two tensors; `None` when they do not belong together or leave their intervals.
    pub fn new(features: Tensor, labels: Tensor) -> Option<Self> {
        let ([rows, _], [labelled]) = (features.shape(), labels.shape()) else { return None };
        let within =
            |tensor: &Tensor, interval: Interval| tensor.data().iter().all(|x| interval.contains(*x));
        let fits = rows == labelled
            && within(&features, Interval::symmetric(fixed::FEATURE_LIMIT))
            && within(&labels, Interval { lo: 0, hi: i64::from(u16::MAX) });
        fits.then_some(Self { features, labels })
    }

    /// The bytes of one row of so many features: two little-endian bytes for each, then two for the label.
    pub const fn row_bytes(columns: u32) -> usize {
        (columns as usize).saturating_add(1).saturating_mul(2)
    }

    /// The rows one after the other, each as [`ExactData::row_bytes`] says.
    pub fn to_bytes(&self) -> Bytes {
        let columns = self.features.shape().get(1).copied().unwrap_or(0) as usize;
        let mut bytes = Vec::with_capacity(self.features.len().saturating_add(self.rows()).saturating_mul(2));
        let mut rows = self.features.data().chunks_exact(columns.max(1));
        for label in self.labels.data() {
            let row = rows.next().unwrap_or_default();
            bytes.extend(row.iter().flat_map(|value| (*value as i16).to_le_bytes()));
            bytes.extend((*label as u16).to_le_bytes());
        }
        Bytes(bytes)
    }

    /// The rows of so many features in these bytes; `None` when they are none.
    pub fn from_bytes(bytes: &[u8], columns: u32) -> Option<Self> {
        let rows = bytes.chunks_exact(Self::row_bytes(columns));
        if !rows.remainder().is_empty() {
            return None;
        }
        let (mut features, mut labels) = (Vec::new(), Vec::new());
        for row in rows {
            let (pairs, []) = row.as_chunks::<2>() else { return None };
            let (label, values) = pairs.split_last()?;
            features.extend(values.iter().map(|pair| i64::from(i16::from_le_bytes(*pair))));
            labels.push(i64::from(u16::from_le_bytes(*label)));
        }
        let count = u32::try_from(labels.len()).ok()?;
        Self::new(Tensor::new(&[count, columns], features).ok()?, Tensor::new(&[count], labels).ok()?)
    }

    /// The features `[rows, columns]`.
    pub fn features(&self) -> &Tensor {
        &self.features
    }

    /// The labels `[rows]`.
    pub fn labels(&self) -> &Tensor {
        &self.labels
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// The published commitments.
    pub fn root(&self) -> DataRoot {
        let size = |axis: usize| self.features.shape().get(axis).copied().unwrap_or(0);
        DataRoot {
            rows: size(0),
            columns: size(1),
            features: self.features.commitment(),
            labels: self.labels.commitment(),
        }
    }
}

/// Draws `count` rows of `rows` from a public seed: whole permutations, one after the other, the last one cut.
///
/// Each permutation is a Fisher–Yates shuffle over the ChaCha12 stream of the seed, with the index of each swap the high
/// half of a 64-bit product, so the draw is the same on every machine for ever. No rows give no draw.
pub fn draw(seed: Digest, rows: u32, count: usize) -> Vec<i64> {
    let mut rng = Seed::from(seed).derive("draw rows").rng();
    let mut drawn = Vec::new();
    while drawn.len() < count && rows > 0 {
        let mut order: Vec<i64> = (0..i64::from(rows)).collect();
        for last in (1..order.len()).rev() {
            let span = u128::from(rng.next_u64()).wrapping_mul((last as u128).saturating_add(1)) >> 64;
            order.swap(last, usize::try_from(span).unwrap_or(last));
        }
        order.truncate(count.saturating_sub(drawn.len()));
        drawn.extend(order);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_their_bytes() {
        let features = Tensor::new(&[2, 3], vec![0, -256, 256, 1, 2, 3]).expect("shape");
        let data = ExactData::new(features, Tensor::vector(vec![9, 65_535])).expect("fits");
        let bytes = data.to_bytes();
        assert_eq!(bytes.len(), 2 * ExactData::row_bytes(3));
        assert_eq!(ExactData::from_bytes(&bytes, 3), Some(data));
        assert_eq!(ExactData::from_bytes(&bytes[1..], 3), None);
        assert_eq!(ExactData::from_bytes(&[0, 2, 0, 0], 1), None, "a feature of 2");
        assert_eq!(ExactData::from_bytes(&[], 3).map(|data| data.rows()), Some(0));
    }

    #[test]
    fn a_draw_goes_through_all_rows_before_any_repeats() {
        let drawn = draw(Digest([3; 32]), 10, 25);
        assert_eq!(drawn.len(), 25);
        for pass in drawn.chunks_exact(10) {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..10).collect::<Vec<_>>());
        }
        assert_eq!(draw(Digest([3; 32]), 0, 5), []);
        assert_eq!(draw(Digest([3; 32]), 7, 7), draw(Digest([3; 32]), 7, 7));
        assert_ne!(draw(Digest([3; 32]), 70, 70), draw(Digest([4; 32]), 70, 70));
    }
}
