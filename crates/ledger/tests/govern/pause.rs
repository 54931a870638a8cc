//! A pause of trade: called for by validators, and nothing else stands still.

use crate::world::*;
use crate::{EPOCH, end, now, propose, until_epoch, vote, world};
use bitneuron_core::{Amount, Epoch};
use bitneuron_ledger::govern::{Choice, GovernFault, Motion, Outcome, Parameter};
use bitneuron_ledger::{Action, Event, Refused, SignedTx, key as entry};

fn call(world: &mut World, v: usize) -> SignedTx {
    world.by_validator(v, Action::CallPause)
}

fn fault(world: &World, tx: &SignedTx) -> GovernFault {
    match world.refused(tx) {
        Refused::Governance(fault) => fault,
        other => panic!("{other}"),
    }
}

/// The validators with 5,000, 4,000 and 2,000 of the voters' 14,000 tokens call.
fn paused(world: &mut World) -> Vec<Event> {
    let calls = [3, 2, 0].map(|v| call(world, v));
    world.block(&calls)
}

#[test]
fn more_than_two_thirds_of_the_weight_pause_and_fewer_do_not() {
    let mut world = world();
    let stranger = world.by_user(0, Action::CallPause);
    assert!(matches!(world.refused(&stranger), Refused::Stranger { .. }));
    let light = call(&mut world, 4);
    assert!(matches!(world.refused(&light), Refused::Stranger { .. }), "no vote, no call");
    let calls = [3, 2].map(|v| call(&mut world, v));
    let events = world.block(&calls);
    // 9,000 of 14,000.
    assert!(!events.iter().any(|event| matches!(event, Event::Paused { .. })));
    let again = call(&mut world, 3);
    assert_eq!(fault(&world, &again), GovernFault::Idle);
    // Calls are for one epoch.
    until_epoch(&mut world, 1);
    let last = call(&mut world, 0);
    let events = world.block(&[last]);
    assert!(!events.iter().any(|event| matches!(event, Event::Paused { .. })));
    assert_eq!(world.state.pause().calls, [world.validator(0)]);
    let rest = [3, 2].map(|v| call(&mut world, v));
    let events = world.block(&rest);
    assert!(events.contains(&Event::Paused { epoch: Epoch(1) }), "{events:?}");
    let shown = world.state.prove(&entry::pause()).verify(world.state.root(), &entry::pause());
    let shown: Option<bitneuron_ledger::govern::Pause> = shown.expect("holds").expect("there").read();
    assert_eq!(shown, Some(world.state.pause()));
}

#[test]
fn a_pause_stops_orders_and_matching_and_nothing_else() {
    let mut world = world();
    let proposal = propose(&mut world, 3, Motion::Text(digest("text")));
    let deal = world.deal(0, 1, "model", 12);
    let resting = world.offer(1, "resting", 12, 500);
    let events = world.block(std::slice::from_ref(&resting));
    let order = events.iter().find_map(|event| match event {
        Event::OrderPlaced { order, .. } => Some(*order),
        _ => None,
    });
    let order = order.expect("placed");
    let events = paused(&mut world);
    assert!(events.iter().any(|event| matches!(event, Event::Paused { .. })));
    let (offer, bid) = (world.offer(2, "other", 12, 10), world.bid(2, 600, 1));
    assert_eq!(fault(&world, &offer), GovernFault::Paused);
    assert_eq!(fault(&world, &bid), GovernFault::Paused, "else it would meet what rests");
    // Deals end as they would, orders are taken back and their tokens too.
    let before = world.state.balance(world.user(1));
    let cancel = world.by_user(1, Action::Cancel(order));
    world.block(&[cancel]);
    let back = world.state.balance(world.user(1)).0 - before.0;
    assert!(back > Amount::tokens(499).0, "{back}");
    let late = world.state.escrow(deal.bid);
    assert!(late > Amount::ZERO);
    let begun = now(&world);
    let mut seen = until_epoch(&mut world, begun + 1);
    assert!(seen.iter().any(|event| matches!(event, Event::DealLate { .. })), "{seen:?}");
    assert_eq!(world.state.escrow(deal.bid), Amount::ZERO);
    let unbond = world.by_validator(0, Action::Unbond(Amount::tokens(100)));
    let pay = world.by_user(0, Action::Transfer { to: world.user(1), amount: Amount(1) });
    seen.extend(world.block(&[unbond, pay]));
    seen.extend(vote(&mut world, proposal, &[(3, Choice::Yes), (2, Choice::Yes)]));
    assert!(world.state.pause().since.is_some());
    assert!(!seen.iter().any(|event| matches!(event, Event::DealMade(_))));
    assert_eq!(end(&mut world, proposal).0, Outcome::Done);
}

#[test]
fn a_pause_ends_by_itself_and_a_season_follows() {
    let mut world = world();
    paused(&mut world);
    world.until(3 * EPOCH - 2);
    assert_eq!(world.state.pause().since, Some(Epoch(0)));
    let more = call(&mut world, 3);
    assert_eq!(fault(&world, &more), GovernFault::Paused);
    let events = world.block(&[]);
    assert!(events.contains(&Event::Resumed { season: Epoch(10) }), "{events:?}");
    world.until_phase(0);
    world.deal(0, 1, "model", 12);
    let early = call(&mut world, 3);
    assert_eq!(fault(&world, &early), GovernFault::Season(Epoch(10)));
    until_epoch(&mut world, 10);
    assert!(paused(&mut world).contains(&Event::Paused { epoch: Epoch(10) }));
}

#[test]
fn a_vote_that_allows_longer_pauses_lengthens_the_one_that_lasts() {
    let mut world = world();
    let longer = Motion::Param { parameter: Parameter::PauseLength, value: 6 };
    let proposal = propose(&mut world, 3, longer);
    vote(&mut world, proposal, &[(3, Choice::Yes), (2, Choice::Yes), (1, Choice::Yes)]);
    paused(&mut world);
    let begun = now(&world);
    assert_eq!(end(&mut world, proposal).0, Outcome::Done);
    assert!(now(&world) < begun + 3, "while it lasts");
    world.until((begun + 6) * EPOCH - 2);
    assert_eq!(world.state.pause().since, Some(Epoch(begun)));
    world.block(&[]);
    assert_eq!(world.state.pause().since, None);
    // Once it is over no vote brings it back.
    let longer = Motion::Param { parameter: Parameter::PauseLength, value: 7 };
    let proposal = propose(&mut world, 3, longer);
    vote(&mut world, proposal, &[(3, Choice::Yes), (2, Choice::Yes), (1, Choice::Yes)]);
    assert_eq!(end(&mut world, proposal).0, Outcome::Done);
    assert_eq!(world.state.pause().since, None);
}
