//! How training rows are spread over nodes, in the lab and in rehearsals alike.

use crate::unread::Unread;
use bitneuron_core::Seed;
use bitneuron_learning::partition::{self, Partition, PartitionError};
use std::fmt;
use std::str::FromStr;

/// Who holds which rows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Rows {
    /// Shuffled and dealt out. With more nodes than rows each node holds one row, and rows repeat.
    #[default]
    Iid,
    /// By a Dirichlet draw over labels with this concentration; smaller is more skewed.
    Dirichlet(f64),
    /// In so many shards of one label each.
    Shards(usize),
}

impl Rows {
    /// The rows of each node. A Dirichlet draw gives everybody at least `least`.
    pub(crate) fn spread(
        self,
        labels: &[u32],
        nodes: usize,
        least: usize,
        seed: Seed,
    ) -> Result<Partition, PartitionError> {
        match self {
            Self::Iid => partition::iid(labels.len(), nodes.min(labels.len()), seed),
            Self::Dirichlet(alpha) => partition::dirichlet(labels, nodes, alpha, least, seed),
            Self::Shards(each) => partition::shards(labels, nodes, each, seed),
        }
    }
}

impl FromStr for Rows {
    type Err = Unread;

    fn from_str(text: &str) -> Result<Self, Unread> {
        let parsed = match text.split_once(':') {
            None if text == "iid" => Some(Self::Iid),
            Some(("dirichlet", alpha)) => {
                alpha.parse().ok().filter(|a| *a > 0.0 && *a <= 1e6).map(Self::Dirichlet)
            }
            Some(("shards", each)) => {
                each.parse().ok().filter(|each| (1..=100).contains(each)).map(Self::Shards)
            }
            _ => None,
        };
        parsed.ok_or(Unread {
            text: text.into(),
            expected: "`iid`, `dirichlet:ALPHA`, as `dirichlet:0.5`, or `shards:COUNT` with 1 to 100 for each user",
        })
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iid => f.write_str("iid"),
            Self::Dirichlet(alpha) => write!(f, "dirichlet:{alpha}"),
            Self::Shards(each) => write!(f, "shards:{each}"),
        }
    }
}
