//! Cyclon keeps the laws of a sampler; for each law there is a wrong sampler that it refuses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::{Digest, Machine, NodeId, Outbox, Seed, Time, codec::encode};
use bitneuron_net::{
    Cyclon, Sampler, SamplingError,
    sampling::{
        Effect, Input,
        cyclon::{Message, Sizes},
    },
    suite::sampling::{Violation, check},
};
use std::cell::Cell;

fn cyclon(me: NodeId, seed: Seed, contacts: &[NodeId]) -> Cyclon {
    Cyclon::new(Sizes::default(), me, seed, contacts).unwrap()
}

#[test]
fn cyclon_keeps_the_laws() {
    for seed in 0..3 {
        assert_eq!(check(cyclon, Seed::from_number(seed)), Ok(()));
    }
}

/// A Cyclon with one fault.
struct Wrong {
    inner: Cyclon,
    me: NodeId,
    fault: Fault,
    noise: u8,
    forgot: bool,
}

#[derive(Clone, Copy)]
enum Fault {
    ShowsItself,
    ShowsTwice,
    ShowsTooMany,
    ForgetsAll,
    Unseeded,
    ActsOnRefusal,
}

impl Machine for Wrong {
    type Input = Input<Message>;
    type Effect = Effect<Message>;
    type Error = SamplingError;

    fn step(
        &mut self,
        now: Time,
        input: Self::Input,
        out: &mut Outbox<Self::Effect>,
    ) -> Result<(), SamplingError> {
        match (self.fault, &input) {
            (Fault::ForgetsAll, Input::Tick) => {
                self.forgot = true;
                Ok(())
            }
            (Fault::ActsOnRefusal, Input::Message { from, message }) => {
                out.push(Effect::Send { to: *from, message: message.clone() });
                Err(SamplingError::FromSelf)
            }
            _ => self.inner.step(now, input, out),
        }
    }
}

impl Sampler for Wrong {
    type Message = Message;

    fn view(&self) -> Vec<NodeId> {
        let mut view = self.inner.view();
        match self.fault {
            Fault::ShowsItself => view.push(self.me),
            Fault::ShowsTwice => view.extend(view.first().copied()),
            Fault::ShowsTooMany => view.extend((0..30).map(|at| NodeId([at; 32]))),
            Fault::ForgetsAll if self.forgot => view.clear(),
            Fault::Unseeded => {
                let by = usize::from(self.noise) % view.len().max(1);
                view.rotate_left(by);
            }
            _ => {}
        }
        view
    }

    fn capacity(&self) -> usize {
        self.inner.capacity()
    }
}

fn verdict(fault: Fault) -> Violation {
    let made = Cell::new(0_u8);
    let make = |me, seed, contacts: &[NodeId]| {
        made.set(made.get().wrapping_add(1));
        Wrong { inner: cyclon(me, seed, contacts), me, fault, noise: made.get(), forgot: false }
    };
    check(make, Seed::from_number(1)).unwrap_err()
}

#[test]
fn each_law_refuses_its_breaker() {
    assert!(matches!(verdict(Fault::ShowsItself), Violation::SelfInView(_)));
    assert!(matches!(verdict(Fault::ShowsTwice), Violation::Twice(_)));
    assert!(matches!(verdict(Fault::ShowsTooMany), Violation::Bound { found: 31.., capacity: 20, .. }));
    assert!(matches!(verdict(Fault::ForgetsAll), Violation::Disconnected { .. }));
    assert!(matches!(verdict(Fault::Unseeded), Violation::Unequal));
    assert!(matches!(verdict(Fault::ActsOnRefusal), Violation::RefusalChanged(_)));
}

/// Keeps its contacts for ever: connected, but all know the same three.
struct Star(Vec<NodeId>);

impl Machine for Star {
    type Input = Input<Message>;
    type Effect = Effect<Message>;
    type Error = SamplingError;

    fn step(&mut self, _: Time, _: Self::Input, _: &mut Outbox<Self::Effect>) -> Result<(), SamplingError> {
        Ok(())
    }
}

impl Sampler for Star {
    type Message = Message;

    fn view(&self) -> Vec<NodeId> {
        self.0.clone()
    }

    fn capacity(&self) -> usize {
        3
    }
}

#[test]
fn a_star_is_uneven() {
    let make = |me, _, contacts: &[NodeId]| Star(contacts.iter().copied().filter(|&id| id != me).collect());
    assert!(matches!(check(make, Seed::from_number(1)), Err(Violation::Uneven { least: 0, .. })));
}

/// Ten nodes in a ring, thirty periods: the views, hashed, for ever the same.
#[test]
fn golden_views() {
    let name = |at: u8| NodeId([at; 32]);
    let sizes = Sizes { view: 4, shuffle: 3 };
    let mut nodes: Vec<Cyclon> = (0..10)
        .map(|at| {
            Cyclon::new(sizes, name(at), Seed::from_number(u64::from(at)), &[name((at + 1) % 10)]).unwrap()
        })
        .collect();
    let mut messages = Vec::new();
    for period in 0..30 {
        for at in 0..10_u8 {
            let mut waiting = vec![(name(at), Input::Tick)];
            while let Some((to, input)) = waiting.pop() {
                let mut out = Outbox::new();
                nodes[usize::from(to.0[0])].step(Time(period), input, &mut out).unwrap();
                for Effect::Send { to: peer, message } in out {
                    messages.extend(encode(&message));
                    waiting.push((peer, Input::Message { from: to, message }));
                }
            }
        }
    }
    assert!(nodes.iter().all(|node| node.view().len() == 4));
    assert_eq!(
        Digest::of("golden cyclon", &messages).to_string(),
        "7bedc211e3357103640d6519530bb5a76a64d8c1ca429d61dbc3f4370ff4c941"
    );
}

#[test]
fn brahms_keeps_the_laws() {
    let make = |me, seed, contacts: &[NodeId]| {
        bitneuron_net::Brahms::new(bitneuron_net::sampling::brahms::Sizes::default(), me, seed, contacts)
            .unwrap()
    };
    for seed in 0..3 {
        assert_eq!(check(make, Seed::from_number(seed)), Ok(()));
    }
}
