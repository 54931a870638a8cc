//! Token accounts: when to send so that news travels fast and the budget of messages is kept (Danner and Jelasity,
//! *Token Account Algorithms: The Best of the Proactive and Reactive Worlds*, 2018, algorithm 4 and §3).
//!
//! A node earns one token a period. With `a` tokens it
//!
//! ```text
//! when a period ends     sends with probability PROACTIVE(a); otherwise a ← a + 1
//! when a model arrives   sends REACTIVE(a, u) times and pays as many tokens; u says whether the model was useful
//! ```
//!
//! | policy | PROACTIVE(a) | REACTIVE(a, u) |
//! |---|---|---|
//! | [`Flow::Proactive`] | 1 | 0 |
//! | [`Flow::Reactive`] | 0 | k if useful |
//! | [`Flow::Simple`] | a ≥ C | 1 if a > 0 |
//! | [`Flow::Generalised`] | a ≥ C | ⌊(A−1+a)/A⌋ if useful, else ⌊(A−1+a)/2A⌋ |
//! | [`Flow::Randomised`] | (a−A+1)/(C−A+1) between 0 and 1 | a/A rounded at random if useful, else 0 |
//!
//! No policy but [`Flow::Reactive`] sends more than one message a period on average, and none ever holds more than about `C`
//! tokens, which bounds its bursts. A purely reactive node has no budget: it lives on what arrives, so that its first period
//! sends once, and where messages get lost it falls silent in the end.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// When a node sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flow {
    /// Once a period: Algorithm 1 as it stands.
    #[default]
    Proactive,
    /// Whenever a useful model arrives, and never else after the first period.
    Reactive {
        /// The `k` of the paper.
        copies: u32,
    },
    /// Once for each model that arrives, while there are tokens.
    Simple {
        /// The `C` of the paper.
        capacity: u32,
    },
    /// The more tokens, the more copies; half as many of what was not useful.
    Generalised {
        /// The `A` of the paper: tokens that a copy wants to see. 1 spends all at once. At least 1, at most `capacity`.
        reactivity: u32,
        /// The `C` of the paper.
        capacity: u32,
    },
    /// The same without steps, and nothing for what was not useful.
    Randomised {
        /// The `A` of the paper, at least 1, at most `capacity`.
        reactivity: u32,
        /// The `C` of the paper.
        capacity: u32,
    },
}

impl Flow {
    /// Whether a node with so many tokens sends when a period ends; `draw` is 64 random bits.
    pub fn proactive(self, tokens: u64, draw: u64) -> bool {
        match self {
            Self::Proactive => true,
            Self::Reactive { .. } => false,
            Self::Simple { capacity } | Self::Generalised { capacity, .. } => tokens >= u64::from(capacity),
            Self::Randomised { reactivity, capacity } => {
                let floor = u64::from(reactivity.max(1)) - 1;
                let span = u64::from(capacity).saturating_sub(floor).max(1);
                below(draw, span) < tokens.saturating_sub(floor)
            }
        }
    }

    /// How many copies a node with so many tokens sends of what has just arrived; `draw` is 64 random bits.
    ///
    /// Never more than there are tokens, unless purely reactive.
    pub fn reactive(self, tokens: u64, useful: bool, draw: u64) -> u64 {
        match self {
            Self::Reactive { copies } => u64::from(copies) * u64::from(useful),
            Self::Simple { .. } => u64::from(tokens > 0),
            Self::Generalised { reactivity, .. } => {
                let reactivity = u64::from(reactivity.max(1));
                let ready = reactivity.saturating_sub(1).saturating_add(tokens);
                (ready / (reactivity * if useful { 1 } else { 2 })).min(tokens)
            }
            Self::Randomised { reactivity, .. } if useful => {
                let reactivity = u64::from(reactivity.max(1));
                tokens / reactivity + u64::from(below(draw, reactivity) < tokens % reactivity)
            }
            Self::Proactive | Self::Randomised { .. } => 0,
        }
    }

    /// Whether chance plays a part.
    pub(super) const fn draws(self) -> bool {
        matches!(self, Self::Randomised { .. })
    }
}

/// A number below `bound` from 64 random bits.
const fn below(draw: u64, bound: u64) -> u64 {
    ((draw as u128 * bound as u128) >> 64) as u64
}

/// What a node has saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    tokens: u64,
    /// A purely reactive node has had its first period.
    begun: bool,
}

impl Account {
    /// The tokens.
    pub const fn tokens(&self) -> u64 {
        self.tokens
    }

    /// A period ends: whether to send. Otherwise a token is saved.
    pub fn period(&mut self, flow: Flow, draw: u64) -> bool {
        let first = !std::mem::replace(&mut self.begun, true);
        let send = flow.proactive(self.tokens, draw) || (first && matches!(flow, Flow::Reactive { .. }));
        if !send {
            self.tokens = self.tokens.saturating_add(1);
        }
        send
    }

    /// A model has arrived: how many copies to send. They are paid.
    pub fn arrival(&mut self, flow: Flow, useful: bool, draw: u64) -> u64 {
        let copies = flow.reactive(self.tokens, useful, draw);
        self.tokens = self.tokens.saturating_sub(copies);
        copies
    }
}

/// Text that names no flow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "cannot read {0:?}: expected `proactive`, `reactive:K`, `simple:C`, `generalised:A,C` or `randomised:A,C`, as \
     `randomised:10,20`, with 1 ≤ A ≤ C ≤ 1000000"
)]
pub struct UnknownFlow(pub String);

