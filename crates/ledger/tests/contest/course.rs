//! Whole contests, from seals to pay.

use crate::stage::{
    Stage, contests, flipped, many_rows, model, one_eyed, paid, params, purse_of, rows, skewed, three,
};
use crate::world::{STAKES, Scripted, TRUE};
use bitneuron_consensus::Certificate;
use bitneuron_core::Amount;
use bitneuron_core::exact::ExactParams;
use bitneuron_ledger::contest::Window;
use bitneuron_ledger::store::{Archive, Decided, Memory};
use bitneuron_ledger::{
    Action, Channel, ContestAction, ContestEvent, Event, Merit, Outcome, Params, State, Void, key as entry,
};

const SEALED: [&[u64]; 4] = [&[0], &[1, 2], &[3], &[4]];

/// Opens what these events call.
fn open_called(stage: &mut Stage, events: &[Event]) -> Vec<u64> {
    let found: Vec<_> = Stage::called(events).into_iter().map(|shard| stage.find(&SEALED, shard)).collect();
    let open: Vec<_> = found.iter().map(|(user, n)| stage.open(*user, *n, &rows(*n))).collect();
    stage.world.block(&open);
    found.into_iter().map(|(_, n)| n).collect()
}

#[test]
fn a_contest_pays_what_the_pure_functions_say_to_the_unit() {
    let mut stage = Stage::begun(&SEALED);
    let models = three();
    let called = stage.shown(1, &models);
    let tested = open_called(&mut stage, &called);
    assert_eq!(tested.len(), 3);
    stage.until(1, Window::Score);
    let scored = stage.world.block(&[]);
    assert!(matches!(&contests(&scored)[..], [ContestEvent::Scored { authors }] if authors.len() == 3));
    let (goal, state) = (stage.world.goal_id(), stage.world.state.clone());
    let shards: Vec<_> = tested.iter().map(|n| rows(*n)).collect();
    let judged = stage.judged(&model(0), &models, &shards, &STAKES);
    assert!(judged.scores.iter().all(|score| *score > 0) && judged.firsts == [true; 3]);
    // The losses are entries of the state, which anybody can prove.
    let proof = state.prove(&entry::candidate(goal, stage.world.validator(1)));
    let shown = proof.verify(state.root(), &entry::candidate(goal, stage.world.validator(1)));
    let candidate: bitneuron_ledger::Candidate =
        shown.expect("holds").expect("there").read().expect("a candidate");
    let base = stage.world.state.contest(goal).expect("on").base.clone();
    let gains: Vec<i64> = base.iter().zip(&candidate.losses).map(|(base, loss)| base - loss).collect();
    assert_eq!(gains, judged.gains[1]);

    let before: Vec<Amount> = (0..3).map(|v| stage.world.state.balance(stage.world.validator(v))).collect();
    let least = stage.world.state.contest_purse(1).gradient;
    let events = stage.world.block(&[]);
    let examined: u128 = (0..4).map(|n| paid(&events, stage.world.user(n), Merit::Examination).0).sum();
    let won: u128 = (0..3).map(|v| paid(&events, stage.world.validator(v), Merit::Gradient).0).sum();
    // Shards of one kind agree, so examiners get all that is theirs: a twentieth, rounded down.
    let pays = [0, 1, 2].map(|v| paid(&events, stage.world.validator(v), Merit::Gradient));
    let purse = purse_of(&judged, examined, &pays);
    assert!(least > Amount::ZERO && purse > least, "the purse grows with time: {purse} after {least}");
    assert!(won + examined < purse.0, "what is not far from chance is not paid in full");
    for (v, pay) in pays.iter().enumerate() {
        let author = stage.world.validator(v);
        assert_eq!(paid(&events, author, Merit::Gradient), *pay);
        assert!(stage.world.state.balance(author) >= before[v].checked_add(*pay).expect("small"));
        assert_eq!(stage.world.state.standing(author).credit_of(Channel::Metric), Amount(pay.0 / 4));
    }
    let value = stage.world.state.value(&entry::outcome(goal)).expect("there");
    let outcome: Outcome = bitneuron_ledger::Value(value.into()).read().expect("an outcome");
    let placings: Vec<_> = outcome.candidates.iter().map(|one| (one.author, one.score, one.pay)).collect();
    let expected: Vec<_> = (0..3).map(|v| (stage.world.validator(v), judged.scores[v], pays[v])).collect();
    assert_eq!((placings, outcome.tests, outcome.moved), (expected, 3, true));
    // The best of all is the next parent, or a merge that is better still.
    let parent = stage.world.state.parent_model(goal).expect("known");
    let again = stage.judged(&parent, &models, &shards, &STAKES);
    assert!(again.scores.iter().all(|score| *score == 0), "nobody is better than the next parent");
    // Nothing is left over of the contest but what is for the next.
    assert_eq!(stage.world.state.candidates(goal).count(), 0);
    assert_eq!(stage.world.state.test_shards(goal).count(), 2);
    let last = contests(&events);
    let ends = [ContestEvent::Void { contest: 2, why: Void::Shards }];
    assert!(last.ends_with(&ends), "two shards are left where four are needed: {last:?}");
}

