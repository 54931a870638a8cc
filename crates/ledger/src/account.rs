//! Tokens: pockets, and what moves tokens between them.
//!
//! Every token is in exactly one pocket. [`State::shift`] takes from one and puts into another, [`State::seize`] does so by force, and
//! nothing else touches balances, so the supply is conserved by construction; [`State::total`] counts it again. What is locked
//! (`vesting`) leaves its holder only by force, and then its lock goes with it.

use crate::event::Event;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, Epoch, Height, NodeId};
use bitneuron_market::{OrderId, Payee, Transfer};
use serde::{Deserialize, Serialize};

/// Tokens that belong to nobody in particular.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pools {
    /// The treasury.
    pub treasury: Amount,
    /// What is left of the pool of rewards.
    pub rewards: Amount,
    /// Rewards that a slice could not pay; a part of them comes back to the slices in each epoch.
    pub carry: Amount,
    /// The slice of rewards for who builds and votes, paid at the end of the epoch.
    pub consensus: Amount,
    /// The slice of rewards for what is learned, paid by contests.
    pub gradient: Amount,
    /// The slice of rewards for whoever's data made a model better, paid by contests.
    pub data: Amount,
    /// The voters' part of this epoch's fees, for the voters of the next.
    pub voters: Amount,
    /// The voters' part of earlier fees, for the voters of this epoch.
    pub due: Amount,
    /// The users' part of fees, for whoever's data made a model better, paid by contests.
    pub users: Amount,
}

impl Pools {
    /// Rewards that nobody was paid yet, released or not.
    pub fn unpaid_rewards(&self) -> Amount {
        sum([self.rewards, self.unpaid_slices()])
    }

    /// Rewards that were released and nobody was paid yet.
    pub fn unpaid_slices(&self) -> Amount {
        sum([self.carry, self.consensus, self.gradient, self.data])
    }

    /// Fees that nobody was paid yet.
    pub fn unpaid_fees(&self) -> Amount {
        sum([self.voters, self.due, self.users])
    }

    /// All of them.
    fn all(&self) -> Amount {
        sum([self.treasury, self.unpaid_rewards(), self.unpaid_fees()])
    }
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    Amount::sum(amounts).unwrap_or(Amount(u128::MAX))
}

/// Where tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pocket {
    Account(NodeId),
    Bonded(NodeId),
    /// Stake that is free from this height on.
    Unbonding(NodeId, Height),
    /// Stake that is frozen for misdeeds.
    Frozen(NodeId),
    Escrow(OrderId),
    Treasury,
    Rewards,
    Carry,
    Consensus,
    Gradient,
    Data,
    Voters,
    Due,
    Users,
}

fn less(held: Amount, amount: Amount) -> Result<Amount, Refused> {
    held.checked_sub(amount).ok_or(Refused::Balance { needed: amount, held })
}

fn more(held: Amount, amount: Amount) -> Result<Amount, Refused> {
    held.checked_add(amount).filter(|sum| *sum <= Amount::SUPPLY).ok_or(Refused::Overflow)
}

impl State {
    /// Moves tokens, unless they are locked and would leave their holder.
    pub(crate) fn shift(&mut self, from: Pocket, to: Pocket, amount: Amount) -> Result<(), Refused> {
        self.relocate(from, to, amount, Self::respect_locks)
    }

    /// Moves tokens by force, locked ones first, with their locks.
    pub(crate) fn seize(&mut self, from: Pocket, to: Pocket, amount: Amount) -> Result<(), Refused> {
        self.relocate(from, to, amount, Self::pass_locks)
    }

    fn relocate(
        &mut self,
        from: Pocket,
        to: Pocket,
        amount: Amount,
        locks: fn(&mut Self, Pocket, Pocket, Amount) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        if amount == Amount::ZERO {
            return Ok(());
        }
        // Before a lock goes with them: what both could vote with depends on it.
        self.remember(from);
        self.remember(to);
        locks(self, from, to, amount)?;
        self.change(from, |held| less(held, amount))?;
        self.change(to, |held| more(held, amount))
    }

