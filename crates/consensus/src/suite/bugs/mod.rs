//! Planted bugs: mistakes that a maker of an engine may make, as habits of *honest* nodes. The matrix must find each.
//!
//! Nothing of this is in an engine. A check that is left out is played from outside: whoever wears the `lenient`
//! habit holds all keys of the small network, and signs what is missing before its engine looks, so that the engine
//! goes on as if it had not looked; what it then shows to others is as it was before. Bugs of another kind drop, repeat
//! or change inputs and effects.

mod careless;
mod lenient;

use super::zoo::{Amnesiac, Habit};
use bitneuron_core::{ChainId, Digest, Keypair};
use std::{fmt, str::FromStr};

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// A quorum is one unit of weight too small.
    Quorum,
    /// The signature of a vote is not looked at.
    UnsignedVote,
    /// The chain is not in what is signed.
    OtherChain,
    /// Votes of strangers count.
    Stranger,
    /// A vote that arrives twice counts twice.
    Duplicate,
    /// The weight and the signatures of a decision from elsewhere are not looked at.
    LightDecision,
    /// The weight and the signatures of a quorum of prevotes are not looked at.
    LightPolka,
    /// Anybody may propose.
    Proposer,
    /// The judge is not listened to.
    Verdict,
    /// What was precommitted in an earlier round binds nobody.
    Lock,
    /// After a timeout it votes once more.
    Revote,
    /// The block below is taken from the height before.
    Parent,
    /// Two votes that contradict each other are not held against their author.
    Evidence,
    /// What is heard is not passed on.
    Relay,
    /// Timers are not set.
    Timers,
    /// Decisions from elsewhere are ignored.
    Sync,
    /// Bytes that are no message stop it.
    Bytes,
    /// It comes back from a crash without its log and votes again.
    Log,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Quorum,
        Self::UnsignedVote,
        Self::OtherChain,
        Self::Stranger,
        Self::Duplicate,
        Self::LightDecision,
        Self::LightPolka,
        Self::Proposer,
        Self::Verdict,
        Self::Lock,
        Self::Revote,
        Self::Parent,
        Self::Evidence,
        Self::Relay,
        Self::Timers,
        Self::Sync,
        Self::Bytes,
        Self::Log,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::UnsignedVote => "unsigned-vote",
            Self::OtherChain => "other-chain",
            Self::Stranger => "stranger",
            Self::Duplicate => "duplicate",
            Self::LightDecision => "light-decision",
            Self::LightPolka => "light-polka",
            Self::Proposer => "proposer",
            Self::Verdict => "verdict",
            Self::Lock => "lock",
            Self::Revote => "revote",
            Self::Parent => "parent",
            Self::Evidence => "evidence",
            Self::Relay => "relay",
            Self::Timers => "timers",
            Self::Sync => "sync",
            Self::Bytes => "bytes",
            Self::Log => "log",
        }
    }

    /// What is wrong, in words.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Quorum => "a quorum is one unit of weight too small",
            Self::UnsignedVote => "signatures of votes are not looked at",
            Self::OtherChain => "votes signed on another chain count",
            Self::Stranger => "votes of strangers count",
            Self::Duplicate => "a vote that arrives twice counts twice",
            Self::LightDecision => "certificates of decisions are not looked at",
            Self::LightPolka => "quorums of prevotes are not looked at",
            Self::Proposer => "anybody may propose",
            Self::Verdict => "the judge is not listened to",
            Self::Lock => "an earlier precommit binds nobody",
            Self::Revote => "after a timeout it votes again",
            Self::Parent => "blocks stand on the block before the last",
            Self::Evidence => "contradictions are not held against their author",
            Self::Relay => "what is heard is not passed on",
            Self::Timers => "timers are not set",
            Self::Sync => "decisions from elsewhere are ignored",
            Self::Bytes => "bytes that are no message stop it",
            Self::Log => "it comes back from a crash without its log",
        }
    }

    /// The habit that plays it in a network of these voters; [`Bug::Log`] is a habit of the network.
    pub fn habit(self, keys: &[Keypair]) -> Option<Box<dyn Habit>> {
        Some(match self {
            Self::Log => return None,
            Self::Lock => Box::new(Amnesiac::default()),
            Self::Quorum
            | Self::UnsignedVote
            | Self::OtherChain
            | Self::Stranger
            | Self::Duplicate
            | Self::LightDecision
            | Self::LightPolka
            | Self::Proposer => Box::new(lenient::Lenient::new(self, keys.to_vec())),
            _ => Box::new(careless::Careless::new(self)),
        })
    }
}

/// The other chain on which the voters of the small network have signed.
pub fn other_chain() -> ChainId {
    ChainId(Digest::of("bitneuron consensus suite other chain v1", &[]))
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Bug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|bug| bug.name() == text);
        found.ok_or_else(|| format!("there is no bug {text:?}"))
    }
}
