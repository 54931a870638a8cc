//! Hostile bytes for every decoder, and hostile messages for the engine: refused, named, bounded, never a panic.

use bitneuron_consensus::{
    Block, Certificate, ConsensusEngine, Effect, Electorate, Entry, Evidence, Header, Input, Malachite,
    Message, Proposal, Record, Refused, RoundKind, RoundProof, SignedProposal, SignedVote, Stage, Step,
    Timeouts, TimerId, Vote, suite::network::Plan,
};
use bitneuron_core::{
    Bytes, ChainId, Digest, Height, Keypair, Machine, NodeId, Outbox, Seed, Time, Wire, decode, encode,
};
use proptest::prelude::*;
use std::sync::Arc;

/// An engine at height 1 of a plan; node 0 is the engine's own.
struct Bench {
    plan: Plan,
    engine: Malachite,
    now: Time,
}

impl Bench {
    fn new() -> Self {
        let plan = Plan::new(77, 1);
        let mut engine = Malachite::new(plan.key(0), plan.chain(), Timeouts::default());
        let electorate = Arc::new(plan.electorate(Height(1)).expect("allowed"));
        let begin = Input::Begin { height: Height(1), electorate, parent: Digest::ZERO };
        engine.step(Time(0), begin, &mut Outbox::new()).expect("a first height");
        Self { plan, engine, now: Time(0) }
    }

    fn step(&mut self, input: Input) -> Result<Vec<Effect>, Refused> {
        let mut out = Outbox::new();
        self.now = Time(self.now.0 + 1);
        self.engine.step(self.now, input, &mut out)?;
        Ok(out.into_iter().collect())
    }

    /// The offences that a message causes, and whether it is passed on.
    fn hear(&mut self, message: &Message) -> (Vec<(NodeId, Refused)>, bool) {
        let bytes = message.to_bytes();
        let effects =
            self.step(Input::Message { from: PEER, bytes: Arc::clone(&bytes) }).expect("not refused");
        let relayed = effects.contains(&Effect::Broadcast(bytes));
        let offences = effects.into_iter().filter_map(|effect| match effect {
            Effect::Offence { by, why } => Some((by, why)),
            _ => None,
        });
        (offences.collect(), relayed)
    }

    fn vote(&self, node: usize, round: u32, block: Option<Digest>) -> SignedVote {
        let key = self.plan.key(node);
        let vote = Vote { height: Height(1), round, stage: Stage::Prevote, block, by: key.id() };
        vote.sign(&key, self.plan.chain())
    }

    /// The place of the proposer of a round, not the engine itself.
    fn turn(&self) -> (usize, u32) {
        let electorate = self.plan.electorate(Height(1)).expect("allowed");
        let turn = |round| {
            let proposer = electorate.proposer(Height(1), round);
            (1..4).find(|node| self.plan.key(*node).id() == proposer).map(|node| (node, round))
        };
        (0..8).find_map(turn).expect("somebody else's turn")
    }

    fn block(&self, node: usize, tag: u8) -> Block {
        let header = Header {
            chain: self.plan.chain(),
            height: Height(1),
            parent: Digest::ZERO,
            proposer: self.plan.key(node).id(),
            time: Time(u64::from(tag)),
            transactions: Digest::ZERO,
            state: Digest::ZERO,
        };
        Block::new(header, vec![Bytes(vec![tag])])
    }

    fn proposal(&self, node: usize, round: u32, block: &Block) -> Message {
        let key = self.plan.key(node);
        let proposal =
            Proposal { height: Height(1), round, proof_round: None, block: block.id(), by: key.id() };
        Message::Proposal { signed: proposal.sign(&key, self.plan.chain()), block: Bytes(encode(block)) }
    }
}

/// Who delivers.
const PEER: NodeId = NodeId([9; 32]);

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

