//! Latency, loss, duplicates, bandwidth and partitions.

use crate::{Note, SECOND, Saw, Witness, constant, note, setting, witnesses};
use bitneuron_core::Time;
use bitneuron_sim::{Address, Blocks, Chance, Latency, Link, Meter, Partition, World};
use std::time::Duration;

/// The delays of so many messages from node 0 to node 1 over a link, ascending.
fn delays(link: Link, count: u64) -> Vec<u64> {
    let mut world = World::new(setting(2, link), vec![Witness::default(); 2]);
    world.run_until(Time(SECOND));
    world.act(0, |_, cx| (0..count).for_each(|number| cx.send(1, note(number))));
    world.run_until(Time(1_000 * SECOND));
    let messages = world.nodes()[1].saw.iter().filter(|(_, saw)| matches!(saw, Saw::Message(..)));
    messages.map(|(at, _)| at.0 - SECOND).collect()
}

#[test]
fn latencies_are_what_they_say() {
    let millis = Duration::from_millis;
    assert_eq!(delays(constant(10), 100), [10_000; 100]);

    let uniform = delays(Link::new(Latency::Uniform { least: millis(40), most: millis(60) }), 10_000);
    assert!((40_000..40_020).contains(&uniform[0]) && (59_980..=60_000).contains(&uniform[9_999]));
    assert!((49_500..50_500).contains(&uniform[5_000]));

    let exponential = Link::new(Latency::Exponential { floor: millis(20), mean: millis(80) });
    let exponential = delays(exponential, 10_000);
    assert!(exponential[0] >= 20_000);
    let mean = exponential.iter().sum::<u64>() / 10_000;
    assert!((97_500..102_500).contains(&mean), "{mean}");

    let tail = delays(Link::new(Latency::LogNormal { median: millis(50), sigma: 500_000 }), 10_000);
    assert!((49_000..51_000).contains(&tail[5_000]) && tail[9_750] > 120_000);

    let jitter = delays(Link { jitter: millis(5), ..constant(10) }, 10_000);
    assert!((10_000..10_005).contains(&jitter[0]) && (14_995..=15_000).contains(&jitter[9_999]));
}

#[test]
fn loss_and_duplicates_come_at_their_rate() {
    let arrived = |loss, duplicate| {
        let link =
            Link { loss: Chance::percent(loss), duplicate: Chance::percent(duplicate), ..constant(10) };
        delays(link, 20_000).len()
    };
    assert_eq!(arrived(0, 0), 20_000);
    assert_eq!(arrived(100, 0), 0);
    assert_eq!(arrived(0, 100), 40_000);
    // Five standard deviations: 5·√(20,000·p·(1 − p)).
    assert!(arrived(5, 0).abs_diff(19_000) < 154);
    assert!(arrived(30, 0).abs_diff(14_000) < 324);
    assert!(arrived(0, 10).abs_diff(22_000) < 212);
}

#[test]
fn certain_links_are_their_own() {
    let mut world = witnesses(3);
    world.network_mut().special.insert((0, 1), constant(70));
    world.act(0, |_, cx| cx.broadcast(&note(0)));
    world.act(1, |_, cx| cx.send(0, note(1)));
    world.run_until(Time(SECOND));
    let arrivals: Vec<u64> = world.nodes().iter().map(|node| node.saw[0].0.0 - 1).collect();
    assert_eq!(arrivals, [10_000, 70_000, 10_000]);
}

#[test]
fn meters_count_what_is_sent_and_what_arrives() {
    let mut world = witnesses(3);
    world.network_mut().special.insert((0, 1), Link { loss: Chance::ALWAYS, ..constant(10) });
    world.act(0, |_, cx| {
        cx.broadcast(&note(0));
        cx.send(0, note(1));
        cx.send(99, note(2));
    });
    world.run_until(Time(SECOND));
    let sent = Meter { sent_messages: 3, sent_bytes: 300, ..Meter::default() };
    let received = Meter { received_messages: 1, received_bytes: 100, ..Meter::default() };
    assert_eq!([0, 1, 2].map(|node| world.meter(node)), [sent, Meter::default(), received]);
    let tally = world.tally();
    assert_eq!((tally.delivered, tally.lost, tally.astray), (2, 1, 1));
    // What is sent to oneself arrives at once.
    assert_eq!(world.nodes()[0].saw, [(Time(1), Saw::Message(0, 1))]);
}

