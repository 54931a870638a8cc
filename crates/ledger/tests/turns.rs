//! Turns: what may be merged, what moves a head, and what it earns.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::claim::{Claim, Source, Turn};
use bitneuron_core::exact::DataRoot;
use bitneuron_core::{Amount, Context, Height, Reputation, Share, encode};
use bitneuron_ledger::{Action, Channel, Event, Refused, Refutation, TurnFault, part, turn_shares};
use world::*;

fn fault(refused: &Refused) -> TurnFault {
    match refused {
        Refused::Turn(fault) => *fault,
        other => panic!("{other}"),
    }
}

/// Claims `turn`, which was committed to, with the ledger's score seed.
fn claimed(world: &mut World, v: usize, turn: &Turn) -> Refused {
    let claim = world.turn_claim(v, turn, (3, 6), TRUE);
    let tx = world.by_validator(v, Action::Claim(claim));
    world.refused(&tx)
}

/// Commits to `turn` and says why its claim is refused.
fn committed(world: &mut World, v: usize, turn: &Turn) -> TurnFault {
    let commit = world.commit(v, turn);
    world.block(&[commit]);
    fault(&claimed(world, v, turn))
}

#[test]
fn a_turn_merges_what_was_bought_and_moves_the_head() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    let (author, goal) = (world.validator(1), world.goal_id());
    let early = world.state.turn_plan(author, goal).expect("the next height opens the round");
    assert_eq!(early.inputs.len(), 1);
    assert_eq!((early.inputs[0].source, early.inputs[0].from), (Source::Deal(deal.id), world.user(0)));
    assert_eq!(early.inputs[0].part, part(12 << 12, Reputation(0)));
    assert_eq!(early.own.0 + early.inputs[0].share.0, Share::ONE.0);
    assert_eq!(world.state.turn_plan(world.validator(2), goal).expect("open").inputs, []);

    let turn = world.turn(1, "after");
    let commit = world.commit(1, &turn);
    let events = world.block(&[commit]);
    assert_eq!(events, [Event::TurnCommitted { author, goal }]);
    let open = world.state.open_turn(author, goal).expect("open");
    assert_eq!(open.plan, early, "what the author saw is what the ledger recorded");
    let claim = world.turn_claim(1, &turn, (3, 6), TRUE);
    let tx = world.by_validator(1, Action::Claim(claim));
    let events = world.block(&[tx]);
    let accepted = Event::TurnAccepted {
        author,
        goal,
        head: model("after"),
        right_before: 3,
        right_after: 6,
        drawn: 8,
        inputs: 1,
        kept: 1,
    };
    assert_eq!(events[0], accepted);
    let merits = events
        .iter()
        .filter_map(|event| if let Event::Rewarded { merit, .. } = event { Some(*merit) } else { None });
    assert_eq!(merits.collect::<Vec<_>>(), [], "learning is paid by contests, building at an epoch's end");
    let head = world.state.head(goal, author).expect("registered");
    assert_eq!((head.model, head.score(), head.turns), (model("after"), 6 << 13, 1));
    assert_eq!(world.state.model(goal).map(|(id, _)| id), Some(author));
    assert!(world.state.reputation(author) > Reputation(0));
    assert!(world.state.reputation(world.user(0)) > Reputation(0));
}

#[test]
fn a_seller_gains_nothing_from_a_turn_that_did_not_improve() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    let events = world.play(1, "after", (6, 6));
    assert!(matches!(events[0], Event::TurnAccepted { inputs: 1, kept: 1, .. }), "{events:?}");
    assert_eq!(world.state.reputation(world.user(0)), Reputation(0));
    let trained = world.state.standing(world.validator(1)).credit_of(Channel::Training);
    assert!(trained > Amount::ZERO);
}

