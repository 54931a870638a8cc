//! Ten thousand mutants for every decoder, and for the engine.

use crate::{
    bench::{Bench, PEER},
    mutants::{ROUNDS, Words, attack, mutant},
};
use bitneuron_consensus::{
    Certificate, Effect, Electorate, Entry, Evidence, Input, Message, Record, RoundKind, RoundProof,
    SignedProposal, SignedVote, Stage, Step, Vote,
};
use bitneuron_core::{Bytes, Digest, Height, decode, encode};

fn votes(bench: &Bench) -> Vec<SignedVote> {
    let key = bench.plan.key(2);
    let precommit = Vote {
        height: Height(1),
        round: 3,
        stage: Stage::Precommit,
        block: Some(Digest([7; 32])),
        by: key.id(),
    };
    vec![
        bench.vote(1, 0, None),
        bench.vote(1, 0, Some(Digest([5; 32]))),
        precommit.sign(&key, bench.plan.chain()),
    ]
}

fn proposals(bench: &Bench) -> Vec<SignedProposal> {
    let (node, round) = bench.turn();
    let [one, other] = [1, 2].map(|tag| bench.signed(node, round, &bench.block(node, tag)));
    let again = bitneuron_consensus::Proposal { round: 9, proof_round: Some(4), ..one.proposal };
    vec![one, other, again.sign(&bench.plan.key(node), bench.plan.chain())]
}

fn certificates(bench: &Bench) -> Vec<Certificate> {
    let whole = bench.certificate(&bench.block(1, 1));
    let empty = Certificate { votes: Vec::new(), ..whole.clone() };
    vec![whole, empty]
}

/// One valid message of every kind.
fn messages(bench: &Bench) -> Vec<Message> {
    let (node, round) = bench.turn();
    let block = bench.block(node, 1);
    let proof = |kind| RoundProof { height: Height(1), round: 0, kind, votes: votes(bench) };
    let certificate = bench.certificate(&block);
    vec![
        Message::Vote(votes(bench)[0]),
        bench.proposal(node, round, &block),
        Message::Polka(certificate.clone()),
        Message::Round(proof(RoundKind::Enter)),
        Message::Round(proof(RoundKind::Leave)),
        Message::Want(Height(1)),
        Message::Have { block: Bytes(encode(&block)), certificate },
        Message::Offered(bench.signed(node, round, &bench.block(node, 2))),
        Message::Fetch { height: Height(1), block: block.id() },
    ]
}

#[test]
fn votes_and_proposals() {
    let bench = Bench::new();
    let (votes, proposals) = (votes(&bench), proposals(&bench));
    attack(&votes);
    attack(&votes.iter().map(|signed| signed.vote).collect::<Vec<_>>());
    attack(&proposals);
    attack(&proposals.iter().map(|signed| signed.proposal).collect::<Vec<_>>());
}

#[test]
fn headers_and_blocks() {
    let bench = Bench::new();
    let mut blocks = [1, 2].map(|tag| bench.block(1, tag)).to_vec();
    blocks[1].transactions.extend([Bytes(Vec::new()), Bytes(vec![3; 40])]);
    attack(&blocks);
    attack(&blocks.into_iter().map(|block| block.header).collect::<Vec<_>>());
}

#[test]
fn certificates_and_electorates() {
    let bench = Bench::new();
    attack(&certificates(&bench));
    let electorate = |height| bench.plan.electorate(Height(height)).expect("allowed");
    attack(&[electorate(1)]);
    assert!(decode::<Electorate>(&encode(&votes(&bench)[0])).is_err());
}

#[test]
fn evidence() {
    let bench = Bench::new();
    let (votes, proposals) = (votes(&bench), proposals(&bench));
    attack(&[
        Evidence::votes(votes[0], votes[1]).expect("a conflict"),
        Evidence::proposals(proposals[0], proposals[1]).expect("a conflict"),
    ]);
}

#[test]
fn records() {
    let bench = Bench::new();
    let entries = [
        Entry::Vote(votes(&bench)[0]),
        Entry::Proposal(proposals(&bench)[2]),
        Entry::Elapsed { step: Step::Propose, round: 3 },
        Entry::Polka(certificates(&bench).remove(0)),
        Entry::Block { round: 1, valid: true, block: bench.block(1, 1) },
    ];
    attack(&entries.map(|entry| Record { height: Height(7), entry }));
}

#[test]
fn messages_of_every_kind() {
    attack(&messages(&Bench::new()));
}

#[test]
fn no_mutant_makes_the_engine_panic_or_speak_for_others() {
    let mut bench = Bench::new();
    let valid: Vec<Vec<u8>> = messages(&bench).iter().map(encode).collect();
    let (mut words, mut garbled) = (Words::default(), 0);
    for round in 0..ROUNDS {
        let mutant = mutant(round, &valid, &mut words);
        let readable = decode::<Message>(&mutant).is_ok();
        let effects = bench.step(Input::Message { from: PEER, bytes: mutant.into() }).expect("never refused");
        let named = effects.iter().any(|effect| matches!(effect, Effect::Offence { by: PEER, .. }));
        assert!(readable || (named && effects.len() == 1));
        garbled += usize::from(!readable);
    }
    assert!(garbled > ROUNDS / 10, "{garbled}");
    let vote = bench.vote(3, 1, None);
    assert_eq!(bench.hear(&Message::Vote(vote)), (vec![], true), "still at work");
}
