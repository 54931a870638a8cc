//! The shell around the voting core: answers each of its effects at once, without waiting and without a clock.
//!
//! Signatures are made here and checked through the [`Pool`], which verifies a statement at most once; time,
//! network, blocks and the log become effects of ours. Whatever the core asks to be fed later is queued, because
//! the core must not be entered while it waits for an answer.

use super::{
    catchup::{Archive, Lag},
    context::{Address, Agreement, At, Ballot, Candidate, Offer, number},
    early::Early,
    meter::Meter,
    recovery,
    said::Said,
    timers::Timers,
    translate::{commit, polka, round_proof, signed_vote, wait_of},
    waiting::Waiting,
};
use crate::{
    Block, Certificate, Effect, Electorate, Entry, Message, Pool, Record, Refused, RoundKind, RoundProof,
    Timeouts,
    vote::{SignedProposal, SignedVote, Stage, forged},
};
use arc_malachitebft_core_consensus as core;
use arc_malachitebft_core_types as core_types;
use bitneuron_core::{Bytes, ChainId, Digest, Height, Keypair, NodeId, Signature, encode, sign::Keyring};
use core::{
    Effect as Ask, Input as CoreInput, LivenessMsg, ProposedValue, Resumable, Resume, SignedConsensusMsg,
};
use core_types::{CertificateError, CommitCertificate, Round, SignedMessage, Timeout, Validity, ValueOrigin};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// A block of the open height.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) block: Arc<Block>,
    /// The round in which it was first seen.
    pub(super) round: u32,
    /// What the judge said, once it has.
    pub(super) verdict: Option<bool>,
    /// The proposals that named it.
    pub(super) offers: Vec<SignedProposal>,
    /// The round of its certificate, if it came with one.
    pub(super) decided: Option<u32>,
    /// The proposal that brought it, as it came, for those who have not got it.
    pub(super) said: Option<Arc<[u8]>>,
}

impl Known {
    /// A block with a verdict, which nobody has offered.
    pub(super) const fn judged(block: Arc<Block>, round: u32, valid: bool) -> Self {
        Self { block, round, verdict: Some(valid), offers: Vec::new(), decided: None, said: None }
    }
}

/// A block of the open height that others have.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// The authentic proposals that name it.
    pub(super) offers: Vec<SignedProposal>,
    /// Who was asked for it.
    pub(super) asked: BTreeSet<NodeId>,
}

/// What is remembered of a height that was left.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) electorate: Arc<Electorate>,
    pub(super) round: u32,
}

/// Everything of an engine but the core itself.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) key: Keypair,
    pub(super) chain: ChainId,
    pub(super) timeouts: Timeouts,
    /// The open height; 0 before the first.
    pub(super) height: Height,
    pub(super) parent: Digest,
    pub(super) electorate: Option<Arc<Electorate>>,
    /// The round the core is in.
    pub(super) round: u32,
    /// Whether the open height is decided.
    pub(super) decided: bool,
    pub(super) past: BTreeMap<Height, Past>,
    pub(super) blocks: BTreeMap<Digest, Known>,
    pub(super) missing: BTreeMap<Digest, Missing>,
    pub(super) pool: Pool,
    pub(super) waiting: Waiting,
    /// The votes of the open height that wait or did, as they came, with their voters: most come again from others.
    pub(super) met: BTreeMap<Arc<[u8]>, NodeId>,
    /// The keys of the voters of the last heights.
    pub(super) keys: Keyring,
    pub(super) timers: Timers,
    pub(super) early: Early,
    pub(super) archive: Archive,
    pub(super) meter: Meter,
    pub(super) lag: Lag,
    /// Whose questions are being looked up by the driver; `None` is everybody who does not vote.
    pub(super) recalling: BTreeSet<Option<NodeId>>,
    /// What this node signed at the open height.
    pub(super) said: Said,
    /// The names of the records that are being replayed.
    pub(super) replayed: BTreeSet<Digest>,
    /// A certificate that has been checked and is being fed to the core.
    pub(super) certified: Option<Certificate>,
    /// What the core is to be fed next.
    pub(super) queue: VecDeque<CoreInput<Agreement>>,
    /// What this step asks of the world.
    pub(super) effects: Vec<Effect>,
    /// Why the engine must stop, if it must.
    pub(super) broken: Option<String>,
}

