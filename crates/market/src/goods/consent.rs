//! Consent: what the owner of a good allows to be done with it.
//!
//! A consent is part of the signed order, so nobody but the owner gives it and it holds for that order alone. It is
//! checked when the order is placed and again for every buyer when orders are matched; to withdraw it is to cancel
//! the order. One use is one unit sold to one buyer.

use bitneuron_core::{GoalId, Height, NodeId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Who may buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Buyers {
    /// Anybody.
    Anyone,
    /// These only; ascending, without repetition.
    Only(Vec<NodeId>),
    /// Anybody but these; ascending, without repetition.
    Except(Vec<NodeId>),
}

impl Buyers {
    /// Whether this buyer may buy.
    pub fn admit(&self, buyer: NodeId) -> bool {
        match self {
            Self::Anyone => true,
            Self::Only(list) => list.binary_search(&buyer).is_ok(),
            Self::Except(list) => list.binary_search(&buyer).is_err(),
        }
    }

    fn list(&self) -> &[NodeId] {
        match self {
            Self::Anyone => &[],
            Self::Only(list) | Self::Except(list) => list,
        }
    }
}

/// What the owner allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The goals it may serve; ascending, without repetition.
    pub goals: Vec<GoalId>,
    /// Who may buy.
    pub buyers: Buyers,
    /// The first height at which nothing is allowed any more.
    pub until: Height,
    /// How many units may be sold in all.
    pub uses: u32,
}

/// Why a consent does not cover an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConsentError {
    /// A list is too long.
    #[error("a list is too long")]
    TooLong,
    /// A list is not ascending or repeats a member.
    #[error("a list is not in order")]
    Disorder,
    /// It names no goal, no buyer or no use.
    #[error("nothing is allowed")]
    Empty,
    /// It does not name this goal.
    #[error("the goal is not covered")]
    Goal,
    /// It has ended.
    #[error("over since height {0}")]
    Over(Height),
    /// More units are offered than uses allowed.
    #[error("{offered} units offered, {allowed} uses allowed")]
    Uses {
        /// Units.
        offered: u32,
        /// Uses.
        allowed: u32,
    },
}

impl Consent {
    /// The most goals named.
    pub const MAX_GOALS: usize = 16;
    /// The most buyers named.
    pub const MAX_BUYERS: usize = 64;

    /// Checks that this consent is well formed and covers an order of `units` for a goal at this height.
    ///
    /// # Errors
    /// Why it does not.
    pub fn cover(&self, goal: GoalId, units: u32, at: Height) -> Result<(), ConsentError> {
        let buyers = self.buyers.list();
        if self.goals.len() > Self::MAX_GOALS || buyers.len() > Self::MAX_BUYERS {
            return Err(ConsentError::TooLong);
        }
        if !ascending(&self.goals) || !ascending(buyers) {
            return Err(ConsentError::Disorder);
        }
        let nobody = matches!(&self.buyers, Buyers::Only(list) if list.is_empty());
        if self.goals.is_empty() || nobody || self.uses == 0 {
            return Err(ConsentError::Empty);
        }
        if self.goals.binary_search(&goal).is_err() {
            return Err(ConsentError::Goal);
        }
        if self.until <= at {
            return Err(ConsentError::Over(self.until));
        }
        if units > self.uses {
            return Err(ConsentError::Uses { offered: units, allowed: self.uses });
        }
        Ok(())
    }

    /// Whether this buyer may take a unit for this goal at this height.
    pub fn allows(&self, goal: GoalId, buyer: NodeId, at: Height) -> bool {
        at < self.until && self.goals.binary_search(&goal).is_ok() && self.buyers.admit(buyer)
    }
}

fn ascending<T: Ord>(list: &[T]) -> bool {
    list.iter().zip(list.iter().skip(1)).all(|(one, next)| one < next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::Digest;

    fn goal(n: u8) -> GoalId {
        GoalId(Digest([n; 32]))
    }

    fn node(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    fn consent() -> Consent {
        Consent { goals: vec![goal(1), goal(3)], buyers: Buyers::Anyone, until: Height(9), uses: 2 }
    }

    #[test]
    fn what_is_not_covered_is_refused() {
        let cover = |change: fn(&mut Consent), units| {
            let mut consent = consent();
            change(&mut consent);
            consent.cover(goal(3), units, Height(8))
        };
        assert_eq!(cover(|_| {}, 2), Ok(()));
        assert_eq!(cover(|_| {}, 3), Err(ConsentError::Uses { offered: 3, allowed: 2 }));
        assert_eq!(cover(|c| c.until = Height(8), 1), Err(ConsentError::Over(Height(8))));
        assert_eq!(cover(|c| c.goals = vec![goal(1)], 1), Err(ConsentError::Goal));
        assert_eq!(cover(|c| c.goals.reverse(), 1), Err(ConsentError::Disorder));
        assert_eq!(cover(|c| c.goals = vec![goal(3); 2], 1), Err(ConsentError::Disorder));
        assert_eq!(cover(|c| c.goals.clear(), 1), Err(ConsentError::Empty));
        assert_eq!(cover(|c| c.uses = 0, 1), Err(ConsentError::Empty));
        assert_eq!(cover(|c| c.buyers = Buyers::Only(vec![]), 1), Err(ConsentError::Empty));
        assert_eq!(cover(|c| c.goals = (0..17).map(goal).collect(), 1), Err(ConsentError::TooLong));
        let many = |c: &mut Consent| c.buyers = Buyers::Except((0..65).map(node).collect());
        assert_eq!(cover(many, 1), Err(ConsentError::TooLong));
    }

    #[test]
    fn only_the_admitted_may_buy() {
        let allows = |buyers, buyer| Consent { buyers, ..consent() }.allows(goal(1), node(buyer), Height(8));
        let list = vec![node(2), node(4)];
        assert!(allows(Buyers::Anyone, 2));
        assert!(allows(Buyers::Only(list.clone()), 4) && !allows(Buyers::Only(list.clone()), 3));
        assert!(allows(Buyers::Except(list.clone()), 3) && !allows(Buyers::Except(list), 4));
        assert!(!consent().allows(goal(2), node(1), Height(8)));
        assert!(!consent().allows(goal(1), node(1), Height(9)));
    }
}
