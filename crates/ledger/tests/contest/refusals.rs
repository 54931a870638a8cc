//! What is refused, each with its fault; nothing changes then.

use crate::stage::{Stage, contests, model, paid, params, purse_of, rows, salt, three};
use crate::world::{digest, goal};
use bitneuron_core::exact::programs::Mlp;
use bitneuron_core::exact::{ExactData, Tensor};
use bitneuron_core::goal::Goal;
use bitneuron_core::{Amount, Digest, GoalId};
use bitneuron_ledger::contest::Window;
use bitneuron_ledger::{
    Action, ContestAction, ContestEvent, ContestFault, ContestParams, Merit, Params, Refused, TurnFault,
    candidate_digest,
};

const SEALED: [&[u64]; 4] = [&[0], &[1, 2], &[3], &[4]];

#[test]
fn a_commitment_holds_for_one_chain_goal_contest_author_and_model() {
    let mut stage = Stage::begun(&SEALED);
    let honest = model(2_000);
    stage.learn(&[honest.clone(), model(500), model(700), model(800)]);
    let (chain, id) = (stage.world.state.chain(), stage.world.goal_id());
    let [me, other] = [0, 1].map(|v| stage.world.validator(v));
    let head = honest.commitment();
    let digest_of =
        |chain, goal, contest, author, salt, head| candidate_digest(chain, goal, contest, author, salt, head);
    let good = digest_of(chain, id, 1, me, salt(0), head);
    let elsewhere = bitneuron_core::ChainId(digest("another chain"));
    for wrong in [
        digest_of(elsewhere, id, 1, me, salt(0), head),
        digest_of(chain, GoalId(digest("another goal")), 1, me, salt(0), head),
        digest_of(chain, id, 2, me, salt(0), head),
        digest_of(chain, id, 1, other, salt(0), head),
        digest_of(chain, id, 1, me, salt(1), head),
        digest_of(chain, id, 1, me, salt(0), model(2_001).commitment()),
    ] {
        let mut stage = Stage { world: stage.world.fork() };
        let enter = stage.commit(0, wrong);
        stage.world.block(&[enter]);
        stage.until(1, Window::Reveal);
        let reveal = stage.reveal(0, &honest);
        assert_eq!(stage.fault(&reveal), ContestFault::Commitment);
    }
    let enter = stage.commit(0, good);
    let early = stage.reveal(0, &honest);
    assert_eq!(stage.fault(&early), ContestFault::Window);
    stage.world.block(&[enter]);
    let twice = stage.enter(0, 1, &honest);
    assert_eq!(stage.fault(&twice), ContestFault::Repeated, "one for each key");
    stage.until(1, Window::Reveal);
    let late = stage.enter(1, 1, &model(500));
    assert_eq!(stage.fault(&late), ContestFault::Window);
    let without = stage.reveal(1, &model(500));
    assert_eq!(stage.fault(&without), ContestFault::NoCandidate);
    // Other integers than the head's, too few, and such as no model has.
    let mut short = honest.to_bytes();
    short.0.truncate(10);
    let mut wild = honest.to_bytes();
    wild.0[..2].copy_from_slice(&16_385i16.to_le_bytes());
    for bytes in [model(2_001).to_bytes(), short, wild, Vec::new().into()] {
        let reveal = stage.by_validator(0, ContestAction::Reveal { salt: salt(0), model: bytes });
        assert_eq!(stage.fault(&reveal), ContestFault::Model);
    }
    let reveal = stage.reveal(0, &honest);
    stage.world.block(std::slice::from_ref(&reveal));
    let twice = stage.reveal(0, &honest);
    assert_eq!(stage.fault(&twice), ContestFault::Repeated);
}

