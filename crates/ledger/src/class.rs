//! Classes of work: who may sit on the committee of a query, and how many must.
//!
//! A class has thresholds of stake and reputation, which make its *pool*; a beacon draws the *committee* from the pool by
//! weight ([`bitneuron_consensus::committee`]); a [`SecurityDial`] says how many seats it takes. The adversary is assumed to hold
//! a part F of all weight that may work at all, and all of it within the pool. Raising a threshold makes a pool of fewer
//! and steadier keys and *costs* security: the pool is lighter, F is not. A pool that F nearly fills, or of too few keys,
//! gives its work to the next class down.
//!
//! What a query is worth may not exceed the stake that its committee stands to lose.

use crate::params::Bound;
use crate::{Refused, Stake, State};
use bitneuron_consensus::{Electorate, SecurityDial, committee};
use bitneuron_core::class::{Class, Work};
use bitneuron_core::{Amount, Digest, NodeId, Reputation, Weight};
use bitneuron_market::BasisPoints;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The table of classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassParams {
    /// The most work of each class but the last, ascending.
    pub most: [Work; 3],
    /// What each class asks, the strictest first.
    pub rules: [ClassRule; 4],
    /// The part of all weight that the adversary is assumed to hold.
    pub adversary: BasisPoints,
    /// The fewest keys of a pool.
    pub keys: u32,
}

/// What a class asks of those who work in it, and how sure its answers are unless a client says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRule {
    /// The least stake, in quarters of what a voter needs.
    pub quarters: u8,
    /// The least reputation.
    pub reputation: Reputation,
    /// A committee is corrupt with a chance of at most 2^−bits.
    pub bits: u8,
}

impl ClassParams {
    pub(crate) fn mainnet() -> Self {
        let work = |gas, bytes| Work { gas, bytes };
        let rule =
            |quarters, reputation, bits| ClassRule { quarters, reputation: Reputation(reputation), bits };
        Self {
            most: [
                work(1_000_000, 1_000_000),
                work(100_000_000, 100_000_000),
                work(10_000_000_000, 10_000_000_000),
            ],
            rules: [rule(16, 16_384, 10), rule(8, 6_554, 20), rule(4, 0, 20), rule(1, 0, 30)],
            adversary: BasisPoints(2_500),
            keys: 7,
        }
    }

    pub(crate) fn validate(&self, bound: Bound) -> Result<(), Refused> {
        let grows = |[a, b]: &[Work; 2]| a.gas < b.gas && a.bytes < b.bytes;
        bound(self.most.array_windows().all(grows), "each class has more work than the one above")?;
        let falls = |[a, b]: &[ClassRule; 2]| a.quarters >= b.quarters && a.reputation >= b.reputation;
        bound(self.rules.array_windows().all(falls), "no class asks more than the one above")?;
        let asks = |rule: &ClassRule| (1..=64).contains(&rule.quarters) && rule.reputation.0 <= 1 << 14;
        bound(self.rules.iter().all(asks), "a class asks for 1/4 to 16 times a voter's stake, and R ≤ 1/4")?;
        bound(self.rules.iter().all(|rule| (1..=80).contains(&rule.bits)), "a class has 1 to 80 bits")?;
        bound((1..=3_334).contains(&self.adversary.0), "an adversary holds up to a third")?;
        bound((4..=128).contains(&self.keys), "a pool has at least 4 to 128 keys")
    }

    pub(crate) const fn rule_mut(&mut self, class: Class) -> &mut ClassRule {
        let [atomic, standard, heavy, bulk] = &mut self.rules;
        match class {
            Class::Atomic => atomic,
            Class::Standard => standard,
            Class::Heavy => heavy,
            Class::Bulk => bulk,
        }
    }

    fn rule(&self, class: Class) -> ClassRule {
        let [atomic, standard, heavy, bulk] = self.rules;
        match class {
            Class::Atomic => atomic,
            Class::Standard => standard,
            Class::Heavy => heavy,
            Class::Bulk => bulk,
        }
    }
}

