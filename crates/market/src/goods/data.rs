//! The data market: users sell models that they trained on data which never leaves them.
//!
//! An offer commits to the packet that will be delivered (a digest of its bytes) *and* to the integer model that it
//! decodes to, and claims a score: how many rows of the goal's metric set the model classifies rightly. A bid names a
//! goal, a number of models and the least score. A lot is a goal, a grade is a score, and the model is the identity:
//! nobody pays twice for one model in one bid, whoever copied it.

use super::{Good, consent::Consent};
use crate::{
    deal::Deal,
    error::MarketError,
    order::{Order, Side},
};
use bitneuron_core::{Commitment, Digest, GoalId, Height};
use serde::{Deserialize, Serialize};

/// The market for models of a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataMarket;

/// What is offered or wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataTerms {
    /// A model for sale. The order's quantity is the number of copies.
    Offer {
        /// The goal that it serves.
        goal: GoalId,
        /// The digest of the packet that is delivered.
        packet: Digest,
        /// The integer model that the packet decodes to.
        model: Commitment,
        /// The claimed score: rows of the metric set classified rightly.
        score: u32,
        /// What the owner allows.
        consent: Consent,
    },
    /// Models wanted. The order's quantity is the number of different models.
    Bid {
        /// The goal.
        goal: GoalId,
        /// The least score accepted.
        min_score: u32,
    },
}

impl DataTerms {
    /// The goal.
    pub const fn goal(&self) -> GoalId {
        match self {
            Self::Offer { goal, .. } | Self::Bid { goal, .. } => *goal,
        }
    }

    /// The side to which these terms belong.
    pub const fn side(&self) -> Side {
        match self {
            Self::Offer { .. } => Side::Offer,
            Self::Bid { .. } => Side::Bid,
        }
    }
}

impl Good for DataMarket {
    const MARKET: &'static str = "bitneuron data market v1";
    /// 16 goals and 64 buyers of 32 bytes, and less than 256 bytes around them.
    const LIMIT: usize = 3_072;
    type Terms = DataTerms;
    type Lot = GoalId;

    fn lot(terms: &DataTerms) -> GoalId {
        terms.goal()
    }

    fn grade(terms: &DataTerms) -> u64 {
        match terms {
            DataTerms::Offer { score, .. } => u64::from(*score),
            DataTerms::Bid { min_score, .. } => u64::from(*min_score),
        }
    }

    fn identity(terms: &DataTerms) -> Option<Digest> {
        match terms {
            DataTerms::Offer { model, .. } => Some(model.root),
            DataTerms::Bid { .. } => None,
        }
    }

    fn check(order: &Order<Self>, at: Height) -> Result<(), MarketError> {
        match &order.terms {
            terms if terms.side() != order.side => Err(MarketError::WrongSide),
            DataTerms::Offer { goal, consent, .. } => Ok(consent.cover(*goal, order.quantity, at)?),
            DataTerms::Bid { .. } => Ok(()),
        }
    }

    fn compatible(offer: &Order<Self>, bid: &Order<Self>, at: Height) -> bool {
        let DataTerms::Offer { goal, score, consent, .. } = &offer.terms else { return false };
        let DataTerms::Bid { goal: wanted, min_score } = &bid.terms else { return false };
        goal == wanted && score >= min_score && consent.allows(*goal, bid.by, at)
    }
}

impl Deal<DataMarket> {
    /// What the seller promised: the digest of the packet, the model and the score. `None` for a deal that no book
    /// made.
    pub const fn promise(&self) -> Option<(Digest, Commitment, u32)> {
        match &self.terms {
            DataTerms::Offer { packet, model, score, .. } => Some((*packet, *model, *score)),
            DataTerms::Bid { .. } => None,
        }
    }
}
