//! Vesting: tokens that somebody owns and may not spend yet.
//!
//! A *grant* is a number of tokens under a lock; what a holder must keep follows from its grants and the time alone. With t the
//! seconds since vesting began, C the cliff and D the duration of the lock,
//!
//! ```text
//! vested(g, t) = 0  if t < C       ⌊g·t/D⌋  if C ≤ t < D       g  if t ≥ D            locked = g − vested
//! ```
//!
//! | lock | C | D | on |
//! |---|---|---|---|
//! | vesting | 1 year | 4 years | all that a genesis gives by Table 1, and what the treasury begins with |
//! | cliff | 1 year | 1 year | what leaves the pools of rewards before the cliff |
//!
//! Locks lie over the pockets, not in them: a holder's tokens may be free, bonded, unbonding or frozen, and together they must
//! cover what is locked. So locked tokens may be bonded and slashed, and *leave* their holder in one way only: taken by force. Then
//! those that are locked go first, with as much of the grant as locks them, and the receiver's grant rises by what the loser's falls.
//! All grants of a lock together never change: whatever is slashed, whoever informs, nothing unlocks earlier than by
//! the schedule. A grant in parts lags the whole by less than a unit for each part, and by nothing at the end.

use crate::account::Pocket;
use crate::params::Bound;
use crate::{Refused, State};
use bitneuron_core::{Amount, NodeId};
use serde::{Deserialize, Serialize};

/// When tokens of Table 1 vest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VestingParams {
    /// Seconds of vesting before the chain began; 0 when it begins with the chain.
    pub elapsed: u64,
    /// Seconds until anything vests.
    pub cliff: u64,
    /// Seconds until all has vested.
    pub duration: u64,
    /// The most tokens that a genesis may give away without a grant. With none, it holds Table 1 to the unit.
    pub free: Amount,
    /// Before the cliff nothing costs a fee, and an account may send one transaction in an epoch for each so many bonded
    /// tokens.
    pub quota: Amount,
}

/// A year of 365.25 days in seconds.
pub(crate) const YEAR: u64 = 31_557_600;

impl VestingParams {
    pub(crate) const fn mainnet() -> Self {
        Self {
            elapsed: YEAR,
            cliff: YEAR,
            duration: 4 * YEAR,
            free: Amount::ZERO,
            quota: Amount::tokens(1_000),
        }
    }

    /// The same with the seven years of rewards in a day, and with tokens to play with.
    pub(crate) const fn devnet() -> Self {
        let year = 12_343;
        Self {
            elapsed: year,
            cliff: year,
            duration: 4 * year,
            free: Amount::tokens(2_000_000_000),
            quota: Amount::TOKEN,
        }
    }

    pub(crate) fn validate(&self, bound: Bound) -> Result<(), Refused> {
        bound((1..=1 << 28).contains(&self.duration), "vesting ends")?;
        bound(self.cliff <= self.duration, "the cliff is within the time of vesting")?;
        bound(self.elapsed <= 1 << 28, "vesting began at most eight years before the chain")?;
        bound(self.free <= Amount::SUPPLY, "no more is free than there is")?;
        bound(self.quota >= Amount::QUANTUM, "a transaction before the cliff takes at least a quantum")
    }
}

/// Why tokens are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lock {
    /// Granted by Table 1.
    Vesting,
    /// Paid as a reward before the cliff.
    Cliff,
}

impl Lock {
    /// Both, the one that takes longer first.
    pub const ALL: [Self; 2] = [Self::Vesting, Self::Cliff];

    /// When it opens.
    pub const fn schedule(self, params: &VestingParams) -> Schedule {
        let (cliff, duration) = match self {
            Self::Vesting => (params.cliff, params.duration),
            Self::Cliff => (params.cliff, params.cliff),
        };
        Schedule { cliff, duration }
    }
}

/// When the tokens of a grant vest, in seconds since vesting began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Nothing before.
    pub cliff: u64,
    /// All from then on.
    pub duration: u64,
}

impl Schedule {
    /// How much of a grant has vested.
    pub fn vested(self, grant: Amount, seconds: u64) -> Amount {
        match seconds {
            t if t >= self.duration => grant,
            t if t < self.cliff => Amount::ZERO,
            // Below 2⁶⁴ · 2²⁸.
            t => grant.mul_div(u128::from(t), u128::from(self.duration)).unwrap_or_default(),
        }
    }

    /// How much of a grant is locked.
    pub fn locked(self, grant: Amount, seconds: u64) -> Amount {
        grant.saturating_sub(self.vested(grant, seconds))
    }

    /// The largest grant of which no more than this is locked, before the end.
    pub fn grant(self, locked: Amount, seconds: u64) -> Amount {
        let vested = if seconds < self.cliff { 0 } else { seconds };
        let left = u128::from(self.duration.saturating_sub(vested));
        locked.mul_div(u128::from(self.duration), left).unwrap_or(locked)
    }
}

/// Who holds tokens: somebody, or the treasury. What is in escrow or in another pool is nobody's, and free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Holder {
    /// The treasury.
    Treasury,
    /// A node.
    Account(NodeId),
}

impl Pocket {
    /// Whose tokens are in it.
    fn holder(self) -> Option<Holder> {
        match self {
            Self::Account(id) | Self::Bonded(id) | Self::Unbonding(id, _) | Self::Frozen(id) => {
                Some(Holder::Account(id))
            }
            Self::Treasury => Some(Holder::Treasury),
            _ => None,
        }
    }

