//! Stake: tokens that vouch for a validator.
//!
//! `free → bonded → unbonding → free`. Bonded stake gives weight two epochs later. Unbonding stake gives none and stays
//! until the epoch in which its height comes has ended, and slashing reaches it as it reaches bonded stake. Who unbonds
//! votes for up to two epochs more, and unbonding lasts as long as evidence is heard and two epochs besides: nobody
//! leaves before evidence against him has had its time. Stake moves in quanta of 10⁶ units.

use crate::account::Pocket;
use crate::event::Event;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, Epoch, Height, NodeId};
use serde::{Deserialize, Serialize};

/// The stake of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stake {
    /// What gives weight.
    pub bonded: Amount,
    /// What is free from a height on, ascending.
    pub unbonding: Vec<(Height, Amount)>,
    /// The first epoch out of jail.
    pub jailed: Epoch,
    /// Whether the node can never vote again.
    pub tombstoned: bool,
}

impl Stake {
    /// The most amounts that unbond at once.
    pub const MAX_UNBONDING: usize = 32;

    /// All that can be slashed.
    pub fn slashable(&self) -> Amount {
        let unbonding = self.unbonding.iter().map(|(_, amount)| *amount);
        Amount::sum(unbonding.chain([self.bonded])).unwrap_or(Amount::SUPPLY)
    }

    /// Whether the node may vote and propose in this epoch.
    pub fn is_free(&self, epoch: Epoch) -> bool {
        !self.tombstoned && self.jailed <= epoch
    }

    pub(crate) fn change_unbonding(
        &mut self,
        free: Height,
        by: impl Fn(Amount) -> Result<Amount, Refused>,
    ) -> Result<(), Refused> {
        match self.unbonding.binary_search_by_key(&free, |entry| entry.0) {
            Ok(at) => {
                let held = self.unbonding.get(at).map(|entry| entry.1).unwrap_or_default();
                let rest = by(held)?;
                self.unbonding.remove(at);
                if rest > Amount::ZERO {
                    self.unbonding.insert(at, (free, rest));
                }
            }
            Err(at) => {
                let amount = by(Amount::ZERO)?;
                if self.unbonding.len() >= Self::MAX_UNBONDING {
                    return Err(Refused::Full("unbonding amounts"));
                }
                self.unbonding.insert(at, (free, amount));
            }
        }
        Ok(())
    }
}

/// Whether an amount of stake is positive and in quanta.
pub(crate) fn in_quanta(amount: Amount) -> bool {
    amount > Amount::ZERO && amount.0.checked_rem(Amount::QUANTUM.0) == Some(0)
}

impl State {
    /// Keeps a stake, or forgets one that says nothing.
    pub(crate) fn put_stake(&mut self, id: NodeId, stake: Stake) {
        if stake == Stake::default() { self.stakes.unset(&id) } else { self.stakes.set(id, stake) }
    }

    /// Whether a node is out of jail in this epoch.
    pub(crate) fn is_free(&self, id: NodeId, epoch: Epoch) -> bool {
        self.stakes.get(&id).is_none_or(|stake| stake.is_free(epoch))
    }

    /// Whether a node has the stake and the freedom to take turns.
    pub(crate) fn is_able(&self, id: NodeId) -> bool {
        self.stakes
            .get(&id)
            .is_some_and(|stake| stake.bonded >= self.params.stake.threshold && stake.is_free(self.epoch()))
    }
}

impl Draft<'_> {
    /// Frees what has unbonded by now.
    pub(crate) fn release(&mut self) -> Result<(), Refused> {
        let (now, stakes) = (self.state.clock.height, self.state.stakes.iter());
        let due: Vec<_> = stakes
            .flat_map(|(id, stake)| stake.unbonding.iter().map(|(free, amount)| (*id, *free, *amount)))
            .filter(|(_, free, _)| *free <= now)
            .collect();
        for (who, free, amount) in due {
            self.state.shift(Pocket::Unbonding(who, free), Pocket::Account(who), amount)?;
            self.events.push(Event::Unbonded { who, amount });
        }
        Ok(())
    }

    pub(crate) fn bond(&mut self, who: NodeId, amount: Amount) -> Result<(), Refused> {
        if !in_quanta(amount) {
            return Err(Refused::Quantum(amount));
        }
        self.state.shift(Pocket::Account(who), Pocket::Bonded(who), amount)?;
        self.events.push(Event::Bonded { who, amount });
        Ok(())
    }

    pub(crate) fn unbond(&mut self, who: NodeId, amount: Amount) -> Result<(), Refused> {
        if !in_quanta(amount) {
            return Err(Refused::Quantum(amount));
        }
        let free = Height(self.state.clock.height.0.saturating_add(self.state.params.stake.unbonding));
        self.state.shift(Pocket::Bonded(who), Pocket::Unbonding(who, free), amount)?;
        self.events.push(Event::Unbonding { who, amount, free });
        Ok(())
    }
}
