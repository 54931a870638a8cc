//! One order, from its placing until it is gone, as a light client is shown it.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::{Digest, encode};
use bitneuron_ledger::{Event, OrderEntry, State, key};
use bitneuron_market::{DataMarket, Open, OrderId};
use world::*;

/// What the state proves about an order, within what a light client takes.
fn shown(state: &State, order: OrderId) -> Option<OrderEntry> {
    let proof = state.prove(&key::order(order));
    assert!(encode(&proof).len() <= 2_048, "{} bytes", encode(&proof).len());
    assert!(proof.verify(Digest::ZERO, &key::order(order)).is_err());
    let value = proof.verify(state.root(), &key::order(order)).expect("holds");
    value.map(|value| value.read().expect("an entry"))
}

/// What the state proves an open order to say.
fn terms(state: &State, order: OrderId) -> Option<Open<DataMarket>> {
    let value = state.prove(&key::terms(order)).verify(state.root(), &key::terms(order)).expect("holds");
    value.map(|value| value.read().expect("terms"))
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
    let open = terms(&world.state, order).expect("open");
    assert_eq!((open.order.id(), open.remaining), (order, 1));
    assert_eq!((listed.remaining, listed.by), (1, world.user(0)));
    let record = world.state.book().order(order).expect("open").record();
    assert_eq!(
        (record.by, record.nonce, record.expires, record.placed, record.sequence, record.remaining),
        (listed.by, listed.nonce, listed.expires, listed.placed, listed.sequence, listed.remaining)
    );
    let bid = world.bid(1, 12, 1);
    let events = world.block(&[bid]);
    let Some(Event::DealMade(deal)) = events.iter().find(|event| matches!(event, Event::DealMade(_))) else {
        panic!("no deal in {events:?}")
    };
    assert_eq!(deal.offer, order);
    // Filled: there is nothing left of it but its nonce, until it expires.
    let closed = shown(&world.state, order).expect("listed");
    assert_eq!(closed, OrderEntry { remaining: 0, ..listed });
    assert_eq!(terms(&world.state, order), None);
    world.until(listed.expires.0);
    assert_eq!(shown(&world.state, order), None);
    assert_eq!(shown(&world.state, OrderId::default()), None);
}
