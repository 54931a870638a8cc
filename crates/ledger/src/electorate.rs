//! Who votes when: voters are chosen two epochs ahead, and the seed of their lottery follows when no weight can change.
//!
//! At the end of epoch e the voters of e + 2 are fixed from the state: who holds the stake and reputation that it takes
//! (`stake`) and is out of jail by then, the heaviest first, as many as there are seats. In one epoch few enter, so
//! that a light client of one electorate still knows most of the next: one key, or 1/64 of the weight. As many are displaced
//! at most, and they are lighter; who leaves by itself is bounded where it unbonds; who is jailed leaves at once.
//! Those of epochs 0 and 1 come from the genesis. If nobody qualifies, the electorate before goes on: a chain without voters could never mend itself.
//! The seed of e + 1 is known at the end of e ([`bitneuron_consensus::chance`]). Its voters were fixed an epoch before and
//! their keys too, so nobody can fit stakes to a seed or keys to an output.
//! Electorates are kept as long as evidence about them is heard.

use crate::stake::StakeParams;
use crate::{Stake, State};
use bitneuron_consensus::chance::{fold, next_beacon, next_seed};
use bitneuron_consensus::{Electorate, Slot, Weigh};
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId, Reputation};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeSet;
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

/// Who gets the seats: the heaviest, and of those who had none in the electorate before one key, or as many as weigh one part in
/// [`StakeParams::churn`] of it.
fn admit(
    mut able: Vec<(NodeId, Amount, Reputation)>,
    rule: &dyn Weigh,
    before: Option<&Electorate>,
    params: &StakeParams,
) -> Vec<(NodeId, Amount, Reputation)> {
    let weigh = |(_, stake, reputation): &(NodeId, Amount, Reputation)| rule.weigh(*stake, *reputation).0;
    able.retain(|candidate| weigh(candidate) > 0);
    // A stable sort: names are ascending among equal weights.
    able.sort_by_key(|candidate| Reverse(weigh(candidate)));
    let most = before.map_or(u64::MAX, |before| before.total().0.checked_div(params.churn).unwrap_or(0));
    let (mut entered, mut weight, mut chosen) = (0_u32, 0_u64, Vec::new());
    for candidate in able {
        if chosen.len() >= params.seats as usize {
            break;
        }
        if before.is_none_or(|before| before.weight_of(candidate.0).is_none()) {
            let after = weight.saturating_add(weigh(&candidate));
            if entered > 0 && after > most {
                continue;
            }
            (entered, weight) = (entered.saturating_add(1), after);
        }
        chosen.push(candidate);
    }
    chosen
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

    /// Gives the validators of the genesis what others get by waiting.
    pub(crate) fn seat_founders(&mut self) {
        let (threshold, borders) = (self.params.stake.threshold, self.params.stake.borders);
        let founders: Vec<_> =
            self.stakes.iter().filter(|(_, stake)| stake.bonded >= threshold).map(|(id, _)| *id).collect();
        for id in founders {
            let stake = self.stakes.get(&id).cloned().unwrap_or_default();
            self.put_stake(id, Stake { ready: borders, seated: true, ..stake });
        }
    }

    /// A border: who holds what it takes to enter comes one step nearer, who lacks what it takes to stay has fallen.
    pub(crate) fn queue(&mut self) {
        let params = &self.params.stake;
        let step = |(id, stake): (&NodeId, &Stake)| {
            let reputation = self.reputation(*id);
            let enters = stake.bonded >= params.threshold && reputation >= params.reputation;
            let stays = stake.bonded >= params.stay && reputation >= params.stay_reputation;
            let ready = if enters { stake.ready.saturating_add(1).min(params.borders) } else { 0 };
            let next = Stake { ready, seated: stake.seated && stays, ..stake.clone() };
            (next != *stake).then_some((*id, next))
        };
        let changed: Vec<_> = self.stakes.iter().filter_map(step).collect();
        changed.into_iter().for_each(|(id, stake)| self.put_stake(id, stake));
    }

    /// Fixes the voters of an epoch.
    pub(crate) fn elect(&mut self, epoch: Epoch) {
        let (params, seed) = (self.params.clone(), Digest::ZERO);
        let rule = params.stake.weigh.rule();
        let candidate = |stake: &Stake| {
            let waits = stake.ready >= params.stake.borders && stake.bonded > Amount::ZERO;
            (stake.seated || waits) && stake.is_free(epoch)
        };
        let candidates = self.stakes.iter().filter(|(_, stake)| candidate(stake));
        let able: Vec<(NodeId, Amount, Reputation)> =
            candidates.map(|(id, stake)| (*id, stake.bonded, self.reputation(*id))).collect();
        let before = self.electorates.last_key_value().map(|(_, seats)| seats.0.clone());
        let chosen = admit(able, rule, before.as_deref(), &params.stake);
        self.seat(epoch, &chosen.iter().map(|(id, ..)| *id).collect());
        let electorate = Electorate::weighed(epoch, chosen, rule, seed).or_else(|refused| {
            let before = before.ok_or(refused)?;
            Electorate::new(epoch, before.members().iter().map(|member| (member.id, member.weight)), seed)
        });
        if let Ok(electorate) = electorate {
            self.electorates.set(epoch, electorate.into());
        }
    }

    /// Notes who has a seat. Who was chosen has one; who could have been and was not has lost it; whoever sits in jail keeps
    /// its claim to one.
    fn seat(&mut self, epoch: Epoch, chosen: &BTreeSet<NodeId>) {
        let moved: Vec<_> = self
            .stakes
            .iter()
            .filter(|(_, stake)| stake.is_free(epoch))
            .map(|(id, stake)| (*id, stake, chosen.contains(id)))
            .filter(|(_, stake, seated)| stake.seated != *seated)
            .map(|(id, stake, seated)| (id, Stake { seated, ..stake.clone() }))
            .collect();
        moved.into_iter().for_each(|(id, stake)| self.put_stake(id, stake));
    }

    /// Forgets electorates about which no evidence is heard any more.
    pub(crate) fn forget_electorates(&mut self) {
        let oldest = self.clock.height.0.saturating_sub(self.params.stake.evidence_age);
        let oldest = Height(oldest).epoch(self.params.epoch);
        self.electorates.prune(|epoch, _| *epoch >= oldest);
    }
}
