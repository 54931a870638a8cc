//! Deals between a seller and a validator that do not go as they should.

use crate::world::{World, key_of, seller, stranger};
use bitneuron_compress::sparse::Density;
use bitneuron_compress::{CodecId, Compressor as _, Dense, Difference, Packet, Ternary};
use bitneuron_core::{Amount, Bytes, Commitment, Digest, Height, Params, Seed};
use bitneuron_ledger::{Action, Delivery, Event, Tx, packet_digest};
use bitneuron_market::{Buyers, Consent, DataTerms, DealId, Order, Side};
use bitneuron_net::Channel;
use bitneuron_role::{Input, Message, Plan};
use std::sync::Arc;

/// A seller that offered, and a validator that made the deal; neither knows of it from the other yet.
pub(crate) fn dealing(world: &mut World) -> DealId {
    world.tell(Input::Start);
    world.carry_to_validator(|_| true);
    let mut height = 0;
    while made(world).is_none() {
        height += 1;
        world.run_to(height);
        assert!(height < 8, "no deal is made");
    }
    made(world).unwrap()
}

fn made(world: &World) -> Option<DealId> {
    world.events.iter().find_map(|event| match event {
        Event::DealMade(deal) => Some(deal.id),
        _ => None,
    })
}

fn settled(world: &World) -> bool {
    world.events.iter().any(|event| matches!(event, Event::DealSettled(_)))
}

/// What the seller delivers in an honest run, with the height at which the deal was made.
fn honest_delivery() -> (Height, Message) {
    let mut world = World::new();
    dealing(&mut world);
    let height = world.validator.height();
    world.carry_to_user();
    let delivered = world.said.iter().find(|(_, message)| matches!(message, Message::Delivery { .. }));
    (height, delivered.expect("a seller that hears of its deal delivers").1.clone())
}

#[test]
fn who_delivers_before_the_buyer_has_the_block_is_heard_when_it_has() {
    let (height, delivery) = honest_delivery();
    let mut world = World::new();
    world.tell(Input::Start);
    world.carry_to_validator(|_| true);
    world.run_to(height.0 - 1);
    let packet = delivery.to_bytes().to_vec();
    world.say(seller().id(), Channel::REQUEST, packet);
    assert!(world.offenders.is_empty(), "it may well be honest");
    world.run_to(height.0);
    assert!(made(&world).is_some());
    world.run_to(height.0 + 1);
    assert!(world.events.iter().any(|event| matches!(event, Event::Delivered { posted: false, .. })));
    assert!(world.offenders.is_empty());
}

#[test]
fn who_delivers_for_no_deal_is_named_after_the_next_block() {
    let mut world = World::new();
    world.decide(1);
    let invented = |deal: u8| {
        let packet = Bytes(b"anything".to_vec());
        let delivery = Delivery { deal: Digest([deal; 32]), packet: packet_digest(&packet) };
        Message::Delivery { signed: delivery.sign(&key_of(99), world.plan.chain), packet }.to_bytes().to_vec()
    };
    let (first, second) = (invented(1), invented(2));
    world.say(stranger(), Channel::REQUEST, first);
    assert!(world.offenders.is_empty());
    world.say(stranger(), Channel::REQUEST, second);
    assert_eq!(world.offenders, [stranger()], "one at a time");
    world.run_to(2);
    assert_eq!(world.offenders.len(), 1);
    world.run_to(3);
    assert_eq!(world.offenders, [stranger(); 2]);
    world.run_to(5);
    assert_eq!(world.offenders.len(), 2, "and forgotten");
}

/// Every delivery is lost on its way: what is sold arrives by being posted.
fn posted(mut world: World) {
    let deal = dealing(&mut world);
    for height in world.validator.height().0 + 1..16 {
        world.carry_to_user();
        world.carry_to_validator(|message| !matches!(message, Message::Delivery { .. }));
        world.run_to(height);
    }
    let posted = Event::Delivered { deal, posted: true };
    assert!(world.events.contains(&posted), "a reminded seller posts");
    assert!(settled(&world));
    let merged = world.events.iter().any(|event| matches!(event, Event::TurnAccepted { inputs: 1.., .. }));
    assert!(merged, "what was paid is of use to its buyer");
    assert!(world.offenders.is_empty());
}

#[test]
fn what_is_posted_reaches_the_buyer_and_is_merged() {
    posted(World::new());
}

/// Users that sell the largest of six differences.
fn sparse() -> World {
    World::of(1, |node| node.differences(Arc::new(Ternary::new(Density::new(1, 6).unwrap()))))
}

#[test]
fn a_difference_is_posted_with_the_model_that_it_starts_from() {
    posted(sparse());
}

#[test]
fn differences_are_sold_delivered_and_merged() {
    let mut world = sparse();
    dealing(&mut world);
    for height in world.validator.height().0 + 1..20 {
        world.carry_to_user();
        for (_, message) in &world.said {
            if let Message::Delivery { packet, .. } = message {
                let packet = Packet::from_bytes(packet, world.plan.limits()).unwrap();
                let difference = Difference::of(&packet).unwrap().expect("a difference");
                assert_eq!(difference.change().codec(), CodecId::TERNARY);
            }
        }
        world.carry_to_validator(|_| true);
        world.run_to(height);
    }
    assert!(settled(&world) && world.offenders.is_empty());
    let merged = world.events.iter().any(|event| matches!(event, Event::TurnAccepted { inputs: 1.., .. }));
    assert!(merged, "its buyer knows what the difference starts from");
}

