//! The gain to first order, for the price of one gradient: `sᵢ = ⟨∇L(θ), θ − θᵢ⟩`.
//!
//! This is the influence of a step in the sense of TracIn (Pruthi et al., arXiv 2002.08484), with the hidden rows as tests.
//! It is exact for small steps. A longer step in a good direction scores more however far it overshoots.

use super::{Hidden, Value, ValueError, check};
use crate::eval::row_major;
use crate::merge::Contribution;
use crate::model::Batch;

/// The cheap score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FirstOrder;

impl Value for FirstOrder {
    fn values(
        &self,
        hidden: &Hidden<'_>,
        own: &Contribution<'_>,
        peers: &[Contribution<'_>],
    ) -> Result<Vec<f64>, ValueError> {
        check(own, peers)?;
        if hidden.data.is_empty() {
            return Err(ValueError::Empty);
        }
        let theta = own.value.values();
        let mut gradient = vec![0.0; theta.len()];
        let features = row_major(hidden.data);
        hidden.model.loss_and_gradient(theta, &Batch::new(&features, hidden.data.labels()), &mut gradient)?;
        let gain = |peer: &Contribution<'_>| {
            let steps = theta.iter().zip(peer.value.values()).map(|(from, to)| f64::from(from - to));
            steps.zip(&gradient).map(|(step, slope)| step * f64::from(*slope)).sum()
        };
        Ok(peers.iter().map(gain).collect())
    }
}
