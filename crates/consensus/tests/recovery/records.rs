//! One engine and what it is told to have recorded.

use bitneuron_consensus::{
    Block, ConsensusEngine, Effect, Entry, Header, Input, Malachite, Message, Record, Refused, SignedVote,
    Stage, Timeouts, Vote, suite::network::Plan,
};
use bitneuron_core::{Bytes, Digest, Height, Machine, Outbox, Time, decode, encode};
use std::sync::Arc;

fn step(engine: &mut Malachite, input: Input) -> Result<Vec<Effect>, Refused> {
    let mut out = Outbox::new();
    engine.step(Time(0), input, &mut out)?;
    Ok(out.into_iter().collect())
}

fn begin(plan: &Plan, height: u64) -> Input {
    let height = Height(height);
    let electorate = Arc::new(plan.electorate(height).expect("allowed"));
    Input::Begin { height, electorate, parent: Digest::ZERO }
}

fn engine(plan: &Plan, node: usize) -> Malachite {
    Malachite::new(plan.key(node), plan.chain(), Timeouts::default())
}

fn records(effects: &[Effect]) -> Vec<Bytes> {
    let persisted = |effect: &Effect| match effect {
        Effect::Persist(record) => Some(record.clone()),
        _ => None,
    };
    effects.iter().filter_map(persisted).collect()
}

/// The first proposer of height 1, and its engine after it has proposed a block; with all that it did.
fn proposed(plan: &Plan) -> (usize, Vec<Effect>, Vec<Effect>) {
    let first = plan.electorate(Height(1)).expect("allowed").proposer(Height(1), 0);
    let node = (0..4).find(|node| plan.key(*node).id() == first).expect("a voter");
    let mut engine = engine(plan, node);
    let began = step(&mut engine, begin(plan, 1)).expect("begun");
    let header = Header::draft(plan.chain(), Height(1), Digest::ZERO, plan.key(node).id(), Time(0));
    let block = Arc::new(Block::new(header, vec![Bytes(vec![7])]));
    let built = Input::Built { height: Height(1), round: 0, block };
    let effects = step(&mut engine, built).expect("proposed");
    (node, began, effects)
}

fn said(effects: &[Effect]) -> Vec<Message> {
    let said = |effect: &Effect| match effect {
        Effect::Broadcast(bytes) => Some(decode(bytes).expect("own bytes")),
        _ => None,
    };
    effects.iter().filter_map(said).collect()
}

fn builds(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Build { .. }))
}

#[test]
fn nothing_signed_leaves_before_its_record() {
    let plan = Plan::new(70, 1);
    let (_, _, effects) = proposed(&plan);
    let recorded = |message: &Message, record: &Bytes| {
        let record: Record = decode(record).expect("own bytes");
        match (message, record.entry) {
            (Message::Vote(vote), Entry::Vote(entry)) => *vote == entry,
            (Message::Proposal { signed, .. }, Entry::Proposal(entry)) => *signed == entry,
            _ => false,
        }
    };
    let mut spoken = 0;
    for (at, effect) in effects.iter().enumerate() {
        let Effect::Broadcast(bytes) = effect else { continue };
        let message = decode(bytes).expect("own bytes");
        let before = records(&effects[..at]);
        assert!(before.iter().any(|record| recorded(&message, record)), "{message:?}");
        spoken += 1;
    }
    assert_eq!(spoken, 2, "a proposal and a prevote");
}

#[test]
fn a_proposer_says_again_what_it_proposed_and_builds_no_other_block() {
    let plan = Plan::new(71, 1);
    let (node, began, effects) = proposed(&plan);
    assert!(builds(&began));
    let log = records(&effects);
    let mut sayings = Vec::new();
    for known in 0..=log.len() {
        let mut engine = engine(&plan, node);
        let records = log[..known].to_vec();
        assert_eq!(step(&mut engine, Input::Recover { records }), Ok(vec![]));
        let again = step(&mut engine, begin(&plan, 1)).expect("begun");
        let proposals =
            said(&again).into_iter().filter(|message| matches!(message, Message::Proposal { .. }));
        let proposals: Vec<_> = proposals.collect();
        // With the proposal in its log it proposes that; without, nobody has heard of one, and it may build anew.
        assert_eq!(proposals.is_empty(), builds(&again), "{known} records");
        assert!(proposals.iter().all(|message| said(&effects).contains(message)));
        let votes = said(&again).into_iter().filter(|message| matches!(message, Message::Vote(_)));
        assert!(votes.into_iter().all(|message| said(&effects).contains(&message)));
        // What it derives anew it records anew, and only that.
        assert!(self::records(&again).iter().all(|record| !log[..known].contains(record)));
        sayings.push(proposals.len());
    }
    assert_eq!((sayings.first(), sayings.last()), (Some(&0), Some(&1)));
}

#[test]
fn records_of_other_heights_mean_nothing() {
    let plan = Plan::new(72, 2);
    let (node, _, effects) = proposed(&plan);
    let (mut fresh, mut back) = (engine(&plan, node), engine(&plan, node));
    step(&mut back, Input::Recover { records: records(&effects) }).expect("taken");
    assert_eq!(step(&mut back, begin(&plan, 2)), step(&mut fresh, begin(&plan, 2)));
}

#[test]
fn an_engine_with_a_log_that_cannot_be_true_does_not_vote() {
    let plan = Plan::new(73, 1);
    let (node, _, effects) = proposed(&plan);
    let log = records(&effects);
    let garbled = || {
        let mut records = log.clone();
        records[0].0.truncate(9);
        records
    };
    let engine_of = |records: Vec<Bytes>| {
        let mut engine = engine(&plan, node);
        let taken = step(&mut engine, Input::Recover { records });
        (taken, step(&mut engine, begin(&plan, 1)))
    };
    let (taken, begun) = engine_of(garbled());
    assert!(matches!(taken, Err(Refused::Stopped(_))) && matches!(begun, Err(Refused::Stopped(_))));
    // A vote that nobody signed, and a vote of this node's own for something else than what follows from the rest.
    let key = plan.key(node);
    let other = Vote {
        height: Height(1),
        round: 0,
        stage: Stage::Prevote,
        block: Some(Digest([9; 32])),
        by: key.id(),
    };
    let forged = SignedVote { vote: other, signature: key.sign("else", plan.chain(), b"") };
    for vote in [forged, other.sign(&key, plan.chain())] {
        let mut records = log.clone();
        records
            .retain(|record| !matches!(decode::<Record>(record), Ok(Record { entry: Entry::Vote(_), .. })));
        records.push(Bytes(encode(&Record { height: Height(1), entry: Entry::Vote(vote) })));
        let (taken, begun) = engine_of(records);
        assert_eq!(taken, Ok(vec![]));
        assert!(matches!(begun, Err(Refused::Stopped(_))), "{begun:?}");
    }
    let mut engine = engine(&plan, node);
    step(&mut engine, begin(&plan, 1)).expect("begun");
    let late = step(&mut engine, Input::Recover { records: log });
    assert!(matches!(late, Err(Refused::Height { .. })), "{late:?}");
    assert_eq!(engine.height(), Height(1));
}
