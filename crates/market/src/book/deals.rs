//! The open deals of a book, by id and by the height at which they fall due.

use crate::{
    deal::{Deal, DealId},
    goods::Good,
    params::DealParams,
    transfer::Transfer,
};
use bitneuron_core::{Height, Outbox};
use std::collections::{BTreeMap, BTreeSet};

/// Open deals. A deal leaves when its state is final.
#[derive(Debug, Clone)]
pub(super) struct Deals<G: Good> {
    open: BTreeMap<DealId, Deal<G>>,
    due: BTreeSet<(Height, DealId)>,
}

impl<G: Good> Deals<G> {
    pub(super) const fn new() -> Self {
        Self { open: BTreeMap::new(), due: BTreeSet::new() }
    }

    pub(super) fn get(&self, id: DealId) -> Option<&Deal<G>> {
        self.open.get(&id)
    }

    /// Keeps the deal if it is open, forgets it if not.
    pub(super) fn put(&mut self, deal: &Deal<G>, params: &DealParams) {
        if let Some(due) = self.open.remove(&deal.id).and_then(|old| old.due(params)) {
            self.due.remove(&(due, deal.id));
        }
        if let Some(due) = deal.due(params) {
            self.due.insert((due, deal.id));
            self.open.insert(deal.id, deal.clone());
        }
    }

    /// Finds anew when the open deals fall due.
    pub(super) fn retune(&mut self, params: &DealParams) {
        let due = self.open.values().filter_map(|deal| Some((deal.due(params)?, deal.id)));
        self.due = due.collect();
    }

    /// Ends the deals that have fallen due and returns them, earliest due first.
    pub(super) fn expire(
        &mut self,
        at: Height,
        params: &DealParams,
        out: &mut Outbox<Transfer>,
    ) -> Vec<Deal<G>> {
        let mut late = Vec::new();
        while let Some((_, id)) = self.due.first().copied().filter(|(due, _)| *due <= at) {
            self.due.pop_first();
            if let Some(mut deal) = self.open.remove(&id) {
                deal.expire(at, params, out);
                late.push(deal);
            }
        }
        late
    }
}
