//! What happened in a block, for roles, reports and people. The list is exhaustive.

use crate::contest::ContestEvent;
use crate::govern::{Choice, Motion, Outcome, Parameter, ProposalId, Votes};
use crate::pending::TurnId;
use crate::slash::Offence;
use bitneuron_core::{Amount, Commitment, Digest, Epoch, GoalId, Height, NodeId};
use bitneuron_market::{DataMarket, Deal, DealId, Duty, OrderId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why somebody was rewarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Merit {
    /// Built blocks that moved a head or settled deals.
    Block,
    /// Voted: its share of the consensus slice.
    Vote,
    /// Voted: its share of the fees of earlier epochs.
    Fees,
    /// Was better than the parent on the hidden rows of a contest.
    Gradient,
    /// Tested a contest's candidates.
    Examination,
    /// Sold what a candidate was made of.
    Royalty,
}

/// Something that happened. Exhaustive on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Free tokens moved by their owner's wish.
    Transferred {
        /// From.
        from: NodeId,
        /// To.
        to: NodeId,
        /// How much.
        amount: Amount,
    },
    /// Tokens became stake.
    Bonded {
        /// Whose.
        who: NodeId,
        /// How much.
        amount: Amount,
    },
    /// Stake began to become free.
    Unbonding {
        /// Whose.
        who: NodeId,
        /// How much.
        amount: Amount,
        /// It is free at the end of the epoch of this height.
        free: Height,
    },
    /// Stake became free tokens.
    Unbonded {
        /// Whose.
        who: NodeId,
        /// How much.
        amount: Amount,
    },
    /// A goal was registered.
    GoalRegistered(GoalId),
    /// Data were registered.
    DataRegistered {
        /// For which goal.
        goal: GoalId,
        /// By whom.
        author: NodeId,
        /// The first height at which a turn on them may be committed.
        usable: Height,
    },
    /// An order was placed.
    OrderPlaced {
        /// The order.
        order: OrderId,
        /// Whose.
        by: NodeId,
    },
    /// An order was cancelled.
    OrderCancelled(OrderId),
    /// An offer and a bid met.
    DealMade(Deal<DataMarket>),
    /// What was sold was delivered.
    Delivered {
        /// The deal.
        deal: DealId,
        /// Whether it was posted on the chain.
        posted: bool,
    },
    /// The score of what was sold was proven.
    Proven(DealId),
    /// A deal was paid.
    DealSettled(Deal<DataMarket>),
    /// A seller was late.
    DealLate {
        /// The deal.
        deal: Deal<DataMarket>,
        /// With what.
        duty: Duty,
    },
    /// A seller signed something false about a deal.
    DealRefuted {
        /// The deal.
        deal: Deal<DataMarket>,
        /// Who showed it.
        informer: NodeId,
    },
    /// An author committed to a turn.
    TurnCommitted {
        /// The author.
        author: NodeId,
        /// The goal.
        goal: GoalId,
    },
    /// A turn was claimed by a proof that convinces later.
    TurnPending {
        /// The turn.
        turn: TurnId,
        /// The head that it leads to.
        head: Commitment,
        /// The height at whose end it settles, unless something is open then.
        until: Height,
    },
    /// A beacon audits a pending turn.
    TurnAudited {
        /// The turn.
        turn: TurnId,
        /// The last height for the answer.
        due: Height,
    },
    /// An audit was answered.
    AuditAnswered {
        /// The turn.
        turn: TurnId,
    },
    /// Somebody says that a pending turn is false.
    TurnDisputed {
        /// The turn.
        turn: TurnId,
        /// Who.
        challenger: NodeId,
    },
    /// A dispute goes on.
    DisputeMoved {
        /// The turn.
        turn: TurnId,
        /// Who owes the next move.
        asked: NodeId,
    },
    /// A dispute ended.
    DisputeEnded {
        /// The turn.
        turn: TurnId,
        /// Who was wrong or silent.
        guilty: NodeId,
    },
    /// A pending turn was taken back: it, or one that it was built on, lost its audit or a dispute.
    TurnReversed {
        /// The turn.
        turn: TurnId,
        /// The head that it would have led to.
        head: Commitment,
    },
    /// A turn was proven, or its window has passed: the author's head moved.
    TurnAccepted {
        /// The author.
        author: NodeId,
        /// The goal.
        goal: GoalId,
        /// The new head.
        head: Commitment,
        /// Right rows before.
        right_before: u32,
        /// Right rows after.
        right_after: u32,
        /// Drawn rows.
        drawn: u32,
        /// How many inputs were merged.
        inputs: u32,
        /// How many of them the filter let stay.
        kept: u32,
    },
    /// A turn was committed to and not claimed in time.
    TurnLapsed {
        /// The author.
        author: NodeId,
        /// The goal.
        goal: GoalId,
    },
    /// Something happened in a contest.
    Contest {
        /// Of which goal.
        goal: GoalId,
        /// What.
        what: ContestEvent,
    },
    /// Something signed was shown to be false.
    Refuted {
        /// Who signed it.
        who: NodeId,
        /// Who showed it.
        informer: NodeId,
        /// The misdeed's name.
        subject: Digest,
    },
    /// Stake was frozen for a misdeed; it is taken later, or given back by a pardon.
    Frozen {
        /// Whose.
        who: NodeId,
        /// For what.
        offence: Offence,
        /// How much.
        amount: Amount,
        /// It is taken at the end of this epoch.
        until: Epoch,
    },
    /// Stake was taken.
    Slashed {
        /// Whose.
        who: NodeId,
        /// For what.
        offence: Offence,
        /// How much.
        amount: Amount,
        /// How much had been frozen for it: less when others did the same afterwards.
        frozen: Amount,
    },
    /// What was frozen for a misdeed was given back.
    Pardoned {
        /// To whom.
        who: NodeId,
        /// The misdeed's name.
        subject: Digest,
        /// How much.
        amount: Amount,
    },
    /// Somebody lost its seat for some time or for ever.
    Jailed {
        /// Who.
        who: NodeId,
        /// The first epoch in which it may vote again, if ever.
        until: Option<Epoch>,
    },
    /// A voter missed most of its draws to build.
    Absent {
        /// Who.
        who: NodeId,
        /// How often it was drawn.
        drawn: u32,
        /// How often it built.
        built: u32,
    },
    /// Precommits for the block of a height were counted.
    Attended {
        /// The height that was voted on.
        roll: Height,
        /// Of how many voters that had not been heard.
        voters: u32,
    },
    /// Tokens were paid out of a slice of the rewards, or out of fees.
    Rewarded {
        /// Whom.
        who: NodeId,
        /// For what.
        merit: Merit,
        /// How much.
        amount: Amount,
    },
    /// The next height begins an epoch.
    EpochStarted {
        /// The epoch.
        epoch: Epoch,
        /// How many vote in the epoch after it, whose electorate was fixed now.
        voters: u32,
    },
    /// Something was proposed.
    Proposed {
        /// The proposal.
        proposal: ProposalId,
        /// By whom.
        by: NodeId,
        /// What.
        motion: Motion,
    },
    /// Tokens were counted for a proposal; votes are taken in an epoch.
    VoteOpened {
        /// The proposal.
        proposal: ProposalId,
        /// What all can vote with.
        votable: Amount,
    },
    /// Somebody voted, or voted otherwise than before.
    Voted {
        /// On which proposal.
        proposal: ProposalId,
        /// Who.
        who: NodeId,
        /// What it says.
        choice: Choice,
        /// With what it held when tokens were counted.
        weight: Amount,
    },
    /// A proposal passed.
    ProposalPassed {
        /// The proposal.
        proposal: ProposalId,
        /// Whose it is.
        by: NodeId,
        /// What was voted.
        votes: Votes,
        /// It is done at the end of this epoch.
        due: Epoch,
    },
    /// A proposal is over.
    ProposalEnded {
        /// The proposal.
        proposal: ProposalId,
        /// Whose it is.
        by: NodeId,
        /// What was voted.
        votes: Votes,
        /// How it ended.
        outcome: Outcome,
    },
    /// A vote listed a goal, or lists it no longer.
    GoalListed {
        /// The goal.
        goal: GoalId,
        /// Whether it is listed.
        listed: bool,
    },
    /// A vote set a parameter.
    ParameterSet {
        /// Which.
        parameter: Parameter,
        /// What it was.
        before: u64,
        /// What it is.
        value: u64,
    },
    /// A vote let the treasury pay.
    Granted {
        /// Whom.
        who: NodeId,
        /// How much.
        amount: Amount,
    },
    /// The chain goes on by another protocol.
    Upgraded {
        /// Its version.
        protocol: u32,
    },
    /// A validator called for a pause of trade.
    PauseCalled {
        /// Who.
        who: NodeId,
    },
    /// Trade is paused.
    Paused {
        /// Since this epoch.
        epoch: Epoch,
    },
    /// Trade goes on.
    Resumed {
        /// There is no other pause before this epoch.
        season: Epoch,
    },
}

