//! Shapley's value of each contribution, by sampled orders: Ghorbani and Zou, *Data Shapley* (arXiv 1904.02868), truncated
//! Monte Carlo.
//!
//! ```text
//! sᵢ = E over orders [ L(merge of those before i) − L(merge of those before i, and i) ]
//! ```
//!
//! The scores sum to `L(θ) − L(M)`. An order is not followed further once the merge is within the tolerance of the whole:
//! those behind gain nothing.

use super::{Hidden, Value, ValueError, check, loss_of_merge};
use crate::merge::{Contribution, Merge};
use bitneuron_core::Seed;
use rand::seq::SliceRandom as _;
use std::sync::Arc;

/// The mean marginal gain over random orders.
#[derive(Clone)]
pub struct Shapley {
    /// The rule by which coalitions merge.
    pub merge: Arc<dyn Merge>,
    /// How many orders are drawn, at least 1.
    pub permutations: u32,
    /// An order ends when what is left to gain is below this part of the whole gain; with 0 no order does.
    pub tolerance: f64,
    /// The source of the orders.
    pub seed: Seed,
}

impl std::fmt::Debug for Shapley {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shapley")
            .field("permutations", &self.permutations)
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}

impl Value for Shapley {
    fn values(
        &self,
        hidden: &Hidden<'_>,
        own: &Contribution<'_>,
        peers: &[Contribution<'_>],
    ) -> Result<Vec<f64>, ValueError> {
        check(own, peers)?;
        if self.permutations == 0 || self.tolerance.is_nan() || self.tolerance < 0.0 {
            return Err(ValueError::Setting("permutations or tolerance"));
        }
        let rule = self.merge.as_ref();
        let nobody = hidden.loss(own.value.values())?;
        let all = loss_of_merge(rule, hidden, own, peers)?;
        let near = self.tolerance * (nobody - all).abs();
        let mut order: Vec<usize> = (0..peers.len()).collect();
        let mut sums = vec![0.0; peers.len()];
        let mut rng = self.seed.derive("orders").rng();
        for _ in 0..self.permutations {
            order.shuffle(&mut rng);
            let (mut before, mut coalition) = (nobody, Vec::with_capacity(peers.len()));
            for at in &order {
                if (before - all).abs() < near {
                    break;
                }
                // Peers stand in the order of their names, whatever the order in which they came.
                let place = coalition.partition_point(|other: &usize| other < at);
                coalition.insert(place, *at);
                let members: Vec<Contribution<'_>> = coalition.iter().map(|at| peers[*at]).collect();
                let after = loss_of_merge(rule, hidden, own, &members)?;
                sums[*at] += before - after;
                before = after;
            }
        }
        Ok(sums.into_iter().map(|sum| sum / f64::from(self.permutations)).collect())
    }
}