#[test]
fn candidates_and_shards_that_are_not_shown_cost_their_bonds() {
    let mut stage = Stage::begun(&SEALED);
    let models = [model(900), model(2_000)];
    stage.learn(&models);
    let enter = [stage.enter(0, 1, &models[0]), stage.enter(1, 1, &models[1])];
    stage.world.block(&enter);
    stage.until(1, Window::Reveal);
    let reveal = stage.reveal(0, &models[0]);
    let held = stage.world.state.balance(stage.world.validator(0));
    stage.world.block(&[reveal]);
    assert!(stage.world.state.balance(stage.world.validator(0)) > held, "the bond is back");
    stage.until(1, Window::Open);
    let treasury = stage.world.state.pools().treasury;
    let events = stage.world.block(&[]);
    let lost = ContestEvent::Forfeited { who: stage.world.validator(1), amount: Amount::tokens(100) };
    assert!(contests(&events).contains(&lost), "{events:?}");
    assert_eq!(stage.world.state.pools().treasury, treasury.checked_add(Amount::tokens(100)).expect("small"));
    // Of three called shards two are opened; in the second half the one that stands by is called.
    let called = Stage::called(&events);
    assert_eq!(called.len(), 3);
    let first: Vec<_> = called.iter().map(|shard| stage.find(&SEALED, *shard)).collect();
    let open = [0, 2].map(|at| stage.open(first[at].0, first[at].1, &rows(first[at].1)));
    stage.world.block(&open);
    let absent = called[1];
    let mut events = Vec::new();
    while Stage::called(&events).is_empty() {
        events = stage.world.block(&[]);
    }
    let lost = ContestEvent::Forfeited { who: absent.examiner, amount: Amount::tokens(10) };
    assert!(contests(&events).contains(&lost), "{events:?}");
    let (user, n) = stage.find(&SEALED, Stage::called(&events)[0]);
    let late = stage.open(first[1].0, first[1].1, &rows(first[1].1));
    assert!(!stage.takes(&late), "who was absent is not asked again");
    let spare = stage.open(user, n, &rows(n));
    stage.world.block(&[spare]);
    let events = stage.until(1, Window::Score);
    assert_eq!(contests(&events), []);
    assert_eq!(stage.world.state.contest(stage.world.goal_id()).expect("on").tests.len(), 3);
    let events = stage.until(2, Window::Commit);
    // One candidate alone gets a third.
    let pay = paid(&events, stage.world.validator(0), Merit::Gradient);
    assert!(pay > Amount::ZERO);
    assert!(matches!(
        contests(&events)[..],
        [.., ContestEvent::Paid { moved: true, .. }, ContestEvent::Void { .. }]
    ));
}

#[test]
fn a_contest_without_enough_of_anything_is_void_and_its_share_stays() {
    // No first model; too few shards.
    let mut stage = Stage::new();
    let events = stage.until(1, Window::Commit);
    assert_eq!(contests(&events), [ContestEvent::Void { contest: 1, why: Void::Parent }]);
    let found = stage.by_user(0, ContestAction::Found(model(0).to_bytes()));
    stage.world.block(&[found]);
    let events = stage.until(2, Window::Commit);
    assert_eq!(contests(&events), [ContestEvent::Void { contest: 2, why: Void::Shards }]);
    // No candidate.
    let mut stage = Stage::begun(&SEALED);
    let held: Vec<Amount> = (0..4).map(|n| stage.world.state.balance(stage.world.user(n))).collect();
    stage.until(1, Window::Open);
    let events = stage.world.block(&[]);
    assert_eq!(contests(&events), [ContestEvent::Void { contest: 1, why: Void::Candidates }]);
    assert_eq!(stage.world.state.test_shards(stage.world.goal_id()).count(), 5, "nobody saw them");
    let same = (0..4).map(|n| stage.world.state.balance(stage.world.user(n))).collect::<Vec<_>>() == held;
    assert!(same);
    // One shard of three is opened, where two are needed. Its rows are public; its bond is given back.
    let mut stage = Stage::begun(&SEALED);
    let events = stage.shown(1, &[model(2_000)]);
    let (user, n) = stage.find(&SEALED, Stage::called(&events)[0]);
    let open = stage.open(user, n, &rows(n));
    stage.world.block(&[open]);
    let before = stage.world.state.balance(stage.world.user(user));
    let events = stage.until(1, Window::Score);
    assert!(contests(&events).contains(&ContestEvent::Void { contest: 1, why: Void::Opened }), "{events:?}");
    let after = stage.world.state.balance(stage.world.user(user));
    assert_eq!(Some(after), before.checked_add(Amount::tokens(10)));
    let carried = stage.world.state.pools().carry;
    let events = stage.until(2, Window::Commit);
    let learned = |event: &Event| {
        matches!(event, Event::Rewarded { merit: Merit::Gradient | Merit::Examination | Merit::Royalty, .. })
    };
    assert!(!events.iter().any(learned), "{events:?}");
    assert!(stage.world.state.pools().carry > carried, "its share is carried");
    assert_eq!(stage.world.state.parent(stage.world.goal_id()).expect("known").found, None);
}

