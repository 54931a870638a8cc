//! Who votes when: electorates are made two epochs ahead.
//!
//! At the end of epoch e the electorate of e + 2 is fixed from the state: all who hold the least stake and reputation and
//! are out of jail by then, the heaviest first, as many as there are seats. Those of epochs 0 and 1 come from the genesis.
//! If nobody qualifies, the electorate before goes on: a chain without voters could never mend itself.
//! Electorates are kept as long as evidence about them is heard.

use crate::State;
use bitneuron_consensus::Electorate;
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId, Reputation, hash::Hasher};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An electorate in the state, shared between copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Electorate", into = "Electorate")]
pub(crate) struct Seats(pub(crate) Arc<Electorate>);

impl From<Electorate> for Seats {
    fn from(electorate: Electorate) -> Self {
        Self(Arc::new(electorate))
    }
}

impl From<Seats> for Electorate {
    fn from(seats: Seats) -> Self {
        (*seats.0).clone()
    }
}

impl State {
    /// The electorate of an epoch: known from two epochs before it until evidence about it is too old.
    pub fn electorate(&self, epoch: Epoch) -> Option<Arc<Electorate>> {
        self.electorates.get(&epoch).map(|seats| seats.0.clone())
    }

    /// The epoch of the current height.
    pub fn epoch(&self) -> Epoch {
        self.clock.height.epoch(self.params.epoch)
    }

    /// Whether the next height is in another epoch.
    pub(crate) fn is_border(&self) -> bool {
        self.clock.height.next().epoch(self.params.epoch) != self.epoch()
    }

    /// Fixes the electorate of an epoch; its seed comes from the newest beacon.
    pub(crate) fn elect(&mut self, epoch: Epoch) {
        let beacon = self.beacons.last_key_value().map_or(Digest::ZERO, |(_, beacon)| *beacon);
        let seed = Hasher::new("bitneuron electorate seed v1").update(&beacon.0).number(epoch.0).finish();
        let rule = self.params.stake.weigh.rule();
        let mut able: Vec<(NodeId, Amount, Reputation)> = self
            .stakes
            .iter()
            .map(|(id, stake)| (*id, stake, self.reputation(*id)))
            .filter(|(_, stake, reputation)| {
                stake.bonded >= self.params.stake.threshold
                    && stake.is_free(epoch)
                    && *reputation >= self.params.stake.reputation
            })
            .map(|(id, stake, reputation)| (id, stake.bonded, reputation))
            .collect();
        // A stable sort: names are ascending among equal weights.
        able.sort_by_key(|(_, stake, reputation)| std::cmp::Reverse(rule.weigh(*stake, *reputation)));
        able.truncate(self.params.stake.seats as usize);
        let chosen = Electorate::weighed(epoch, able, rule, seed).or_else(|refused| {
            let before = self.electorates.last_key_value().ok_or(refused)?.1.0.clone();
            Electorate::new(epoch, before.members().iter().map(|member| (member.id, member.weight)), seed)
        });
        if let Ok(electorate) = chosen {
            self.electorates.set(epoch, electorate.into());
        }
    }

    /// Forgets electorates about which no evidence is heard any more.
    pub(crate) fn forget_electorates(&mut self) {
        let oldest = self.clock.height.0.saturating_sub(self.params.stake.evidence_age);
        let oldest = Height(oldest).epoch(self.params.epoch);
        self.electorates.prune(|epoch, _| *epoch >= oldest);
    }
}
