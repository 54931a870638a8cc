//! What can be proposed, when that is possible, and how it is done.

use super::fault::GovernFault;
use super::parameter::Parameter;
use super::params::Kind;
use super::proposal::{Outcome, Stage};
use crate::account::Pocket;
use crate::event::Event;
use crate::penalty::Fate;
use crate::{Params, Refused, State, draft::Draft};
use bitneuron_core::{Amount, Digest, GoalId, NodeId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Motion {
    /// To agree on the text with this digest.
    Text(Digest),
    /// To list a goal, whose turns are then rewarded, or to list it no longer.
    Listing {
        /// The goal.
        goal: GoalId,
        /// Whether it shall be listed.
        listed: bool,
    },
    /// To set a parameter.
    Param {
        /// Which.
        parameter: Parameter,
        /// To what, in its own unit.
        value: u64,
    },
    /// That the treasury pays.
    Treasury {
        /// Whom.
        to: NodeId,
        /// How much.
        amount: Amount,
    },
    /// To go on by the next version of the protocol, that of verifiers included.
    Upgrade {
        /// The version.
        protocol: u32,
    },
    /// To give back what is frozen for a misdeed.
    Pardon {
        /// Its name.
        misdeed: Digest,
    },
}

impl Motion {
    /// Of which kind it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Listing { .. } => Kind::Listing,
            Self::Param { .. } => Kind::Param,
            Self::Treasury { .. } => Kind::Treasury,
            Self::Upgrade { .. } => Kind::Upgrade,
            Self::Pardon { .. } => Kind::Pardon,
        }
    }
}

impl State {
    /// What the treasury may still pay by votes now: a part of what it would hold without the payments within a span, less
    /// those.
    pub fn treasury_budget(&self) -> Amount {
        let (govern, now) = (&self.params.govern, self.epoch().0);
        let paid = self.proposals.values().filter_map(|proposal| match (proposal.motion, proposal.stage) {
            (Motion::Treasury { amount, .. }, Stage::Over { at, outcome: Outcome::Done }) => {
                (at.0.saturating_add(govern.span) > now).then_some(amount)
            }
            _ => None,
        });
        let paid = Amount::sum(paid).unwrap_or(Amount::SUPPLY);
        let whole = self.pools.treasury.checked_add(paid).unwrap_or(Amount::SUPPLY);
        govern.spending.floor_of(whole).saturating_sub(paid)
    }

    /// Whether this could be done now.
    pub(super) fn may_enact(&self, motion: &Motion) -> Result<(), Refused> {
        let when = |holds: bool, fault: GovernFault| if holds { Ok(()) } else { Err(fault) };
        match *motion {
            Motion::Text(_) => Ok(()),
            Motion::Listing { goal, listed } => {
                Ok(when(self.registered(goal)?.listed != listed, GovernFault::Idle)?)
            }
            Motion::Param { parameter, value } => self.params.with(parameter, value).map(drop),
            Motion::Treasury { amount, .. } => {
                let most = self.treasury_budget();
                when(amount > Amount::ZERO, GovernFault::Idle)?;
                Ok(when(amount <= most, GovernFault::Spending { amount, most })?)
            }
            Motion::Upgrade { protocol } => {
                let next = self.params.protocol.saturating_add(1);
                Ok(when(protocol == next, GovernFault::Version { found: protocol, next })?)
            }
            Motion::Pardon { misdeed } => {
                let known = self.punished(misdeed).map(|misdeed| misdeed.fate);
                if matches!(known, Some(Fate::Frozen(_))) { Ok(()) } else { Err(Refused::Punished(misdeed)) }
            }
        }
    }

    /// Goes on by these parameters.
    fn set_params(&mut self, params: Params) -> Result<(), Refused> {
        let retuned = Arc::make_mut(&mut self.book).retune(params.market);
        retuned.map_err(|_| Refused::Params("the market's own bounds"))?;
        self.params = Arc::new(params);
        Ok(())
    }
}

impl Draft<'_> {
    /// Does what has passed, if it is still possible.
    pub(super) fn enact(&mut self, motion: &Motion) -> Result<(), Refused> {
        self.state.may_enact(motion)?;
        match *motion {
            Motion::Text(_) => {}
            Motion::Listing { goal, listed } => {
                let entry = crate::GoalEntry { listed, ..self.state.registered(goal)?.clone() };
                self.state.goals.set(goal, entry);
                self.events.push(Event::GoalListed { goal, listed });
            }
            Motion::Param { parameter, value } => {
                let before = self.state.params.get(parameter);
                self.state.set_params(self.state.params.with(parameter, value)?)?;
                self.events.push(Event::ParameterSet { parameter, before, value });
            }
            Motion::Treasury { to, amount } => {
                self.state.shift(Pocket::Treasury, Pocket::Account(to), amount)?;
                self.events.push(Event::Granted { who: to, amount });
            }
            Motion::Upgrade { protocol } => {
                self.state.set_params(Params { protocol, ..(*self.state.params).clone() })?;
                self.events.push(Event::Upgraded { protocol });
            }
            Motion::Pardon { misdeed } => self.pardon(misdeed)?,
        }
        Ok(())
    }
}
