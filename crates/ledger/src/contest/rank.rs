//! Whether a shard ranks the candidates as the others do.
//!
//! For two candidates of different kinds whose improvement on the other shards, by the mean of its middle third, differs by more than
//! η, a shard says the same, the contrary, or nothing. Kendall's τ over these pairs:
//!
//! ```text
//! τ = (same − contrary) / pairs        paid: τ > 0        bond lost: τ < −1/2, of at least ten pairs
//! ```
//!
//! Pairs that the others hardly tell apart say nothing about a shard, and of few pairs an honest shard may be unlucky.

use super::score::middle_mean;

/// What becomes of the examiner of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The shard agrees with the others: its examiner is paid.
    Agrees,
    /// It says nothing.
    Silent,
    /// It contradicts the others: its examiner loses the bond.
    Contradicts,
}

/// The fewest pairs of which a shard can be called wrong.
const PAIRS: i64 = 10;

/// The verdicts about shards; `gains` are the improvements of each candidate on all of them.
pub fn verdicts(gains: &[&[i64]], shards: usize, margin: u32) -> Vec<Verdict> {
    (0..shards).map(|shard| verdict(gains, shard, margin)).collect()
}

fn verdict(gains: &[&[i64]], shard: usize, margin: u32) -> Verdict {
    let split = |gains: &&[i64]| {
        let mut rest = gains.to_vec();
        let own = if shard < rest.len() { rest.remove(shard) } else { 0 };
        (own, middle_mean(&rest))
    };
    let all: Vec<(i64, i64)> = gains.iter().map(split).collect();
    let (mut pairs, mut sum) = (0i64, 0i64);
    for (at, (own, rest)) in all.iter().enumerate() {
        for (other, others) in all.iter().skip(at.saturating_add(1)) {
            let (here, there) = (own.saturating_sub(*other), rest.saturating_sub(*others));
            if there.saturating_abs() > i64::from(margin) {
                pairs = pairs.saturating_add(1);
                sum = sum.saturating_add(here.signum().saturating_mul(there.signum()));
            }
        }
    }
    match sum {
        1.. => Verdict::Agrees,
        _ if pairs >= PAIRS && sum.saturating_mul(-2) > pairs => Verdict::Contradicts,
        _ => Verdict::Silent,
    }
}