#[test]
fn what_an_author_is_not_entitled_to_is_refused() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    let honest = world.turn(1, "after");

    let mut foreign = world.turn(2, "foreign");
    foreign.inputs = honest.inputs.clone();
    foreign.kept = honest.kept.clone();
    let mut share = honest.clone();
    share.inputs[0].share.0 -= 1;
    assert_eq!(committed(&mut world, 2, &foreign), TurnFault::Input(Source::Deal(deal.id)));
    assert_eq!(committed(&mut world, 1, &share), TurnFault::Share(Source::Deal(deal.id)));

    // Validators 0 and 3 in the next round.
    world.until_phase(2);
    let mut unregistered = world.turn(0, "unregistered");
    unregistered.data = data("nobody's");
    let mut seed = world.turn(3, "seed");
    seed.batch_seed = digest("my own");
    assert_eq!(committed(&mut world, 0, &unregistered), TurnFault::Data);
    world.until_phase(2);
    assert_eq!(committed(&mut world, 3, &seed), TurnFault::Seed);
}

#[test]
fn the_claim_is_of_what_was_committed_to() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    let turn = world.turn(1, "after");
    let commit = world.commit(1, &turn);
    world.block(&[commit]);
    let open = world.commit(1, &turn);
    assert_eq!(fault(&world.refused(&open)), TurnFault::Open);

    let other = Turn { after: model("better"), ..turn.clone() };
    assert_eq!(fault(&claimed(&mut world, 1, &other)), TurnFault::Commitment);
    let mut refuse = |turn: &Turn, height: Height| {
        let context = Context {
            chain: world.state.chain(),
            height,
            by: world.validator(1),
            subject: world.goal_id().0,
        };
        let claim = Claim::new(&world.validators[1], Turn::DOMAIN, context, encode(turn), TRUE.to_vec());
        let tx = world.by_validator(1, Action::Claim(claim));
        fault(&world.refused(&tx))
    };
    let now = Height(3);
    let seeded = Turn { score_seed: digest("rows that I like"), ..turn.clone() };
    assert_eq!(refuse(&seeded, now), TurnFault::Seed);
    assert_eq!(refuse(&seeded, Height(2)), TurnFault::Context);
    let claim = world.turn_claim(1, &turn, (3, 9), TRUE);
    let tx = world.by_validator(1, Action::Claim(claim));
    assert_eq!(fault(&world.refused(&tx)), TurnFault::Score);
    let claim = world.turn_claim(1, &turn, (3, 6), FALSE);
    let tx = world.by_validator(1, Action::Claim(claim));
    assert!(matches!(world.refused(&tx), Refused::Claim(_)));
}

#[test]
fn nothing_is_merged_twice() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    let turn = world.turn(1, "after");
    let commit = world.commit(1, &turn);
    world.block(&[commit]);
    // The claim in the last phase; a second commitment in the same block sees the deal used and the head moved.
    let claim = world.turn_claim(1, &turn, (3, 6), TRUE);
    let txs = [world.by_validator(1, Action::Claim(claim.clone()))];
    world.block(&txs);
    let again = world.by_validator(1, Action::Claim(claim));
    assert_eq!(fault(&world.refused(&again)), TurnFault::NotOpen);
    world.until_phase(2);
    assert_eq!(world.turn(1, "second").inputs, [], "deals of the round before are gone");
    // A twice-named input.
    let deal = world.deal(0, 1, "another", 12);
    world.settle(0, 1, &deal);
    let mut twice = world.turn(1, "twice");
    twice.inputs = vec![twice.inputs[0]; 2];
    twice.kept = vec![true; 2];
    assert_eq!(committed(&mut world, 1, &twice), TurnFault::Order);
}