/// Takes the first word that is written, and no more.
struct FirstWord(String);

impl fmt::Write for FirstWord {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let word: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
        let whole = word.len() == text.len();
        self.0.push_str(&word);
        if whole { Ok(()) } else { Err(fmt::Error) }
    }
}

impl Event {
    /// Of which kind it is: the name of its variant.
    pub fn kind(&self) -> String {
        let mut name = FirstWord(String::new());
        // It ends with an error once the name is over, before anything else is written.
        let _ = fmt::write(&mut name, format_args!("{self:?}"));
        name.0
    }

    /// The accounts that it concerns. A deal that is only named, and an order, concern whoever acted on them.
    pub fn concerns(&self) -> Vec<NodeId> {
        match self {
            Self::Transferred { from, to, .. } => vec![*from, *to],
            Self::Bonded { who, .. }
            | Self::Unbonding { who, .. }
            | Self::Unbonded { who, .. }
            | Self::Frozen { who, .. }
            | Self::Slashed { who, .. }
            | Self::Pardoned { who, .. }
            | Self::Jailed { who, .. }
            | Self::Absent { who, .. }
            | Self::Rewarded { who, .. }
            | Self::Voted { who, .. }
            | Self::Granted { who, .. }
            | Self::PauseCalled { who } => vec![*who],
            Self::DataRegistered { author, .. }
            | Self::TurnCommitted { author, .. }
            | Self::TurnAccepted { author, .. }
            | Self::TurnLapsed { author, .. } => vec![*author],
            Self::OrderPlaced { by, .. }
            | Self::Proposed { by, .. }
            | Self::ProposalPassed { by, .. }
            | Self::ProposalEnded { by, .. } => vec![*by],
            Self::DealMade(deal) | Self::DealSettled(deal) | Self::DealLate { deal, .. } => {
                vec![deal.seller, deal.buyer]
            }
            Self::DealRefuted { deal, informer } => vec![deal.seller, deal.buyer, *informer],
            Self::TurnPending { turn, .. }
            | Self::TurnAudited { turn, .. }
            | Self::AuditAnswered { turn }
            | Self::TurnReversed { turn, .. } => vec![turn.author],
            Self::TurnDisputed { turn, challenger } => vec![turn.author, *challenger],
            Self::DisputeMoved { turn, asked } => vec![turn.author, *asked],
            Self::DisputeEnded { turn, guilty } => vec![turn.author, *guilty],
            Self::Refuted { who, informer, .. } => vec![*who, *informer],
            Self::Contest { what, .. } => what.concerns(),
            Self::GoalRegistered(_)
            | Self::OrderCancelled(_)
            | Self::Delivered { .. }
            | Self::Proven(_)
            | Self::EpochStarted { .. }
            | Self::Attended { .. }
            | Self::VoteOpened { .. }
            | Self::GoalListed { .. }
            | Self::ParameterSet { .. }
            | Self::Upgraded { .. }
            | Self::Paused { .. }
            | Self::Resumed { .. } => Vec::new(),
        }
    }
}
