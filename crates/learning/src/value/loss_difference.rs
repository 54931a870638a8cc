//! How much better each model is by itself: `sᵢ = L(θ) − L(θᵢ)`.

use super::{Hidden, Value, ValueError, check};
use crate::merge::Contribution;

/// The score that templar's Gauntlet and the contests of the ledger begin with.
///
/// Copies and splits are paid in full, each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LossDifference;

impl Value for LossDifference {
    fn values(
        &self,
        hidden: &Hidden<'_>,
        own: &Contribution<'_>,
        peers: &[Contribution<'_>],
    ) -> Result<Vec<f64>, ValueError> {
        check(own, peers)?;
        let before = hidden.loss(own.value.values())?;
        peers.iter().map(|peer| Ok(before - hidden.loss(peer.value.values())?)).collect()
    }
}