#[test]
fn a_used_deal_is_refused_while_its_round_lasts() {
    let mut params = bitneuron_ledger::Params::devnet();
    params.round = 8;
    let mut world = World::with(params);
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    let turn = world.turn(1, "after");
    let commit = world.commit(1, &turn);
    world.block(&[commit]);
    let claim = world.turn_claim(1, &turn, (3, 6), TRUE);
    let tx = world.by_validator(1, Action::Claim(claim));
    world.block(&[tx]);
    // The round goes on, but the author's head has moved since it opened: one turn a round.
    assert_eq!(
        world.state.turn_plan(world.validator(1), world.goal_id()).map(|plan| plan.inputs.len()),
        Some(0)
    );
    let mut again = Turn { before: model("after"), after: model("again"), ..turn };
    again.batch_seed = world.state.turn_plan(world.validator(1), world.goal_id()).expect("open").batch_seed;
    assert_eq!(committed(&mut world, 1, &again), TurnFault::Input(Source::Deal(deal.id)));
}

#[test]
fn heads_of_others_are_drawn_and_weighed() {
    let mut world = World::new();
    for (v, right) in [(0, 4), (1, 6), (2, 8), (3, 8)] {
        world.play(v, &format!("head {v}"), (0, right));
    }
    let goal = world.goal_id();
    let best = [world.validator(2), world.validator(3)].into_iter().min();
    assert_eq!(world.state.model(goal).map(|(id, _)| id), best, "ties go to the lowest name");
    world.until_phase(2);
    let plan = world.state.turn_plan(world.validator(0), goal).expect("open");
    assert_eq!(plan.inputs.len(), 2);
    assert!(
        plan.inputs.iter().all(|input| matches!(input.source, Source::Head(id) if id != world.validator(0)))
    );
    let own = world.state.reputation(world.validator(0));
    assert_eq!(plan.own_part, part(4 << 13, own));
    let parts: Vec<u64> = plan.inputs.iter().map(|input| input.part).collect();
    let (share, shares) = turn_shares(plan.own_part, &parts);
    assert_eq!(share, plan.own);
    assert_eq!(shares, plan.inputs.iter().map(|input| input.share).collect::<Vec<_>>());
    // Dropping one input divides anew; the ledger accepts any part of the plan.
    let mut turn = world.turn(0, "with one head");
    let mut fewer = plan.clone();
    fewer.keep(|input| input.source == plan.inputs[0].source);
    turn.inputs = fewer.turn_inputs();
    turn.kept = vec![false];
    let commit = world.commit(0, &turn);
    world.block(&[commit]);
    let claim = world.turn_claim(0, &turn, (4, 5), TRUE);
    let tx = world.by_validator(0, Action::Claim(claim));
    let events = world.block(&[tx]);
    assert!(matches!(events[0], Event::TurnAccepted { inputs: 1, kept: 0, .. }), "{events:?}");
}

#[test]
fn a_goal_that_anybody_registered_draws_no_rewards() {
    let mut world = World::new();
    let mine = bitneuron_core::goal::Goal { name: "mine".into(), ..goal("test") };
    let treasury = world.state.pools().treasury;
    let txs = [
        world.by_validator(1, Action::RegisterGoal(mine.clone())),
        world.by_validator(1, Action::RegisterData { goal: mine.id(), root: data("own") }),
    ];
    world.block(&txs);
    assert!(world.state.pools().treasury >= treasury.checked_add(Amount::tokens(10)).expect("small"));
    let again = world.by_validator(2, Action::RegisterGoal(mine.clone()));
    assert!(matches!(world.refused(&again), Refused::Registered));
    let listed = std::mem::replace(&mut world.goal, mine.clone());
    // Data may be used an epoch after they were registered, not before.
    world.until_phase(2);
    let turn = world.turn(1, "early");
    assert_eq!(committed(&mut world, 1, &turn), TurnFault::Data);
    world.until(22);
    let events = world.play(1, "after", (0, 8));
    assert!(matches!(events[..], [Event::TurnAccepted { .. }]), "{events:?}");
    assert_eq!(world.state.reputation(world.validator(1)), Reputation(0));
    assert_eq!(world.state.head(listed.id(), world.validator(1)).expect("listed").turns, 0);
    let user = world.by_user(0, Action::RegisterData { goal: mine.id(), root: data("own") });
    assert_eq!(
        fault(&world.refused(&user)),
        TurnFault::Author(world.user(0)),
        "who takes no turns needs no data"
    );
    let (own, metric) = (data("own"), mine.metric_set);
    for root in [
        DataRoot { columns: 3, ..own },
        DataRoot { rows: 0, ..own },
        DataRoot { features: metric.features, ..own },
    ] {
        let tx = world.by_validator(1, Action::RegisterData { goal: mine.id(), root });
        assert!(matches!(world.refused(&tx), Refused::Data), "{root:?}");
    }
    // Two sets may have the same column of labels.
    let root = DataRoot { labels: metric.labels, ..own };
    let tx = world.by_validator(1, Action::RegisterData { goal: mine.id(), root });
    world.block(&[tx]);
}

