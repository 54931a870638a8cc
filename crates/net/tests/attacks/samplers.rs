//! Brahms and PeerSwap against forged messages: views stay lawful, refusal is free, and every byte string is refused or read.

use bitneuron_core::{NodeId, Outbox, Seed, Time, decode, encode};
use bitneuron_net::{
    Brahms, PeerSwap, Sampler,
    sampling::{Effect, Input, brahms, peerswap},
};
use proptest::prelude::*;

const ME: NodeId = NodeId([0; 32]);

fn names() -> impl Strategy<Value = Vec<NodeId>> {
    prop::collection::vec((0_u8..40).prop_map(|id| NodeId([id; 32])), 0..80)
}

fn inputs<M: Clone + std::fmt::Debug>(
    message: impl Strategy<Value = M>,
) -> impl Strategy<Value = Vec<Input<M>>> {
    let input = prop_oneof![
        1 => Just(Input::Tick),
        6 => (0_u8..40, message).prop_map(|(from, message)| Input::Message { from: NodeId([from; 32]), message }),
        1 => names().prop_map(Input::Introduce),
    ];
    prop::collection::vec(input, 0..80)
}

/// Feeds inputs and checks what must hold after each.
fn lawful<S: Sampler + Clone + PartialEq + std::fmt::Debug>(
    mut sampler: S,
    inputs: Vec<Input<S::Message>>,
    entries: impl Fn(&S::Message) -> usize,
) -> Result<(), TestCaseError> {
    for input in inputs {
        let (before, mut out) = (sampler.clone(), Outbox::new());
        if sampler.step(Time::ZERO, input, &mut out).is_err() {
            prop_assert_eq!(&sampler, &before);
            prop_assert!(out.is_empty());
        }
        let view = sampler.view();
        let mut different = view.clone();
        different.sort_unstable();
        different.dedup();
        prop_assert!(
            view.len() <= sampler.capacity() && different.len() == view.len() && !view.contains(&ME)
        );
        for Effect::Send { to, message } in out {
            prop_assert!(to != ME && entries(&message) <= 64);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn brahms_stays_lawful(inputs in inputs(prop_oneof![
        Just(brahms::Message::Push), Just(brahms::Message::Pull), names().prop_map(brahms::Message::View),
        Just(brahms::Message::Ping), Just(brahms::Message::Pong),
    ])) {
        let sampler = Brahms::new(brahms::Sizes { view: 10, samples: 8 }, ME, Seed::from_number(1), &[NodeId([1; 32])]);
        lawful(sampler.expect("sizes in range"), inputs, |message| match message {
            brahms::Message::View(names) => names.len(),
            _ => 0,
        })?;
    }

    #[test]
    fn peerswap_stays_lawful(inputs in inputs(prop_oneof![
        names().prop_map(peerswap::Message::Swap), names().prop_map(peerswap::Message::Swapped),
        (0_u8..40).prop_map(|id| peerswap::Message::Moved(NodeId([id; 32]))),
    ])) {
        lawful(PeerSwap::new(ME, Seed::from_number(1), &[NodeId([1; 32])]), inputs, |message| match message {
            peerswap::Message::Swap(names) | peerswap::Message::Swapped(names) => names.len(),
            peerswap::Message::Moved(_) => 1,
        })?;
    }

    #[test]
    fn bytes_are_refused_or_canonical(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = decode::<brahms::Message>(&bytes) {
            prop_assert_eq!(encode(&message), bytes.clone());
        }
        if let Ok(message) = decode::<peerswap::Message>(&bytes) {
            prop_assert_eq!(encode(&message), bytes);
        }
    }
}

#[test]
fn sizes_out_of_range_are_refused() {
    for (view, samples) in [(4, 8), (65, 8), (10, 0), (10, 257)] {
        assert!(Brahms::new(brahms::Sizes { view, samples }, ME, Seed::default(), &[]).is_err());
    }
}
