//! What roles say to each other, beside the votes.
//!
//! Votes and blocks travel as the engine's own bytes on [`Channel::VOTE`]; everything else is a [`Message`] on
//! [`Channel::ORDER`] (transactions) or [`Channel::REQUEST`] (questions, notices and deliveries). A user trusts no
//! validator: what it is told about the ledger comes as a [`Notice`], an entry with its inclusion proof under the state
//! root of a certified header.

use bitneuron_consensus::{Certificate, Header, LightBlock};
use bitneuron_core::{Bytes, Commitment, GoalId, Height, Wire, encode};
use bitneuron_ledger::{EntryProof, SignedDelivery, SignedTx};
use bitneuron_market::DealId;
use bitneuron_net::Channel;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A message between roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A transaction for the mempool.
    Transaction(SignedTx),
    /// Asks a validator to send [`Message::Tip`]s from now on.
    Subscribe,
    /// The newest decided header.
    Tip(Tip),
    /// Asks a validator for its head.
    Ask(GoalId),
    /// A validator's head, proved, with the integers of the model.
    Head {
        /// The entry of the head.
        notice: Notice,
        /// The model, two bytes for each parameter.
        model: Bytes,
    },
    /// A validator tells others the integers of a head that it claims.
    Model {
        /// Their commitment.
        commitment: Commitment,
        /// The model, two bytes for each parameter.
        model: Bytes,
    },
    /// A validator that has lost the model its next turn begins at asks another one for its integers: a [`Message::Model`].
    Fetch(Commitment),
    /// A decided header with its voters: they have changed, or somebody asked.
    Light(LightBlock),
    /// The entry of the parameters: a vote has changed them, or somebody begins to listen who knows those of the genesis.
    Params(Notice),
    /// Asks for the highest light block of a range of heights.
    Follow {
        /// Higher than this.
        above: Height,
        /// Not higher than this.
        upto: Height,
    },
    /// A seller hears of its deal, from the buyer or from whomever it listens to: deliver.
    Matched {
        /// The deal.
        deal: DealId,
        /// The entry of the deal.
        notice: Notice,
    },
    /// A seller hears that its buyer has not confirmed the delivery: post it.
    Unconfirmed {
        /// The deal.
        deal: DealId,
        /// The entry of the deal.
        notice: Notice,
    },
    /// An examiner hears that its shard of test rows is called: open it.
    Called {
        /// The entry of the contest.
        notice: Notice,
    },
    /// A seller delivers.
    Delivery {
        /// What the seller signs to have delivered.
        signed: SignedDelivery,
        /// The packet.
        packet: Bytes,
    },
}

/// A decided header with the votes that decided it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// The header.
    pub header: Header,
    /// The votes.
    pub certificate: Certificate,
}

/// One entry of the ledger's state, proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The header whose state root the entry is proved under.
    pub tip: Tip,
    /// The entry and its way to the root.
    pub entry: EntryProof,
}

impl Wire for Message {
    const LIMIT: usize = 9 << 20;
}

impl Message {
    /// The channel on which it travels.
    pub fn channel(&self) -> Channel {
        match self {
            Self::Transaction(_) => Channel::ORDER,
            _ => Channel::REQUEST,
        }
    }

    /// The encoding, in the form in which one copy is shared by all receivers.
    pub fn to_bytes(&self) -> Arc<[u8]> {
        encode(self).into()
    }
}
