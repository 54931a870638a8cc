//! Bags of rows whose embeddings are summed.

use super::super::FactorError;

/// Rows in bags: bag k holds `rows[ends[k − 1]..ends[k]]`.
#[derive(Debug, Clone, Copy)]
pub struct Bags<'a> {
    /// The rows of all bags, one bag after another.
    pub rows: &'a [u32],
    /// Where each bag ends; the last one ends with the rows.
    pub ends: &'a [usize],
}

impl<'a> Bags<'a> {
    /// The number of bags.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no bag.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The rows of each bag.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u32]> {
        let (rows, ends) = (self.rows, self.ends);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(ends).map(move |(start, end)| rows.get(start..*end).unwrap_or_default())
    }

    /// Refuses ends that are not in order or do not end with the rows.
    pub(super) fn check(&self) -> Result<(), FactorError> {
        let ends = self.ends.last().copied().unwrap_or(0) == self.rows.len();
        if ends && self.ends.is_sorted() {
            Ok(())
        } else {
            Err(FactorError::Shape("the bags do not cut the rows in order"))
        }
    }

    /// Every row once, in order.
    pub(super) fn distinct(&self) -> Vec<u32> {
        let mut rows = self.rows.to_vec();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}
