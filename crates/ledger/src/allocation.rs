//! Table 1 of the whitepaper: how the supply is divided before anybody has earned anything.

use crate::{Genesis, Refused};
use bitneuron_core::{Amount, NodeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A row of Table 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Allocation {
    /// Rewards of those who run the network, released over seven years.
    Rewards,
    /// Those who build it.
    Team,
    /// Those who paid for building it.
    PrivateSale,
    /// Partners and advisors.
    Partners,
    /// The community's, held by the treasury.
    Ecosystem,
}

impl Allocation {
    /// All rows.
    pub const ALL: [Self; 5] =
        [Self::Rewards, Self::Team, Self::PrivateSale, Self::Partners, Self::Ecosystem];

    /// What Table 1 says; all rows together are the supply.
    pub const fn amount(self) -> Amount {
        match self {
            Self::Rewards | Self::Team | Self::PrivateSale => Amount::tokens(2_000_000_000),
            Self::Partners => Amount::tokens(500_000_000),
            Self::Ecosystem => Amount::tokens(3_500_000_000),
        }
    }

    /// Whether it is given to owners by name.
    pub const fn is_named(self) -> bool {
        matches!(self, Self::Team | Self::PrivateSale | Self::Partners)
    }
}

/// A part of a row of Table 1 that has an owner.
///
/// It says how much of what the genesis gives the owner, as balance or as stake, vests; it is no further tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Of which row; only rows with named owners.
    pub allocation: Allocation,
    /// Whose.
    pub owner: NodeId,
    /// How much.
    pub amount: Amount,
}

impl Genesis {
    /// What this genesis gives of a row of Table 1. The treasury holds what is given to nobody, and all of it vests.
    ///
    /// # Errors
    /// More is given away than there is.
    pub fn allocated(&self, allocation: Allocation) -> Result<Amount, Refused> {
        match allocation {
            Allocation::Rewards => Ok(self.params.rewards.pool),
            Allocation::Ecosystem => self.treasury(),
            named => {
                let grants = self.grants.iter().filter(|grant| grant.allocation == named);
                Amount::sum(grants.map(|grant| grant.amount)).ok_or(Refused::Overflow)
            }
        }
    }

    /// What each owner was granted, by name.
    pub(crate) fn granted(&self) -> Result<BTreeMap<NodeId, Amount>, Refused> {
        let mut granted = BTreeMap::<NodeId, Amount>::new();
        for grant in &self.grants {
            let sum = granted.entry(grant.owner).or_default();
            *sum = sum.checked_add(grant.amount).ok_or(Refused::Overflow)?;
        }
        Ok(granted)
    }

    /// Checks what is granted against Table 1 and against what owners hold.
    pub(crate) fn validate_grants(
        &self,
        rule: fn(bool, &'static str) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let names = |[a, b]: &[Grant; 2]| (a.allocation, a.owner) < (b.allocation, b.owner);
        rule(self.grants.array_windows().all(names), "grants are not in order")?;
        let named = |grant: &Grant| grant.allocation.is_named() && grant.amount > Amount::ZERO;
        rule(self.grants.iter().all(named), "a grant of nothing, or of what has no owner")?;
        let mut held = BTreeMap::<NodeId, Amount>::new();
        for (id, amount) in self.accounts.iter().chain(&self.validators) {
            let sum = held.entry(*id).or_default();
            *sum = sum.checked_add(*amount).ok_or(Refused::Overflow)?;
        }
        let granted = self.granted()?;
        let covered = |(id, grant): (&NodeId, &Amount)| held.get(id).is_some_and(|held| held >= grant);
        rule(granted.iter().all(covered), "a grant of tokens that its owner does not hold")?;
        let sum = |all: BTreeMap<NodeId, Amount>| Amount::sum(all.into_values()).ok_or(Refused::Overflow);
        let (most, free) = (self.params.vesting.free, sum(held)?.saturating_sub(sum(granted)?));
        rule(free <= most, "more tokens without a grant than may be")?;
        for allocation in Allocation::ALL {
            let (given, table) = (self.allocated(allocation)?, allocation.amount());
            let within = !allocation.is_named() || given <= table;
            rule(within, "more than Table 1 says")?;
            rule(given == table || most > Amount::ZERO, "another table than Table 1")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_the_supply() {
        assert_eq!(Amount::sum(Allocation::ALL.map(Allocation::amount)), Some(Amount::SUPPLY));
    }
}
