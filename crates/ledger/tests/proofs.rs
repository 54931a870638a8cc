//! What a light client is shown is short: an order, a balance, a receipt or one of its events, each with its way to a certified
//! header's root, in less than 2 kB.
//!
//! A proof's size is what is proved plus 32 bytes for each entry that doubles the state, so what is measured among some
//! thousand entries says what it is among a million: eight levels more.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::{Amount, Digest, Height, NodeId, Wire, decode, encode};
use bitneuron_ledger::{
    Action, EntryProof, Event, EventProof, Genesis, Params, Receipt, ReceiptProof, State, Tx, key,
};
use bitneuron_market::{Buyers, Consent, DataMarket, DataTerms, Order, Side};
use std::sync::Arc;
use world::*;

/// What a light client takes.
const MOST: usize = 2_048;
/// Entries here; a million are 2⁸ times as many.
const ACCOUNTS: u64 = 4_096;
const LEVELS: usize = 8 * 32;

fn crowded() -> World {
    let mut crowd: Genesis = genesis(Params::devnet());
    let name = |n: u64| NodeId(Digest::of("bitneuron crowd", &n.to_le_bytes()).0);
    crowd.accounts.extend((0..ACCOUNTS).map(|n| (name(n), Amount::TOKEN)));
    crowd.accounts.sort_unstable();
    World::of(crowd, goal("test"))
}

/// Every single bit that is turned makes a proof say nothing.
fn altered<T: Wire>(proof: &T, holds: impl Fn(&T) -> bool) {
    assert!(holds(proof));
    let mut bytes = encode(proof);
    for at in 1..bytes.len() {
        bytes[at] ^= 1 << (at % 8);
        assert!(!decode(&bytes).is_ok_and(|forged: T| holds(&forged)), "byte {at}");
        bytes[at] ^= 1 << (at % 8);
    }
}

/// An order with as long a list of buyers and goals as can be, and a bid that took a model.
fn long_order(world: &mut World) -> Order<DataMarket> {
    let names: Vec<NodeId> = (0..Consent::MAX_BUYERS as u8).map(|n| NodeId([n; 32])).collect();
    let mut goals: Vec<_> = (0..15u8).map(|n| bitneuron_core::GoalId(Digest([n; 32]))).collect();
    goals.push(world.goal_id());
    goals.sort_unstable();
    let Action::Place(mut order) = world.offer(0, "model", 12, 10).tx.action else { panic!("an order") };
    let DataTerms::Offer { consent, .. } = &mut order.terms else { panic!("an offer") };
    (consent.buyers, consent.goals) = (Buyers::Only(names), goals);
    assert_eq!(order.side, Side::Offer);
    order
}

#[test]
fn a_balance_is_proved_in_little() {
    let world = crowded();
    let root = world.state.root();
    let (mut largest, mut sum, mut count) = (0, 0, 0);
    for (id, amount) in world.state.accounts() {
        let proof = world.state.prove(&key::account(id));
        let shown = proof.verify(root, &key::account(id)).expect("holds").expect("there");
        assert_eq!(shown.read(), Some(amount));
        let size = encode(&proof).len();
        (largest, sum, count) = (largest.max(size), sum + size, count + 1);
    }
    println!("balance among {count}: {} bytes in the mean, {largest} at most", sum / count);
    assert!(largest + LEVELS <= MOST, "{largest}");
    let (me, other) = (world.user(0), key::account(world.user(1)));
    let proof: EntryProof = world.state.prove(&key::account(me));
    altered(&proof, |proof| proof.verify(root, &key::account(me)).is_ok());
    assert!(proof.verify(root, &other).is_err() && proof.verify(Digest::ZERO, &key::account(me)).is_err());
}

