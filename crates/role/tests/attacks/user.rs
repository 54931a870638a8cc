//! Hostile bytes, hostile messages and silence for a user.

use crate::message::{Words, mutant};
use crate::world::{World, key_of, seller, stranger};
use bitneuron_core::decode;
use bitneuron_net::Channel;
use bitneuron_role::{Input, Message};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A user that has made its first offer.
fn awake() -> World {
    let mut world = World::new();
    world.tell(Input::Start);
    assert_eq!(world.jobs, ["train"]);
    world
}

#[test]
fn ten_thousand_mutants_make_a_user_do_nothing() {
    let mut world = awake();
    let bytes: Vec<Vec<u8>> = world.messages().iter().map(|message| message.to_bytes().to_vec()).collect();
    world.said.clear();
    let (mut words, mut garbled) = (Words::default(), 0);
    for round in 0..10_000 {
        let hostile = mutant(round, &bytes, &mut words);
        world.offenders.clear();
        world.whisper(stranger(), hostile.clone());
        if decode::<Message>(&hostile).is_err() {
            garbled += 1;
            assert_eq!(world.offenders, [stranger()]);
        }
    }
    assert!(garbled > 1_000, "{garbled} were garbled");
    // A certificate that lost its votes is no lie yet: whoever showed it is asked for the headers between.
    let asks = |(to, said): &(_, Message)| *to == stranger() && matches!(said, Message::Follow { .. });
    assert!(world.said.iter().all(asks) && world.said.len() < 10, "it answered {:?}", world.said);
    assert_eq!(world.jobs, ["train"], "it worked for strangers");
}

#[test]
fn messages_of_strangers_make_no_user_work() {
    let mut world = awake();
    let messages = world.messages();
    world.said.clear();
    world.offenders.clear();
    for message in &messages {
        world.whisper(stranger(), message.to_bytes().to_vec());
    }
    assert!(world.said.is_empty() && world.jobs == ["train"]);
    // A deal that is not in the state, and six kinds that are for validators. News, true or stale, is no offence, and a
    // head that nobody asked for is late.
    assert_eq!(world.offenders.len(), 7, "{:?}", world.offenders);
    for channel in [Channel::VOTE, Channel::ORDER] {
        world.offenders.clear();
        world.tell(Input::Received { from: stranger(), channel, bytes: Arc::from(*b"anything") });
        assert_eq!(world.offenders, [stranger()], "{channel}");
    }
}

#[test]
fn whoever_hears_nothing_listens_to_others() {
    let mut world = World::of(7, |builder| builder);
    world.tell(Input::Start);
    let homes = |world: &World| -> BTreeSet<_> {
        let subscribed = world.said.iter().filter(|(_, message)| matches!(message, Message::Subscribe));
        subscribed.map(|(to, _)| *to).collect()
    };
    let mut seen = homes(&world);
    assert_eq!(seen.len(), 2);
    for _ in 0..12 {
        world.said.clear();
        world.tell(Input::Timer(bitneuron_role::user::SILENCE));
        assert_eq!(homes(&world).len(), 2);
        seen.extend(homes(&world));
    }
    assert_eq!(seen, (0..7).map(|n| key_of(n).id()).collect(), "in the end it has listened to all");
    assert!(!seen.contains(&seller().id()));
}
