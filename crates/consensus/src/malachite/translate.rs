//! Statements of the core as ours, and ours as its inputs.

use super::{
    context::{Address, Agreement, At, Ballot, number},
    timers::Wait,
};
use crate::{Certificate, RoundKind, RoundProof, Step, vote::SignedVote};
use arc_malachitebft_core_consensus::Input as CoreInput;
use arc_malachitebft_core_types::{
    self as core_types, CommitCertificate, PolkaCertificate, PolkaSignature, Round, RoundCertificate,
    RoundCertificateType, SignedMessage, Timeout, TimeoutKind,
};
use bitneuron_core::{Digest, NodeId, Signature};

pub(super) fn wait_of(timeout: Timeout) -> Option<Wait> {
    let step = match timeout.kind {
        TimeoutKind::Propose => Step::Propose,
        TimeoutKind::Prevote => Step::Prevote,
        TimeoutKind::Precommit => Step::Precommit,
        TimeoutKind::Rebroadcast => Step::Rebroadcast,
        // Heights end at once here: pacing is the driver's.
        TimeoutKind::FinalizeHeight(_) => return None,
    };
    Some((step, number(timeout.round)))
}

/// The core's name of a wait.
pub(super) fn timeout_of((step, round): Wait) -> Timeout {
    let kind = match step {
        Step::Propose => TimeoutKind::Propose,
        Step::Prevote => TimeoutKind::Prevote,
        Step::Precommit => TimeoutKind::Precommit,
        Step::Rebroadcast => TimeoutKind::Rebroadcast,
    };
    Timeout::new(Round::new(round), kind)
}

pub(super) fn signed_vote(vote: &core_types::SignedVote<Agreement>) -> SignedVote {
    SignedVote { vote: vote.message.statement(), signature: vote.signature }
}

fn certificate(
    (height, round, block): (At, Round, Digest),
    votes: impl Iterator<Item = (NodeId, Signature)>,
) -> Certificate {
    let mut votes: Vec<_> = votes.collect();
    votes.sort_unstable();
    Certificate { height: height.0, round: number(round), block, votes }
}

pub(super) fn commit(c: &CommitCertificate<Agreement>) -> Certificate {
    let votes = c.commit_signatures.iter().map(|signed| (signed.address.0, signed.signature));
    certificate((c.height, c.round, c.value_id), votes)
}

pub(super) fn polka(c: &PolkaCertificate<Agreement>) -> Certificate {
    let votes = c.polka_signatures.iter().map(|signed| (signed.address.0, signed.signature));
    certificate((c.height, c.round, c.value_id), votes)
}

pub(super) fn round_proof(c: &RoundCertificate<Agreement>) -> RoundProof {
    let kind = match c.cert_type {
        RoundCertificateType::Skip => RoundKind::Enter,
        RoundCertificateType::Precommit => RoundKind::Leave,
    };
    let mut votes: Vec<_> = c.votes(&Agreement).map(|vote| signed_vote(&vote)).collect();
    votes.sort_unstable_by_key(|signed| signed.vote.by);
    votes.dedup_by_key(|signed| signed.vote.by);
    RoundProof { height: c.height.0, round: number(c.round), kind, votes }
}

/// A vote as the core takes it.
pub(super) fn vote_input(signed: &SignedVote) -> CoreInput<Agreement> {
    CoreInput::Vote(SignedMessage::new(Ballot::new(&signed.vote), signed.signature))
}

/// A quorum of prevotes as the core takes it.
pub(super) fn polka_input(certificate: &Certificate) -> CoreInput<Agreement> {
    let sign = |(by, signature): &(NodeId, _)| PolkaSignature::new(Address(*by), *signature);
    CoreInput::PolkaCertificate(PolkaCertificate {
        height: At(certificate.height),
        round: Round::new(certificate.round),
        value_id: certificate.block,
        polka_signatures: certificate.votes.iter().map(sign).collect(),
    })
}