#[test]
fn an_order_is_proved_in_little_however_long_it_is() {
    let mut world = crowded();
    world.until_phase(0);
    let order = long_order(&mut world);
    assert!(encode(&order).len() > MOST, "the order alone is longer than what proves where it stands");
    let id = order.id();
    let tx = world.by_user(0, Action::Place(order.clone()));
    world.block(&[tx]);
    let (root, key) = (world.state.root(), key::order(id));
    let proof = world.state.prove(&key);
    let shown = proof.verify(root, &key).expect("holds").expect("there");
    let entry: bitneuron_ledger::OrderEntry = shown.read().expect("an entry");
    assert_eq!((entry.by, entry.nonce, entry.remaining), (order.by, order.nonce, 1));
    let size = encode(&proof).len();
    println!("order among {ACCOUNTS}: {size} bytes");
    assert!(size + LEVELS <= MOST, "{size}");
    altered(&proof, |proof| proof.verify(root, &key).is_ok());
}

#[test]
fn a_receipt_and_its_events_are_proved_in_little_however_much_happened() {
    let mut world = crowded();
    // A block of transfers as full as it gets, by many accounts.
    let users: Vec<_> = (0..4).map(|n| world.users[n].clone()).collect();
    let chain = world.state.chain();
    let pays: Vec<_> = (0..4_000u64)
        .map(|salt| {
            let (key, to) = (&users[salt as usize % 4], users[(salt as usize + 1) % 4].id());
            let action = Action::Transfer { to, amount: Amount(u128::from(salt) + 1) };
            Arc::new(
                Tx { by: key.id(), expires: Height(9), salt, tip: Amount::ZERO, action }.sign(key, chain),
            )
        })
        .collect();
    let built = world.state.build(world.header(), &pays, &Scripted).expect("may build");
    assert_eq!(built.block.transactions.len(), 4_000);
    world.accept(built);
    let (root, at) = (world.state.root(), world.state.height());
    let receipts: Vec<Receipt> = world.state.changes().receipts.clone();
    let entry = || world.state.prove(&key::receipts(at));
    let receipt = &receipts[1_234];
    let proof = ReceiptProof::of(&receipts, 1_234, entry()).expect("there");
    let size = encode(&proof).len();
    println!("receipt of one in 4,000 transactions: {size} bytes");
    // Four levels more for 65,536 transactions, and eight for a million entries.
    assert!(size + LEVELS + 4 * 32 <= MOST, "{size}");
    assert_eq!(proof.shows(root, receipt), Ok(()));
    altered(&proof, |proof| proof.verify(root).is_ok());
    let event = EventProof::of(&receipts, 1_234, 0, entry()).expect("there");
    let size = encode(&event).len();
    println!("its event too: {size} bytes");
    assert!(size + LEVELS + 4 * 32 <= MOST, "{size}");
    assert_eq!(event.verify(root), Ok((&receipt.stub(), &receipt.events[0])));
    altered(&event, |event| event.verify(root).is_ok());
    assert!(event.verify(Digest::ZERO).is_err());
    // A receipt with thousands of events is proved as shortly.
    let mut busy = receipts.clone();
    let many = Event::Unbonded { who: world.user(0), amount: Amount(1) };
    busy[7].events = vec![many.clone(); 5_000];
    let proof = ReceiptProof::of(&busy, 7, entry()).expect("there");
    assert!(encode(&proof).len() + LEVELS <= MOST);
    let event = EventProof::of(&busy, 7, 4_999, entry()).expect("there");
    assert!(encode(&event).len() + LEVELS <= MOST, "{}", encode(&event).len());
    assert!(proof.shows(root, &busy[7]).is_err() && event.verify(root).is_err(), "it never happened");
}

#[test]
fn parameters_and_votes_are_proved_in_little() {
    let world = crowded();
    let state: &State = &world.state;
    let proof = state.prove(&key::params());
    let shown = proof.verify(state.root(), &key::params()).expect("holds").expect("there");
    assert_eq!(shown.read::<Params>().as_ref(), Some(state.params()));
    println!("parameters: {} bytes", encode(&proof).len());
    let nothing = state.prove(&key::pause());
    assert_eq!(nothing.verify(state.root(), &key::pause()), Ok(None));
}
