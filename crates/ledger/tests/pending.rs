//! Turns whose proofs convince later: nothing moves and nothing is paid until then, and what falls, falls alone.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::claim::{Demand, Source};
use bitneuron_core::{Amount, Bytes, Height, NodeId, Reputation};
use bitneuron_ledger::{Action, Event, Offence, Params, Refused, State, TurnFault, TurnId};
use bitneuron_market::BasisPoints;
use world::*;

/// A turn of validator `v` that was just claimed.
fn claimed(world: &mut World, v: usize, after: &str) -> TurnId {
    let events = world.play_by(v, after, (3, 6), LATER);
    let [Event::TurnPending { turn, head, until }, ..] = events[..] else { panic!("{events:?}") };
    assert_eq!((turn.author, turn.at, head), (world.validator(v), world.state.height(), model(after)));
    assert_eq!(until, Height(turn.at.0 + WINDOW));
    turn
}

fn answer(world: &mut World, turn: TurnId, answer: &[u8]) -> bitneuron_ledger::SignedTx {
    world.by_user(1, Action::Answer { turn, answer: Bytes(answer.to_vec()) })
}

fn bytes(text: &str) -> Bytes {
    Bytes(text.as_bytes().to_vec())
}

fn challenge(world: &mut World, turn: TurnId, step: &str) -> bitneuron_ledger::SignedTx {
    world.by_user(0, Action::Challenge { turn, step: bytes(step) })
}

fn fault(refused: &Refused) -> TurnFault {
    match refused {
        Refused::Turn(fault) => *fault,
        other => panic!("{other}"),
    }
}

fn head(state: &State, world: &World, v: usize) -> (u64, bitneuron_core::Commitment) {
    let head = state.head(world.goal_id(), world.validator(v)).expect("a goal");
    (head.turns, head.model)
}

fn slashed(events: &[Event]) -> Vec<(NodeId, Offence, Amount)> {
    let slashes = events.iter().filter_map(|event| match event {
        Event::Frozen { who, offence, amount, .. } => Some((*who, *offence, *amount)),
        _ => None,
    });
    slashes.collect()
}

#[test]
fn a_turn_settles_after_its_window_and_is_paid_then() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    world.settle(0, 1, &deal);
    let turn = claimed(&mut world, 1, "after");
    let author = world.validator(1);
    let good =
        |world: &World| world.state.deals().find(|sale| sale.deal.id == deal.id).and_then(|sale| sale.good);
    assert!(good(&world).is_some_and(|good| good.used && good.pending));
    // The beacon of the next height audits it in the one after.
    assert_eq!(world.block(&[]), []);
    let early = answer(&mut world, turn, ANSWER);
    let audited = world.build(&[]).events;
    assert_eq!(audited, [Event::TurnAudited { turn, due: Height(turn.at.0 + 4) }]);
    world.block(&[early]);
    assert_eq!(world.state.audited().count(), 0);
    let again = answer(&mut world, turn, ANSWER);
    assert_eq!(fault(&world.refused(&again)), TurnFault::NotAsked);
    world.block(&[]);
    assert_eq!(head(&world.state, &world, 1), (0, model("initial")), "not yet");
    assert_eq!(world.state.reputation(author), Reputation(0));
    assert!(world.state.model(world.goal_id()).is_none());
    let balance = world.state.balance(author);
    let events = world.block(&[]);
    assert_eq!(world.state.height(), Height(turn.at.0 + WINDOW));
    assert!(matches!(events[0], Event::TurnAccepted { author: who, inputs: 1, .. } if who == author));
    assert!(world.state.balance(author) >= balance && world.state.reputation(author) > Reputation(0));
    assert!(world.state.reputation(world.user(0)) > Reputation(0), "the seller of what was merged, too");
    assert_eq!(head(&world.state, &world, 1), (1, model("after")));
    assert_eq!(world.state.pending().count(), 0);
    assert!(good(&world).is_none_or(|good| !good.pending));
}

