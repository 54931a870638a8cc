//! What the market asks the ledger to move, and the one rule that all of it obeys.
//!
//! The market holds no tokens. Placing an order locks tokens under the order's id, the *escrow key*; everything that
//! happens later takes tokens out of that escrow again. Conservation is one property, for each key by itself:
//!
//! ```text
//! locked = held + refunded + paid + slashed,    and held = 0 once the order and all its deals have ended
//! ```
//!
//! [`Escrows`] follows a stream of transfers and refuses the first one that would break it. Amounts are in units of
//! 10⁻⁹ token; a transfer of nothing is never emitted.

use crate::order::OrderId;
use bitneuron_core::{Amount, NodeId, Outbox};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// Who receives tokens that do not go back to their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Payee {
    /// One account.
    Account(NodeId),
    /// The validators who judged, by weight; the ledger divides.
    Judges,
    /// The treasury.
    Treasury,
}

/// One movement of tokens. The ledger performs transfers in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Transfer {
    /// From a free balance into escrow; happens once for each order, when it is placed.
    Lock {
        /// The order.
        escrow: OrderId,
        /// Its owner.
        from: NodeId,
        /// How much.
        amount: Amount,
    },
    /// Out of escrow, back to the owner of the order.
    Refund {
        /// The order.
        escrow: OrderId,
        /// Its owner.
        to: NodeId,
        /// How much.
        amount: Amount,
    },
    /// Out of escrow, for a settled deal.
    Pay {
        /// The order.
        escrow: OrderId,
        /// Who earned it.
        to: Payee,
        /// How much.
        amount: Amount,
    },
    /// Out of escrow, lost by the owner of the order.
    Slash {
        /// The order.
        escrow: OrderId,
        /// Who gets it.
        to: Payee,
        /// How much.
        amount: Amount,
    },
}

impl Transfer {
    /// The escrow key.
    pub const fn escrow(&self) -> OrderId {
        match self {
            Self::Lock { escrow, .. }
            | Self::Refund { escrow, .. }
            | Self::Pay { escrow, .. }
            | Self::Slash { escrow, .. } => *escrow,
        }
    }

    /// How much moves.
    pub const fn amount(&self) -> Amount {
        match self {
            Self::Lock { amount, .. }
            | Self::Refund { amount, .. }
            | Self::Pay { amount, .. }
            | Self::Slash { amount, .. } => *amount,
        }
    }

    /// Pushes this transfer unless it moves nothing.
    pub fn emit(self, out: &mut Outbox<Self>) {
        if self.amount() > Amount::ZERO {
            out.push(self);
        }
    }
}

/// Why a stream of transfers does not conserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Imbalance {
    /// More leaves an escrow than it holds.
    #[error("{amount} leaves the escrow of {escrow:?}, which holds {held}")]
    Overdrawn {
        /// The escrow.
        escrow: OrderId,
        /// What should leave.
        amount: Amount,
        /// What is there.
        held: Amount,
    },
    /// An order locks twice.
    #[error("the escrow of {0:?} is locked a second time")]
    Relocked(OrderId),
    /// Tokens go back to somebody who did not lock them.
    #[error("the escrow of {0:?} is refunded to a stranger")]
    Stranger(OrderId),
}

/// What one escrow has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escrow {
    /// Who locked it.
    pub owner: NodeId,
    /// All that went in.
    pub locked: Amount,
    /// What went back to the owner.
    pub refunded: Amount,
    /// What was paid.
    pub paid: Amount,
    /// What was slashed.
    pub slashed: Amount,
}

impl Escrow {
    /// What is still inside.
    pub const fn held(&self) -> Amount {
        self.locked.saturating_sub(self.refunded).saturating_sub(self.paid).saturating_sub(self.slashed)
    }
}

/// Follows transfers, escrow by escrow, and refuses what does not conserve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Escrows {
    escrows: BTreeMap<OrderId, Escrow>,
}

impl Escrows {
    /// No escrow yet.
    pub const fn new() -> Self {
        Self { escrows: BTreeMap::new() }
    }

    /// Applies one transfer.
    ///
    /// # Errors
    /// It would break conservation; nothing is changed.
    pub fn apply(&mut self, transfer: &Transfer) -> Result<(), Imbalance> {
        if let Transfer::Lock { escrow, from, amount } = *transfer {
            if self.escrows.contains_key(&escrow) {
                return Err(Imbalance::Relocked(escrow));
            }
            let none = Amount::ZERO;
            let fresh = Escrow { owner: from, locked: amount, refunded: none, paid: none, slashed: none };
            self.escrows.insert(escrow, fresh);
            return Ok(());
        }
        let (escrow, amount) = (transfer.escrow(), transfer.amount());
        let overdrawn = |held| Imbalance::Overdrawn { escrow, amount, held };
        let purse = self.escrows.get_mut(&escrow).ok_or(overdrawn(Amount::ZERO))?;
        if purse.held() < amount {
            return Err(overdrawn(purse.held()));
        }
        let gone = match transfer {
            Transfer::Refund { to, .. } if *to != purse.owner => return Err(Imbalance::Stranger(escrow)),
            Transfer::Refund { .. } | Transfer::Lock { .. } => &mut purse.refunded,
            Transfer::Pay { .. } => &mut purse.paid,
            Transfer::Slash { .. } => &mut purse.slashed,
        };
        *gone = gone.checked_add(amount).ok_or(overdrawn(Amount::ZERO))?;
        Ok(())
    }

    /// What the escrow of an order has seen.
    pub fn get(&self, order: OrderId) -> Option<&Escrow> {
        self.escrows.get(&order)
    }

    /// All escrows, by order.
    pub fn iter(&self) -> impl Iterator<Item = (OrderId, &Escrow)> {
        self.escrows.iter().map(|(order, escrow)| (*order, escrow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitneuron_core::Digest;

    #[test]
    fn what_does_not_conserve_is_refused() {
        let (escrow, from) = (OrderId(Digest([1; 32])), NodeId([2; 32]));
        let mut escrows = Escrows::new();
        let lock = Transfer::Lock { escrow, from, amount: Amount(10) };
        let pay = |amount| Transfer::Pay { escrow, to: Payee::Judges, amount: Amount(amount) };
        assert!(matches!(escrows.apply(&pay(1)), Err(Imbalance::Overdrawn { .. })));
        assert_eq!(escrows.apply(&lock), Ok(()));
        assert_eq!(escrows.apply(&lock), Err(Imbalance::Relocked(escrow)));
        assert_eq!(escrows.apply(&pay(7)), Ok(()));
        let stranger = Transfer::Refund { escrow, to: NodeId([3; 32]), amount: Amount(1) };
        assert_eq!(escrows.apply(&stranger), Err(Imbalance::Stranger(escrow)));
        let held = Amount(3);
        assert_eq!(escrows.apply(&pay(4)), Err(Imbalance::Overdrawn { escrow, amount: Amount(4), held }));
        let slash = Transfer::Slash { escrow, to: Payee::Treasury, amount: Amount(3) };
        assert_eq!(escrows.apply(&slash), Ok(()));
        assert_eq!(escrows.get(escrow).map(Escrow::held), Some(Amount::ZERO));
    }
}