/// The largest capacity that text may ask for.
const MOST: u32 = 1_000_000;

impl FromStr for Flow {
    type Err = UnknownFlow;

    fn from_str(text: &str) -> Result<Self, UnknownFlow> {
        let number = |text: &str| text.parse().ok().filter(|number| (1..=MOST).contains(number));
        let pair = |text: &str| {
            let (reactivity, capacity) = text.split_once(',')?;
            let (reactivity, capacity) = (number(reactivity.trim())?, number(capacity.trim())?);
            (reactivity <= capacity).then_some((reactivity, capacity))
        };
        let parsed = match text.split_once(':') {
            None if text == "proactive" => Some(Self::Proactive),
            Some(("reactive", copies)) => number(copies).map(|copies| Self::Reactive { copies }),
            Some(("simple", capacity)) => number(capacity).map(|capacity| Self::Simple { capacity }),
            Some(("generalised", both)) => {
                pair(both).map(|(reactivity, capacity)| Self::Generalised { reactivity, capacity })
            }
            Some(("randomised", both)) => {
                pair(both).map(|(reactivity, capacity)| Self::Randomised { reactivity, capacity })
            }
            _ => None,
        };
        parsed.ok_or_else(|| UnknownFlow(text.into()))
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proactive => f.write_str("proactive"),
            Self::Reactive { copies } => write!(f, "reactive:{copies}"),
            Self::Simple { capacity } => write!(f, "simple:{capacity}"),
            Self::Generalised { reactivity, capacity } => write!(f, "generalised:{reactivity},{capacity}"),
            Self::Randomised { reactivity, capacity } => write!(f, "randomised:{reactivity},{capacity}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flows() -> impl Strategy<Value = Flow> {
        (1u32..40, 0u32..40).prop_flat_map(|(reactivity, more)| {
            let capacity = reactivity + more;
            prop_oneof![
                Just(Flow::Proactive),
                Just(Flow::Reactive { copies: reactivity }),
                Just(Flow::Simple { capacity }),
                Just(Flow::Generalised { reactivity, capacity }),
                Just(Flow::Randomised { reactivity, capacity }),
            ]
        })
    }

    proptest! {
        /// Whatever arrives and whenever, what was sent is at most what was earned, and savings stay near the capacity.
        #[test]
        fn the_budget_is_kept(flow in flows(), events in prop::collection::vec((any::<bool>(), any::<bool>(), any::<u64>()), 0..300)) {
            let (mut account, mut periods, mut sent) = (Account::default(), 0, 0);
            for (period, useful, draw) in events {
                if period {
                    periods += 1;
                    sent += u64::from(account.period(flow, draw));
                } else {
                    sent += account.arrival(flow, useful, draw);
                }
                if !matches!(flow, Flow::Reactive { .. }) {
                    prop_assert_eq!(sent + account.tokens(), periods);
                }
                match flow {
                    Flow::Simple { capacity } | Flow::Generalised { capacity, .. } | Flow::Randomised { capacity, .. } => {
                        prop_assert!(account.tokens() <= u64::from(capacity) + 1);
                    }
                    _ => {}
                }
            }
        }

        #[test]
        fn text_and_back(flow in flows()) {
            prop_assert_eq!(flow.to_string().parse(), Ok(flow));
        }
    }

    #[test]
    fn the_formulas_of_the_paper() {
        let generalised = Flow::Generalised { reactivity: 10, capacity: 20 };
        let copies = |tokens, useful| generalised.reactive(tokens, useful, 0);
        assert_eq!([0, 1, 10, 11, 20].map(|tokens| copies(tokens, true)), [0, 1, 1, 2, 2]);
        assert_eq!([0, 10, 11, 20, 31].map(|tokens| copies(tokens, false)), [0, 0, 1, 1, 2]);
        assert!(!generalised.proactive(19, 0) && generalised.proactive(20, u64::MAX));

        // P rises from 0 at A − 1 tokens to 1 at C; half of the draws send half way between.
        let randomised = Flow::Randomised { reactivity: 10, capacity: 19 };
        let share = |tokens: u64| {
            (0..1000u64)
                .filter(|i| randomised.proactive(tokens, i * (u64::MAX / 1000) + u64::MAX / 2000))
                .count()
        };
        assert_eq!([9, 14, 19, 30].map(share), [0, 500, 1000, 1000]);
        let copies = |tokens: u64| -> u64 {
            (0..1000u64)
                .map(|i| randomised.reactive(tokens, true, i * (u64::MAX / 1000) + u64::MAX / 2000))
                .sum()
        };
        assert_eq!([0, 5, 10, 25].map(copies), [0, 500, 1000, 2500]);
        assert_eq!(randomised.reactive(30, false, 0), 0);
        let simple = Flow::Simple { capacity: 3 };
        assert_eq!((simple.reactive(0, true, 0), simple.reactive(1, false, 0)), (0, 1));
        assert_eq!(Flow::Reactive { copies: 2 }.reactive(0, true, 0), 2);
    }

    #[test]
    fn nonsense_is_told() {
        for text in [
            "",
            "randomised",
            "randomised:20,10",
            "simple:0",
            "reactive:x",
            "generalised:1",
            "simple:99999999",
        ] {
            assert!(text.parse::<Flow>().is_err(), "{text}");
        }
    }
}
