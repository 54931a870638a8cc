//! The frame decoder against mutants, splits, lies about length and unknown channels.

use crate::mutants::{ROUNDS, blind, edit, words};
use bitneuron_net::{Channel, Decoder, Frame, Limits, Refused, frame::HEADER};
use proptest::prelude::*;
use std::sync::Arc;

fn limits() -> Arc<Limits> {
    Arc::new(Limits::default())
}

/// All frames of a stream that arrives in pieces, the first refusal, and the most memory held.
fn read_all(bytes: &[u8], mut piece: impl FnMut() -> usize) -> (Vec<Frame>, Option<Refused>, usize) {
    let mut decoder = Decoder::new(limits());
    let (mut frames, mut held, mut rest) = (Vec::new(), 0, bytes);
    while !rest.is_empty() {
        let (mut now, later) = rest.split_at(piece().clamp(1, rest.len()));
        loop {
            match decoder.read(&mut now) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(refused) => return (frames, Some(refused), held),
            }
            held = held.max(decoder.held());
        }
        held = held.max(decoder.held());
        assert!(now.is_empty(), "all that was offered is taken");
        rest = later;
    }
    (frames, None, held)
}

fn frame() -> impl Strategy<Value = Frame> {
    (1_u16..=7, prop::collection::vec(any::<u8>(), 0..300))
        .prop_map(|(channel, body)| Frame { channel: Channel(channel), body })
}

proptest! {
    #[test]
    fn any_split_gives_the_same_frames(
        frames in prop::collection::vec(frame(), 0..6),
        pieces in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.encode(&limits()).unwrap()).collect();
        let mut pieces = pieces.into_iter().cycle();
        let (read, refused, _) = read_all(&bytes, || pieces.next().unwrap());
        prop_assert_eq!(read, frames);
        prop_assert_eq!(refused, None);
    }

    #[test]
    fn a_refusal_changes_nothing(channel in any::<u16>(), length in any::<u32>(), cut in 0_usize..HEADER) {
        let header: Vec<u8> = [length.to_le_bytes().as_slice(), &channel.to_le_bytes()].concat();
        let mut decoder = Decoder::new(limits());
        let (mut first, mut second) = header.split_at(cut);
        prop_assert_eq!(decoder.read(&mut first), Ok(None));
        let before = (decoder.clone(), second);
        let verdict = limits().check(Channel(channel), length as usize);
        if let Err(refused) = decoder.read(&mut second) {
            prop_assert_eq!(Err(refused), verdict);
            prop_assert_eq!((decoder, second), before);
        } else {
            prop_assert_eq!(verdict, Ok(length));
        }
    }
}

/// Ten thousand streams: in every second one bytes are flipped, cut out and put in, in the others a length or a channel is
/// changed. Whatever is read could have been written, what was read encodes to what was consumed, and no more is held than
/// twice what arrived.
#[test]
fn ten_thousand_mutants() {
    let mut below = words("frames");
    let mut tally = [[0; 3]; 2];
    for round in 0..ROUNDS {
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        for _ in 0..=below(3) {
            let body = (0..below(120)).map(|_| below(256) as u8).collect();
            let frame = Frame { channel: Channel(1 + below(7) as u16), body };
            starts.push(bytes.len());
            bytes.extend(frame.encode(&limits()).unwrap());
        }
        let knows = round % 2;
        if knows == 0 {
            blind(&mut bytes, &mut below);
        } else {
            let start = starts[below(starts.len())];
            let (field, width) = [(0, 4), (4, 2)][below(2)];
            edit(&mut bytes, start + field, width, &mut below);
        }
        let (frames, refused, held) = read_all(&bytes, || 1 + below(50));
        let again: Vec<u8> = frames.iter().flat_map(|frame| frame.encode(&limits()).unwrap()).collect();
        assert!(bytes.starts_with(&again));
        assert!(held <= 2 * bytes.len(), "{held} held for {} bytes", bytes.len());
        let outcome = match refused {
            Some(Refused::UnknownChannel(channel)) => {
                assert!(limits().quota(channel).is_err());
                0
            }
            Some(Refused::TooLong { channel, length, limit }) => {
                assert!(length > limit as usize && limits().quota(channel).unwrap().largest == limit);
                1
            }
            Some(other) => panic!("{other}"),
            None => 2,
        };
        tally[knows][outcome] += 1;
    }
    assert!(tally.as_flattened().iter().all(|count| *count > 100), "each outcome occurs: {tally:?}");
}

#[test]
fn a_large_promise_costs_nothing() {
    let header = [(1_u32 << 20).to_le_bytes().as_slice(), &Channel::BLOB.0.to_le_bytes()].concat();
    let mut decoder = Decoder::new(limits());
    assert_eq!(decoder.read(&mut header.as_slice()), Ok(None));
    assert_eq!(decoder.held(), 0);
    assert_eq!(decoder.read(&mut [7; 100].as_slice()), Ok(None));
    assert!(decoder.held() <= 200);
}

#[test]
fn the_limit_itself_passes() {
    for (length, fits) in [(1024, true), (1025, false)] {
        let frame = Frame { channel: Channel::ANNOUNCE, body: vec![0; length] };
        assert_eq!(frame.encode(&limits()).is_ok(), fits);
        let mut header = (length as u32).to_le_bytes().to_vec();
        header.extend(Channel::ANNOUNCE.0.to_le_bytes());
        assert_eq!(Decoder::new(limits()).read(&mut header.as_slice()).is_ok(), fits);
    }
    let unknown = Frame { channel: Channel(99), body: Vec::new() };
    assert_eq!(unknown.encode(&limits()), Err(Refused::UnknownChannel(Channel(99))));
}
