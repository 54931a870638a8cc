//! The genesis: what a chain begins with. Its hash is the chain's name.
//!
//! All lists are in ascending order without repetition, so that equal beginnings have equal bytes. The tokens that it
//! names and the pool of rewards come out of the fixed supply; the rest is the treasury's, and vests. How much of what others
//! begin with vests is said by grants (`allocation`).

use crate::{Grant, Params, Refused};
use bitneuron_core::exact::DataRoot;
use bitneuron_core::goal::Goal;
use bitneuron_core::{Amount, ChainId, Digest, GoalId, NodeId, Wire, encode};
use serde::{Deserialize, Serialize};

/// The beginning of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// A name for people.
    #[serde(with = "bitneuron_core::codec::text")]
    pub name: String,
    /// When it begins, in seconds of Unix time; all times on the chain count from here.
    pub time: u64,
    /// The parameters.
    pub params: Params,
    /// Balances, ascending by name.
    pub accounts: Vec<(NodeId, Amount)>,
    /// Stakes, ascending by name.
    pub validators: Vec<(NodeId, Amount)>,
    /// How much of these vests, ascending by row of Table 1 and name.
    pub grants: Vec<Grant>,
    /// Listed goals: those for which learning is paid.
    pub goals: Vec<Goal>,
    /// Data that may be used from the first height, ascending.
    pub data: Vec<(GoalId, NodeId, DataRoot)>,
}

impl Wire for Genesis {
    const LIMIT: usize = 16 << 20;
}

impl Genesis {
    /// The chain's name.
    pub fn chain(&self) -> ChainId {
        ChainId(Digest::of("bitneuron genesis v1", &encode(self)))
    }

    /// What the treasury begins with.
    ///
    /// # Errors
    /// More is given away than there is.
    pub fn treasury(&self) -> Result<Amount, Refused> {
        let given = self.accounts.iter().chain(&self.validators).map(|(_, amount)| *amount);
        Amount::sum(given.chain([self.params.rewards.pool]))
            .and_then(|given| Amount::SUPPLY.checked_sub(given))
            .ok_or(Refused::Genesis("more tokens than there are"))
    }

    /// Checks that a chain can begin so.
    ///
    /// # Errors
    /// What contradicts itself or crosses a bound.
    pub fn validate(&self) -> Result<(), Refused> {
        let rule = |holds: bool, text: &'static str| if holds { Ok(()) } else { Err(Refused::Genesis(text)) };
        self.params.validate()?;
        self.treasury()?;
        rule((1..=64).contains(&self.name.len()), "a name has 1 to 64 bytes")?;
        let names = |list: &[(NodeId, Amount)]| list.array_windows().all(|[a, b]| a.0 < b.0);
        rule(names(&self.accounts) && names(&self.validators), "names are not in order")?;
        rule(self.accounts.iter().all(|(_, amount)| *amount > Amount::ZERO), "an empty account")?;
        let stakes = |amount: &Amount| crate::stake::in_quanta(*amount);
        rule(self.validators.iter().all(|(_, amount)| stakes(amount)), "a stake is not in quanta")?;
        let able = self.validators.iter().any(|(_, amount)| *amount >= self.params.stake.threshold);
        rule(able, "nobody has the stake to vote")?;
        rule(self.params.stake.reputation.0 == 0, "nobody begins with reputation")?;
        rule(self.params.protocol == Params::PROTOCOL, "a chain begins by the protocol of its program")?;
        self.validate_grants(rule)?;
        rule(self.goals.len() <= self.params.turns.goals as usize, "too many goals")?;
        for goal in &self.goals {
            goal.validate()?;
        }
        let mut ids: Vec<GoalId> = self.goals.iter().map(Goal::id).collect();
        ids.sort_unstable();
        rule(ids.array_windows().all(|[a, b]| a < b), "a goal appears twice")?;
        rule(self.data.array_windows().all(|[a, b]| a < b), "data are not in order")?;
        let fits = |(id, _, root): &(GoalId, NodeId, DataRoot)| {
            self.goals.iter().any(|goal| goal.id() == *id && crate::goal::fits(goal, root))
        };
        rule(self.data.iter().all(fits), "data that fit no goal")
    }
}