    fn change(
        &mut self,
        pocket: Pocket,
        by: impl Fn(Amount) -> Result<Amount, Refused>,
    ) -> Result<(), Refused> {
        match pocket {
            Pocket::Account(id) => {
                let rest = by(self.balance(id))?;
                if rest == Amount::ZERO { self.accounts.unset(&id) } else { self.accounts.set(id, rest) }
            }
            Pocket::Escrow(id) => {
                let rest = by(self.escrows.get(&id).copied().unwrap_or_default())?;
                if rest == Amount::ZERO { self.escrows.unset(&id) } else { self.escrows.set(id, rest) }
            }
            Pocket::Bonded(id) => {
                let mut stake = self.stakes.get(&id).cloned().unwrap_or_default();
                stake.bonded = by(stake.bonded)?;
                self.put_stake(id, stake);
            }
            Pocket::Unbonding(id, free) => {
                let mut stake = self.stakes.get(&id).cloned().unwrap_or_default();
                stake.change_unbonding(free, by)?;
                self.put_stake(id, stake);
            }
            Pocket::Frozen(id) => {
                let mut stake = self.stakes.get(&id).cloned().unwrap_or_default();
                stake.frozen = by(stake.frozen)?;
                self.put_stake(id, stake);
            }
            Pocket::Treasury => self.pools.treasury = by(self.pools.treasury)?,
            Pocket::Rewards => self.pools.rewards = by(self.pools.rewards)?,
            Pocket::Carry => self.pools.carry = by(self.pools.carry)?,
            Pocket::Consensus => self.pools.consensus = by(self.pools.consensus)?,
            Pocket::Gradient => self.pools.gradient = by(self.pools.gradient)?,
            Pocket::Data => self.pools.data = by(self.pools.data)?,
            Pocket::Voters => self.pools.voters = by(self.pools.voters)?,
            Pocket::Due => self.pools.due = by(self.pools.due)?,
            Pocket::Users => self.pools.users = by(self.pools.users)?,
        }
        Ok(())
    }

    /// All tokens: free, staked, in escrow and in pools. Always [`Amount::SUPPLY`].
    pub fn total(&self) -> Amount {
        let free = self.accounts.values().copied();
        let bonded = self.stakes.values().map(|stake| stake.bonded);
        sum(free.chain(bonded).chain([self.silent()]))
    }

    /// All tokens that nobody votes with: in escrow, in pools, and stake that is not bonded.
    pub(crate) fn silent(&self) -> Amount {
        let escrow = self.escrows.values().copied();
        let stake = self.stakes.values().map(|stake| stake.held().saturating_sub(stake.bonded));
        sum(escrow.chain(stake).chain([self.pools.all()]))
    }
}

impl Draft<'_> {
    /// Performs what the market asks for.
    pub(crate) fn perform(&mut self, transfers: impl IntoIterator<Item = Transfer>) -> Result<(), Refused> {
        for transfer in transfers {
            let (escrow, amount) = (Pocket::Escrow(transfer.escrow()), transfer.amount());
            match transfer {
                Transfer::Lock { from, .. } => self.state.shift(Pocket::Account(from), escrow, amount)?,
                Transfer::Refund { to, .. } => self.state.shift(escrow, Pocket::Account(to), amount)?,
                Transfer::Pay { to, .. } | Transfer::Slash { to, .. } => match to {
                    Payee::Account(id) => self.state.shift(escrow, Pocket::Account(id), amount)?,
                    Payee::Treasury => self.state.shift(escrow, Pocket::Treasury, amount)?,
                    Payee::Judges => self.divide(escrow, amount, self.state.epoch())?,
                },
            }
        }
        Ok(())
    }

    /// Pays the voters of an epoch who are out of jail by weight, the units left over to the largest remainders. It leaves
    /// nothing, for what comes from an escrow has nowhere to wait.
    fn divide(&mut self, from: Pocket, amount: Amount, epoch: Epoch) -> Result<(), Refused> {
        let electorate = self.state.electorate(epoch);
        let members = electorate.as_ref().map_or(&[][..], |electorate| electorate.members());
        let members: Vec<_> = members.iter().filter(|member| self.state.is_free(member.id, epoch)).collect();
        let weights: Vec<u128> = members.iter().map(|member| u128::from(member.weight.0)).collect();
        let Some(parts) = amount.split(&weights) else {
            return self.state.shift(from, Pocket::Treasury, amount);
        };
        self.state.yielded(amount);
        for (member, part) in members.iter().zip(parts) {
            self.state.shift(from, Pocket::Account(member.id), part)?;
        }
        Ok(())
    }

    pub(crate) fn transfer(&mut self, from: NodeId, to: NodeId, amount: Amount) -> Result<(), Refused> {
        self.state.shift(Pocket::Account(from), Pocket::Account(to), amount)?;
        self.events.push(Event::Transferred { from, to, amount });
        Ok(())
    }
}
