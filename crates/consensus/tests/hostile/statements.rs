//! Forged, contradicting and misplaced votes and proposals.

use crate::bench::{Bench, PEER};
use bitneuron_consensus::{
    Certificate, Effect, Input, Message, Refused, RoundKind, RoundProof, SignedVote, Stage, TimerId, Vote,
    suite::zoo::said,
};
use bitneuron_core::{Bytes, ChainId, Digest, Height, Keypair, Seed, encode};

#[test]
fn forged_votes_and_strangers_are_offences_of_the_deliverer() {
    let mut bench = Bench::new();
    let good = bench.vote(1, 0, None);
    let forged = SignedVote { signature: bench.vote(1, 1, None).signature, ..good };
    let by = good.vote.by;
    assert_eq!(bench.hear(&Message::Vote(forged)), (vec![(PEER, Refused::Signature(by))], false));
    assert_eq!(bench.hear(&Message::Vote(good)), (vec![], true), "a forgery does not hide the truth");
    assert_eq!(bench.hear(&Message::Vote(good)), (vec![], false), "known");

    let stranger = Keypair::from_seed(Seed::from_number(1));
    let vote = Vote { by: stranger.id(), ..good.vote }.sign(&stranger, bench.plan.chain());
    assert_eq!(bench.hear(&Message::Vote(vote)), (vec![(PEER, Refused::Stranger(stranger.id()))], false));
    let key = bench.plan.key(1);
    let elsewhere = Vote { round: 2, ..good.vote }.sign(&key, ChainId(Digest([1; 32])));
    assert_eq!(bench.hear(&Message::Vote(elsewhere)), (vec![(PEER, Refused::Signature(by))], false));
}

/// The engine is in the round of the proof already, so the proof leads nowhere; what is in it is news all the same.
#[test]
fn votes_count_when_a_proof_of_no_use_brings_them() {
    let mut bench = Bench::new();
    let mut votes = [1, 2].map(|node| bench.vote(node, 0, None));
    votes.sort_unstable_by_key(|signed| signed.vote.by);
    let proof = RoundProof { height: Height(1), round: 0, kind: RoundKind::Enter, votes: votes.to_vec() };
    assert_eq!(bench.hear(&Message::Round(proof)), (vec![], false));
    for vote in votes {
        assert_eq!(bench.hear(&Message::Vote(vote)), (vec![], false), "known");
    }
    // No proposal comes: with the engine's own, two thirds have prevoted nothing.
    let effects = [0, 1].map(|timer| bench.step(Input::Timer(TimerId(timer))).expect("taken")).concat();
    let precommits = effects.iter().filter_map(said).filter_map(|message| match message {
        Message::Vote(signed) if signed.vote.stage == Stage::Precommit => Some(signed.vote),
        _ => None,
    });
    let by = bench.plan.key(0).id();
    let own = Vote { height: Height(1), round: 0, stage: Stage::Precommit, block: None, by };
    assert_eq!(precommits.collect::<Vec<_>>(), [own]);
}

#[test]
fn an_equivocator_cannot_flood() {
    let mut bench = Bench::new();
    let mut relayed = 0;
    for n in 0..200u8 {
        let vote = bench.vote(1, 0, Some(Digest([n; 32])));
        relayed += u32::from(bench.hear(&Message::Vote(vote)).1);
    }
    for round in 1..500 {
        relayed += u32::from(bench.hear(&Message::Vote(bench.vote(1, round, None))).1);
    }
    assert_eq!(relayed, 2 + 10, "two of one kind, and ten rounds ahead");
    let (node, round) = bench.turn();
    let mut passed = 0;
    let mut judged = 0;
    for tag in 0..50 {
        let message = bench.proposal(node, round, &bench.block(node, tag));
        let effects = bench.step(Input::Message { from: PEER, bytes: message.to_bytes() }).expect("taken");
        passed += effects.iter().filter(|effect| matches!(effect, Effect::Broadcast(_))).count();
        judged += effects.iter().filter(|effect| matches!(effect, Effect::Judge(_))).count();
    }
    assert_eq!((passed, judged), (2, 2), "two blocks prove the misdeed, the rest is ignored");
}