#[test]
fn a_forged_decision_is_an_offence_and_a_refusal() {
    let mut bench = Bench::new();
    let block = bench.block(1, 1);
    let sign = |node| {
        let key = bench.plan.key(node);
        let vote = Vote {
            height: Height(1),
            round: 0,
            stage: Stage::Precommit,
            block: Some(block.id()),
            by: key.id(),
        };
        (key.id(), vote.sign(&key, bench.plan.chain()).signature)
    };
    let mut votes: Vec<_> = (0..4).map(sign).collect();
    votes.sort_unstable();
    let good = Certificate { height: Height(1), round: 0, block: block.id(), votes };
    let forged = Certificate { round: 1, ..good.clone() };
    let body = Bytes(encode(&block));
    let have =
        |certificate: &Certificate| Message::Have { block: body.clone(), certificate: certificate.clone() };
    let bad = Refused::Signature(forged.votes[0].0);
    assert_eq!(bench.hear(&have(&forged)).0, [(PEER, bad.clone())]);
    let block = Arc::new(block);
    let synced = |certificate| Input::Synced { block: Arc::clone(&block), certificate };
    assert_eq!(bench.step(synced(forged)), Err(bad));
    let effects = bench.step(synced(good.clone())).expect("a true decision");
    assert!(effects.contains(&Effect::Judge(Arc::clone(&block))));
    let effects = bench.step(Input::Judged { block: block.id(), valid: true }).expect("judged");
    assert!(effects.contains(&Effect::Commit { block: Arc::clone(&block), certificate: good.clone() }));
    // And it is passed on to whoever asks.
    let bytes = Message::Want(Height(1)).to_bytes();
    let effects = bench.step(Input::Message { from: PEER, bytes }).expect("answered");
    assert_eq!(effects, [Effect::Send { to: PEER, bytes: have(&good).to_bytes() }]);
}

#[test]
fn a_certified_block_that_the_judge_refuses_is_not_committed() {
    let mut bench = Bench::new();
    let block = Arc::new(bench.block(1, 1));
    let sign = |node| {
        let key = bench.plan.key(node);
        let vote = Vote {
            height: Height(1),
            round: 0,
            stage: Stage::Precommit,
            block: Some(block.id()),
            by: key.id(),
        };
        (key.id(), vote.sign(&key, bench.plan.chain()).signature)
    };
    let mut votes: Vec<_> = (0..4).map(sign).collect();
    votes.sort_unstable();
    let certificate = Certificate { height: Height(1), round: 0, block: block.id(), votes };
    bench.step(Input::Synced { block: Arc::clone(&block), certificate }).expect("certified");
    let effects = bench.step(Input::Judged { block: block.id(), valid: false }).expect("judged");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Commit { .. })), "{effects:?}");
}

#[test]
fn a_driver_that_errs_is_refused_or_ignored_and_nothing_changes() {
    let mut bench = Bench::new();
    let electorate = Arc::new(bench.plan.electorate(Height(1)).expect("allowed"));
    let begin = |height| Input::Begin {
        height: Height(height),
        electorate: Arc::clone(&electorate),
        parent: Digest::ZERO,
    };
    for height in [0, 1] {
        let refused = Refused::Height { found: Height(height), expected: Height(2) };
        assert_eq!(bench.step(begin(height)), Err(refused));
    }
    let foreign = Arc::new(bench.block(1, 1));
    let built =
        |round, block: &Arc<Block>| Input::Built { height: Height(1), round, block: Arc::clone(block) };
    assert_eq!(bench.step(built(0, &foreign)), Err(Refused::Misplaced(foreign.id())));
    assert_eq!(bench.step(built(7, &foreign)), Ok(vec![]), "late");
    let mut torn = bench.block(0, 1);
    torn.transactions.clear();
    assert_eq!(bench.step(built(0, &Arc::new(torn.clone()))), Err(Refused::Unbound(torn.id())));
    assert_eq!(bench.step(Input::Judged { block: Digest([1; 32]), valid: true }), Ok(vec![]));
    assert_eq!(bench.step(Input::Timer(TimerId(999))), Ok(vec![]));
    // After all that it goes on as if nothing had happened.
    let mut fresh = Bench::new();
    let vote = bench.vote(1, 0, None);
    assert_eq!(bench.hear(&Message::Vote(vote)), fresh.hear(&Message::Vote(vote)));
    assert_eq!(bench.engine.height(), Height(1));
}