#[test]
fn a_copy_of_an_earlier_candidate_is_worth_a_thirty_second() {
    let mut stage = Stage::begun(&SEALED);
    let models = [model(2_000), model(2_000), model(1_980)];
    let events = stage.shown(1, &models);
    open_called(&mut stage, &events);
    let events = stage.until(2, Window::Commit);
    let pay = [0, 1, 2].map(|v| paid(&events, stage.world.validator(v), Merit::Gradient));
    // Stakes of 2,000, 3,000 and 4,000 tokens; the last two scored nearly the same.
    assert!(pay[0].0.abs_diff(pay[1].0 * 64 / 3) <= 64, "{pay:?}");
    assert!(pay[1] > Amount::ZERO && pay[2].0.abs_diff(pay[1].0 * 4 / 3) < pay[1].0 / 10, "{pay:?}");
    // One kind alone gets a third.
    let fee = (0..4).map(|n| paid(&events, stage.world.user(n), Merit::Examination).0).sum::<u128>();
    assert_eq!(fee, 0, "copies rank nothing");
}

#[test]
fn a_shard_that_contradicts_the_others_costs_its_bond() {
    // All five shards are called, and the fifth validator bonds what it takes to enter a candidate.
    let contest =
        bitneuron_ledger::ContestParams { called: 5, spare: 0, live: 5, candidates: 5, ..params().contest };
    let mut stage = Stage::with(Params { contest, ..params() });
    let found = stage.by_user(0, ContestAction::Found(model(0).to_bytes()));
    let bond = stage.world.by_validator(4, Action::Bond(Amount::tokens(1_001)));
    let goal = stage.world.goal_id();
    let data = Action::RegisterData { goal, root: crate::world::data("own") };
    let data = stage.world.by_validator(4, data);
    let mut txs = vec![found, bond, data];
    let shard = |n: u64| if n == 4 { flipped(n) } else { rows(n) };
    (0..5).for_each(|n| txs.push(stage.seal((n % 4) as usize, n, &shard(n))));
    stage.world.block(&txs);
    stage.until(1, Window::Commit);
    let models =
        [skewed(200, 300), skewed(900, -900), one_eyed(-1_500), skewed(1_500, 60), skewed(-2_500, 100)];
    let called = Stage::called(&stage.shown(1, &models));
    assert_eq!(called.len(), 5);
    let open: Vec<_> = (0..5).map(|n| stage.open((n % 4) as usize, n, &shard(n))).collect();
    stage.world.block(&open);
    let events = stage.until(2, Window::Commit);
    // User 0 sealed an honest shard and the flipped one.
    let lost = ContestEvent::Forfeited { who: stage.world.user(0), amount: Amount::tokens(10) };
    let forfeited: Vec<_> = contests(&events)
        .into_iter()
        .filter(|event| matches!(event, ContestEvent::Forfeited { .. }))
        .collect();
    assert_eq!(forfeited, [lost]);
    let examined: Vec<Amount> =
        (0..4).map(|n| paid(&events, stage.world.user(n), Merit::Examination)).collect();
    assert!(
        examined.iter().all(|pay| *pay > Amount::ZERO && pay.0.abs_diff(examined[0].0) <= 1),
        "{examined:?}"
    );
    // And it did not bend the scores: the best is the best.
    assert!(
        paid(&events, stage.world.validator(3), Merit::Gradient)
            > paid(&events, stage.world.validator(0), Merit::Gradient)
    );
    assert_eq!(paid(&events, stage.world.validator(4), Merit::Gradient), Amount::ZERO);
}

