//! How much worse the merge would be without each: `sᵢ = L(M∖i) − L(M)`.

use super::{Hidden, Value, ValueError, check, loss_of_merge};
use crate::merge::{Contribution, Merge};
use std::sync::Arc;

/// The marginal gain of each contribution in a merge.
///
/// Two equal contributions have next to no gain each, so twins cost each other their score, honest or not; and the
/// differences are small beside the noise of a hundred hidden rows.
#[derive(Clone)]
pub struct LeaveOneOut(pub Arc<dyn Merge>);

impl std::fmt::Debug for LeaveOneOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LeaveOneOut")
    }
}

impl Value for LeaveOneOut {
    fn values(
        &self,
        hidden: &Hidden<'_>,
        own: &Contribution<'_>,
        peers: &[Contribution<'_>],
    ) -> Result<Vec<f64>, ValueError> {
        check(own, peers)?;
        let all = loss_of_merge(self.0.as_ref(), hidden, own, peers)?;
        let without = |left_out: usize| {
            let others = peers.iter().enumerate().filter(|(at, _)| *at != left_out);
            let others: Vec<Contribution<'_>> = others.map(|(_, peer)| *peer).collect();
            Ok(loss_of_merge(self.0.as_ref(), hidden, own, &others)? - all)
        };
        (0..peers.len()).map(without).collect()
    }
}
