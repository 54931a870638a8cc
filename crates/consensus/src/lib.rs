#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap
    )
)]

pub mod blame;
pub mod block;
pub mod certificate;
pub mod chance;
pub mod committee;
pub mod dial;
pub mod electorate;
pub mod engine;
pub mod evidence;
pub mod light;
pub mod lottery;
mod malachite;
pub mod message;
pub mod one_shot;
pub mod pool;
pub mod record;
pub mod refused;
#[cfg(feature = "suite")]
pub mod suite;
pub mod timeouts;
pub mod verdicts;
pub mod vote;
pub mod wal;
pub mod weigh;

pub use blame::{Guilt, Testimony};
pub use block::{Block, Header};
pub use certificate::{Certificate, CheckCertificate, QuorumCheck};
pub use chance::Slot;
pub use dial::{Quorum, SecurityDial};
pub use electorate::{Electorate, Member};
pub use engine::{ConsensusEngine, Effect, Input, TimerId};
pub use evidence::Evidence;
pub use light::LightBlock;
pub use malachite::Malachite;
pub use message::{Message, RoundKind, RoundProof};
pub use one_shot::OneShot;
pub use pool::{Pool, Sighting};
pub use record::{Entry, Record, Step};
pub use refused::Refused;
pub use timeouts::Timeouts;
pub use verdicts::Verdicts;
pub use vote::{Proposal, SignedProposal, SignedVote, Stage, Vote};
pub use weigh::{Capped, Linear, SquareRoot, StakeReputation, Weigh};
