//! Hostile bytes and hostile messages for a validator.

use crate::world::{World, key_of, stranger};
use bitneuron_core::{Digest, decode, encode};
use bitneuron_net::Channel;
use bitneuron_role::Message;

#[derive(Default)]
pub(crate) struct Words(u64);

impl Words {
    fn below(&mut self, n: usize) -> usize {
        self.0 += 1;
        let word = Digest::of("bitneuron role hostile words", &self.0.to_le_bytes()).to_u64();
        usize::try_from(word % n.max(1) as u64).unwrap()
    }
}

/// Flips, cuts or grows without looking.
fn blind(bytes: &[u8], words: &mut Words) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    match words.below(3) {
        0 => {
            let at = words.below(mutant.len());
            mutant[at] ^= 1 << words.below(8);
        }
        1 => mutant.truncate(words.below(bytes.len())),
        _ => mutant.extend((0..=words.below(40)).map(|at| at as u8)),
    }
    mutant
}

/// Another kind's tag, an extreme length, or the tail of another message.
fn aware(bytes: &[u8], other: &[u8], words: &mut Words) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    match words.below(3) {
        0 => mutant[0] = words.below(14) as u8,
        1 => {
            let at = words.below(mutant.len());
            let extreme =
                [[255; 9], [253, 255, 255, 255, 255, 255, 255, 255, 255], [252, 0, 0, 0, 1, 0, 0, 0, 0]];
            mutant.splice(at..(at + 1).min(bytes.len()), extreme[words.below(3)]);
        }
        _ => {
            let cut = words.below(bytes.len().min(other.len()));
            mutant.truncate(cut);
            mutant.extend(&other[cut..]);
        }
    }
    mutant
}

/// A mutant of one of these messages; every second one knows their form.
pub(crate) fn mutant(round: usize, messages: &[Vec<u8>], words: &mut Words) -> Vec<u8> {
    let (one, other) = (&messages[round % messages.len()], &messages[words.below(messages.len())]);
    if round.is_multiple_of(2) { blind(one, words) } else { aware(one, other, words) }
}

#[test]
fn ten_thousand_mutants_change_nothing_and_name_their_sender() {
    let mut world = World::new();
    let bytes: Vec<Vec<u8>> = world.messages().iter().map(|message| message.to_bytes().to_vec()).collect();
    let (root, mut words, mut garbled) = (world.validator.state().root(), Words::default(), 0);
    for round in 0..10_000 {
        let mutant = mutant(round, &bytes, &mut words);
        world.offenders.clear();
        world.heard.clear();
        world.say(stranger(), Channel::REQUEST, mutant.clone());
        if let Ok(message) = decode::<Message>(&mutant) {
            assert_eq!(encode(&message), mutant, "one message, one encoding");
        } else {
            garbled += 1;
            assert_eq!(world.offenders, [stranger()]);
            assert!(world.heard.is_empty());
        }
    }
    assert!(garbled > 1_000, "{garbled} were garbled");
    assert_eq!(world.validator.state().root(), root);
    world.decide(3);
}

#[test]
fn a_stranger_has_no_effect_on_the_state_and_is_named() {
    let mut world = World::new();
    let messages = world.messages();
    let root = world.validator.state().root();
    for message in messages {
        world.offenders.clear();
        world.heard.clear();
        world.say(stranger(), message.channel(), message.to_bytes().to_vec());
        // A delivery may be early, so its sender is named when no deal comes: see `trade`.
        let allowed = matches!(
            message,
            Message::Transaction(_)
                | Message::Ask(_)
                | Message::Follow { .. }
                | Message::Subscribe
                | Message::Delivery { .. }
        );
        let named: &[_] = if allowed { &[] } else { &[stranger()] };
        assert_eq!(world.offenders, named, "{message:?}");
        assert!(world.heard.iter().all(|(to, _)| *to == stranger()), "nobody else hears of it");
        assert_eq!(world.validator.state().root(), root);
    }
    for channel in [Channel::VOTE, Channel::ORDER, Channel::REQUEST] {
        world.offenders.clear();
        world.say(stranger(), channel, b"no message at all".to_vec());
        assert_eq!(world.offenders, [stranger()], "{channel}");
    }
    assert_eq!(world.validator.state().root(), root);
    // Its transaction, without a token to pay for it, is in no block either.
    world.decide(6);
    assert_eq!(world.validator.state().balance(key_of(7).id()), bitneuron_core::Amount::ZERO);
}
