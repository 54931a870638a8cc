//! Valid but for one field: what is signed, certified or proven stops to be so whichever field is changed.

use crate::bench::Bench;
use bitneuron_consensus::{
    Certificate, CheckCertificate, Evidence, Proposal, QuorumCheck, Refused, SignedProposal, SignedVote,
    Stage, Vote,
};
use bitneuron_core::{Digest, Height, NodeId, Signature};

type Votes = Vec<(NodeId, Signature)>;

/// The vote with one field changed, in every way.
fn edited(good: SignedVote, other: NodeId) -> Vec<SignedVote> {
    let SignedVote { vote, signature } = good;
    let stage = if vote.stage == Stage::Prevote { Stage::Precommit } else { Stage::Prevote };
    let votes = [
        Vote { height: vote.height.next(), ..vote },
        Vote { round: vote.round ^ 1, ..vote },
        Vote { stage, ..vote },
        Vote { block: vote.block.is_none().then_some(Digest::ZERO), ..vote },
        Vote { by: other, ..vote },
    ];
    let forged = SignedVote { signature: Signature::from_bytes(&[1; 64]), ..good };
    votes.map(|vote| SignedVote { vote, signature }).into_iter().chain([forged]).collect()
}

#[test]
fn a_vote_or_proposal() {
    let bench = Bench::new();
    let (chain, other) = (bench.plan.chain(), bench.plan.key(2).id());
    let good = bench.vote(1, 0, None);
    assert!(good.is_signed(chain));
    assert!(edited(good, other).iter().all(|vote| !vote.is_signed(chain)));

    let (node, round) = bench.turn();
    let good = bench.signed(node, round, &bench.block(node, 1));
    let SignedProposal { proposal, signature } = good;
    assert!(good.is_signed(chain));
    let edited = [
        Proposal { height: Height(2), ..proposal },
        Proposal { round: round + 1, ..proposal },
        Proposal { proof_round: Some(0), ..proposal },
        Proposal { block: Digest::ZERO, ..proposal },
        Proposal { by: NodeId([3; 32]), ..proposal },
    ];
    assert!(edited.into_iter().all(|proposal| !SignedProposal { proposal, signature }.is_signed(chain)));
}

#[test]
fn a_certificate() {
    let bench = Bench::new();
    let electorate = bench.plan.electorate(Height(1)).expect("allowed");
    let check = QuorumCheck { chain: bench.plan.chain() };
    let good = bench.certificate(&bench.block(1, 1));
    assert_eq!(check.check(&good, &electorate), Ok(()));
    let fields = [
        Certificate { height: Height(2), ..good.clone() },
        Certificate { round: 1, ..good.clone() },
        Certificate { block: Digest::ZERO, ..good.clone() },
    ];
    let first = Refused::Signature(good.votes[0].0);
    assert!(fields.iter().all(|forged| check.check(forged, &electorate) == Err(first.clone())));
    for at in 0..good.votes.len() {
        let votes = |edit: &dyn Fn(&mut Votes)| {
            let mut forged = good.clone();
            edit(&mut forged.votes);
            check.check(&forged, &electorate).expect_err("forged")
        };
        let next = (at + 1) % good.votes.len();
        let foreign = good.votes[next].1;
        assert_eq!(votes(&|votes| votes[at].1 = foreign), Refused::Signature(good.votes[at].0));
        assert!(matches!(votes(&|votes| votes.swap(at, next)), Refused::Disorder(_)));
        assert!(matches!(votes(&|votes| votes.insert(at, votes[at])), Refused::Disorder(_)));
        assert!(matches!(votes(&|votes| votes.truncate(at / 2)), Refused::Light { .. }));
        let stranger = Refused::Stranger(NodeId([255; 32]));
        assert_eq!(votes(&|votes| votes.push((NodeId([255; 32]), foreign))), stranger);
    }
}

#[test]
fn evidence() {
    let bench = Bench::new();
    let (chain, other) = (bench.plan.chain(), bench.plan.key(2).id());
    let [a, b] = [None, Some(Digest([5; 32]))].map(|block| bench.vote(1, 0, block));
    assert_eq!(Evidence::DoubleVote(a, b).check(chain), Ok(a.vote.by));
    for forged in edited(a, other) {
        assert!(Evidence::DoubleVote(forged, b).check(chain).is_err(), "{forged:?}");
    }
    for forged in edited(b, other) {
        assert!(Evidence::DoubleVote(a, forged).check(chain).is_err(), "{forged:?}");
    }
}