/// Tells the core whether a certificate holds; it would only log the reason.
fn answer_certificate(
    r: impl Resumable<Agreement, Value = Result<(), CertificateError<Agreement>>>,
    result: Result<(), Refused>,
) -> Resume<Agreement> {
    r.resume_with(result.map_err(|_| CertificateError::VerificationError(None)))
}

impl Shell {
    pub(super) fn new(key: Keypair, chain: ChainId, timeouts: Timeouts) -> Self {
        Self {
            key,
            chain,
            timeouts,
            height: Height(0),
            parent: Digest::ZERO,
            electorate: None,
            round: 0,
            decided: false,
            past: BTreeMap::new(),
            blocks: BTreeMap::new(),
            missing: BTreeMap::new(),
            pool: Pool::new(chain),
            waiting: Waiting::default(),
            met: BTreeMap::new(),
            keys: Keyring::default(),
            timers: Timers::default(),
            early: Early::default(),
            archive: Archive::default(),
            meter: Meter::default(),
            lag: Lag::default(),
            recalling: BTreeSet::new(),
            said: Said::default(),
            replayed: BTreeSet::new(),
            certified: None,
            queue: VecDeque::new(),
            effects: Vec::new(),
            broken: None,
        }
    }

    /// Answers one effect of the core.
    pub(super) fn answer(&mut self, ask: Ask<Agreement>) -> Resume<Agreement> {
        match ask {
            Ask::SignVote(ballot, r) => r.resume_with(self.sign_vote(ballot)),
            Ask::SignProposal(offer, r) => r.resume_with(self.sign_proposal(offer)),
            Ask::VerifySignature(message, _, r) => {
                let vouched = self.vouches(&message.message, message.signature);
                r.resume_with(vouched)
            }
            Ask::VerifyCommitCertificate(certificate, _, _, r) => {
                answer_certificate(r, self.check(&commit(&certificate), Stage::Precommit))
            }
            Ask::VerifyExtendedCommitCertificate(certificate, _, _, _, r) => {
                let certificate = commit(&certificate.trim_vote_extensions());
                let checked = self.certified.as_ref() == Some(&certificate);
                answer_certificate(
                    r,
                    if checked { Ok(()) } else { self.check(&certificate, Stage::Precommit) },
                )
            }
            Ask::VerifyPolkaCertificate(certificate, _, _, r) => {
                answer_certificate(r, self.check(&polka(&certificate), Stage::Prevote))
            }
            Ask::VerifyRoundCertificate(certificate, _, _, r) => {
                answer_certificate(r, self.check_round(&round_proof(&certificate)))
            }
            // Votes carry no extensions: these two are never asked.
            Ask::ExtendVote(.., r) => r.resume_with(None),
            Ask::VerifyVoteExtension(.., r) => {
                r.resume_with(Err(core::VoteExtensionError::InvalidVoteExtension))
            }
            rest => {
                self.perform(rest);
                Resume::Continue
            }
        }
    }

    /// Does what the core wants done without an answer. An effect that this version does not know would be
    /// answered wrongly by [`Shell::answer`], which stops the engine.
    fn perform(&mut self, ask: Ask<Agreement>) {
        match ask {
            Ask::CancelAllTimeouts(_) => self.timers.cancel_all(&mut self.effects),
            Ask::CancelTimeout(timeout, _) => self.cancel(timeout),
            Ask::ScheduleTimeout(timeout, _) => self.schedule(timeout),
            Ask::StartRound(_, round, ..) => self.round = number(round),
            Ask::PublishConsensusMsg(message, _) => self.publish(message),
            Ask::PublishLivenessMsg(message, _) => self.publish_proof(message),
            Ask::RepublishVote(vote, _) => self.publish(SignedConsensusMsg::Vote(vote)),
            Ask::RepublishRoundCertificate(certificate, _) => {
                self.publish_proof(LivenessMsg::SkipRoundCertificate(certificate));
            }
            Ask::GetValue(height, round, ..) => {
                let (height, round, parent) = (height.0, number(round), self.parent);
                self.effects.push(Effect::Build { height, round, parent });
            }
            Ask::WalAppend(height, input, _) => self.persist(height.0, input),
            Ask::CertVerifiedSyncValue(value, ..) => {
                self.judge_decided(value.certificate.value_id, number(value.certificate.round));
            }
            Ask::Decide(certificate, ..) => self.decide(&certificate),
            // `RestreamProposal`: a proposal carries its whole block and is published by itself.
            // `CertRejectedSyncValue`: certificates are checked before the core sees them.
            // `Finalize`: the pool has seen every statement that the core has, and more.
            _ => {}
        }
    }