#[test]
fn sellers_of_what_was_merged_share_the_data_slice() {
    let mut stage = Stage::begun(&SEALED);
    let world = &mut stage.world;
    world.until_phase(0);
    let txs = [world.offer(0, "dear", 12, 30), world.offer(1, "cheap", 12, 10), world.bid(1, 40, 2)];
    let deals: Vec<_> = world
        .block(&txs)
        .into_iter()
        .filter_map(|event| if let Event::DealMade(deal) = event { Some(deal) } else { None })
        .collect();
    assert_eq!(deals.len(), 2);
    let mut txs = Vec::new();
    for deal in &deals {
        let user = usize::from(deal.seller == world.user(1));
        let claim = world.score_claim(user, deal, 12, TRUE);
        txs.push(world.by_user(user, Action::Claim(claim)));
        txs.push(world.by_validator(1, Action::Receipt { deal: deal.id }));
    }
    world.block(&txs);
    let models: [ExactParams; 2] = [model(900), skewed(2_000, 40)];
    let events = stage.shown(1, &models);
    open_called(&mut stage, &events);
    let events = stage.until(2, Window::Commit);
    let royalty = [0, 1].map(|n| paid(&events, stage.world.user(n), Merit::Royalty));
    let prices: Vec<u128> = deals.iter().map(|deal| deal.total.0).collect();
    let (dear, cheap) = (prices.iter().max().expect("two"), prices.iter().min().expect("two"));
    assert!(royalty[1] > Amount::ZERO);
    assert!((royalty[0].0 * cheap).abs_diff(royalty[1].0 * dear) <= *dear, "{royalty:?} by {prices:?}");
    // What the candidate that bought nothing brought is not paid.
    let all: u128 = events
        .iter()
        .map(|event| match event {
            Event::Rewarded { merit: Merit::Royalty, amount, .. } => amount.0,
            _ => 0,
        })
        .sum();
    assert_eq!(all, royalty[0].0 + royalty[1].0);
    // Nor is more than the treasury kept of the two sales, however much there is to pay.
    let sold = Amount(dear + cheap);
    assert_eq!(Amount(all), stage.world.state.params().market.deals.split.divide(sold).treasury);
    assert!(stage.world.state.pools().carry > sold);
}

#[test]
fn a_ledger_that_is_closed_in_the_middle_of_a_contest_goes_on() {
    let mut stage = Stage::begun(&SEALED);
    let events = stage.shown(1, &[model(900), model(2_000)]);
    open_called(&mut stage, &events);
    stage.until(1, Window::Score);
    stage.world.block(&[]);
    let genesis = stage.world.genesis.clone();
    let mut state = State::genesis(&genesis).expect("valid");
    let mut archive = Archive::open(Memory::default(), &genesis).expect("empty").0;
    for block in &stage.world.blocks {
        state = state.execute(block, &Scripted).expect("valid").0;
        let certificate =
            Certificate { height: block.header.height, round: 0, block: block.id(), votes: Vec::new() };
        let decided = Decided { block, certificate: &certificate, state: &state };
        archive.commit(&decided).expect("follows");
    }
    let (_, opened) = Archive::open(archive.into_store(), &genesis).expect("whole");
    assert_eq!(opened.root(), stage.world.state.root());
    let built = stage.world.build(&[]);
    let (after, events) = opened.execute(&built.block, &Scripted).expect("valid");
    assert_eq!((after.root(), &events), (built.state.root(), &built.events));
    assert!(events.iter().any(|event| matches!(event, Event::Rewarded { merit: Merit::Gradient, .. })));
}

#[test]
fn a_block_scores_no_more_than_it_has_work_for_and_all_are_scored_in_time() {
    let contest = bitneuron_ledger::ContestParams {
        rows: 1_024,
        called: 15,
        spare: 0,
        live: 15,
        shards: 15,
        score: 3,
        work: 1_000_000,
        ..params().contest
    };
    let mut stage = Stage::with(Params { contest: contest.clone(), ..params() });
    let each = contest.score_gas(&stage.world.goal);
    assert_eq!(contest.work / each, 2, "the parent and one candidate, then two");
    assert_eq!(contest.room(&stage.world.goal, 1), 3);
    let mut txs = vec![stage.by_user(0, ContestAction::Found(model(0).to_bytes()))];
    (0..15).for_each(|n| txs.push(stage.seal((n % 4) as usize, n, &many_rows(n, 1_024))));
    stage.world.block(&txs);
    stage.until(1, Window::Commit);
    let models = three();
    let called = Stage::called(&stage.shown(1, &models));
    assert_eq!(called.len(), 15);
    let open: Vec<_> = (0..15).map(|n| stage.open((n % 4) as usize, n, &many_rows(n, 1_024))).collect();
    stage.world.block(&open);
    stage.until(1, Window::Score);
    let mut scored = Vec::new();
    for _ in 0..3 {
        let built = stage.world.build(&[]);
        assert!(built.gas <= contest.work, "{}", built.gas);
        let events = contests(&stage.world.accept(built));
        scored.extend(events.iter().filter_map(|event| match event {
            ContestEvent::Scored { authors } => Some(authors.len()),
            _ => None,
        }));
    }
    assert_eq!(scored, [1, 2]);
    let goal = stage.world.goal_id();
    assert_eq!(stage.world.state.outcome(goal).map(|outcome| outcome.candidates.len()), Some(3));
}