#[test]
fn an_author_builds_on_its_own_pending_turn_and_nobody_else_does() {
    let mut world = World::new();
    world.play(0, "settled", (3, 4));
    let first = claimed(&mut world, 1, "first");
    let tx = answer(&mut world, first, ANSWER);
    world.block(&[]);
    world.block(&[tx]);
    world.until_phase(2);
    assert_eq!(world.state.height().next(), Height(first.at.0 + 3));
    let (own, other) = (world.turn(1, "second"), world.turn(0, "other"));
    assert_eq!(own.before, model("first"));
    assert_eq!(
        own.inputs.iter().map(|input| input.source).collect::<Vec<_>>(),
        [Source::Head(world.validator(0))]
    );
    assert_eq!(other.inputs, [], "what is pending is merged by nobody");
    let plan = world.state.turn_plan(world.validator(1), world.goal_id()).expect("open");
    assert_eq!(
        plan.own_part,
        bitneuron_ledger::part(6 << 13, Reputation(0)),
        "by the score that was claimed"
    );
    // One turn a round, also when it is pending.
    let commit = world.commit(1, &own);
    world.block(&[commit]);
    let claim = world.turn_claim(1, &own, (3, 6), LATER);
    let tx = world.by_validator(1, Action::Claim(claim));
    world.block(&[tx]);
    let fronts = [world.goal_id()].map(|goal| world.state.front(goal, world.validator(1)).expect("a goal"));
    assert_eq!((fronts[0].turns, fronts[0].model), (2, model("second")));
    assert_eq!(head(&world.state, &world, 1), (1, model("first")), "the first has settled meanwhile");
}

#[test]
fn an_unanswered_audit_is_lost_with_all_that_was_built_on_it() {
    let mut params = Params::devnet();
    params.audits.window = 16;
    params.audits.patience = 6;
    let mut world = World::with(params);
    for round in 0..2 {
        world.play(1, &format!("{round}"), (3, 6));
    }
    let author = world.validator(1);
    let (settled, blame) = (head(&world.state, &world, 1), world.state.standing(author).blame);
    let first = claimed(&mut world, 1, "first");
    let second = claimed(&mut world, 1, "second");
    assert_eq!(second.at, Height(first.at.0 + 4));
    world.until_phase(2);
    let open = world.turn(1, "third");
    let commit = world.commit(1, &open);
    world.block(&[commit]);
    assert!(world.state.open_turn(author, world.goal_id()).is_some());
    let wrong = answer(&mut world, first, b"wrong");
    assert!(matches!(world.refused(&wrong), Refused::Claim(_)), "a wrong answer is none");
    let events = world.block(&[]);
    assert_eq!(world.state.height(), Height(first.at.0 + 8), "the last height for the answer");
    // Two percent of 3,000 tokens.
    assert_eq!(slashed(&events), [(author, Offence::LostAudit, Amount::tokens(60))]);
    assert_eq!(world.state.stake(author).expect("staked").frozen, Amount::tokens(60));
    let reversed = |turn, name| Event::TurnReversed { turn, head: model(name) };
    assert!(events.contains(&reversed(first, "first")) && events.contains(&reversed(second, "second")));
    assert_eq!(world.state.pending().count(), 0);
    assert!(world.state.open_turn(author, world.goal_id()).is_none());
    assert_eq!(head(&world.state, &world, 1), settled);
    assert!(world.state.standing(author).blame > blame);
    for turn in [first, second] {
        let late = answer(&mut world, turn, ANSWER);
        assert_eq!(fault(&world.refused(&late)), TurnFault::NotPending);
    }
    // Out of jail it goes on from what is settled.
    let free =
        |world: &World| world.state.stake(author).is_some_and(|stake| stake.is_free(world.state.epoch()));
    assert!(!free(&world));
    while !free(&world) {
        world.block(&[]);
    }
    world.play(1, "again", (3, 6));
    assert_eq!(head(&world.state, &world, 1), (settled.0 + 1, model("again")));
}

#[test]
fn beacons_audit_the_part_of_turns_that_the_chain_says() {
    let audited = |sampled: u16| {
        let mut params = Params::devnet();
        params.audits.sampled = BasisPoints(sampled);
        let mut world = World::with(params);
        let mut count = 0;
        for round in 0..12 {
            for v in 0..2 {
                let turn = claimed(&mut world, v, &format!("{round}"));
                world.block(&[]);
                let events = world.block(&[]);
                count += usize::from(events.iter().any(|event| matches!(event, Event::TurnAudited { .. })));
                if world.state.audited().count() > 0 {
                    let tx = answer(&mut world, turn, ANSWER);
                    world.block(&[tx]);
                }
            }
        }
        world.until(world.state.height().0 + WINDOW);
        assert_eq!(head(&world.state, &world, 0).0, 12, "all settle");
        count
    };
    assert_eq!((audited(0), audited(10_000)), (0, 24));
    assert!((4..20).contains(&audited(5_000)));
}

