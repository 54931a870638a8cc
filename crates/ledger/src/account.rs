//! Tokens: pockets, and the one function that moves tokens between them.
//!
//! Every token is in exactly one pocket. [`State::shift`] takes from one and puts into another, and nothing else touches
//! balances, so the supply is conserved by construction; [`State::total`] counts it again.

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
    /// Fees that wait for the voters of the next epoch.
    pub voters: Amount,
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
    Voters,
}

fn less(held: Amount, amount: Amount) -> Result<Amount, Refused> {
    held.checked_sub(amount).ok_or(Refused::Balance { needed: amount, held })
}

fn more(held: Amount, amount: Amount) -> Result<Amount, Refused> {
    held.checked_add(amount).filter(|sum| *sum <= Amount::SUPPLY).ok_or(Refused::Overflow)
}

impl State {
    /// Moves tokens.
    pub(crate) fn shift(&mut self, from: Pocket, to: Pocket, amount: Amount) -> Result<(), Refused> {
        if amount == Amount::ZERO {
            return Ok(());
        }
        self.remember(from);
        self.remember(to);
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
            Pocket::Voters => self.pools.voters = by(self.pools.voters)?,
        }
        Ok(())
    }

    /// All tokens: free, staked, in escrow and in pools. Always [`Amount::SUPPLY`].
    pub fn total(&self) -> Amount {
        let free = self.accounts.values().copied();
        let bonded = self.stakes.values().map(|stake| stake.bonded);
        Amount::sum(free.chain(bonded).chain([self.silent()])).unwrap_or(Amount(u128::MAX))
    }

    /// All tokens that nobody votes with: in escrow, in pools, and stake that is not bonded.
    pub(crate) fn silent(&self) -> Amount {
        let escrow = self.escrows.values().copied();
        let stake = self.stakes.values().map(|stake| stake.held().saturating_sub(stake.bonded));
        let pools = [self.pools.treasury, self.pools.rewards, self.pools.voters];
        Amount::sum(escrow.chain(stake).chain(pools)).unwrap_or(Amount(u128::MAX))
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

    /// Pays the voters of an epoch who are out of jail by weight, the units left over to the largest remainders.
    pub(crate) fn divide(&mut self, from: Pocket, amount: Amount, epoch: Epoch) -> Result<(), Refused> {
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