    pub(super) fn cancel(&mut self, timeout: Timeout) {
        if let Some(wait) = wait_of(timeout) {
            self.timers.cancel(wait, &mut self.effects);
        }
    }

    fn schedule(&mut self, timeout: Timeout) {
        if let Some((step, round)) = wait_of(timeout) {
            let after = self.timeouts.wait(step, round);
            self.timers.start((step, round), after, &mut self.effects);
        }
    }

    fn broadcast(&mut self, message: &Message) {
        self.effects.push(Effect::Broadcast(message.to_bytes()));
    }

    fn publish(&mut self, message: SignedConsensusMsg<Agreement>) {
        match message {
            SignedConsensusMsg::Vote(vote) => self.broadcast(&Message::Vote(signed_vote(&vote))),
            SignedConsensusMsg::Proposal(offer) => {
                let block = Bytes(encode(&*offer.message.value.block));
                let signed =
                    SignedProposal { proposal: offer.message.statement(), signature: offer.signature };
                let bytes = Message::Proposal { signed, block }.to_bytes();
                if let Some(known) = self.blocks.get_mut(&signed.proposal.block) {
                    known.said.get_or_insert_with(|| Arc::clone(&bytes));
                }
                self.effects.push(Effect::Broadcast(bytes));
            }
        }
    }

    fn publish_proof(&mut self, message: LivenessMsg<Agreement>) {
        match message {
            LivenessMsg::Vote(vote) => self.broadcast(&Message::Vote(signed_vote(&vote))),
            LivenessMsg::PolkaCertificate(certificate) => {
                self.broadcast(&Message::Polka(polka(&certificate)));
            }
            LivenessMsg::SkipRoundCertificate(certificate) => {
                self.broadcast(&Message::Round(round_proof(&certificate)));
            }
        }
    }

    fn sign_vote(&mut self, ballot: Ballot) -> SignedMessage<Agreement, Ballot> {
        let signed = ballot.statement().sign(&self.key, self.chain);
        if !self.said.vote(&signed.vote) {
            self.broken = Some("it was about to contradict its own vote".into());
        }
        self.pool.keep_vote(signed);
        SignedMessage::new(ballot, signed.signature)
    }

    fn sign_proposal(&mut self, offer: Offer) -> SignedMessage<Agreement, Offer> {
        let signed = offer.statement().sign(&self.key, self.chain);
        if !self.said.proposal(signed) {
            self.broken = Some("it was about to contradict its own proposal".into());
        }
        self.pool.keep_proposal(signed);
        SignedMessage::new(offer, signed.signature)
    }

    fn vouches(&self, message: &core::ConsensusMsg<Agreement>, signature: Signature) -> bool {
        match message {
            core::ConsensusMsg::Vote(ballot) => {
                self.pool.vouches_vote(&SignedVote { vote: ballot.statement(), signature })
            }
            core::ConsensusMsg::Proposal(offer) => {
                self.pool.vouches_proposal(&SignedProposal { proposal: offer.statement(), signature })
            }
        }
    }

    /// Whether the votes of a certificate are authentic and a quorum of the open height.
    pub(super) fn check(&self, certificate: &Certificate, stage: Stage) -> Result<(), Refused> {
        certificate.weight(self.electorate.as_ref().ok_or(Refused::Idle)?)?;
        self.vouch(certificate.statements(stage))
    }

