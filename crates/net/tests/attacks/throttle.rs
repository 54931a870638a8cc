//! The throttle against floods, many names, and clocks that stand or go back.

use bitneuron_core::{NodeId, Time};
use bitneuron_net::{Channel, Limits, Quota, Refused, Throttle, frame::HEADER, limits::Bucket};
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    /// In every window the grants are bounded by burst + refill · t / period, and asking often loses nothing.
    #[test]
    fn a_bucket_grants_its_rate_and_no_more(
        burst in 1_u32..50, refill in 1_u32..50, period in 1_u32..2_000,
        gaps in prop::collection::vec(0_u64..400, 1..300),
    ) {
        let quota = Quota { burst, refill, period, ..Quota::frames(1, 1, 1) };
        let mut bucket = Bucket::full(&quota, Time(0));
        let (mut now, mut granted, mut exact) = (0, Vec::new(), u64::from(burst) * u64::from(period));
        for gap in gaps {
            now += gap;
            // The same bucket in the plainest form: parts of a token, one period's worth each.
            exact = (exact + gap * u64::from(refill)).min(u64::from(burst) * u64::from(period));
            let expected = exact >= u64::from(period);
            prop_assert_eq!(bucket.take(&quota, Time(now), 1).is_ok(), expected);
            if expected {
                exact -= u64::from(period);
                granted.push(now);
            }
        }
        for (first, start) in granted.iter().enumerate() {
            for (last, end) in granted.iter().enumerate().skip(first) {
                let most = u64::from(burst) + (end - start) * u64::from(refill) / u64::from(period);
                prop_assert!((last - first + 1) as u64 <= most);
            }
        }
    }

    /// The wait that a refusal names is enough, and it is not a microsecond too long.
    #[test]
    fn the_wait_is_exact(burst in 1_u32..20, refill in 1_u32..20, period in 1_u32..10_000, tokens in 1_u32..30) {
        let quota = Quota { burst, refill, period, ..Quota::frames(1, 1, 1) };
        let mut bucket = Bucket::full(&quota, Time(0));
        while bucket.take(&quota, Time(0), 1).is_ok() {}
        let wait = bucket.take(&quota, Time(0), tokens).unwrap_err();
        let (late, soon) = (Time::ZERO.after(wait), Time(Time::ZERO.after(wait).0 - 1));
        prop_assert_eq!(bucket.clone().take(&quota, late, tokens).is_ok(), tokens <= burst);
        prop_assert!(bucket.take(&quota, soon, tokens).is_err());
    }
}

fn peer(number: u16) -> NodeId {
    let mut id = NodeId::default();
    id.0[..2].copy_from_slice(&number.to_le_bytes());
    id
}

#[test]
fn a_flood_is_cut_to_its_rate() {
    let limits = Limits::default();
    let mut throttle = Throttle::new(8);
    let mut passed = 0;
    for micro in 0..1_000_000 {
        let now = Time(micro);
        passed += u32::from(throttle.admit(&limits, now, peer(1), Channel::GROUP, 100).is_ok());
    }
    assert_eq!(passed, 20 + 19);
    // Another channel and another peer have their own buckets.
    assert_eq!(throttle.admit(&limits, Time(0), peer(1), Channel::VOTE, 1), Ok(()));
    assert_eq!(throttle.admit(&limits, Time(0), peer(2), Channel::GROUP, 1), Ok(()));
}

#[test]
fn bytes_are_charged_as_bytes() {
    let limits = Limits::none().with(Channel::BLOB, Quota::bytes(1000, 0, 1500));
    let mut throttle = Throttle::new(1);
    let body = 1000 - HEADER;
    assert_eq!(throttle.admit(&limits, Time(0), peer(1), Channel::BLOB, body), Ok(()));
    let refused = throttle.admit(&limits, Time(0), peer(1), Channel::BLOB, body).unwrap_err();
    assert!(matches!(refused, Refused::TooFast { wait, .. } if wait.as_micros().div_ceil(1000) == 334));
    assert_eq!(throttle.admit(&limits, Time(0), peer(1), Channel::BLOB, body - 500), Ok(()));
}

#[test]
fn a_flood_of_empty_bodies_is_cut_too() {
    // Without a least price the header is what an empty body costs; a vote has a least price.
    let frames = |limits: &Limits, channel| {
        let mut throttle = Throttle::new(1);
        (0..1_000_000).take_while(|_| throttle.admit(limits, Time(0), peer(1), channel, 0).is_ok()).count()
    };
    let blobs = Limits::none().with(Channel::BLOB, Quota::bytes(1000, 0, 6000));
    assert_eq!(frames(&blobs, Channel::BLOB), 6000 / HEADER);
    assert_eq!(frames(&Limits::default(), Channel::VOTE), 1024);
    assert_eq!(frames(&Limits::default(), Channel::ORDER), 256);
}

