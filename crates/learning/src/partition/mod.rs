//! How rows are spread over nodes: evenly, by a Dirichlet draw over labels, or in shards of few labels.
//!
//! Every row goes to exactly one node. How uneven the outcome really is, is measured and reported as the entropy of
//! the labels that a node holds, `H = −Σ_c p_c log₂ p_c` bits: `log₂ C` where a node sees all classes alike, 0 where it
//! sees one.

mod dirichlet;

pub use dirichlet::dirichlet;

use bitneuron_core::Seed;
use rand::seq::SliceRandom as _;
use std::collections::BTreeMap;
use thiserror::Error;

/// Which rows each node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Row numbers, ascending, for each node.
    pub nodes: Vec<Vec<usize>>,
    /// How many rows had to be moved by hand to give every node its minimum.
    pub moved: usize,
}

/// Why rows cannot be spread as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// Nobody to give rows to.
    #[error("no nodes")]
    NoNodes,
    /// There are not enough rows for everybody's minimum.
    #[error("{rows} rows where {needed} are needed")]
    TooFewRows {
        /// How many there are.
        rows: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The concentration must be finite and at least 10⁻⁶.
    #[error("the concentration must be finite and at least 1e-6")]
    Concentration,
}

impl Partition {
    /// The label entropy of each node in bits; zero for a node without rows.
    pub fn label_entropy(&self, labels: &[u32]) -> Vec<f64> {
        self.nodes.iter().map(|rows| entropy(rows.iter().filter_map(|row| labels.get(*row)))).collect()
    }

    /// The mean of [`Partition::label_entropy`].
    pub fn mean_label_entropy(&self, labels: &[u32]) -> f64 {
        self.label_entropy(labels).iter().sum::<f64>() / self.nodes.len().max(1) as f64
    }

    /// Sorts each node's rows.
    fn sorted(mut nodes: Vec<Vec<usize>>, moved: usize) -> Self {
        for rows in &mut nodes {
            rows.sort_unstable();
        }
        Self { nodes, moved }
    }
}

/// The entropy of a sample of labels in bits.
fn entropy<'a>(labels: impl Iterator<Item = &'a u32>) -> f64 {
    let mut counts = BTreeMap::<u32, f64>::new();
    labels.for_each(|label| *counts.entry(*label).or_default() += 1.0);
    let total: f64 = counts.values().sum();
    counts.values().map(|count| -(count / total) * (count / total).log2()).sum()
}

/// Shuffles the rows and deals them out; sizes differ by at most one.
///
/// # Errors
/// No nodes, or fewer rows than nodes.
pub fn iid(rows: usize, nodes: usize, seed: Seed) -> Result<Partition, PartitionError> {
    enough(rows, nodes, 1)?;
    let mut order: Vec<usize> = (0..rows).collect();
    order.shuffle(&mut seed.derive("iid partition").rng());
    Ok(Partition::sorted(deal(&order, nodes), 0))
}

/// Sorts the rows by label, cuts them into `nodes · per_node` shards and gives each node `per_node` random ones, so that
/// a node sees about `per_node` labels.
///
/// # Errors
/// No nodes, or fewer rows than shards.
pub fn shards(
    labels: &[u32],
    nodes: usize,
    per_node: usize,
    seed: Seed,
) -> Result<Partition, PartitionError> {
    enough(labels.len(), nodes, per_node.max(1))?;
    let mut rng = seed.derive("shard partition").rng();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut rng);
    order.sort_by_key(|row| labels[*row]);
    let mut shards = deal(&order, nodes * per_node.max(1));
    shards.shuffle(&mut rng);
    Ok(Partition::sorted(shards.chunks(per_node.max(1)).map(<[Vec<usize>]>::concat).collect(), 0))
}

/// Cuts rows into runs whose sizes differ by at most one.
fn deal(rows: &[usize], parts: usize) -> Vec<Vec<usize>> {
    (0..parts).map(|part| rows[part * rows.len() / parts..(part + 1) * rows.len() / parts].to_vec()).collect()
}

fn enough(rows: usize, nodes: usize, each: usize) -> Result<(), PartitionError> {
    let needed = nodes.saturating_mul(each);
    match nodes {
        0 => Err(PartitionError::NoNodes),
        _ if rows < needed => Err(PartitionError::TooFewRows { rows, needed }),
        _ => Ok(()),
    }
}