    /// Whether the votes of a round proof are authentic and heavy enough at the open height.
    pub(super) fn check_round(&self, proof: &RoundProof) -> Result<(), Refused> {
        let electorate = self.electorate.as_ref().ok_or(Refused::Idle)?;
        let related = |signed: &SignedVote| {
            (signed.vote.height, signed.vote.round) == (proof.height, proof.round)
                && (proof.kind == RoundKind::Enter || signed.vote.stage == Stage::Precommit)
        };
        if !proof.votes.iter().all(related) {
            return Err(Refused::Unrelated);
        }
        if let Some(pair) = proof.votes.array_windows().find(|[a, b]| a.vote.by >= b.vote.by) {
            return Err(Refused::Disorder(pair[1].vote.by));
        }
        let signed = electorate.weigh(proof.votes.iter().map(|signed| signed.vote.by))?;
        let needed = match proof.kind {
            RoundKind::Enter => electorate.honest(),
            RoundKind::Leave => electorate.quorum(),
        };
        if signed < needed {
            return Err(Refused::Light { signed, needed });
        }
        self.vouch(proof.votes.iter().copied())
    }

    /// Whether all these votes are authentic: known, or verified now, together.
    fn vouch(&self, votes: impl IntoIterator<Item = SignedVote>) -> Result<(), Refused> {
        let news: Vec<_> = votes.into_iter().filter(|vote| !self.pool.knows_vote(vote)).collect();
        forged(&news, self.chain).map_or(Ok(()), |vote| Err(Refused::Signature(vote.vote.by)))
    }

    fn persist(&mut self, height: Height, input: CoreInput<Agreement>) {
        let entry = match input {
            CoreInput::Vote(vote) => Entry::Vote(signed_vote(&vote)),
            CoreInput::Proposal(offer) => Entry::Proposal(SignedProposal {
                proposal: offer.message.statement(),
                signature: offer.signature,
            }),
            CoreInput::ProposedValue(value, _) => Entry::Block {
                round: number(value.round),
                valid: value.validity.is_valid(),
                block: Block::clone(&value.value.block),
            },
            CoreInput::TimeoutElapsed(timeout) => match wait_of(timeout) {
                Some((step, round)) => Entry::Elapsed { step, round },
                None => return,
            },
            CoreInput::PolkaCertificate(certificate) => Entry::Polka(polka(&certificate)),
            // The core logs nothing else.
            _ => return,
        };
        let record = encode(&Record { height, entry });
        // What is replayed is in the log.
        if !self.replayed.contains(&recovery::name(&record)) {
            self.effects.push(Effect::Persist(Bytes(record)));
        }
    }

    /// A certificate for a block that the core has not seen judged: judge it, then decide.
    fn judge_decided(&mut self, id: Digest, round: u32) {
        let Some(known) = self.blocks.get_mut(&id) else { return };
        let asked = known.decided.is_some() || !known.offers.is_empty();
        known.decided = Some(round);
        match known.verdict {
            Some(_) => self.feed_verdict(id),
            None if !asked => {
                let judge = Effect::Judge(Arc::clone(&known.block));
                self.effects.push(judge);
            }
            None => {}
        }
    }

    /// Tells the core what the judge said of a block.
    pub(super) fn feed_verdict(&mut self, id: Digest) {
        let Some(known) = self.blocks.get(&id) else { return };
        let Some(valid) = known.verdict else { return };
        let (round, origin) = match known.decided {
            Some(round) => (round, ValueOrigin::Sync),
            None => (known.round, ValueOrigin::Consensus),
        };
        let value = ProposedValue {
            height: At(self.height),
            round: Round::new(round),
            valid_round: Round::Nil,
            proposer: Address(known.block.header.proposer),
            value: Candidate { id, block: Arc::clone(&known.block) },
            validity: Validity::from_bool(valid),
        };
        self.queue.push_back(CoreInput::ProposedValue(value, origin));
    }

    fn decide(&mut self, certificate: &CommitCertificate<Agreement>) {
        let Some(known) = self.blocks.get(&certificate.value_id) else {
            self.broken = Some(format!("block {} is decided but not here", certificate.value_id));
            return;
        };
        let (block, certificate) = (Arc::clone(&known.block), commit(certificate));
        self.archive.keep(&block, &certificate);
        self.decided = true;
        self.effects.push(Effect::Commit { block, certificate });
    }

    /// Records that a peer misbehaved.
    pub(super) fn offence(&mut self, by: NodeId, why: Refused) {
        self.effects.push(Effect::Offence { by, why });
    }
}
