//! Why something is refused that has to do with governance.

use super::parameter::Parameter;
use super::proposal::ProposalId;
use bitneuron_core::{Amount, Epoch};
use thiserror::Error;

/// Why a proposal, a vote or a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GovernFault {
    /// No such proposal that takes votes now.
    #[error("{0} takes no votes now")]
    Closed(ProposalId),
    /// Too little at the time of the snapshot to count.
    #[error("held {held} at the snapshot, {least} count")]
    Small {
        /// What was there.
        held: Amount,
        /// The least that counts.
        least: Amount,
    },
    /// Nothing would change by it.
    #[error("changes nothing")]
    Idle,
    /// A parameter would change by more than a factor of two, or fall though it may only rise.
    #[error("{parameter:?} is {before} and cannot become {value} in one step")]
    Step {
        /// The parameter.
        parameter: Parameter,
        /// What it is.
        before: u64,
        /// What it should become.
        value: u64,
    },
    /// More than the treasury may pay now.
    #[error("the treasury may pay {most} now, not {amount}")]
    Spending {
        /// What it should pay.
        amount: Amount,
        /// What it may pay.
        most: Amount,
    },
    /// Another protocol version than the next.
    #[error("protocol {found}, the next is {next}")]
    Version {
        /// The one named.
        found: u32,
        /// The next.
        next: u32,
    },
    /// Orders are not taken while trade is paused.
    #[error("trade is paused")]
    Paused,
    /// There was a pause not long ago.
    #[error("no pause before epoch {}", .0.0)]
    Season(Epoch),
}
