//! How peers talk: who sends to whom, when, and in which order a node merges and learns.
//!
//! The default is Algorithm 1 to the letter. Everything else is a known variation of it:
//!
//! * [`Exchange`]: push, pull or both (Demers et al. 1987).
//! * [`Order`]: merge then update, update then merge, or a plain random walk (Ormándi, Hegedűs and Jelasity, *Gossip
//!   learning with linear models on fully distributed data*, 2013, `createModel` MU, UM and RW).
//! * [`Gather`]: learn from each model as it arrives, or once a period from all that arrived. Only the second gives a rule
//!   the *set* that medians and distances need. With all neighbours and the mean it is decentralised SGD (Lian et al. 2017),
//!   with `fanout` random ones epidemic learning (de Vos et al., arXiv 2310.01972).
//! * [`Flow`]: token accounts.

use super::token::Flow;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Who is the sender when a peer was selected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Exchange {
    /// The selecting peer sends its model.
    #[default]
    Push,
    /// The selecting peer asks for a model.
    Pull,
    /// Both.
    PushPull,
}

impl Exchange {
    pub(super) const fn pushes(self) -> bool {
        !matches!(self, Self::Pull)
    }

    pub(super) const fn pulls(self) -> bool {
        !matches!(self, Self::Push)
    }
}

/// What is done with what arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// `w ← update(merge(w, w_r))`: Algorithm 1.
    #[default]
    MergeUpdate,
    /// `w ← merge(update(w), update(w_r))`: trains twice as much.
    UpdateMerge,
    /// `w ← update(w_r)`: models walk through the network and are trained where they come by; nothing is merged.
    Update,
}

/// When a peer learns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Gather {
    /// From each model when it arrives.
    #[default]
    Each,
    /// Once a period from the last model of every peer that sent one, and from the own rows in any case. What comes when
    /// so many wait is dropped.
    Period {
        /// The most models that wait.
        limit: u16,
    },
}

impl Gather {
    /// Once a period, of at most 256 peers.
    pub const PERIOD: Self = Self::Period { limit: 256 };
}

/// How a peer talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Push, pull or both.
    pub exchange: Exchange,
    /// What is done with what arrives.
    pub order: Order,
    /// When it is done.
    pub gather: Gather,
    /// How many peers are selected at once.
    pub fanout: u16,
    /// When models are sent.
    pub flow: Flow,
    /// How many questions are answered in a period; others get no answer. Bounds what a flood of questions costs.
    pub answers: u16,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            exchange: Exchange::default(),
            order: Order::default(),
            gather: Gather::default(),
            fanout: 1,
            flow: Flow::default(),
            answers: 32,
        }
    }
}

impl Manner {
    /// Every period the model goes to `fanout` peers, and what arrived is merged as a set.
    pub fn rounds(fanout: u16) -> Self {
        Self { gather: Gather::PERIOD, fanout, ..Self::default() }
    }
}

/// Text that is no manner of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot read {text:?}: expected {expected}")]
pub struct UnknownManner {
    /// The text.
    pub text: String,
    /// What would do.
    pub expected: &'static str,
}

macro_rules! named {
    ($type:ident: $expected:literal, $($value:expr => $name:literal),+ $(,)?) => {
        impl FromStr for $type {
            type Err = UnknownManner;

            fn from_str(text: &str) -> Result<Self, UnknownManner> {
                match text {
                    $($name => Ok($value),)+
                    _ => Err(UnknownManner { text: text.into(), expected: $expected }),
                }
            }
        }
    };
}

named!(Exchange: "`push`, `pull` or `push-pull`", Self::Push => "push", Self::Pull => "pull", Self::PushPull => "push-pull");
named!(Order: "`merge-update`, `update-merge` or `update`",
    Self::MergeUpdate => "merge-update", Self::UpdateMerge => "update-merge", Self::Update => "update");
named!(Gather: "`each` or `period`", Self::Each => "each", Self::PERIOD => "period");

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::PushPull => "push-pull",
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MergeUpdate => "merge-update",
            Self::UpdateMerge => "update-merge",
            Self::Update => "update",
        })
    }
}

impl fmt::Display for Gather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Each => "each",
            Self::Period { .. } => "period",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for exchange in [Exchange::Push, Exchange::Pull, Exchange::PushPull] {
            assert_eq!(exchange.to_string().parse(), Ok(exchange));
        }
        for order in [Order::MergeUpdate, Order::UpdateMerge, Order::Update] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        for gather in [Gather::Each, Gather::PERIOD] {
            assert_eq!(gather.to_string().parse(), Ok(gather));
        }
        let told = "shove".parse::<Exchange>().unwrap_err().to_string();
        assert!(told.contains("shove") && told.contains("push-pull"), "{told}");
    }
}