#[test]
fn an_author_registers_so_many_data_sets_for_a_goal() {
    let mut params = bitneuron_ledger::Params::devnet();
    params.turns.data = 3;
    let mut world = World::with(params);
    let goal = world.goal_id();
    let register = |world: &mut World, v: usize, name: &str| {
        world.by_validator(v, Action::RegisterData { goal, root: data(name) })
    };
    // Validators 1 and 2 have one each from the genesis.
    for name in ["second", "third"] {
        let tx = register(&mut world, 1, name);
        world.block(&[tx]);
    }
    let fourth = register(&mut world, 1, "fourth");
    assert!(matches!(world.refused(&fourth), Refused::Full(_)));
    let other = register(&mut world, 2, "fourth");
    world.block(&[other]);
}

#[test]
fn turns_have_their_phase_their_authors_and_their_window() {
    let mut world = World::new();
    let action = Action::CommitTurn { goal: world.goal_id(), commitment: digest("any") };
    let early = world.by_validator(1, action.clone());
    assert_eq!(fault(&world.refused(&early)), TurnFault::Phase);
    assert!(world.state.turn_plan(world.validator(1), world.goal_id()).is_none());
    world.until_phase(2);
    let user = world.by_user(0, action.clone());
    assert_eq!(fault(&world.refused(&user)), TurnFault::Author(world.user(0)));
    let poor = world.by_validator(4, action);
    assert_eq!(fault(&world.refused(&poor)), TurnFault::Author(world.validator(4)));
    let turn = world.turn(1, "after");
    let commit = world.commit(1, &turn);
    world.block(&[commit]);
    let claim = world.turn_claim(1, &turn, (3, 6), TRUE);
    for _ in 1..world.state.params().turns.window {
        world.block(&[]);
    }
    // The last height of the window, and the one after.
    let tx = world.by_validator(1, Action::Claim(claim));
    assert!(world.build(std::slice::from_ref(&tx)).dropped.is_empty());
    world.block(&[]);
    assert_eq!(fault(&world.refused(&tx)), TurnFault::NotOpen);
    let lapsed = Event::TurnLapsed { author: world.validator(1), goal: world.goal_id() };
    assert!(world.block(&[]).contains(&lapsed));
}

#[test]
fn a_false_turn_costs_stake_and_reputation() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    world.play(1, "before", (3, 6));
    world.until_phase(2);
    let turn = world.turn(1, "after");
    let commit = world.commit(1, &turn);
    world.block(&[commit]);
    let lie = world.turn_claim(1, &turn, (3, 8), FALSE);
    let (who, reputation) = (world.validator(1), world.state.reputation(world.validator(1)));
    let tx = world.by_user(0, Action::Refute(Refutation::Claim(lie)));
    let events = world.block(&[tx]);
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Frozen { amount, .. } if *amount == Amount::tokens(3)))
    );
    assert_eq!(world.state.stake(who).expect("staked").bonded, Amount::tokens(2_997));
    assert!(world.state.reputation(who).0 <= reputation.0 / 16);
    assert!(reputation.0 > 50, "there was something to lose");
}
