//! Governance: what holders of tokens may decide, by which majority, and what nobody can.
//!
//! A proposal takes a deposit. What everybody could vote with is fixed at the beginning of the next epoch (`snapshot`), voting
//! opens one epoch later, and what has passed is done at an epoch's end after a delay, the same for all.
//!
//! ```text
//! epoch e       e + 1            e + 2 … e + 1 + v        … + delay
//! proposed      snapshot         voting, then the tally   done
//! ```
//!
//! | proposal | deposit | voting | quorum | yes | veto | delay |
//! |---|---|---|---|---|---|---|
//! | a text; a goal listed or not | 10,000 | 7 days | 10 % | 50 % | 33.4 % | 1 day |
//! | a parameter, by a factor of two at most | 50,000 | 7 days | 20 % | 50 % | 33.4 % | 3 days |
//! | a payment by the treasury, 5 % of it in 30 days | 50,000 | 7 days | 20 % | 50 % | 33.4 % | 3 days |
//! | a protocol version | 200,000 | 14 days | 33.4 % | 66.7 % | 33.4 % | 22 days, longer than unbonding |
//! | a pardon, while a penalty is frozen | 50,000 | 2 days | 20 % | 66.7 % | 33.4 % | none |
//!
//! ```text
//! quorum   yes + no + veto + abstain ≥ q · what can vote         veto   veto > v · all votes cast
//! passed   yes > y · (yes + no + veto)
//! ```
//!
//! Votes weigh tokens, free or bonded; reputation has no say, and pools, escrow and stake that unbonds or is frozen have no vote. The
//! deposit comes back unless the proposal was vetoed or found no quorum; then the treasury has it. (Quorum, veto and the
//! fate of deposits are those of the Cosmos Hub's governance.)
//!
//! Nobody can vote on what has no name here: the supply, the pool of rewards and its schedule, the epoch and the round, how
//! stake and reputation make weight, the quorum of blocks, what light clients trust, what judges are made from, anybody's
//! account, anybody's consent. What has a name ([`Parameter`]) stays within [`Params::validate`](crate::Params::validate), and the
//! quorums, majorities and times of governance itself only ever rise.
//!
//! Validators may stop trade for some days (`pause`), and nothing else, without a vote.

mod ballot;
mod count;
mod fault;
mod motion;
mod parameter;
mod params;
mod pause;
mod proposal;
mod snapshot;

pub use ballot::{Ballot, Choice, Votes};
pub use fault::GovernFault;
pub use motion::Motion;
pub use parameter::Parameter;
pub use params::{GovernParams, Kind, Rule};
pub use pause::Pause;
pub use proposal::{Outcome, Proposal, ProposalId, Stage};
pub(crate) use snapshot::Docket;