#[test]
fn an_audit_may_have_to_be_answered_by_a_whole_proof() {
    let mut params = Params::devnet();
    params.audits.demand = Demand::Proof(7);
    let mut world = World::with(params);
    let turn = claimed(&mut world, 1, "after");
    world.block(&[]);
    let openings = answer(&mut world, turn, ANSWER);
    assert!(matches!(world.refused(&openings), Refused::Claim(_)), "openings are not what is demanded");
    let proof = answer(&mut world, turn, TRUE);
    let events = world.block(&[proof]);
    assert!(events.contains(&Event::AuditAnswered { turn }));
    world.until(turn.at.0 + WINDOW);
    assert_eq!(head(&world.state, &world, 1), (1, model("after")));
}

/// A turn of validator 1 with an open dispute of user 0, the author asked.
fn disputed() -> (World, TurnId) {
    let mut world = World::new();
    let turn = claimed(&mut world, 1, "after");
    let early = challenge(&mut world, turn, "ask the author");
    assert_eq!(fault(&world.refused(&early)), TurnFault::NotAsked, "before the beacon is known");
    world.block(&[]);
    let own = world.by_validator(1, Action::Challenge { turn, step: bytes("ask the author") });
    assert!(matches!(world.refused(&own), Refused::NotParty(_)));
    let none = challenge(&mut world, turn, "nonsense");
    assert!(matches!(world.refused(&none), Refused::Claim(_)));
    let balance = world.state.balance(world.user(0));
    let txs = [challenge(&mut world, turn, "ask the author"), answer(&mut world, turn, ANSWER)];
    let events = world.block(&txs);
    assert!(events.contains(&Event::TurnDisputed { turn, challenger: world.user(0) }));
    assert!(events.contains(&Event::DisputeMoved { turn, asked: world.validator(1) }));
    let bond = world.state.params().audits.bond;
    assert_eq!(world.state.escrow(turn.bond()), bond);
    assert!(world.state.balance(world.user(0)) < balance.saturating_sub(bond));
    (world, turn)
}

fn moves(world: &mut World, v: Option<usize>, turn: TurnId, step: &str) -> bitneuron_ledger::SignedTx {
    let action = Action::Move { turn, step: bytes(step) };
    match v {
        Some(v) => world.by_validator(v, action),
        None => world.by_user(0, action),
    }
}

#[test]
fn a_challenger_that_is_right_has_its_bond_back_and_the_informers_part() {
    let (mut world, turn) = disputed();
    let wrong_party = moves(&mut world, None, turn, "ask the challenger");
    assert!(matches!(world.refused(&wrong_party), Refused::NotParty(_)));
    let second = challenge(&mut world, turn, "ask the author");
    assert_eq!(fault(&world.refused(&second)), TurnFault::Disputed);
    let repeated = moves(&mut world, Some(1), turn, "ask the author");
    assert!(matches!(world.refused(&repeated), Refused::Claim(_)), "the referee remembers");
    let tx = moves(&mut world, Some(1), turn, "ask the challenger");
    world.block(&[tx]);
    // The window passes while they dispute: nothing settles.
    let tx = moves(&mut world, None, turn, "ask the author");
    world.block(&[tx]);
    assert!(world.state.height().0 >= turn.at.0 + WINDOW);
    assert!(world.state.pending_turn(turn).is_some());
    let balance = world.state.balance(world.user(0));
    let tx = moves(&mut world, Some(1), turn, "the author lied");
    let events = world.block(&[tx]);
    // Two percent of 3,000 tokens, and five percent of that for the challenger, later.
    let author = world.validator(1);
    assert_eq!(slashed(&events), [(author, Offence::LostDispute, Amount::tokens(60))]);
    assert!(events.contains(&Event::DisputeEnded { turn, guilty: world.validator(1) }));
    assert!(events.contains(&Event::TurnReversed { turn, head: model("after") }));
    let back = world.state.params().audits.bond;
    assert_eq!(world.state.balance(world.user(0)).saturating_sub(balance), back);
    world.until(79);
    let informer = world.state.stake(world.user(0)).expect("tokens that unbond");
    assert_eq!((informer.held(), informer.bonded), (Amount::tokens(3), Amount::ZERO));
    assert_eq!(world.state.escrow(turn.bond()), Amount::ZERO);
    assert_eq!(head(&world.state, &world, 1), (0, model("initial")));
}

