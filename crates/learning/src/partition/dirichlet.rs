//! The true Dirichlet split: for each label, shares of the nodes are drawn from `Dir(α)` and its rows cut accordingly.
//!
//! ```text
//! g_k ~ Gamma(α, 1),   p_k = g_k / Σ g,   node k takes the rows of the label between Σ_{<k} p and Σ_{≤k} p
//! ```
//!
//! A small α gives each label to few nodes; a large one is even. The whole draw is repeated until every node has its
//! minimum. Where that is hopeless (many nodes, small α) rows are moved from the richest nodes and counted.
//! Gamma variates are drawn in logarithms, since for small α they underflow.

use super::{Partition, PartitionError, enough};
use crate::draw::{normal, uniform};
use bitneuron_core::Seed;
use rand::{Rng, seq::SliceRandom as _};

/// The smallest concentration: below it even the logarithms of the variates leave the finite numbers.
const LEAST: f64 = 1e-6;
/// How often the draw is repeated before rows are moved.
const ATTEMPTS: u64 = 64;

/// Spreads rows over `nodes` with concentration `alpha`, at least `minimum` rows each.
///
/// # Errors
/// No nodes, too few rows for the minimum, or an `alpha` that is not finite or below 10⁻⁶.
pub fn dirichlet(
    labels: &[u32],
    nodes: usize,
    alpha: f64,
    minimum: usize,
    seed: Seed,
) -> Result<Partition, PartitionError> {
    enough(labels.len(), nodes, minimum)?;
    if !(alpha.is_finite() && alpha >= LEAST) {
        return Err(PartitionError::Concentration);
    }
    let mut best = Vec::new();
    for attempt in 0..ATTEMPTS {
        let drawn = draw(labels, nodes, alpha, &mut seed.derive_number("dirichlet partition", attempt).rng());
        if best.is_empty() || smallest(&drawn) > smallest(&best) {
            best = drawn;
        }
        if smallest(&best) >= minimum {
            break;
        }
    }
    let moved = top_up(&mut best, minimum);
    Ok(Partition::sorted(best, moved))
}

fn smallest(nodes: &[Vec<usize>]) -> usize {
    nodes.iter().map(Vec::len).min().unwrap_or(0)
}

/// One draw for all labels.
fn draw(labels: &[u32], nodes: usize, alpha: f64, rng: &mut impl Rng) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(rng);
    order.sort_by_key(|row| labels[*row]);
    let mut parts = vec![Vec::new(); nodes];
    for rows in order.chunk_by(|a, b| labels[*a] == labels[*b]) {
        let (mut given, mut reached) = (0, 0.0);
        let shares = proportions(nodes, alpha, rng);
        let Some((last, others)) = parts.split_last_mut() else { break };
        for (part, share) in others.iter_mut().zip(shares) {
            reached += share;
            let end = ((reached * rows.len() as f64).round() as usize).clamp(given, rows.len());
            part.extend_from_slice(&rows[given..end]);
            given = end;
        }
        last.extend_from_slice(&rows[given..]);
    }
    parts
}

/// Moves rows from the largest nodes to those below the minimum; returns how many.
fn top_up(nodes: &mut [Vec<usize>], minimum: usize) -> usize {
    let mut moved = 0;
    for poor in 0..nodes.len() {
        while nodes[poor].len() < minimum {
            let rich = (0..nodes.len()).max_by_key(|node| nodes[*node].len()).unwrap_or(poor);
            let Some(row) = nodes[rich].pop() else { return moved };
            nodes[poor].push(row);
            moved += 1;
        }
    }
    moved
}

/// A point of `Dir(α, …, α)`.
fn proportions(nodes: usize, alpha: f64, rng: &mut impl Rng) -> Vec<f64> {
    let logs: Vec<f64> = (0..nodes).map(|_| log_gamma_variate(alpha, rng)).collect();
    let max = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = logs.into_iter().map(|log| (log - max).exp()).collect();
    let sum: f64 = parts.iter().sum();
    parts.into_iter().map(|part| part / sum).collect()
}

/// The logarithm of a `Gamma(shape, 1)` variate: Marsaglia and Tsang's squeeze for shapes of at least 1, and
/// `Gamma(a) = Gamma(a + 1)·U^(1/a)` below.
fn log_gamma_variate(shape: f64, rng: &mut impl Rng) -> f64 {
    if shape < 1.0 {
        return log_gamma_variate(shape + 1.0, rng) + uniform(rng).ln() / shape;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && uniform(rng).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d.ln() + v.ln();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_variates_have_the_right_mean_and_variance() {
        for shape in [0.3, 1.0, 4.5] {
            let mut rng = Seed::from_number(5).rng();
            let n = 40_000;
            let draws: Vec<f64> = (0..n).map(|_| log_gamma_variate(shape, &mut rng).exp()).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / f64::from(n);
            assert!((mean - shape).abs() < 0.05 * shape.max(0.5), "mean {mean} of shape {shape}");
            assert!((variance - shape).abs() < 0.1 * shape.max(0.5), "variance {variance} of shape {shape}");
        }
    }

    #[test]
    fn tiny_concentrations_do_not_underflow() {
        let parts = proportions(50, 1e-3, &mut Seed::from_number(1).rng());
        assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(parts.iter().all(|part| part.is_finite()));
    }
}
