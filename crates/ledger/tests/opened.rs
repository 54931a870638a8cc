//! Budgets of openings: what is committed in hiding is opened so often and no more, whoever asks.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::Commitment;
use bitneuron_core::claim::{Demand, Source, Turn};
use bitneuron_ledger::{Action, Event, Opened, Params, Refused, SignedTx, State, key};
use world::*;

/// Three openings of each group, and every turn merges the heads of all others.
fn tight() -> World {
    let mut params = Params::devnet();
    (params.turns.openings, params.turns.heads) = (3, 3);
    World::with(params)
}

/// Turns of these validators in the next round, all committed in one block: `v` steps to "`v`.`name`".
fn commit(world: &mut World, authors: &[usize], name: &str) -> Vec<Turn> {
    world.until_phase(2);
    let turns: Vec<Turn> = authors.iter().map(|v| world.turn(*v, &format!("{v}.{name}"))).collect();
    let txs: Vec<SignedTx> = authors.iter().zip(&turns).map(|(v, turn)| world.commit(*v, turn)).collect();
    world.block(&txs);
    turns
}

fn claim(world: &mut World, v: usize, turn: &Turn, proof: &[u8]) -> SignedTx {
    let claim = world.turn_claim(v, turn, (3, 4), proof);
    world.by_validator(v, Action::Claim(claim))
}

fn merges(turn: &Turn, head: &str) -> bool {
    turn.inputs.iter().any(|input| matches!(input.source, Source::Head(_)) && input.model == model(head))
}

fn spent(world: &World, tx: &SignedTx) -> (Commitment, u8) {
    match world.refused(tx) {
        Refused::Spent { group: name, most } => {
            let head = world.state.heads(world.goal_id()).find(|(_, head)| group(head.model) == name);
            (head.map_or(world.goal.initial, |(_, head)| head.model), most)
        }
        other => panic!("{other}"),
    }
}

/// The count of a head, as the state proves it.
fn proved(state: &State, tensor: Commitment) -> Option<Opened> {
    let key = key::opened(group(tensor));
    state.prove(&key).verify(state.root(), &key).expect("of its own root")?.read()
}

#[test]
fn a_head_is_opened_as_often_as_it_has_randomness_and_a_new_one_starts_anew() {
    let mut world = tight();
    let [first] = <[Turn; 1]>::try_from(commit(&mut world, &[0], "a")).expect("one");
    let tx = claim(&mut world, 0, &first, HIDING);
    world.block(&[tx]);
    assert_eq!(world.state.opened(model("0.a")), 1, "after its turn");
    assert_eq!(world.state.opened(world.goal.initial), 0, "what hides nothing has no budget");
    let turns = commit(&mut world, &[0, 1, 2], "b");
    assert!(merges(&turns[1], "0.a") && merges(&turns[2], "0.a"));
    let tx = claim(&mut world, 1, &turns[1], HIDING);
    world.block(&[tx]);
    assert_eq!(world.state.opened(model("0.a")), 2, "by who merges it");
    // The last one is its author's: others are refused, and told so before they begin.
    let late = claim(&mut world, 2, &turns[2], HIDING);
    assert_eq!(spent(&world, &late), (model("0.a"), 2));
    let tensors = [model("0.a")].into();
    assert_eq!(proved(&world.state, model("0.a")), Some(Opened { times: 2, tensors }));
    world.until_phase(2);
    let plan = world.state.turn_plan(world.validator(3), world.goal_id()).expect("in phase");
    assert_eq!(
        plan.inputs.iter().map(|input| input.model).collect::<Vec<_>>(),
        [model("1.b")],
        "what only its author may open is planned by nobody"
    );
    let tx = claim(&mut world, 0, &turns[0], HIDING);
    let events = world.block(&[tx]);
    assert!(matches!(events[0], Event::TurnAccepted { .. }), "{events:?}");
    assert_eq!(world.state.opened(model("0.a")), 3, "before the next turn");
    assert_eq!(world.state.opened(model("0.b")), 1, "a new head starts anew");
    // What nothing names any more is forgotten: here once the turn that could not be claimed has lapsed.
    world.until(world.state.height().0 + world.state.params().turns.window + world.state.params().round);
    assert_eq!(world.state.opened(model("0.a")), 0);
    assert_eq!(proved(&world.state, model("0.a")), None);
    assert_eq!(world.state.opened(model("0.b")), 1, "as long as it is a head");
    let mut replayed = State::genesis(&world.genesis).expect("valid");
    for block in &world.blocks {
        replayed = replayed.execute(block, &Scripted).expect("valid before").0;
        assert_eq!(replayed.root(), block.header.state);
    }
    assert_eq!(replayed.root(), world.state.root());
}

#[test]
fn data_are_opened_so_often_and_no_more() {
    let mut world = tight();
    let features = data("own").features;
    for (round, v) in [1, 2, 1].into_iter().enumerate() {
        let turns = commit(&mut world, &[v], &round.to_string());
        let tx = claim(&mut world, v, &turns[0], HIDING_DATA);
        world.block(&[tx]);
        assert_eq!(usize::from(world.state.opened(features)), round + 1);
    }
    // Registered data stay, and so does their count.
    world.until(world.state.height().0 + 20);
    let turns = commit(&mut world, &[3], "last");
    let tx = claim(&mut world, 3, &turns[0], HIDING_DATA);
    assert_eq!(spent(&world, &tx).1, 3);
    let shown = claim(&mut world, 3, &turns[0], TRUE);
    world.block(&[shown]);
}

#[test]
fn an_answer_to_an_audit_opens_too() {
    let mut params = Params::devnet();
    params.audits.demand = Demand::Proof(7);
    let mut world = World::with(params);
    let events = world.play_by(1, "after", (3, 4), LATER);
    let [Event::TurnPending { turn, .. }, ..] = events[..] else { panic!("{events:?}") };
    world.block(&[]);
    assert_eq!(world.state.opened(model("after")), 0);
    let answer = world.by_user(0, Action::Answer { turn, answer: HIDING.to_vec().into() });
    let events = world.block(&[answer]);
    assert!(events.contains(&Event::AuditAnswered { turn }));
    assert_eq!(world.state.opened(model("after")), 1);
}

#[test]
fn a_refused_claim_counts_nothing() {
    let mut world = tight();
    let turns = commit(&mut world, &[0], "a");
    let root = world.build(&[]).state.root();
    let other = Turn { after: model("another"), ..turns[0].clone() };
    let refused = claim(&mut world, 0, &other, HIDING);
    let built = world.build(&[refused]);
    assert_eq!(built.dropped.len(), 1);
    assert_eq!(built.state.root(), root);
}

#[test]
fn the_budget_has_bounds() {
    for (openings, valid) in [(0, false), (2, false), (3, true), (128, true), (129, false)] {
        let mut params = Params::devnet();
        params.turns.openings = openings;
        assert_eq!(params.validate().is_ok(), valid, "{openings}");
    }
}
