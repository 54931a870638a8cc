//! Forged decisions, and drivers that err.

use crate::bench::{Bench, PEER};
use bitneuron_consensus::{
    Block, Certificate, ConsensusEngine, Effect, Input, Malachite, Message, Refused, Stage, Timeouts,
    TimerId, Vote, suite::network::Plan,
};
use bitneuron_core::{Bytes, Digest, Height, Machine, Outbox, Time, encode};
use std::sync::Arc;

#[test]
fn a_forged_decision_is_an_offence_and_a_refusal() {
    let mut bench = Bench::new();
    let block = bench.block(1, 1);
    let good = bench.certificate(&block);
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
    let certificate = bench.certificate(&block);
    bench.step(Input::Synced { block: Arc::clone(&block), certificate }).expect("certified");
    let effects = bench.step(Input::Judged { block: block.id(), valid: false }).expect("judged");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Commit { .. })), "{effects:?}");
}

#[test]
fn who_precommits_a_block_that_is_judged_invalid_is_named_with_its_vote() {
    let precommit = |bench: &Bench, node: usize, block: &Block| {
        let key = bench.plan.key(node);
        let (height, stage, block) = (Height(1), Stage::Precommit, Some(block.id()));
        Vote { height, round: 0, stage, block, by: key.id() }.sign(&key, bench.plan.chain())
    };
    let mut bench = Bench::new();
    let (turn, round) = bench.turn();
    let (block, other) = (bench.block(turn, 1), bench.block(turn, 2));
    bench.hear(&bench.proposal(turn, round, &block));
    // One vote before the verdict, one after it; a prevote and a vote for another block are no offence.
    let [early, late] = [1, 2].map(|node| precommit(&bench, node, &block));
    assert_eq!(bench.hear(&Message::Vote(early)), (vec![], true));
    let effects = bench.step(Input::Judged { block: block.id(), valid: false }).expect("judged");
    let named = effects.iter().filter_map(|effect| match effect {
        Effect::Offence { by, why: Refused::InvalidPrecommit(signed) } => Some((*by, **signed)),
        _ => None,
    });
    assert_eq!(named.collect::<Vec<_>>(), [(early.vote.by, early)]);
    let named = vec![(late.vote.by, Refused::InvalidPrecommit(Box::new(late)))];
    assert_eq!(bench.hear(&Message::Vote(late)), (named, true));
    assert_eq!(bench.hear(&Message::Vote(late)).0, [], "once");
    let elsewhere = precommit(&bench, 3, &other);
    assert_eq!(bench.hear(&Message::Vote(elsewhere)).0, []);
    let prevote = bench.vote(3, 0, Some(block.id()));
    assert_eq!(bench.hear(&Message::Vote(prevote)).0, []);
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
    // Votes wait for others, but no longer than for a timer.
    engine.step(Time(2), Input::Timer(TimerId(u64::MAX)), &mut out).expect("taken");
    assert!(out.as_slice().contains(&Effect::Broadcast(early)), "what came early is taken up");
}