#[test]
fn an_engine_that_has_begun_nothing_takes_anything() {
    let plan = Plan::new(1, 1);
    let mut engine = Malachite::new(plan.key(0), plan.chain(), Timeouts::default());
    let mut out = Outbox::new();
    let key = plan.key(1);
    let vote = Vote { height: Height(1), round: 0, stage: Stage::Prevote, block: None, by: key.id() };
    let early = Message::Vote(vote.sign(&key, plan.chain())).to_bytes();
    for bytes in [early.clone(), Message::Want(Height(u64::MAX)).to_bytes()] {
        assert_eq!(engine.step(Time(0), Input::Message { from: PEER, bytes }, &mut out), Ok(()));
    }
    assert!(out.is_empty());
    let electorate = Arc::new(plan.electorate(Height(1)).expect("allowed"));
    let begin = Input::Begin { height: Height(1), electorate, parent: Digest::ZERO };
    engine.step(Time(1), begin, &mut out).expect("begun");
    assert!(out.as_slice().contains(&Effect::Broadcast(early)), "what came early is taken up");
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn signed_vote() -> impl Strategy<Value = SignedVote> {
    (
        any::<u64>(),
        any::<u32>(),
        any::<bool>(),
        prop::option::of(digest()),
        any::<[u8; 32]>(),
        any::<[[u8; 32]; 2]>(),
    )
        .prop_map(|(height, round, first, block, by, signature)| {
            let stage = if first { Stage::Prevote } else { Stage::Precommit };
            let vote = Vote { height: Height(height), round, stage, block, by: NodeId(by) };
            let mut bytes = [0; 64];
            bytes.copy_from_slice(&signature.concat());
            SignedVote { vote, signature: bitneuron_core::Signature::from_bytes(&bytes) }
        })
}

fn signed_proposal() -> impl Strategy<Value = SignedProposal> {
    (signed_vote(), prop::option::of(any::<u32>()), digest()).prop_map(|(signed, proof_round, block)| {
        let Vote { height, round, by, .. } = signed.vote;
        SignedProposal {
            proposal: Proposal { height, round, proof_round, block, by },
            signature: signed.signature,
        }
    })
}

fn certificate() -> impl Strategy<Value = Certificate> {
    (prop::collection::vec(signed_vote(), 0..5), digest()).prop_map(|(votes, block)| {
        let votes = votes.into_iter().map(|vote| (vote.vote.by, vote.signature)).collect();
        Certificate { height: Height(1), round: 0, block, votes }
    })
}

fn message() -> impl Strategy<Value = Message> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..50).prop_map(Bytes);
    let proof = prop::collection::vec(signed_vote(), 0..4);
    prop_oneof![
        signed_vote().prop_map(Message::Vote),
        (signed_proposal(), bytes()).prop_map(|(signed, block)| Message::Proposal { signed, block }),
        certificate().prop_map(Message::Polka),
        proof.prop_map(|votes| Message::Round(RoundProof {
            height: Height(1),
            round: 0,
            kind: RoundKind::Enter,
            votes
        })),
        any::<u64>().prop_map(|height| Message::Want(Height(height))),
        (bytes(), certificate()).prop_map(|(block, certificate)| Message::Have { block, certificate }),
    ]
}

/// A decoder takes its own encoding, refuses anything cut, and whatever it takes has one encoding.
fn attack<T: Wire + PartialEq + std::fmt::Debug>(value: &T, at: usize, mask: u8) {
    let bytes = encode(value);
    assert!(bytes.len() <= T::LIMIT);
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
    assert!(decode::<T>(&bytes[..at % bytes.len()]).is_err());
    let mut mutant = bytes;
    let place = at % mutant.len();
    mutant[place] ^= mask;
    if let Ok(other) = decode::<T>(&mutant) {
        assert_eq!(encode(&other), mutant);
    }
    assert!(decode::<T>(&vec![1; T::LIMIT + 1]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn decoders_are_canonical(
        message in message(),
        vote in signed_vote(),
        proposal in signed_proposal(),
        certificate in certificate(),
        at in any::<usize>(),
        mask in 1u8..,
    ) {
        attack(&vote, at, mask);
        attack(&vote.vote, at, mask);
        attack(&proposal, at, mask);
        attack(&proposal.proposal, at, mask);
        attack(&certificate, at, mask);
        attack(&Evidence::DoubleVote(vote, vote), at, mask);
        attack(&Evidence::DoubleProposal(proposal, proposal), at, mask);
        attack(&message, at, mask);
        for entry in [
            Entry::Vote(vote),
            Entry::Proposal(proposal),
            Entry::Elapsed { step: Step::Propose, round: 3 },
            Entry::Polka(certificate),
            Entry::Block { round: 1, valid: true, block: Bench::new().block(1, mask) },
        ] {
            attack(&Record { height: Height(7), entry }, at, mask);
        }
        attack(&Bench::new().plan.electorate(Height(1)).expect("allowed"), at, mask);
        let bytes = encode(&vote);
        prop_assert!(decode::<Electorate>(&bytes).is_err());
    }

    #[test]
    fn no_message_makes_the_engine_panic(messages in prop::collection::vec(message(), 1..20), noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bench = Bench::new();
        for message in &messages {
            bench.hear(message);
        }
        let effects = bench.step(Input::Message { from: PEER, bytes: noise.into() });
        prop_assert!(effects.is_ok());
        let vote = bench.vote(1, 0, None);
        prop_assert_eq!(bench.hear(&Message::Vote(vote)), (vec![], true), "still at work");
    }
}
