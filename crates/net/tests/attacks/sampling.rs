//! Cyclon against forged messages.

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

    #[test]
    fn noise_is_refused_or_canonical(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        if let Ok(message) = decode::<Message>(&bytes) {
            prop_assert_eq!(encode(&message), bytes);
        }
    }
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
