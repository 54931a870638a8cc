//! What is false, and who is to blame: refutations and accusations.
//!
//! A claim is false when its author signed it for this chain and its check fails because the statement or its proof is
//! wrong. A statement that no verifier knows, or one too costly to check, refutes nobody. A refutation of what
//! holds is refused; what such vain checks may cost a builder is bounded (see [`crate::State::build`]). Blocks are named by votes
//! and proposals; a transaction shown to be in the block of a signed proposal or precommit convicts who signed it.

use crate::slash::{Charge, Offence};
use crate::tx::{Content, Refutation};
use crate::{Refused, SignedDelivery, draft::Draft, packet_digest};
use bitneuron_consensus::{Evidence, vote::Stage};
use bitneuron_core::claim::{self, Claim, Score, statement};
use bitneuron_core::{Bytes, Digest, Height, NodeId, hash::Hasher};
use bitneuron_market::{self as market, DealId};

/// The name of a false claim: whatever was said about one thing at one height is one lie.
pub(crate) fn lie(who: NodeId, statement: Digest, about: Digest, height: Height) -> Digest {
    let mut hasher = Hasher::new("bitneuron lie v1");
    hasher.update(&who.0).update(&statement.0).update(&about.0).number(height.0).finish()
}

impl Draft<'_> {
    pub(crate) fn refute(&mut self, informer: NodeId, refutation: &Refutation) -> Result<(), Refused> {
        let chain = self.state.chain;
        match refutation {
            Refutation::Claim(claim) => self.refute_claim(informer, claim),
            Refutation::Delivery(signed) => self.refute_delivery(informer, signed),
            Refutation::Packet { deal, packet, base } => {
                self.refute_packet(informer, *deal, packet, base.as_ref())
            }
            Refutation::Proposed { proposal, content } => {
                let stated = &proposal.proposal;
                if !proposal.is_signed(chain) {
                    return Err(Refused::Signature(stated.by));
                }
                self.refute_block(
                    informer,
                    stated.by,
                    stated.height,
                    stated.block,
                    content,
                    Offence::FalseProposal,
                )
            }
            Refutation::Precommitted { vote: signed, content } => {
                let vote = &signed.vote;
                if !signed.is_signed(chain) {
                    return Err(Refused::Signature(vote.by));
                }
                let Some(block) = vote.block.filter(|_| vote.stage == Stage::Precommit) else {
                    return Err(Refused::Mismatch("no precommit for a block"));
                };
                self.refute_block(informer, vote.by, vote.height, block, content, Offence::FalsePrecommit)
            }
        }
    }

    /// Whether a claim is false.
    fn must_fail(&mut self, claim: &Claim) -> Result<(), Refused> {
        match self.judge(|judge| judge.check(claim)) {
            Ok(()) => Err(Refused::Innocent),
            Err(claim::Refused::Malformed(_) | claim::Refused::Unrelated(_) | claim::Refused::False(_)) => {
                Ok(())
            }
            Err(unjudged) => Err(unjudged.into()),
        }
    }

    fn refute_claim(&mut self, informer: NodeId, claim: &Claim) -> Result<(), Refused> {
        let (who, context) = (claim.by(), *claim.context());
        if !claim.is_signed(self.state.chain) {
            return Err(Refused::Signature(who));
        }
        self.state.punishable(context.height)?;
        let subject = lie(who, claim.statement(), context.subject, context.height);
        let sold = claim.statement() == statement(Score::DOMAIN)
            && self.state.open_deal(context.subject).is_some_and(|deal| deal.seller == who);
        if !sold {
            self.state.unpunished(subject)?;
        }
        self.must_fail(claim)?;
        if sold {
            self.end_deal(context.subject, who, subject, informer)
        } else {
            let (offence, committed) = (Offence::FalseClaim, context.height);
            self.slash(&Charge { who, offence, committed, subject, informer, price: None })
        }
    }

    /// Punishes a seller's lie, unless it was punished before, and ends its deal in any case.
    fn end_deal(&mut self, id: DealId, seller: NodeId, lie: Digest, informer: NodeId) -> Result<(), Refused> {
        if !self.state.is_punished(lie) {
            let deal = self.state.deal_to_end(id)?;
            let (offence, committed, price) = (Offence::FalseClaim, deal.made, Some(deal.total));
            self.slash(&Charge { who: seller, offence, committed, subject: lie, informer, price })?;
        }
        self.settle(id, market::Event::Refuted { informer: Some(informer) })
    }

    fn refute_delivery(&mut self, informer: NodeId, signed: &SignedDelivery) -> Result<(), Refused> {
        let id = signed.delivery.deal;
        let deal = self.state.deal_to_end(id)?;
        let (who, made) = (deal.seller, deal.made);
        if !signed.is_signed(who, self.state.chain) {
            return Err(Refused::Signature(who));
        }
        if deal.promise().map(|promise| promise.0) == Some(signed.delivery.packet) {
            return Err(Refused::Innocent);
        }
        let subject = lie(who, statement("bitneuron delivery v1"), id, made);
        self.end_deal(id, who, subject, informer)
    }

    /// The offer named a packet and a model: bytes with the digest of the one that do not hold the other convict it.
    fn refute_packet(
        &mut self,
        informer: NodeId,
        id: DealId,
        packet: &[u8],
        base: Option<&Bytes>,
    ) -> Result<(), Refused> {
        let deal = self.state.deal_to_end(id)?;
        let (who, made) = (deal.seller, deal.made);
        let (sold, model, _) = deal.promise().ok_or(Refused::NoDeal(id))?;
        if sold != packet_digest(packet) {
            return Err(Refused::Mismatch("another packet than was sold"));
        }
        let (layout, base) = self.base(deal.terms.goal(), base)?;
        let chain = self.state.chain;
        match self.judge(|judge| judge.opens(packet, base.as_ref(), &layout, chain)) {
            Ok(opened) if opened == model => return Err(Refused::Innocent),
            Ok(_) | Err(claim::Refused::Malformed(_)) => {}
            Err(unjudged) => return Err(unjudged.into()),
        }
        self.end_deal(id, who, lie(who, statement("bitneuron packet v1"), id, made), informer)
    }

    fn refute_block(
        &mut self,
        informer: NodeId,
        who: NodeId,
        height: Height,
        block: Digest,
        content: &Content,
        offence: Offence,
    ) -> Result<(), Refused> {
        self.state.punishable(height)?;
        self.state.voted(who, height)?;
        let chain = self.state.chain;
        let claim = content.claim(block, chain).ok_or(Refused::Mismatch("shows no claim in that block"))?;
        if content.header.height != height {
            return Err(Refused::Mismatch("a block of another height"));
        }
        let subject = self.state.misdeed(who, offence, height);
        self.state.unpunished(subject)?;
        if claim.is_signed(chain) {
            self.must_fail(&claim)?;
        }
        self.slash(&Charge { who, offence, committed: height, subject, informer, price: None })
    }

    pub(crate) fn accuse(&mut self, informer: NodeId, evidence: &Evidence) -> Result<(), Refused> {
        let who = evidence.check(self.state.chain)?;
        self.state.punishable(evidence.height())?;
        self.state.voted(who, evidence.height())?;
        let offence = match evidence {
            Evidence::DoubleVote(..) => Offence::DoubleVote,
            Evidence::DoubleProposal(..) => Offence::DoubleProposal,
        };
        let subject = self.state.misdeed(who, offence, evidence.height());
        let committed = evidence.height();
        self.slash(&Charge { who, offence, committed, subject, informer, price: None })
    }
}