#[test]
fn only_heads_that_turns_led_to_are_entered_by_those_who_may_take_turns() {
    let mut stage = Stage::begun(&SEALED);
    let no_head = stage.enter(0, 1, &model(0));
    assert_eq!(stage.fault(&no_head), ContestFault::NoHead, "the first model is nobody's work");
    let user = stage.by_user(0, ContestAction::Commit { turns: 1, digest: digest("mine") });
    assert!(matches!(stage.world.refused(&user), Refused::Turn(TurnFault::Author(_))));
    let poor = stage.enter(4, 1, &model(0));
    assert!(matches!(stage.world.refused(&poor), Refused::Turn(TurnFault::Author(_))));
    // A head that moves on after it was entered does not matter; another head than that is not revealed.
    stage.learn(&[model(900)]);
    let enter = stage.enter(0, 1, &model(900));
    let wrong = stage.by_validator(0, ContestAction::Commit { turns: 2, digest: digest("any") });
    assert_eq!(stage.fault(&wrong), ContestFault::NoHead);
    stage.world.block(&[enter]);
    stage.learn(&[model(2_000)]);
    stage.until(1, Window::Reveal);
    let next = stage.reveal(0, &model(2_000));
    assert_eq!(stage.fault(&next), ContestFault::Model);
    let entered = stage.reveal(0, &model(900));
    assert!(stage.takes(&entered));
}

#[test]
fn shards_are_opened_when_they_are_called_by_their_examiners_as_they_were_sealed() {
    let mut stage = Stage::begun(&SEALED);
    let again = stage.seal(0, 0, &rows(0));
    assert_eq!(stage.fault(&again), ContestFault::Repeated);
    let early = stage.open(0, 0, &rows(0));
    assert_eq!(stage.fault(&early), ContestFault::Window);
    // A seal that somebody else copied is another shard, which he cannot open.
    let copied = stage.seal_of(&stage.world.users[0].clone(), 0, &rows(0));
    let copy = stage.by_user(3, stage.sealing(copied));
    stage.world.block(&[copy]);
    let events = stage.shown(1, &[model(2_000)]);
    let called: Vec<_> = Stage::called(&events).into_iter().map(|shard| stage.find(&SEALED, shard)).collect();
    let (user, n) = called[0];
    let not_called: Vec<_> =
        [(0, 0), (1, 1), (1, 2), (2, 3), (3, 4)].into_iter().filter(|one| !called.contains(one)).collect();
    assert_eq!(not_called.len(), 2);
    for (user, n) in not_called {
        let open = stage.open(user, n, &rows(n));
        assert_eq!(stage.fault(&open), ContestFault::NotCalled);
    }
    let thief = stage.open((user + 1) % 4, n, &rows(n));
    assert_eq!(stage.fault(&thief), ContestFault::NoShard);
    let other = stage.open(user, n, &rows(77));
    assert_eq!(stage.fault(&other), ContestFault::NoShard);
    let salted = stage.by_user(user, ContestAction::Open { salt: salt(99), rows: rows(n).to_bytes() });
    assert_eq!(stage.fault(&salted), ContestFault::NoShard);
    let mut short = rows(n).to_bytes();
    short.0.truncate(42);
    let open = stage.by_user(user, ContestAction::Open { salt: salt(n), rows: short });
    assert_eq!(stage.fault(&open), ContestFault::Rows);
    let open = stage.open(user, n, &rows(n));
    stage.world.block(&[open]);
    let twice = stage.open(user, n, &rows(n));
    assert_eq!(stage.fault(&twice), ContestFault::Repeated);
    let withdraw = stage.by_user(called[1].0, ContestAction::Withdraw(Digest::ZERO));
    assert_eq!(stage.fault(&withdraw), ContestFault::NoShard);
    let seal = stage.seal_of(&stage.world.users[called[1].0].clone(), called[1].1, &rows(called[1].1));
    let withdraw = stage.by_user(called[1].0, ContestAction::Withdraw(seal));
    assert_eq!(stage.fault(&withdraw), ContestFault::Window, "nobody takes back what is called");
}

#[test]
fn a_shard_whose_rows_were_sealed_with_labels_that_are_no_class_cannot_be_opened() {
    let mut stage = Stage::new();
    let bad = ExactData::new(rows(0).features().clone(), Tensor::vector(vec![2; 8])).expect("a data set");
    let found = stage.by_user(0, ContestAction::Found(model(0).to_bytes()));
    let mut txs = vec![found, stage.seal(0, 0, &bad)];
    (1..4).for_each(|n| txs.push(stage.seal(n as usize, n, &rows(n))));
    stage.world.block(&txs);
    stage.until(1, Window::Commit);
    let events = stage.shown(1, &[model(2_000)]);
    assert_eq!(Stage::called(&events).len(), 3);
    let open = stage.open(0, 0, &bad);
    assert_eq!(stage.fault(&open), ContestFault::Rows);
}

