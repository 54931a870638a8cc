//! Why something is refused: one error for the whole ledger.

use crate::attendance::AttendanceFault;
use crate::contest::ContestFault;
use crate::govern::GovernFault;
use bitneuron_core::claim::{self, Source};
use bitneuron_core::class::Class;
use bitneuron_core::exact::ProgramError;
use bitneuron_core::{Amount, DecodeError, Digest, Epoch, GoalId, Height, NodeId};
use bitneuron_market::MarketError;
use thiserror::Error;

/// Why a genesis, a block or a transaction is refused. The state is then what it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refused {
    /// Parameters out of bounds.
    #[error("parameters: {0}")]
    Params(&'static str),
    /// A genesis that contradicts itself.
    #[error("genesis: {0}")]
    Genesis(&'static str),
    /// Bytes that are no transaction.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The chain goes on by a protocol that this program does not know.
    #[error("the chain goes on by protocol {needed}, this program knows {known}")]
    Protocol {
        /// The chain's.
        needed: u32,
        /// The highest known.
        known: u32,
    },
    /// Something about a proposal, a vote or a pause.
    #[error("governance: {0}")]
    Governance(#[from] GovernFault),
    /// A header that does not follow on this state.
    #[error("header: {0}")]
    Header(HeaderFault),
    /// The transaction at this place of the block is refused.
    #[error("transaction {at}: {why}")]
    Transaction {
        /// Its place, counted from 0.
        at: usize,
        /// Why.
        why: Box<Self>,
    },
    /// More gas than a block or a transaction may use.
    #[error("{needed} gas, {limit} left")]
    Gas {
        /// What it needs.
        needed: u64,
        /// What is left.
        limit: u64,
    },
    /// No pool of this class or those below is large enough for a committee.
    #[error("nobody can answer work of class {0:?}")]
    NoPool(Class),
    /// More at stake than a committee stands to lose.
    #[error("{value} entrusted to a committee that stands to lose {held}")]
    Exposed {
        /// What is entrusted.
        value: Amount,
        /// What its members can lose.
        held: Amount,
    },
    /// More bytes than a block may hold.
    #[error("no room for {0} bytes")]
    Size(usize),
    /// A signature that does not verify.
    #[error("bad signature of {0}")]
    Signature(NodeId),
    /// Expired, or expiring too late.
    #[error("expires at height {expires}, allowed are {first} to {last}")]
    Expires {
        /// The height it names.
        expires: Height,
        /// The least allowed.
        first: Height,
        /// The highest allowed.
        last: Height,
    },
    /// Accepted before.
    #[error("transaction {0} was accepted before")]
    Replayed(Digest),
    /// Not enough tokens.
    #[error("{needed} needed, {held} held")]
    Balance {
        /// What is needed.
        needed: Amount,
        /// What is there.
        held: Amount,
    },
    /// Tokens that are locked.
    #[error("{needed} needed, {free} not locked")]
    Locked {
        /// What is needed.
        needed: Amount,
        /// What is not locked.
        free: Amount,
    },
    /// Before the cliff, more transactions in an epoch than the bonded tokens allow.
    #[error("{sent} transactions sent in this epoch, {most} allowed by bonded tokens")]
    Quota {
        /// How many were sent.
        sent: u32,
        /// The most.
        most: u32,
    },
    /// The tree over the state lost a node, which is a fault of this program.
    #[error("tree: {0}")]
    Tree(String),
    /// An amount that no honest computation reaches.
    #[error("an amount beyond the supply")]
    Overflow,
    /// An amount of stake that is zero or no multiple of the quantum.
    #[error("{0} is no positive multiple of the quantum of stake")]
    Quantum(Amount),
    /// More stake than voters may unbond in one epoch.
    #[error("voters unbonded {left} in this epoch, {most} may leave")]
    Churn {
        /// What was unbonded.
        left: Amount,
        /// The most.
        most: Amount,
    },
    /// Too many entries of one kind.
    #[error("no room for more {0}")]
    Full(&'static str),
    /// No such goal.
    #[error("no goal {0:?}")]
    NoGoal(GoalId),
    /// It is registered already.
    #[error("registered already")]
    Registered,
    /// A goal whose programs cannot be built.
    #[error("goal: {0}")]
    Program(#[from] ProgramError),
    /// Data that do not fit their goal.
    #[error("the data do not fit the goal")]
    Data,
    /// The market refused.
    #[error("market: {0}")]
    Market(#[from] MarketError),
    /// No such open deal.
    #[error("no open deal {0}")]
    NoDeal(Digest),
    /// Somebody who has no part in it.
    #[error("{0} has no part in this")]
    NotParty(NodeId),
    /// Not what was promised.
    #[error("not what was promised: {0}")]
    Mismatch(&'static str),
    /// A claim that does not hold.
    #[error("claim: {0}")]
    Claim(#[from] claim::Refused),
    /// A proof that would open a group of hiding commitments more often than it has randomness for.
    #[error("group {group} was opened {most} times, and this proof may open it no more")]
    Spent {
        /// The group.
        group: Digest,
        /// How often it may be opened by a claim of this kind.
        most: u8,
    },
    /// A claim of something that is paid at once, with a proof that convinces only later.
    #[error("a proof that settles later pays nothing now")]
    Unsettled,
    /// A statement that the ledger has no use for.
    #[error("no use for statement {0}")]
    Statement(Digest),
    /// Something about a turn.
    #[error("turn: {0}")]
    Turn(#[from] TurnFault),
    /// Something about a contest.
    #[error("contest: {0}")]
    Contest(#[from] ContestFault),
    /// A refutation of something that is not false.
    #[error("what is refuted holds")]
    Innocent,
    /// Evidence that proves nothing.
    #[error("evidence: {0}")]
    Evidence(#[from] bitneuron_consensus::Refused),
    /// Too old to be punished, or from the future.
    #[error("of height {0}, which is too old or in the future")]
    Age(Height),
    /// Not a member of the electorate.
    #[error("{who} had no vote in epoch {}", epoch.0)]
    Stranger {
        /// Who.
        who: NodeId,
        /// When.
        epoch: Epoch,
    },
    /// Something about precommits that were brought.
    #[error("precommits: {0}")]
    Attendance(#[from] AttendanceFault),
    /// Punished before.
    #[error("misdeed {0} was punished before")]
    Punished(Digest),
}

/// Why a block does not follow on a state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// Another chain.
    #[error("another chain")]
    Chain,
    /// Another height than the next.
    #[error("height {found}, expected {expected}")]
    Height {
        /// The height it has.
        found: Height,
        /// The next height.
        expected: Height,
    },
    /// Another parent than the last block.
    #[error("another parent")]
    Parent,
    /// Not later than the last block.
    #[error("not later than its parent")]
    Time,
    /// A builder without a vote in this epoch.
    #[error("{0} has no vote")]
    Proposer(NodeId),
    /// A builder in jail.
    #[error("{0} is in jail")]
    Jailed(NodeId),
    /// A builder's draw whose proof does not verify.
    #[error("{0} has not proved its draw")]
    Draw(NodeId),
    /// Other electorates than those that vote on this block and the next.
    #[error("other voters")]
    Voters,
    /// The transactions are not those of the header.
    #[error("other transactions than the header commits to")]
    Body,
    /// The stated root is not the one that execution gives.
    #[error("states root {stated}, execution gives {found}")]
    Root {
        /// The header's.
        stated: Digest,
        /// The true one.
        found: Digest,
    },
}

/// Why a turn is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TurnFault {
    /// Only in the later phases of a round.
    #[error("not in this phase")]
    Phase,
    /// Only unjailed validators of sufficient stake.
    #[error("{0} may not take turns")]
    Author(NodeId),
    /// A turn of this author for this goal is open.
    #[error("a turn is open already")]
    Open,
    /// No open turn.
    #[error("no open turn")]
    NotOpen,
    /// Before or after the window for the claim.
    #[error("outside the window")]
    Window,
    /// Another height, goal or author.
    #[error("another context")]
    Context,
    /// Not what was committed to.
    #[error("not what was committed to")]
    Commitment,
    /// Not the author's head.
    #[error("not the author's head before")]
    Before,
    /// A seed that the beacon did not give.
    #[error("not the beacon's seed")]
    Seed,
    /// Inputs out of order, repeated or too many.
    #[error("inputs out of order or too many")]
    Order,
    /// An input that the author is not entitled to.
    #[error("not entitled to {0:?}")]
    Input(Source),
    /// A share that is not the derived one.
    #[error("the share of {0:?} is not the derived one")]
    Share(Source),
    /// Data that the author has not registered in time.
    #[error("data not registered in time")]
    Data,
    /// More right rows than were drawn.
    #[error("impossible scores")]
    Score,
    /// No such pending turn.
    #[error("no such pending turn")]
    NotPending,
    /// Nothing was asked of this turn, or not yet, or it was answered.
    #[error("nothing is asked of this turn")]
    NotAsked,
    /// Another dispute about the turn is open.
    #[error("in dispute already")]
    Disputed,
}

impl From<HeaderFault> for Refused {
    fn from(fault: HeaderFault) -> Self {
        Self::Header(fault)
    }
}
