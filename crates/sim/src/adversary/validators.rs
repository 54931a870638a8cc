//! Dishonest validators: what a role sends passes through a [`Tactic`].

use super::{Scene, Tactic};
use crate::Parcel;
use crate::role_node::Letter;
use bitneuron_consensus::{Message, Vote};
use bitneuron_core::{ChainId, Digest, Height, Keypair, NodeId, decode};
use bitneuron_ledger::Action;
use bitneuron_net::Channel;
use bitneuron_role::Message as Said;

/// Votes twice: each of its votes for a block goes to one half of the nodes, a contradicting vote to the other half.
///
/// One that begins late is a *farmer*: it works honestly until it is trusted.
#[derive(Debug, Clone)]
pub struct Equivocator {
    /// The key of the validator, which signs both.
    pub key: Keypair,
    /// The chain that it votes on.
    pub chain: ChainId,
    /// The height at which it begins.
    pub from: Height,
}

impl Equivocator {
    /// The opposite of an own vote: nil in place of a block, and a made-up block in place of nil.
    fn contradict(&self, letter: &Letter) -> Option<Letter> {
        if letter.channel != Channel::VOTE {
            return None;
        }
        let Ok(Message::Vote(signed)) = decode::<Message>(&letter.bytes) else { return None };
        if signed.vote.by != self.key.id() || signed.vote.height < self.from {
            return None;
        }
        let block = match signed.vote.block {
            Some(_) => None,
            None => Some(Digest::of("bitneuron made-up block v1", &signed.vote.height.0.to_le_bytes())),
        };
        let vote = Vote { block, ..signed.vote }.sign(&self.key, self.chain);
        Some(Letter { channel: Channel::VOTE, bytes: Message::Vote(vote).to_bytes() })
    }
}

impl Tactic<Letter> for Equivocator {
    fn act(&mut self, parcel: Parcel<Letter>, _scene: &mut Scene<'_>, emit: &mut Vec<Parcel<Letter>>) {
        match self.contradict(&parcel.message).filter(|_| parcel.to % 2 == 1) {
            Some(message) => emit.push(Parcel { message, ..parcel }),
            None => emit.push(parcel),
        }
    }
}

/// Builds blocks and shows them to nobody.
#[derive(Debug, Clone, Copy)]
pub struct Withholder {
    /// The name of the validator.
    pub id: NodeId,
}

impl Tactic<Letter> for Withholder {
    fn act(&mut self, parcel: Parcel<Letter>, _scene: &mut Scene<'_>, emit: &mut Vec<Parcel<Letter>>) {
        let own = parcel.message.channel == Channel::VOTE
            && match decode::<Message>(&parcel.message.bytes) {
                Ok(Message::Proposal { signed, .. } | Message::Offered(signed)) => {
                    signed.proposal.by == self.id
                }
                _ => false,
            };
        if !own {
            emit.push(parcel);
        }
    }
}

/// Never tells anybody that it received what it bought.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Tactic<Letter> for Silent {
    fn act(&mut self, parcel: Parcel<Letter>, _scene: &mut Scene<'_>, emit: &mut Vec<Parcel<Letter>>) {
        let receipt = parcel.message.channel == Channel::ORDER
            && matches!(
                decode::<Said>(&parcel.message.bytes),
                Ok(Said::Transaction(signed)) if matches!(signed.tx.action, Action::Receipt { .. })
            );
        if !receipt {
            emit.push(parcel);
        }
    }
}