/// A seller offers a model and delivers a packet with the digest that it offered, whatever it holds.
fn sold(packet: Bytes, model: Commitment) -> World {
    let mut world = World::new();
    world.run_to(1);
    let goal = world.plan.goal.id();
    let order = Order {
        by: seller().id(),
        side: Side::Offer,
        price: Amount::tokens(10),
        quantity: 1,
        terms: DataTerms::Offer {
            goal,
            packet: packet_digest(&packet),
            model,
            score: 16,
            consent: Consent { goals: vec![goal], buyers: Buyers::Anyone, until: Height(9), uses: 1 },
        },
        expires: Height(9),
        nonce: 1,
        bond: Amount::tokens(10),
    };
    let (by, expires, tip) = (seller().id(), Height(9), Amount::ZERO);
    let tx = Tx { by, expires, salt: 1, tip, action: Action::Place(order) };
    let placed = Message::Transaction(tx.sign(&seller(), world.plan.chain));
    world.say(seller().id(), Channel::ORDER, placed.to_bytes().to_vec());
    while made(&world).is_none() {
        assert!(world.validator.height().0 < 8);
        world.run_to(world.validator.height().0 + 1);
    }
    let deal = made(&world).unwrap();
    let delivery = Delivery { deal, packet: packet_digest(&packet) };
    let signed = delivery.sign(&seller(), world.plan.chain);
    let delivered = Message::Delivery { signed, packet };
    world.say(seller().id(), Channel::REQUEST, delivered.to_bytes().to_vec());
    world
}

/// A packet of the difference between nothing and ones, from a model of this name.
fn difference(plan: &Plan, base: Commitment) -> Bytes {
    let ones = Params::new(vec![1.0; plan.layout().len()], plan.layout().clone()).unwrap();
    let change = Dense.compress(&ones, Seed::default()).unwrap();
    Bytes(Difference::new(base, change).unwrap().into_packet().unwrap().to_bytes())
}

const ANOTHER: Commitment = Commitment::merkle(Digest([6; 32]));

fn refuted(world: &World) -> bool {
    world.events.iter().any(|event| matches!(event, Event::DealRefuted { .. }))
}

#[test]
fn a_packet_that_cannot_be_opened_costs_its_seller_the_bond() {
    let mut world = sold(Bytes(b"no packet at all".to_vec()), ANOTHER);
    assert_eq!(world.offenders, [seller().id()]);
    world.run_to(world.validator.height().0 + 2);
    assert!(refuted(&world) && !settled(&world));
}

#[test]
fn a_difference_that_leads_elsewhere_costs_its_seller_the_bond() {
    let plan = World::new().plan;
    let mut world = sold(difference(&plan, plan.goal.initial), ANOTHER);
    assert_eq!(world.offenders, [seller().id()]);
    world.run_to(world.validator.height().0 + 2);
    assert!(refuted(&world) && !settled(&world), "the buyer shows the model that it starts from");
}

#[test]
fn a_difference_from_a_model_that_nobody_knows_is_neither_confirmed_nor_refuted() {
    let plan = World::new().plan;
    let mut world = sold(difference(&plan, Commitment::merkle(Digest([7; 32]))), ANOTHER);
    assert_eq!(world.offenders, [seller().id()], "it is named");
    world.run_to(world.validator.height().0 + 2);
    let delivered = world.events.iter().any(|event| matches!(event, Event::Delivered { .. }));
    assert!(!delivered && !refuted(&world), "its seller may still show it");
    world.run_to(world.validator.height().0 + 16);
    assert!(
        world.events.iter().any(|event| matches!(event, Event::DealLate { .. })),
        "and is late if it does not"
    );
}

#[test]
fn a_head_is_served_once_for_each_block() {
    let mut world = World::new();
    world.decide(2);
    let ask = Message::Ask(world.plan.goal.id()).to_bytes().to_vec();
    for height in 3..6 {
        world.heard.clear();
        for _ in 0..100 {
            world.say(stranger(), Channel::REQUEST, ask.clone());
        }
        let heads = world.heard.iter().filter(|(_, message)| matches!(message, Message::Head { .. }));
        assert_eq!(heads.count(), 1);
        world.run_to(height);
    }
}

#[test]
fn a_forged_transaction_is_its_bringers_offence() {
    let mut world = World::new();
    world.decide(1);
    let mut forged = world.transfer(0, 1);
    forged.tx.salt = 2;
    world.say(stranger(), Channel::ORDER, Message::Transaction(forged).to_bytes().to_vec());
    assert_eq!(world.offenders, [stranger()]);
}

#[test]
fn a_delivery_that_is_repeated_is_examined_once() {
    let (mut world, _) = crate::engine::rash(u64::MAX);
    let deal = dealing(&mut world);
    let packet = Bytes(b"other bytes than were sold".to_vec());
    let signed = Delivery { deal, packet: packet_digest(&packet) }.sign(&seller(), world.plan.chain);
    let delivery = Message::Delivery { signed, packet }.to_bytes().to_vec();
    world.heard.clear();
    for _ in 0..5 {
        world.say(seller().id(), Channel::REQUEST, delivery.clone());
    }
    assert_eq!(world.offenders, [seller().id()]);
    let refutations = world.heard.iter().filter(|(_, message)| {
        matches!(message, Message::Transaction(signed) if matches!(signed.tx.action, Action::Refute(_)))
    });
    assert_eq!(refutations.count(), 1, "the other validator hears of it once");
}
