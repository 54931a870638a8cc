//! Age-weighted averaging: a model counts as much as it has learned.
//!
//! For two models `θ ← (1 − a)·θ_k + a·θ_r` with `a = t_r / (t_k + t_r)`; for many, `aᵢ ∝ wᵢ·tᵢ`. The age of the result
//! is the largest age. Where nobody has learned anything yet, the weights alone count.
//!
//! An age is the word of its sender. Machines cap it before it comes here.

use super::admit::admit;
use super::mean::mean;
use super::{Contribution, Law, Laws, Merge, MergeError, Merged};

/// The mean weighted by weight times age.
#[derive(Debug, Clone, Copy, Default)]
pub struct AgeWeighted;

impl Merge for AgeWeighted {
    fn merge(&self, own: &Contribution<'_>, peers: &[Contribution<'_>]) -> Result<Merged, MergeError> {
        admit(own, peers)?;
        let ageless = own.age == 0 && peers.iter().all(|peer| peer.age == 0);
        let factor = |age: u64| if ageless { 1 } else { u128::from(age) };
        let product = |one: &Contribution<'_>| u128::from(one.weight.0) * factor(one.age);
        let own_part = product(own);
        let parts: Vec<u128> = peers.iter().map(product).collect();
        // Back to 64 bits by one shift for all; what is lost is below 2⁻⁶³ of the largest.
        let largest = parts.iter().copied().fold(own_part, u128::max);
        let shift = (u128::BITS - largest.leading_zeros()).saturating_sub(u64::BITS);
        let narrow = |part: u128| u64::try_from(part >> shift).unwrap_or(u64::MAX);
        let weights: Vec<u64> = parts.into_iter().map(narrow).collect();
        Ok(mean(own, narrow(own_part), peers, &weights))
    }

    fn laws(&self) -> Laws {
        Laws::default().with(Law::Weights).with(Law::Linear)
    }
}
