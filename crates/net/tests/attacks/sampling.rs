//! Cyclon against forged messages.

use crate::mutants::{ROUNDS, blind, edit, words};
use bitneuron_core::{Machine, NodeId, Outbox, Seed, Time, decode, encode};
use bitneuron_net::{
    Cyclon, Sampler, SamplingError,
    sampling::{
        Effect, Input,
        cyclon::{Entry, MAX_SHUFFLE, Message, Sizes},
    },
};
use proptest::prelude::*;

const ME: NodeId = NodeId([0; 32]);

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let entry = (0_u8..40, any::<u16>()).prop_map(|(id, age)| Entry { id: NodeId([id; 32]), age });
    prop::collection::vec(entry, 0..24)
}

fn input() -> impl Strategy<Value = Input<Message>> {
    let message = prop_oneof![entries().prop_map(Message::Shuffle), entries().prop_map(Message::Answer)];
    prop_oneof![
        Just(Input::Tick),
        (0_u8..40, message).prop_map(|(from, message)| Input::Message { from: NodeId([from; 32]), message }),
        prop::collection::vec(0_u8..40, 0..40)
            .prop_map(|ids| Input::Introduce(ids.into_iter().map(|id| NodeId([id; 32])).collect())),
    ]
}

proptest! {
    #[test]
    fn the_view_stays_lawful_and_refusal_is_free(inputs in prop::collection::vec(input(), 0..60)) {
        let sizes = Sizes { view: 10, shuffle: 5 };
        let mut cyclon = Cyclon::new(sizes, ME, Seed::from_number(1), &[NodeId([1; 32])]).unwrap();
        for input in inputs {
            let (before, mut out) = (cyclon.clone(), Outbox::new());
            if cyclon.step(Time::ZERO, input, &mut out).is_err() {
                prop_assert_eq!(&cyclon, &before);
                prop_assert!(out.is_empty());
            }
            let view = cyclon.view();
            let mut different = view.clone();
            different.sort_unstable();
            different.dedup();
            prop_assert!(view.len() <= 10 && different.len() == view.len() && !view.contains(&ME));
            for Effect::Send { to, message } in out {
                let (Message::Shuffle(entries) | Message::Answer(entries)) = &message;
                prop_assert!(to != ME && entries.len() <= 5);
                prop_assert_eq!(decode::<Message>(&encode(&message)), Ok(message));
            }
        }
    }
}

/// Ten thousand encodings: in every second one bytes are flipped, cut out and put in, in the others the version, the tag, the
/// length, an id or an age is changed. What is read has one encoding, and the sampler refuses it or stays lawful.
#[test]
fn ten_thousand_mutants() {
    const ENTRY: usize = 34;
    let mut below = words("shuffles");
    let sizes = Sizes { view: 10, shuffle: 5 };
    let mut cyclon = Cyclon::new(sizes, ME, Seed::from_number(1), &[NodeId([1; 32])]).unwrap();
    let mut tally = [[0; 3]; 2];
    for round in 0..ROUNDS {
        let count = below(8);
        let entries = (0..count)
            .map(|n| Entry { id: NodeId([below(30) as u8 + 8 * n as u8; 32]), age: below(9) as u16 });
        let entries = entries.collect();
        let message = if below(2) == 0 { Message::Shuffle(entries) } else { Message::Answer(entries) };
        let mut bytes = encode(&message);
        let knows = round % 2;
        if knows == 0 {
            blind(&mut bytes, &mut below);
        } else {
            // Version, tag, length, and then ids with their ages.
            let entry = 13 + ENTRY * below(count);
            let fields = [(0, 1), (1, 4), (5, 8), (entry, 8), (entry + 32, 2)];
            let (at, width) = fields[below(if count == 0 { 3 } else { 5 })];
            edit(&mut bytes, at, width, &mut below);
        }
        let outcome = match decode::<Message>(&bytes) {
            Err(_) => 0,
            Ok(message) => {
                assert_eq!(encode(&message), bytes, "one message, one encoding");
                let (before, mut out) = (cyclon.clone(), Outbox::new());
                let from = NodeId([below(40) as u8; 32]);
                let refused = cyclon.step(Time::ZERO, Input::Message { from, message }, &mut out).is_err();
                assert!(!refused || (cyclon == before && out.is_empty()));
                let view = cyclon.view();
                assert!(view.len() <= sizes.view && !view.contains(&ME));
                if refused { 1 } else { 2 }
            }
        };
        tally[knows][outcome] += 1;
    }
    assert!(tally.as_flattened().iter().all(|count| *count > 100), "each outcome occurs: {tally:?}");
}

#[test]
fn each_forgery_has_its_refusal() {
    let mut cyclon = Cyclon::new(Sizes::default(), ME, Seed::from_number(1), &[NodeId([1; 32])]).unwrap();
    let entry = |id| Entry { id: NodeId([id; 32]), age: 0 };
    let mut send = |from, message| {
        cyclon.step(Time::ZERO, Input::Message { from: NodeId([from; 32]), message }, &mut Outbox::new())
    };
    assert_eq!(send(0, Message::Shuffle(vec![])), Err(SamplingError::FromSelf));
    assert_eq!(send(1, Message::Answer(vec![])), Err(SamplingError::Unsolicited(NodeId([1; 32]))));
    let twice = Message::Shuffle(vec![entry(2), entry(3), entry(2)]);
    assert_eq!(send(1, twice), Err(SamplingError::Repeated(NodeId([2; 32]))));
    let many = Message::Shuffle((1..=MAX_SHUFFLE as u8 + 1).map(entry).collect());
    assert_eq!(send(1, many), Err(SamplingError::TooMany { found: 17, limit: 16 }));
    let full = Message::Shuffle((1..=MAX_SHUFFLE as u8).map(entry).collect());
    assert_eq!(encode(&full).len(), <Message as bitneuron_core::Wire>::LIMIT);
    assert_eq!(send(1, full), Ok(()));
}

#[test]
fn sizes_out_of_range_are_refused() {
    for (view, shuffle) in [(0, 0), (20, 0), (4, 5), (20, 17), (257, 8)] {
        let made = Cyclon::new(Sizes { view, shuffle }, ME, Seed::from_number(1), &[]);
        assert_eq!(made, Err(SamplingError::Sizes { view, shuffle }));
    }
}

/// An empty view returns to the contacts.
#[test]
fn the_lonely_return_to_their_contacts() {
    let friend = NodeId([1; 32]);
    let mut cyclon = Cyclon::new(Sizes::default(), ME, Seed::from_number(1), &[ME, friend, friend]).unwrap();
    for _ in 0..3 {
        let mut out = Outbox::new();
        cyclon.step(Time::ZERO, Input::Tick, &mut out).unwrap();
        assert!(matches!(out.as_slice(), [Effect::Send { to, .. }] if *to == friend));
        assert!(cyclon.view().is_empty());
    }
}
