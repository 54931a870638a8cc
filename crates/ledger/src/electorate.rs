//! Who votes when: voters are chosen two epochs ahead, and the seed of their lottery follows when no weight can change.
//!
//! At the end of epoch e the voters of e + 2 are fixed from the state: all who hold the least stake and reputation and
//! are out of jail by then, the heaviest first, as many as there are seats. Those of epochs 0 and 1 come from the genesis.
//! If nobody qualifies, the electorate before goes on: a chain without voters could never mend itself.
//! The seed of e + 1 is known at the end of e ([`bitneuron_consensus::chance`]). Its voters were fixed an epoch before and
//! their keys too, so nobody can fit stakes to a seed or keys to an output.
//! Electorates are kept as long as evidence about them is heard.

use crate::State;
use bitneuron_consensus::chance::{fold, next_beacon, next_seed};
use bitneuron_consensus::{Electorate, Slot};
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId, Reputation};
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
    /// The electorate of an epoch: known from the end of the epoch before it until evidence about it is too old.
    pub fn electorate(&self, epoch: Epoch) -> Option<Arc<Electorate>> {
        self.elected(epoch).filter(|_| epoch <= self.next_epoch())
    }

    /// The voters of an epoch, chosen two epochs before it. Until [`State::electorate`] knows them, they have no seed.
    pub fn elected(&self, epoch: Epoch) -> Option<Arc<Electorate>> {
        self.electorates.get(&epoch).map(|seats| seats.0.clone())
    }

    /// The electorate that votes on the next block.
    pub fn next_voters(&self) -> Option<Arc<Electorate>> {
        self.electorate(self.next_epoch())
    }

    /// What the proposer of the next block draws from.
    pub fn next_slot(&self) -> Option<Slot> {
        let height = self.clock.height.next();
        self.next_voters().map(|voters| voters.slot(self.chain, height))
    }

    fn next_epoch(&self) -> Epoch {
        self.clock.height.next().epoch(self.params.epoch)
    }

    /// The epoch of the current height.
    pub fn epoch(&self) -> Epoch {
        self.clock.height.epoch(self.params.epoch)
    }

    /// Whether the next height is in another epoch.
    pub(crate) fn is_border(&self) -> bool {
        self.next_epoch() != self.epoch()
    }

    /// Notes the output of the last block.
    pub(crate) fn note(&mut self, output: Digest) {
        let height = self.clock.height;
        let before = self.beacons.last_key_value().map_or(Digest::ZERO, |(_, beacon)| *beacon);
        self.beacons.set(height, next_beacon(before, output));
        self.clock.folded = fold(self.clock.folded, output);
    }

    /// Seeds the electorate of the next epoch with what was decided in this one.
    pub(crate) fn seed_next(&mut self) {
        let seed = self.elected(self.epoch()).map_or(Digest::ZERO, |voters| voters.seed());
        let folded = std::mem::take(&mut self.clock.folded);
        self.seed(self.next_epoch(), next_seed(seed, folded));
    }

    /// Gives the electorate of an epoch its seed.
    pub(crate) fn seed(&mut self, epoch: Epoch, seed: Digest) {
        if let Some(voters) = self.elected(epoch) {
            self.electorates.set(epoch, voters.seeded(seed).into());
        }
    }

    /// Fixes the voters of an epoch.
    pub(crate) fn elect(&mut self, epoch: Epoch) {
        let seed = Digest::ZERO;
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