#[test]
fn an_uplink_sends_one_message_after_the_other() {
    let mut world = witnesses(3);
    world.network_mut().uplink = Some(1_000_000);
    world.network_mut().uplinks.insert(1, 10_000_000);
    let big = |number| Note { number, size: 500_000 };
    world.act(0, |_, cx| cx.multicast([1, 2], &big(0)));
    world.act(1, |_, cx| cx.send(0, big(1)));
    world.run_until(Time(100_000));
    world.act(0, |_, cx| cx.send(2, big(2)));
    world.run_until(Time(5 * SECOND));
    let times = |node: usize| world.nodes()[node].saw.iter().map(|(at, _)| at.0).collect::<Vec<_>>();
    assert_eq!(times(1), [1 + 500_000 + 10_000]);
    assert_eq!(times(2), [1 + 1_000_000 + 10_000, 1 + 1_500_000 + 10_000]);
    assert_eq!(times(0), [1 + 50_000 + 10_000]);
}

/// Who hears whom when all four send to all at this second.
fn heard(blocks: Blocks, second: u64) -> Vec<Vec<Address>> {
    let mut world = witnesses(4);
    let (from, until) = (Time(2 * SECOND), Time(4 * SECOND));
    world.network_mut().partitions.push(Partition { from, until, side: [0, 1].into(), blocks });
    world.run_until(Time(second * SECOND));
    (0..4).for_each(|node| assert!(world.act(node, |_, cx| cx.broadcast(&note(0)))));
    world.run_until(Time(10 * SECOND));
    let tally = world.tally();
    assert_eq!(tally.delivered + tally.blocked, 12);
    let from = |(_, saw): &(Time, Saw)| if let Saw::Message(from, _) = saw { Some(*from) } else { None };
    world.nodes().iter().map(|node| node.saw.iter().filter_map(from).collect()).collect()
}

#[test]
fn a_partition_blocks_then_heals() {
    let all = vec![vec![1, 2, 3], vec![0, 2, 3], vec![0, 1, 3], vec![0, 1, 2]];
    assert_eq!(heard(Blocks::Both, 1), all);
    assert_eq!(heard(Blocks::Both, 2), [[1], [0], [3], [2]]);
    assert_eq!(heard(Blocks::Both, 3), [[1], [0], [3], [2]]);
    assert_eq!(heard(Blocks::Both, 4), all);
    assert_eq!(heard(Blocks::Leaving, 3), [vec![1, 2, 3], vec![0, 2, 3], vec![3], vec![2]]);
    assert_eq!(heard(Blocks::Entering, 3), [vec![1], vec![0], vec![0, 1, 3], vec![0, 1, 2]]);
}

#[test]
fn what_was_sent_before_a_partition_arrives() {
    let mut world = witnesses(2);
    let (from, until) = (Time(5_000), Time(SECOND));
    world.network_mut().partitions.push(Partition { from, until, side: [0].into(), blocks: Blocks::Both });
    world.act(0, |_, cx| {
        cx.send(1, note(1));
        cx.send_after(Duration::from_millis(6), 1, note(2));
        cx.send_after(Duration::from_secs(1), 1, note(3));
    });
    world.run_until(Time(2 * SECOND));
    let numbers: Vec<_> = world.nodes()[1].saw.iter().map(|(_, saw)| *saw).collect();
    assert_eq!(numbers, [Saw::Message(0, 1), Saw::Message(0, 3)]);
}
