//! Votes that arrive in bundles: quorums of prevotes, proofs for rounds, and decisions of the open height.
//!
//! A bundle is checked as a whole, as one batch of what is not known of it. What holds is fed to the core; its votes are shown to the
//! pool one by one, since two bundles may tell of two votes of one voter.

use super::{
    context::{Address, Agreement, At, Ballot},
    inbox::bound,
    shell::{Known, Shell},
    translate::{polka_input, vote_input},
};
use crate::{
    Block, Certificate, CheckCertificate, Effect, QuorumCheck, Refused, RoundKind, RoundProof, Sighting,
    vote::{SignedVote, Stage},
};
use arc_malachitebft_core_consensus::Input as CoreInput;
use arc_malachitebft_core_types::{
    ExtendedCommitCertificate, ExtendedCommitSignature, NilOrVal, Round, RoundCertificate,
    RoundCertificateType, RoundSignature, ValueResponse,
};
use arc_malachitebft_peer::PeerId;
use bitneuron_core::{Bytes, Digest, NodeId};
use std::sync::Arc;

/// No round is ever numbered higher; waits grow, so this is centuries away.
const ROUNDS: u32 = 1 << 20;

impl Shell {
    pub(super) fn take_polka(&mut self, certificate: &Certificate) -> Result<(), Refused> {
        if !self.is_open(certificate.height) || certificate.round > ROUNDS {
            return Ok(());
        }
        self.check(certificate, Stage::Prevote)?;
        self.unpack(polka_input(certificate), certificate.statements(Stage::Prevote));
        Ok(())
    }

    pub(super) fn take_round(&mut self, proof: &RoundProof) -> Result<(), Refused> {
        if !self.is_open(proof.height) || proof.round > ROUNDS {
            return Ok(());
        }
        self.check_round(proof)?;
        let sign = |signed: &SignedVote| {
            let ballot = Ballot::new(&signed.vote);
            let value: NilOrVal<Digest> = ballot.value;
            RoundSignature::new(ballot.stage, value, ballot.by, signed.signature)
        };
        let bundle = CoreInput::RoundCertificate(RoundCertificate {
            height: At(proof.height),
            round: Round::new(proof.round),
            cert_type: match proof.kind {
                RoundKind::Enter => RoundCertificateType::Skip,
                RoundKind::Leave => RoundCertificateType::Precommit,
            },
            round_signatures: proof.votes.iter().map(sign).collect(),
        });
        self.unpack(bundle, proof.votes.iter().copied());
        Ok(())
    }

    /// Feeds a bundle of authentic votes, and after it those that are news, one by one: the core drops a bundle that
    /// takes it nowhere with all that is in it, and once the pool knows a vote it is not fed again.
    fn unpack(&mut self, bundle: CoreInput<Agreement>, votes: impl IntoIterator<Item = SignedVote>) {
        self.queue.push_back(bundle);
        for signed in self.watch(votes) {
            self.queue.push_back(vote_input(&signed));
        }
    }

    /// Shows authentic votes out of a bundle to the pool; those that are news.
    pub(super) fn watch(&mut self, votes: impl IntoIterator<Item = SignedVote>) -> Vec<SignedVote> {
        let mut news = Vec::new();
        for vote in votes {
            match self.pool.keep_vote(vote) {
                Sighting::Fresh => news.push(vote),
                Sighting::Conflict(evidence) => self.effects.push(Effect::Accuse(*evidence)),
                Sighting::Known | Sighting::Surplus => {}
            }
        }
        news
    }

    pub(super) fn take_decision(
        &mut self,
        from: NodeId,
        body: &Bytes,
        certificate: Certificate,
    ) -> Result<(), Refused> {
        if !self.is_open(certificate.height) || self.decided {
            return Ok(());
        }
        let block = bound(body, certificate.block)?;
        self.check_decision(&block, &certificate)?;
        self.lag.trust(from);
        self.watch(certificate.statements(Stage::Precommit));
        self.follow(block, certificate);
        Ok(())
    }

    /// Whether a block with its certificate is the decision of the open height.
    pub(super) fn check_decision(&self, block: &Block, certificate: &Certificate) -> Result<(), Refused> {
        let electorate = self.electorate.as_ref().ok_or(Refused::Idle)?;
        if certificate.height != self.height {
            return Err(Refused::Height { found: certificate.height, expected: self.height });
        }
        if block.id() != certificate.block || !block.is_consistent() {
            return Err(Refused::Unbound(certificate.block));
        }
        if !self.belongs(&block.header) || certificate.round > ROUNDS {
            return Err(Refused::Misplaced(certificate.block));
        }
        QuorumCheck { chain: self.chain }.check(certificate, electorate)
    }

    /// Feeds a checked decision of the open height to the core.
    pub(super) fn follow(&mut self, block: Arc<Block>, certificate: Certificate) {
        let known = Known {
            block,
            round: certificate.round,
            verdict: None,
            offers: Vec::new(),
            decided: None,
            said: None,
        };
        self.blocks.entry(certificate.block).or_insert(known);
        let sign =
            |(by, signature): &(NodeId, _)| ExtendedCommitSignature::new(Address(*by), *signature, None);
        let extended: ExtendedCommitCertificate<Agreement> = ExtendedCommitCertificate {
            height: At(certificate.height),
            round: Round::new(certificate.round),
            value_id: certificate.block,
            commit_signatures: certificate.votes.iter().map(sign).collect(),
        };
        // The core wants a peer to blame; the certificate is already checked, so any name will do.
        let Ok(peer) = PeerId::from_bytes(&[0, 1, 0]) else { return };
        self.queue.push_back(CoreInput::SyncValueResponse(ValueResponse::new(
            peer,
            Vec::new().into(),
            extended,
        )));
        self.certified = Some(certificate);
    }
}