#[test]
fn proposals_out_of_turn_or_place() {
    let mut bench = Bench::new();
    let (node, round) = bench.turn();
    let other = (1..4).find(|other| *other != node).expect("four nodes");
    let out_of_turn = bench.proposal(other, round, &bench.block(other, 1));
    let by = bench.plan.key(other).id();
    assert_eq!(bench.hear(&out_of_turn), (vec![(PEER, Refused::NotProposer(by))], false));

    let Message::Proposal { signed, block } = bench.proposal(node, round, &bench.block(node, 1)) else {
        unreachable!()
    };
    let swapped = Message::Proposal { signed, block: Bytes(encode(&bench.block(node, 2))) };
    let unbound = Refused::Unbound(signed.proposal.block);
    assert_eq!(bench.hear(&swapped), (vec![(PEER, unbound)], false));
    let garbage = Message::Proposal { signed, block: Bytes(vec![1; 40]) };
    assert!(matches!(bench.hear(&garbage).0.as_slice(), [(PEER, Refused::Decode(_))]));
    assert_eq!(
        bench.hear(&Message::Proposal { signed, block }),
        (vec![], true),
        "the honest copy still counts"
    );

    // Of another parent: the author is to blame, and everybody may know.
    let mut bench = Bench::new();
    let mut block = bench.block(node, 3);
    block.header.parent = Digest([1; 32]);
    let author = bench.plan.key(node).id();
    let misplaced = vec![(author, Refused::Misplaced(block.id()))];
    assert_eq!(bench.hear(&bench.proposal(node, round, &block)), (misplaced, true));
    // A foreign block passed off as one's own.
    let mut bench = Bench::new();
    let stolen = bench.block(other, 4);
    let misplaced = vec![(author, Refused::Misplaced(stolen.id()))];
    assert_eq!(bench.hear(&bench.proposal(node, round, &stolen)), (misplaced, true));
}

#[test]
fn bundles_of_bad_votes_are_offences() {
    let mut bench = Bench::new();
    let block = Digest([5; 32]);
    let signed: Vec<_> = (1..4).map(|node| bench.vote(node, 0, Some(block))).collect();
    let mut votes: Vec<_> = signed.iter().map(|vote| (vote.vote.by, vote.signature)).collect();
    votes.sort_unstable();
    let polka = |votes| Message::Polka(Certificate { height: Height(1), round: 0, block, votes });
    let offence = |bench: &mut Bench, message: Message| match bench.hear(&message).0.as_slice() {
        [(PEER, why)] => why.clone(),
        other => panic!("{other:?}"),
    };
    let mut swapped = votes.clone();
    (swapped[0].1, swapped[1].1) = (votes[1].1, votes[0].1);
    assert!(matches!(offence(&mut bench, polka(votes.clone())), Refused::Light { .. }), "64 % are no quorum");
    let own = bench.plan.key(0);
    let mine = Vote { by: own.id(), ..signed[0].vote }.sign(&own, bench.plan.chain());
    swapped.push((own.id(), mine.signature));
    swapped.sort_unstable();
    assert!(matches!(offence(&mut bench, polka(swapped)), Refused::Signature(_)));

    let round = |kind, votes: &[SignedVote]| {
        let mut votes = votes.to_vec();
        votes.sort_unstable_by_key(|vote| vote.vote.by);
        Message::Round(RoundProof { height: Height(1), round: 0, kind, votes })
    };
    let mixed = [signed[0], bench.vote(2, 1, None)];
    assert_eq!(offence(&mut bench, round(RoundKind::Enter, &mixed)), Refused::Unrelated);
    assert_eq!(
        offence(&mut bench, round(RoundKind::Leave, &signed)),
        Refused::Unrelated,
        "prevotes leave no round"
    );
    let one = &signed[2..];
    assert!(matches!(offence(&mut bench, round(RoundKind::Enter, one)), Refused::Light { .. }));
    let twice = [signed[0], signed[0], signed[1]];
    assert!(matches!(offence(&mut bench, round(RoundKind::Enter, &twice)), Refused::Disorder(_)));
    assert_eq!(bench.hear(&round(RoundKind::Enter, &signed)).0, []);
}