    /// Whether its tokens come from the pool of rewards.
    const fn is_of_rewards(self) -> bool {
        matches!(self, Self::Rewards | Self::Carry | Self::Consensus | Self::Gradient | Self::Data)
    }
}

impl State {
    /// Seconds since vesting began, by the last block's time.
    pub fn vesting_time(&self) -> u64 {
        self.params.vesting.elapsed.saturating_add(self.seconds())
    }

    /// Whether nothing has vested yet: blocks cost no fees then, and rewards are locked.
    pub fn is_before_cliff(&self) -> bool {
        self.vesting_time() < self.params.vesting.cliff
    }

    /// What a holder was granted under a lock.
    pub fn grant(&self, lock: Lock, holder: Holder) -> Amount {
        self.grants.get(&(lock, holder)).copied().unwrap_or_default()
    }

    /// All grants, by lock and holder.
    pub fn grants(&self) -> impl Iterator<Item = (Lock, Holder, Amount)> {
        self.grants.iter().map(|((lock, holder), amount)| (*lock, *holder, *amount))
    }

    /// What of a grant is locked now.
    fn locked_of(&self, lock: Lock, grant: Amount) -> Amount {
        lock.schedule(&self.params.vesting).locked(grant, self.vesting_time())
    }

    /// How many tokens a holder must keep now.
    pub fn locked(&self, holder: Holder) -> Amount {
        let of = |lock: Lock| self.locked_of(lock, self.grant(lock, holder));
        Amount::sum(Lock::ALL.map(of)).unwrap_or(Amount::SUPPLY)
    }

    /// All tokens of a holder: free, bonded, unbonding and frozen.
    pub fn held(&self, holder: Holder) -> Amount {
        match holder {
            Holder::Treasury => self.pools.treasury,
            Holder::Account(id) => {
                let stake = self.stakes.get(&id).map(crate::Stake::held).unwrap_or_default();
                self.balance(id).checked_add(stake).unwrap_or(Amount::SUPPLY)
            }
        }
    }

    /// The tokens of a holder that are not locked, wherever they are.
    pub fn unlocked(&self, holder: Holder) -> Amount {
        self.held(holder).saturating_sub(self.locked(holder))
    }

    /// What an account can pay now: its balance, as far as what is locked stays covered by all that it holds.
    pub fn spendable(&self, id: NodeId) -> Amount {
        self.balance(id).min(self.unlocked(Holder::Account(id)))
    }

    /// The tokens that could change hands: all but those that are locked and those that are not released as rewards.
    pub fn circulating(&self) -> Amount {
        let early = self.is_before_cliff();
        let unpaid = if early { self.pools.unpaid_rewards() } else { self.pools.rewards };
        let locked = self.grants.iter().map(|((lock, _), grant)| self.locked_of(*lock, *grant));
        Amount::SUPPLY.saturating_sub(Amount::sum(locked.chain([unpaid])).unwrap_or(Amount::SUPPLY))
    }

    fn set_grant(&mut self, lock: Lock, holder: Holder, grant: Amount) {
        if grant == Amount::ZERO {
            self.grants.unset(&(lock, holder));
        } else {
            self.grants.set((lock, holder), grant);
        }
    }

    /// Grants more to a holder.
    pub(crate) fn add_grant(&mut self, lock: Lock, holder: Holder, more: Amount) -> Result<(), Refused> {
        let sum = self.grant(lock, holder).checked_add(more).ok_or(Refused::Overflow)?;
        self.set_grant(lock, holder, sum);
        Ok(())
    }

    /// What a move of tokens does to locks: nobody gives away what is locked, and what leaves the pools of rewards before the
    /// cliff is locked to it.
    pub(crate) fn respect_locks(&mut self, from: Pocket, to: Pocket, amount: Amount) -> Result<(), Refused> {
        match (from.holder(), to.holder()) {
            (Some(payer), receiver) if receiver != Some(payer) => {
                let (free, locked) = (self.unlocked(payer), self.locked(payer));
                // Who has too little anyway is told so when the tokens move.
                let short = amount > free && locked > Amount::ZERO;
                if short { Err(Refused::Locked { needed: amount, free }) } else { Ok(()) }
            }
            (None, Some(receiver)) if from.is_of_rewards() && self.is_before_cliff() => {
                self.add_grant(Lock::Cliff, receiver, amount)
            }
            _ => Ok(()),
        }
    }

    /// Locks follow tokens that change hands by force: those that are locked go first.
    pub(crate) fn pass_locks(&mut self, from: Pocket, to: Pocket, amount: Amount) -> Result<(), Refused> {
        let (Some(loser), Some(receiver)) = (from.holder(), to.holder()) else { return Ok(()) };
        if loser == receiver {
            return Ok(());
        }
        let (mut rest, now) = (amount, self.vesting_time());
        for lock in Lock::ALL {
            let (schedule, grant) = (lock.schedule(&self.params.vesting), self.grant(lock, loser));
            let locked = schedule.locked(grant, now);
            let part = rest.min(locked);
            if part > Amount::ZERO {
                let kept = schedule.grant(locked.saturating_sub(part), now);
                self.set_grant(lock, loser, kept);
                self.add_grant(lock, receiver, grant.saturating_sub(kept))?;
                rest = rest.saturating_sub(part);
            }
        }
        Ok(())
    }

    /// Forgets the grants of locks that are open for good.
    pub(crate) fn forget_grants(&mut self) {
        let (now, params) = (self.vesting_time(), self.params.clone());
        let open = |lock: Lock| lock.schedule(&params.vesting).duration <= now;
        self.grants.prune(|(lock, _), _| !open(*lock));
    }
}

#[cfg(test)]
mod tests;
