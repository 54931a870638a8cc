//! A labelled data set in `f32`, with the contributor of each row.

use ndarray::{Array2, Axis};
use thiserror::Error;

/// Rows of features with a class label each.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    features: Array2<f32>,
    labels: Vec<u32>,
    groups: Vec<u32>,
}

/// Features and labels of different lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{rows} rows of features, {labels} labels, {groups} groups")]
pub struct DatasetError {
    /// Rows of features.
    pub rows: usize,
    /// Labels.
    pub labels: usize,
    /// Groups.
    pub groups: usize,
}

impl Dataset {
    /// A data set of one contributor: features `[n, d]` and `n` labels.
    ///
    /// # Errors
    /// The lengths differ.
    pub fn new(features: Array2<f32>, labels: Vec<u32>) -> Result<Self, DatasetError> {
        let groups = vec![0; labels.len()];
        Self::grouped(features, labels, groups)
    }

    /// A data set whose row `i` came from contributor `groups[i]`.
    ///
    /// # Errors
    /// The lengths differ.
    pub fn grouped(features: Array2<f32>, labels: Vec<u32>, groups: Vec<u32>) -> Result<Self, DatasetError> {
        if features.nrows() == labels.len() && labels.len() == groups.len() {
            Ok(Self { features, labels, groups })
        } else {
            Err(DatasetError { rows: features.nrows(), labels: labels.len(), groups: groups.len() })
        }
    }

    /// The features `[n, d]`.
    pub fn features(&self) -> &Array2<f32> {
        &self.features
    }

    /// The class of each row.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The contributor of each row.
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The rows with these indices, in this order; indices out of range are left out.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let kept: Vec<usize> = indices.iter().copied().filter(|index| *index < self.len()).collect();
        let pick = |column: &[u32]| kept.iter().filter_map(|index| column.get(*index).copied()).collect();
        Self {
            features: self.features.select(Axis(0), &kept),
            labels: pick(&self.labels),
            groups: pick(&self.groups),
        }
    }

    /// The number of classes: one more than the largest label.
    pub fn classes(&self) -> usize {
        self.labels.iter().max().map_or(0, |label| *label as usize + 1)
    }
}
