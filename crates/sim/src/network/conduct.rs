//! The dishonest: three kinds of sellers and a validator that votes twice. And the careless, for rehearsals that leave a
//! defence out: a judge that believes everything and an engine that accuses nobody.

use crate::driver::Letter;
use crate::{Parcel, Scene, Tactic};
use bitneuron_compress::{Compressor, Dense, Packet, Registry};
use bitneuron_consensus::{ConsensusEngine, Effect, Input, Malachite, Message, Refused, Vote};
use bitneuron_core::claim::{self, CheckClaim, Claim};
use bitneuron_core::{
    Bytes, ChainId, Digest, Height, Keypair, Layout, Machine, Outbox, Params, Seed, Time, decode,
};
use bitneuron_ledger::Action;
use bitneuron_net::Channel;
use bitneuron_role::{Conduct, Message as Said, model::open_packet};
use std::sync::Arc;

/// Claims that its model is nearly perfect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Liar;

impl Conduct for Liar {
    fn score(&self, right: u32, rows: u32) -> u32 {
        rows.saturating_sub(1).max(right.saturating_add(1))
    }
}

/// Delivers other bytes than it sold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Swapper;

impl Conduct for Swapper {
    fn delivery(&self, sold: Bytes) -> Bytes {
        Bytes(sold.iter().rev().copied().collect())
    }
}

/// Sells its model with all signs flipped, and tells the truth about its score.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flipper;

impl Conduct for Flipper {
    fn packet(&self, honest: &Packet, registry: &Registry, layout: &Arc<Layout>) -> Option<Packet> {
        let model = open_packet(registry, honest, layout).ok()?.to_params();
        let flipped = model.values().iter().map(|value| -value).collect();
        Dense.compress(&Params::new(flipped, layout.clone()).ok()?, Seed::default()).ok()
    }
}

/// Votes twice: each of its votes for a block goes to one half of the nodes, a contradicting vote to the other half.
pub(crate) struct Equivocator {
    pub(crate) key: Keypair,
    pub(crate) chain: ChainId,
}

impl Equivocator {
    /// The opposite of an own vote: nil in place of a block, and a made-up block in place of nil.
    fn contradict(&self, letter: &Letter) -> Option<Letter> {
        if letter.channel != Channel::VOTE {
            return None;
        }
        let Ok(Message::Vote(signed)) = decode::<Message>(&letter.bytes) else { return None };
        if signed.vote.by != self.key.id() {
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

/// Never tells anybody that it received what it bought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silent;

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

/// A judge that believes everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credulous;

impl CheckClaim for Credulous {
    fn check(&self, _: &Claim) -> Result<(), claim::Refused> {
        Ok(())
    }

    fn gas(&self, _: &Claim) -> u64 {
        0
    }
}

/// An engine that accuses nobody.
#[derive(Debug)]
pub(crate) struct Forgiving(pub(crate) Malachite);

impl Machine for Forgiving {
    type Input = Input;
    type Effect = Effect;
    type Error = Refused;

    fn step(&mut self, now: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Refused> {
        let mut inner = Outbox::new();
        self.0.step(now, input, &mut inner)?;
        out.extend(inner.into_iter().filter(|effect| !matches!(effect, Effect::Accuse(_))));
        Ok(())
    }
}

impl ConsensusEngine for Forgiving {
    fn height(&self) -> Height {
        self.0.height()
    }
}