#[test]
fn rows_that_were_tests_are_not_tests_again_while_they_are_remembered() {
    // Two users seal the same rows, and a third the same but one.
    let mut stage = Stage::new();
    let found = stage.by_user(0, ContestAction::Found(model(0).to_bytes()));
    let near = {
        let mut features = rows(0).features().data().to_vec();
        features[0] = 1;
        ExactData::new(Tensor::new(&[8, 2], features).expect("shape"), rows(0).labels().clone())
            .expect("fits")
    };
    let shards = [rows(0), rows(0), near, rows(3)];
    let mut txs = vec![found];
    shards.iter().enumerate().for_each(|(n, rows)| txs.push(stage.seal(n, n as u64, rows)));
    stage.world.block(&txs);
    stage.until(1, Window::Commit);
    let called = Stage::called(&stage.shown(1, &[model(2_000)]));
    let mut opened = 0;
    for (n, rows) in shards.iter().enumerate().take(3) {
        if !called.iter().any(|shard| shard.examiner == stage.world.user(n)) {
            continue;
        }
        let open = stage.open(n, n as u64, rows);
        if opened == 0 {
            stage.world.block(&[open]);
        } else {
            assert!(matches!(stage.fault(&open), ContestFault::Tested(7 | 8)));
        }
        opened += 1;
    }
    assert!(opened >= 2);
}

#[test]
fn shards_sealed_during_a_contest_wait_for_the_next_and_may_be_taken_back() {
    let mut stage = Stage::begun(&SEALED);
    let late = stage.seal(0, 9, &rows(9));
    stage.world.block(&[late]);
    let seal = stage.seal_of(&stage.world.users[0].clone(), 9, &rows(9));
    let before = stage.world.state.balance(stage.world.user(0));
    let withdraw = stage.by_user(0, ContestAction::Withdraw(seal));
    assert!(stage.takes(&withdraw));
    let events = stage.shown(1, &[model(2_000)]);
    assert!(
        stage
            .world
            .state
            .contest(stage.world.goal_id())
            .expect("on")
            .drawn
            .iter()
            .all(|shard| shard.seal != seal)
    );
    assert_eq!(Stage::called(&events).len(), 3);
    stage.until(2, Window::Commit);
    let withdraw = stage.by_user(0, ContestAction::Withdraw(seal));
    stage.world.block(&[withdraw]);
    assert!(stage.world.state.balance(stage.world.user(0)) > before, "the bond is back");
}

#[test]
fn registries_are_bounded() {
    let mut stage = Stage::begun(&[&[0, 1, 2, 3], &[4, 5, 6, 7]]);
    let ninth = stage.seal(2, 8, &rows(8));
    assert!(matches!(stage.world.refused(&ninth), Refused::Full("test shards")), "all may be called");
    let contest = ContestParams { candidates: 2, ..params().contest };
    let mut stage = Stage::with(Params { contest, ..params() });
    let mut txs = vec![stage.by_user(0, ContestAction::Found(model(0).to_bytes()))];
    (0..4).for_each(|n| txs.push(stage.seal(n as usize, n, &rows(n))));
    stage.world.block(&txs);
    stage.until(1, Window::Commit);
    let models = [model(900), model(1_000), model(1_100)];
    stage.learn(&models);
    let enter = [stage.enter(0, 1, &models[0]), stage.enter(1, 1, &models[1])];
    stage.world.block(&enter);
    let third = stage.enter(2, 1, &models[2]);
    assert!(matches!(stage.world.refused(&third), Refused::Full("candidates")));
}

