//! One order, from its placing until it is gone, as a light client is shown it.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::{Digest, encode};
use bitneuron_ledger::{Event, State, key};
use bitneuron_market::{DataMarket, Listed, OrderId};
use world::*;

/// What the state proves about an order, within what a light client takes.
fn shown(state: &State, order: OrderId) -> Option<Listed<DataMarket>> {
    let proof = state.prove(&key::order(order));
    assert!(encode(&proof).len() <= 2_048, "{} bytes", encode(&proof).len());
    assert!(proof.verify(Digest::ZERO, &key::order(order)).is_err());
    let value = proof.verify(state.root(), &key::order(order)).expect("holds");
    value.map(|value| value.read().expect("a listing"))
}

#[test]
fn an_order_is_proved_open_then_closed_then_gone() {
    let mut world = World::new();
    world.until_phase(0);
    let offer = world.offer(0, "model", 12, 10);
    let placed = world.block(&[offer]).into_iter().find_map(|event| match event {
        Event::OrderPlaced { order, .. } => Some(order),
        _ => None,
    });
    let order = placed.expect("placed");
    let listed = shown(&world.state, order).expect("listed");
    let open = listed.open.clone().expect("open");
    assert_eq!((open.order.id(), open.remaining, listed.by), (order, 1, world.user(0)));
    assert_eq!(listed.record(), world.state.book().order(order).expect("open").record());
    let bid = world.bid(1, 12, 1);
    let events = world.block(&[bid]);
    let Some(Event::DealMade(deal)) = events.iter().find(|event| matches!(event, Event::DealMade(_))) else {
        panic!("no deal in {events:?}")
    };
    assert_eq!(deal.offer, order);
    // Filled: there is nothing left of it but its nonce, until it expires.
    let closed = shown(&world.state, order).expect("listed");
    assert_eq!((closed.open, closed.nonce, closed.expires), (None, listed.nonce, listed.expires));
    world.until(listed.expires.0);
    assert_eq!(shown(&world.state, order), None);
    assert_eq!(shown(&world.state, OrderId::default()), None);
}
