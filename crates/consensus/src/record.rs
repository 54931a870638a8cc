//! What a write-ahead log must hold so that a crashed validator does not contradict itself.
//!
//! A [`crate::Effect::Persist`] carries an encoded [`Record`]; it must be durable before any later effect leaves, and is told
//! again by [`crate::Input::Recover`]. A node that votes, loses its records and votes again may sign two different votes for one
//! question, which is exactly what [`crate::Evidence`] punishes.

use crate::{
    Block, Certificate,
    vote::{SignedProposal, SignedVote},
};
use bitneuron_core::{Height, Wire};
use serde::{Deserialize, Serialize};

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The open height.
    pub height: Height,
    /// What happened.
    pub entry: Entry,
}

impl Wire for Record {
    const LIMIT: usize = Block::LIMIT + (256 << 10);
}

/// What happened: the inputs that moved the voting core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A vote was accepted, the node's own included.
    Vote(SignedVote),
    /// A proposal was accepted; its block has an entry of its own once it is judged.
    Proposal(SignedProposal),
    /// A block was built here or judged.
    Block {
        /// The round in which it was first proposed.
        round: u32,
        /// The verdict.
        valid: bool,
        /// The block.
        block: Block,
    },
    /// A timeout of this step of this round elapsed.
    Elapsed {
        /// The step.
        step: Step,
        /// The round.
        round: u32,
    },
    /// A quorum of prevotes was accepted.
    Polka(Certificate),
}

/// The steps of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Waiting for a proposal.
    Propose,
    /// Waiting for prevotes.
    Prevote,
    /// Waiting for precommits.
    Precommit,
    /// Nothing happened for long: say it again.
    Rebroadcast,
}