#[test]
fn only_listed_goals_of_a_bearable_size_have_contests() {
    let mut stage = Stage::new();
    let mine = Goal { name: "mine".into(), ..goal("test") };
    let register = stage.world.by_validator(1, Action::RegisterGoal(mine.clone()));
    stage.world.block(&[register]);
    let step = ContestAction::Seal { seal: digest("seal"), bond: Amount::tokens(10) };
    let seal = stage.world.by_user(0, Action::Contest { goal: mine.id(), step: step.clone() });
    assert_eq!(stage.fault(&seal), ContestFault::Unlisted);
    let unknown = stage.world.by_user(0, Action::Contest { goal: GoalId(digest("none")), step });
    assert!(matches!(stage.world.refused(&unknown), Refused::NoGoal(_)));
    let contest = params().contest;
    let sized = |sizes: &[u32]| Goal { net: Mlp::new(sizes).expect("sizes").into(), ..goal("test") };
    assert!(contest.fits(&sized(&[64, 128, 10])) && !contest.fits(&sized(&[64, 512, 10])));
    let wide = ContestParams { rows: 1_024, called: 63, ..contest };
    assert!(!wide.fits(&sized(&[2, 2_000, 2])), "more values than a program may hold");
}

#[test]
fn the_first_parent_is_the_goals_first_model_and_is_shown_once() {
    let mut stage = Stage::new();
    for wrong in [model(1).to_bytes(), Vec::new().into(), vec![0; 14].into()] {
        let found = stage.by_user(0, ContestAction::Found(wrong));
        assert_eq!(stage.fault(&found), ContestFault::Model);
    }
    let found = stage.by_user(3, ContestAction::Found(model(0).to_bytes()));
    let events = stage.world.block(&[found]);
    assert_eq!(contests(&events), [ContestEvent::Founded]);
    let again = stage.by_user(2, ContestAction::Found(model(0).to_bytes()));
    assert_eq!(stage.fault(&again), ContestFault::Repeated);
    assert_eq!(stage.world.state.parent_model(stage.world.goal_id()).expect("known"), model(0));
}

#[test]
fn stake_counts_that_was_there_from_the_commitment_to_the_pay_and_scoring_is_paid_for_beforehand() {
    let mut stage = Stage::begun(&SEALED);
    let models = three();
    stage.learn(&models);
    let enter = [0, 1, 2].map(|v| stage.enter(v, 1, &models[v]));
    stage.world.block(&enter);
    // Validator 1 unbonds all but what it takes to stay, and validator 2 bonds more.
    let moves = [
        stage.world.by_validator(1, Action::Unbond(Amount::tokens(2_000))),
        stage.world.by_validator(2, Action::Bond(Amount::tokens(2_000))),
    ];
    stage.world.block(&moves);
    stage.until(1, Window::Reveal);
    let reveals = [0, 1, 2].map(|v| stage.reveal(v, &models[v]));
    let scored = stage.world.state.params().contest.score_gas(&stage.world.goal);
    let used = stage.world.build(&reveals[..1]).gas;
    assert!(used > scored, "{used} for what costs everybody {scored}");
    stage.world.block(&reveals);
    stage.until(1, Window::Open);
    let events = stage.world.block(&[]);
    let found: Vec<_> = Stage::called(&events).into_iter().map(|shard| stage.find(&SEALED, shard)).collect();
    let open: Vec<_> = found.iter().map(|(user, n)| stage.open(*user, *n, &rows(*n))).collect();
    stage.world.block(&open);
    stage.until(1, Window::Score);
    let built = stage.world.build(&[]);
    assert_eq!(built.gas, 4 * scored, "the parent and three candidates, before any transaction");
    let events = stage.until(2, Window::Commit);
    let pays = [0, 1, 2].map(|v| paid(&events, stage.world.validator(v), Merit::Gradient));
    let shards: Vec<_> = found.iter().map(|(_, n)| rows(*n)).collect();
    let judged = stage.judged(&model(0), &models, &shards, &[2_000, 1_000, 4_000]);
    let examined: u128 = (0..4).map(|n| paid(&events, stage.world.user(n), Merit::Examination).0).sum();
    assert!(purse_of(&judged, examined, &pays) > Amount::ZERO);
}
