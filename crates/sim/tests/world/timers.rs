//! Timers, cancelling, and work on the one virtual processor.

use crate::{Saw, witnesses};
use bitneuron_core::Time;
use std::time::Duration;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn timers_fire_in_their_order() {
    let mut world = witnesses(1);
    world.act(0, |_, cx| {
        cx.timer(millis(20), 2);
        cx.timer(millis(10), 1);
        cx.timer(millis(20), 3);
        cx.timer(Duration::ZERO, 0);
    });
    world.run_until(Time(1_000_000));
    let expected = [(1, 0), (10_001, 1), (20_001, 2), (20_001, 3)];
    assert_eq!(world.nodes()[0].saw, expected.map(|(at, id)| (Time(at), Saw::Timer(id))));
    assert_eq!(world.now(), Time(1_000_000));
}

#[test]
fn cancelling_voids_what_was_set_before_it() {
    let mut world = witnesses(1);
    world.act(0, |_, cx| {
        cx.timer(millis(10), 1);
        cx.timer(millis(30), 1);
        cx.timer(millis(10), 2);
        cx.cancel(1);
        cx.timer(millis(20), 1);
        cx.cancel(7);
        cx.work(millis(5), 1);
    });
    world.run_until(Time(15_000));
    world.act(0, |_, cx| cx.cancel(2));
    world.act(0, |_, cx| cx.timer(millis(50), 2));
    world.run_until(Time(1_000_000));
    let expected =
        [(5_001, Saw::Done(1)), (10_001, Saw::Timer(2)), (20_001, Saw::Timer(1)), (65_000, Saw::Timer(2))];
    assert_eq!(world.nodes()[0].saw, expected.map(|(at, saw)| (Time(at), saw)));
}

#[test]
fn work_waits_for_the_work_before_it() {
    let mut world = witnesses(2);
    world.act(0, |_, cx| {
        cx.work(millis(30), 1);
        cx.work(millis(10), 2);
        cx.timer(millis(5), 9);
    });
    world.act(1, |_, cx| cx.work(millis(10), 3));
    world.run_until(Time(100_000));
    // Idle since 40 ms: new work begins at once.
    world.act(0, |_, cx| cx.work(millis(1), 4));
    world.run_until(Time(1_000_000));
    let expected =
        [(5_001, Saw::Timer(9)), (30_001, Saw::Done(1)), (40_001, Saw::Done(2)), (101_000, Saw::Done(4))];
    assert_eq!(world.nodes()[0].saw, expected.map(|(at, saw)| (Time(at), saw)));
    assert_eq!(world.nodes()[1].saw, [(Time(10_001), Saw::Done(3))]);
}
