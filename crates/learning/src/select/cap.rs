//! An upper bound for the rows of each group: "this will prevent system collapse caused by the infinite faked data" (§5).
//!
//! The bound holds from the first epoch on, and which rows of a large group are taken is drawn anew in every epoch: their
//! losses must not decide it, since whoever has flooded the data made the losses.

use super::{Rows, SelectError, Selection};
use rand::seq::SliceRandom as _;
use std::collections::BTreeMap;

/// How many rows a group may give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cap {
    /// So many.
    Count(usize),
    /// So many times the fair share, which is the size of the median group (the lower one of two): what one group holds, or
    /// all groups of less than half the names, cannot move it far. At least 1; a quarter more than fair is the default.
    Share(f64),
}

/// Bounds the rows of each group.
///
/// ```
/// use bitneuron_core::{Dataset, Seed};
/// use bitneuron_learning::select::{GroupCap, Rows, Select};
/// // Three contributors with four rows each, and one with ninety.
/// let groups: Vec<u32> = (0..12).map(|row| 1 + row / 4).chain([4; 90]).collect();
/// let data = Dataset::grouped(ndarray::Array2::zeros((102, 1)), vec![0; 102], groups)?;
/// let rows = Rows { data: &data, losses: &[0.0; 102], epoch: 0, seed: Seed::from_number(1) };
/// let chosen = GroupCap::default().begin().choose(&rows, (0..102).collect())?;
/// assert_eq!(chosen.len(), 12 + 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupCap {
    /// The bound.
    pub cap: Cap,
    /// A group without a bound, such as [`OWN_GROUP`](crate::merge::OWN_GROUP), whose size says nothing about the others.
    pub exempt: Option<u32>,
}

impl Default for GroupCap {
    /// A quarter more than the fair share, for every group.
    fn default() -> Self {
        Self { cap: Cap::Share(1.25), exempt: None }
    }
}

impl GroupCap {
    /// The same with one group that is not bounded.
    #[must_use]
    pub const fn without(self, group: u32) -> Self {
        Self { exempt: Some(group), ..self }
    }

    fn most(&self, groups: &BTreeMap<u32, Vec<usize>>) -> Result<usize, SelectError> {
        let factor = match self.cap {
            Cap::Count(count) => return Ok(count),
            Cap::Share(factor) => factor,
        };
        if !(factor.is_finite() && factor >= 1.0) {
            return Err(SelectError::Setting("share"));
        }
        let bounded = groups.iter().filter(|(group, _)| Some(**group) != self.exempt);
        let mut sizes: Vec<usize> = bounded.map(|(_, rows)| rows.len()).collect();
        sizes.sort_unstable();
        let median = sizes.get(sizes.len().saturating_sub(1) / 2).copied().unwrap_or(0);
        Ok((median as f64 * factor) as usize)
    }
}

impl Selection for GroupCap {
    fn choose(&mut self, rows: &Rows<'_>, among: Vec<usize>) -> Result<Vec<usize>, SelectError> {
        let mut groups = BTreeMap::<u32, Vec<usize>>::new();
        for row in among {
            groups.entry(rows.group(row)).or_default().push(row);
        }
        let most = self.most(&groups)?;
        let mut chosen = Vec::new();
        for (group, mut own) in groups {
            if own.len() > most && Some(group) != self.exempt {
                let seed = rows.seed.derive_number("cap", u64::from(group));
                own = own.partial_shuffle(&mut seed.rng(), most).0.to_vec();
            }
            chosen.extend(own);
        }
        chosen.sort_unstable();
        Ok(chosen)
    }
}
