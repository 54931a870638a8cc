//! What everybody could vote with at the beginning of an epoch, though tokens have moved since.
//!
//! A snapshot copies nothing. Where an account or a bonded stake changes for the first time after one that is still needed, what
//! its owner could vote with before is written down; whoever has no such note holds now what it held then. So a token
//! counts for the one who held it, once, wherever it goes afterwards, and nothing has to be locked. Notes that no open vote
//! needs are forgotten a few at each block.

use super::proposal::{ProposalId, Stage};
use crate::account::Pocket;
use crate::{Holder, State};
use bitneuron_core::{Amount, Epoch, NodeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many notes and how many ballots are forgotten at a block.
const FORGOTTEN: usize = 256;

/// What must be known to count votes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Docket {
    /// How many proposals there ever were: the number of the next.
    pub(crate) proposed: u64,
    /// The beginnings of epochs of which notes are needed, ascending.
    pub(crate) snapshots: Vec<Epoch>,
    /// The proposals that are over and whose ballots are not forgotten yet.
    pub(crate) over: Vec<ProposalId>,
}

impl State {
    pub(crate) fn docket(&self) -> Docket {
        self.docket.get(&()).cloned().unwrap_or_default()
    }

    /// What somebody can vote with now: free and bonded tokens, as far as they are not locked.
    pub fn votable(&self, id: NodeId) -> Amount {
        self.in_hand(id).min(self.unlocked(Holder::Account(id)))
    }

    /// Free and bonded tokens.
    fn in_hand(&self, id: NodeId) -> Amount {
        let bonded = self.stakes.get(&id).map(|stake| stake.bonded).unwrap_or_default();
        self.balance(id).checked_add(bonded).unwrap_or(Amount::SUPPLY)
    }

    /// What all can vote with now.
    pub fn all_votable(&self) -> Amount {
        let granted = self.grants().filter_map(|(_, holder, _)| match holder {
            Holder::Account(id) => Some(id),
            Holder::Treasury => None,
        });
        let granted: BTreeSet<NodeId> = granted.collect();
        let locked = granted.into_iter().map(|id| self.in_hand(id).saturating_sub(self.votable(id)));
        locked.fold(Amount::SUPPLY.saturating_sub(self.silent()), Amount::saturating_sub)
    }

    /// What somebody could vote with at the beginning of an epoch of which notes are taken.
    pub(super) fn held_at(&self, snapshot: Epoch, id: NodeId) -> Amount {
        let docket = self.docket.get(&());
        let snapshots = docket.map_or(&[][..], |docket| docket.snapshots.as_slice());
        let mut later = snapshots.iter().filter(|epoch| **epoch >= snapshot);
        let note = later.find_map(|epoch| self.holdings.get(&(*epoch, id)));
        note.copied().unwrap_or_else(|| self.votable(id))
    }

    /// Tokens are about to leave or enter a pocket: notes what its owner could vote with, if that is needed and not noted.
    pub(crate) fn remember(&mut self, pocket: Pocket) {
        let (Pocket::Account(id) | Pocket::Bonded(id)) = pocket else { return };
        let newest = self.docket.get(&()).and_then(|docket| docket.snapshots.last().copied());
        if let Some(newest) = newest.filter(|newest| !self.holdings.contains_key(&(*newest, id))) {
            self.holdings.set((newest, id), self.votable(id));
        }
    }

    /// The beginning of an epoch: takes a snapshot when proposals need one, and says whether they do. Those that nobody needs
    /// any more are no longer kept.
    pub(super) fn take_snapshot(&mut self, epoch: Epoch) {
        let open = self.proposals.values().filter(|proposal| proposal.stage == Stage::Open);
        let needed: Vec<Epoch> =
            open.map(|proposal| proposal.snapshot).filter(|snapshot| *snapshot <= epoch).collect();
        let mut docket = self.docket();
        if needed.contains(&epoch) {
            docket.snapshots.push(epoch);
        }
        let oldest = needed.into_iter().min();
        docket.snapshots.retain(|snapshot| oldest.is_some_and(|oldest| *snapshot >= oldest));
        self.keep_docket(docket);
    }

    pub(super) fn keep_docket(&mut self, docket: Docket) {
        if docket != self.docket() {
            self.docket.set((), docket);
        }
    }

    /// Forgets some of what no open vote needs.
    pub(crate) fn forget_votes(&mut self) {
        let Some(docket) = self.docket.get(&()) else { return };
        let (oldest, over) = (docket.snapshots.first().copied(), docket.over.first().copied());
        let stale = self.holdings.keys().take_while(|(epoch, _)| oldest.is_none_or(|oldest| *epoch < oldest));
        let stale: Vec<_> = stale.take(FORGOTTEN).copied().collect();
        stale.iter().for_each(|name| self.holdings.unset(name));
        let Some(over) = over else { return };
        let (first, last) = ((over, NodeId([0; 32])), (over, NodeId([255; 32])));
        let cast: Vec<_> = self.ballots.range(first..=last).take(FORGOTTEN).map(|(name, _)| *name).collect();
        cast.iter().for_each(|name| self.ballots.unset(name));
        if cast.len() < FORGOTTEN {
            let mut docket = self.docket();
            docket.over.retain(|id| *id != over);
            self.keep_docket(docket);
        }
    }
}