/// Who may answer a query, and how many of them are drawn. It is fixed when the query is put, and drawn by a later beacon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    /// The class of the pool, at or below that of the work.
    pub class: Class,
    /// Who may be drawn.
    pub pool: Electorate,
    /// How many seats there are.
    pub seats: u32,
}

impl Panel {
    /// Who sits, in order of seats; who is heavy may sit more than once.
    pub fn draw(&self, beacon: Digest, query: Digest) -> Vec<NodeId> {
        committee::draw(&self.pool, beacon, query, self.seats)
    }
}

impl State {
    /// The class of a piece of work.
    pub fn class(&self, work: Work) -> Class {
        Class::of(work, &self.params.classes.most)
    }

    /// All who hold the stake and reputation of a class and are out of jail, the heaviest if there are too many; `None`
    /// when there is nobody.
    pub fn pool(&self, class: Class) -> Option<Electorate> {
        let (rule, epoch) = (self.params.classes.rule(class), self.epoch());
        let least = self.params.stake.threshold.mul_div(u128::from(rule.quarters), 4)?;
        let weigh = self.params.stake.weigh.rule();
        let able = self.stakes.iter().filter_map(|(id, stake)| {
            let reputation = self.reputation(*id);
            let may = stake.bonded >= least && stake.is_free(epoch) && reputation >= rule.reputation;
            may.then(|| (*id, weigh.weigh(stake.bonded, reputation))).filter(|(_, weight)| weight.0 > 0)
        });
        let mut able: Vec<_> = able.collect();
        able.sort_by_key(|(_, weight)| Reverse(*weight));
        able.truncate(Electorate::MAX_MEMBERS);
        Electorate::new(epoch, able, Digest::ZERO).ok()
    }

    /// All weight that the adversary is assumed to hold.
    pub fn adversary(&self) -> Weight {
        let all = self.pool(Class::Bulk).map_or(0, |pool| u128::from(pool.total().0));
        let part = all.saturating_mul(u128::from(self.params.classes.adversary.0)).div_ceil(10_000);
        Weight(u64::try_from(part).unwrap_or(u64::MAX))
    }

    /// Who answers a query of a class, for so many bits or those of the class; from the next class down where the pool is
    /// too light or small.
    ///
    /// # Errors
    /// No pool is large enough.
    pub fn panel(&self, class: Class, bits: Option<u8>) -> Result<Panel, Refused> {
        let params = &self.params.classes;
        let dial =
            SecurityDial { bits: bits.unwrap_or(params.rule(class).bits), adversary: self.adversary() };
        std::iter::successors(Some(class), |class| class.next())
            .filter_map(|class| Some((class, self.pool(class)?)))
            .filter(|(_, pool)| pool.members().len() >= params.keys as usize)
            .find_map(|(class, pool)| {
                let seats = dial.unanimous(pool.total()).ok()?;
                Some(Panel { class, pool, seats })
            })
            .ok_or(Refused::NoPool(class))
    }

    /// Whether the stake of a committee outweighs what is entrusted to it; each member counts once.
    ///
    /// # Errors
    /// Less could be taken from it than it could take.
    pub fn covers(&self, committee: &[NodeId], value: Amount) -> Result<(), Refused> {
        let members: BTreeSet<_> = committee.iter().collect();
        let held = self.slashable(members.into_iter().copied());
        if value <= held { Ok(()) } else { Err(Refused::Exposed { value, held }) }
    }

    /// What it costs to corrupt a committee that is not drawn: the stake of the `top` heaviest of a pool, whom everybody
    /// knows beforehand and can bribe. No dial makes that a chance.
    pub fn corruption_cost(&self, pool: &Electorate, top: usize) -> Amount {
        let mut members: Vec<_> = pool.members().iter().collect();
        members.sort_by_key(|member| Reverse(member.weight));
        self.slashable(members.into_iter().take(top).map(|member| member.id))
    }

    fn slashable(&self, members: impl Iterator<Item = NodeId>) -> Amount {
        let stakes = members.filter_map(|id| self.stakes.get(&id)).map(Stake::slashable);
        Amount::sum(stakes).unwrap_or(Amount::SUPPLY)
    }
}