#[test]
fn the_largest_body_of_every_channel_passes_a_full_bucket() {
    let limits = Limits::default();
    for channel in (1..=7).map(Channel) {
        let largest = limits.quota(channel).unwrap().largest as usize;
        assert_eq!(Throttle::new(1).admit(&limits, Time(0), peer(1), channel, largest), Ok(()), "{channel}");
    }
}

#[test]
fn names_are_bounded_and_the_idle_make_room() {
    let limits = Limits::default();
    let mut throttle = Throttle::new(100);
    for number in 0..100 {
        let now = Time(u64::from(number));
        assert_eq!(throttle.admit(&limits, now, peer(number), Channel::GROUP, 1), Ok(()));
    }
    // The first is busy on another channel.
    assert_eq!(throttle.admit(&limits, Time(0), peer(0), Channel::ANNOUNCE, 1), Ok(()));
    let before = throttle.clone();
    let refused = throttle.admit(&limits, Time(50_000), peer(100), Channel::GROUP, 1);
    assert_eq!(refused, Err(Refused::TooManyPeers(100)));
    assert_eq!(throttle, before);
    // A twentieth of a second after a peer's frame its bucket is full again: one makes room, for one.
    assert_eq!(throttle.admit(&limits, Time(50_001), peer(100), Channel::GROUP, 1), Ok(()));
    assert_eq!(throttle.len(), 100);
    let refused = throttle.admit(&limits, Time(50_001), peer(101), Channel::GROUP, 1);
    assert_eq!(refused, Err(Refused::TooManyPeers(100)));
    throttle.forget(&peer(100));
    assert_eq!(throttle.len(), 99);
    assert_eq!(throttle.admit(&limits, Time(50_001), peer(101), Channel::GROUP, 1), Ok(()));
}

#[test]
fn who_comes_back_is_idle_later_and_not_forgotten_too_soon() {
    let limits = Limits::none().with(Channel::BLOB, Quota::bytes(10, 0, 100));
    let mut throttle = Throttle::new(2);
    let mut say = |at, who| throttle.admit(&limits, Time(at), peer(who), Channel::BLOB, 4);
    assert_eq!((say(0, 1), say(0, 2)), (Ok(()), Ok(())));
    // Ten bytes come back in a tenth of a second.
    assert_eq!(say(50_000, 1), Ok(()));
    assert_eq!(say(100_000, 3), Ok(()), "in the place of the second");
    assert_eq!(say(100_000, 4), Err(Refused::TooManyPeers(2)), "the first is not idle yet");
    assert_eq!(say(200_000, 4), Ok(()));
}

#[test]
fn the_slowest_bucket_says_when_a_peer_is_idle() {
    let quota = |bytes| Quota::bytes(10, 0, bytes);
    let limits = Limits::none().with(Channel::BLOB, quota(100)).with(Channel::GROUP, quota(1_000));
    let mut throttle = Throttle::new(1);
    let mut say = |at, who, channel| throttle.admit(&limits, Time(at), peer(who), channel, 4);
    assert_eq!((say(0, 1, Channel::BLOB), say(0, 1, Channel::GROUP)), (Ok(()), Ok(())));
    assert_eq!(say(10_000, 2, Channel::BLOB), Err(Refused::TooManyPeers(1)));
    assert_eq!(say(100_000, 2, Channel::BLOB), Ok(()));
}

#[test]
fn a_clock_that_goes_back_refills_nothing() {
    let quota = Quota::frames(1, 1, 1_000);
    let mut bucket = Bucket::full(&quota, Time(5_000));
    assert_eq!(bucket.take(&quota, Time(5_000), 1), Ok(()));
    assert!(bucket.take(&quota, Time(0), 1).is_err());
    assert!(bucket.take(&quota, Time(5_999), 1).is_err());
    assert_eq!(bucket.take(&quota, Time(6_000), 1), Ok(()));
    // Neither does one that goes back and forth.
    let pair = Quota::frames(1, 2, 1_000);
    let mut bucket = Bucket::full(&pair, Time(5_000));
    assert_eq!(bucket.take(&pair, Time(5_000), 1), Ok(()));
    assert_eq!(bucket.take(&pair, Time(0), 1), Ok(()));
    assert!(bucket.take(&pair, Time(5_499), 1).is_err());
    let never = Quota { refill: 0, ..quota };
    let mut bucket = Bucket::full(&never, Time(0));
    assert_eq!(bucket.take(&never, Time(u64::MAX), 1), Ok(()));
    assert_eq!(bucket.take(&never, Time(u64::MAX), 1), Err(Duration::from_micros(u64::MAX)));
}