#[test]
fn a_challenger_that_is_wrong_pays_the_author_and_the_window_goes_on() {
    let (mut world, turn) = disputed();
    let (author, bond) = (world.validator(1), world.state.params().audits.bond);
    let opened = world.state.height().0;
    let balance = world.state.balance(author);
    let tx = moves(&mut world, Some(1), turn, "the challenger lied");
    let events = world.block(&[tx]);
    assert_eq!(slashed(&events), []);
    assert!(events.contains(&Event::DisputeEnded { turn, guilty: world.user(0) }));
    let fee = balance.checked_add(bond).expect("small").saturating_sub(world.state.balance(author));
    assert!(fee < Amount::TOKEN, "the bond is the author's");
    let until = world.state.pending_turn(turn).expect("waits").until.0;
    assert_eq!(until, turn.at.0 + WINDOW + (world.state.height().0 - opened));
    world.until(until);
    assert_eq!(head(&world.state, &world, 1), (1, model("after")));
}

#[test]
fn who_is_asked_and_silent_loses() {
    let (mut world, turn) = disputed();
    let patience = world.state.params().audits.patience;
    world.until(world.state.height().0 + patience - 1);
    assert!(world.state.pending_turn(turn).is_some(), "until the end of that height");
    let events = world.block(&[]);
    assert_eq!(slashed(&events), [(world.validator(1), Offence::LostDispute, Amount::tokens(60))]);

    let (mut world, turn) = disputed();
    let tx = moves(&mut world, Some(1), turn, "ask the challenger");
    world.block(&[tx]);
    world.until(world.state.height().0 + patience);
    assert!(world.state.pending_turn(turn).is_some_and(|turn| turn.dispute.is_none()));
    assert_eq!(world.state.escrow(turn.bond()), Amount::ZERO);
    world.until(world.state.height().0 + WINDOW);
    assert_eq!(head(&world.state, &world, 1), (1, model("after")));
}

#[test]
fn what_falls_with_an_earlier_turn_costs_its_challenger_nothing() {
    let mut params = Params::devnet();
    params.audits.window = 16;
    params.audits.patience = 6;
    let mut world = World::with(params);
    let first = claimed(&mut world, 1, "first");
    let second = claimed(&mut world, 1, "second");
    world.block(&[]);
    let tx = challenge(&mut world, second, "ask the author");
    world.block(&[tx]);
    let balance = world.state.balance(world.user(0));
    world.until(first.at.0 + 8);
    assert_eq!(world.state.pending().count(), 0);
    assert_eq!(world.state.escrow(second.bond()), Amount::ZERO);
    let bond = world.state.params().audits.bond;
    assert_eq!(world.state.balance(world.user(0)).saturating_sub(balance), bond);
}

#[test]
fn a_score_that_settles_later_pays_nobody() {
    let mut world = World::new();
    let deal = world.deal(0, 1, "model", 12);
    let claim = world.score_claim(0, &deal, 12, LATER);
    let tx = world.by_user(0, Action::Claim(claim));
    assert!(matches!(world.refused(&tx), Refused::Unsettled));
}

#[test]
fn bounds_hold_for_audits() {
    for change in [
        (|params| params.audits.window = 3) as fn(&mut Params),
        |params| params.audits.patience = 0,
        |params| params.audits.units = 0,
        |params| params.audits.bond = Amount::ZERO,
        |params| params.audits.sampled = BasisPoints(10_001),
        |params| params.slash.refuted_turn = BasisPoints(10_001),
    ] {
        let mut params = Params::devnet();
        change(&mut params);
        assert!(params.validate().is_err());
    }
    assert!(Params::devnet().validate().is_ok() && Params::mainnet().validate().is_ok());
}
