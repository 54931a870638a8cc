#![doc = include_str!("../README.md")]
//! # Tour
//! A chain begins with a [`Genesis`], which holds the [`Params`] and names the chain. [`State::genesis`] is the state
//! before the first block. Users and validators sign [`Tx`]s, each with one [`Action`]; a validator collects those that
//! [`State::admits`], lets [`State::build`] make a block of them, and every validator judges it with [`State::execute`],
//! the only transition. What happened comes out as [`Event`]s. The ledger knows verdicts, not proofs: whether a claim
//! holds is asked of a [`bitneuron_core::claim::CheckClaim`].
//!
//! Tokens are in pockets (`account`) and move only between them; those of Table 1 (`allocation`) are locked until they
//! vest (`vesting`), and rewards are released over seven years (`emission`) to who builds and votes (`dividend`) and who
//! learns. Stake (`stake`) makes voters (`electorate`), whose votes are counted (`attendance`); deals (`deal`) and turns (`turn`) are where learning meets
//! money; turns whose proofs convince only later wait (`pending`), are
//! audited (`audit`) and may be disputed (`dispute`); how often proofs open what is hidden is counted (`opened`); learning is paid by
//! contests ([`contest`]); reputation follows from events; holders of tokens change parameters and more by votes ([`govern`]); refutations (`refute`) and slashing (`slash`) end what was false. A light client checks
//! single entries by [`EntryProof`]s under the root of a certified header; [`key`] names the entries.
#![forbid(unsafe_code)]
#![warn(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod account;
mod ahead;
mod allocation;
mod attendance;
mod audit;
mod class;
pub mod contest;
mod deal;
mod discover;
mod dispute;
mod dividend;
mod draft;
mod electorate;
mod emission;
mod entry;
mod event;
mod execute;
mod fee;
mod genesis;
mod goal;
pub mod govern;
pub mod key;
mod opened;
mod order;
mod params;
mod penalty;
mod pending;
mod plan;
mod presence;
mod receipt;
mod refused;
mod refute;
mod reputation;
mod restore;
mod reward;
mod round;
mod section;
mod slash;
mod stake;
mod state;
pub mod store;
mod tally;
mod tree;
mod turn;
mod tx;
mod vesting;

pub use account::Pools;
pub use allocation::{Allocation, Grant};
pub use attendance::{Attendance, AttendanceFault, HEARD, Roll};
pub use audit::AuditParams;
pub use class::{ClassParams, ClassRule, Panel};
pub use contest::{
    Candidate, Contest, ContestAction, ContestEvent, ContestFault, ContestParams, Outcome, Parent, Placing,
    ShardId, TestShard, Void, candidate_digest, contest_entry, seal,
};
pub use deal::{Delivery, Good, Sale, SignedDelivery, open_deal, packet_digest};
pub use draft::MAX_BODY;
pub use emission::emission;
pub use entry::{Change, Value};
pub use event::{Event, Merit};
pub use execute::Built;
pub use fee::{DRAW_GAS, next_base_fee, plain_gas};
pub use genesis::Genesis;
pub use goal::{GoalEntry, Head, head_commitment, score};
pub use opened::Opened;
pub use order::OrderEntry;
pub use params::{FeeParams, Params, RewardParams, TurnParams};
pub use penalty::{Fate, Misdeed};
pub use pending::{OpenDispute, PendingTurn, TurnId};
pub use plan::{Frozen, PlannedInput, TurnPlan, part, turn_shares};
pub use presence::Presence;
pub use receipt::{Cause, EventProof, Receipt, ReceiptError, ReceiptProof, Stub};
pub use refused::{HeaderFault, Refused, TurnFault};
pub use reputation::{Channel, ReputationParams, Standing};
pub use slash::{Offence, SlashParams};
pub use stake::{Phase, Stake, StakeParams, WeighRule};
pub use state::{Changes, Clock, State};
pub use tally::Tally;
pub use tree::{EntryProof, ProofError};
pub use turn::OpenTurn;
pub use tx::{Action, Content, Refutation, SignedTx, Tx};
pub use vesting::{Holder, Lock, Schedule, VestingParams};
