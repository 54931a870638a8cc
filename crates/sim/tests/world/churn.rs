//! Nodes that go and come back.

use crate::{Chatter, SECOND, Saw, Witness, constant, note, setting, witnesses};
use bitneuron_core::Time;
use bitneuron_sim::{Churn, Outage, Setting, World};
use std::time::Duration;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Node 0 is down from 10 to 50 ms; timers and work are due before, meanwhile and after.
fn interrupted(outage: Outage) -> World<Witness> {
    let mut world = witnesses(2);
    world.kill(Time(10_000), 0, outage);
    world.revive(Time(50_000), 0);
    world.act(0, |_, cx| {
        for (id, after) in [5, 30, 20, 80].into_iter().enumerate() {
            cx.timer(millis(after), id as u64);
        }
        cx.timer(millis(40), 99);
        cx.cancel(99);
        cx.work(millis(25), 7);
    });
    world.act(1, |_, cx| {
        cx.send_after(millis(20), 0, note(1));
        cx.send_after(millis(45), 0, note(2));
    });
    world.run_until(Time(10_000));
    assert!(!world.is_up(0) && !world.act(0, |_, cx| cx.timer(millis(1), 5)));
    world.run_until(Time(SECOND));
    assert!(world.is_up(0));
    assert_eq!(world.tally().missed, 1);
    world
}

#[test]
fn a_suspended_node_keeps_its_timers_and_work() {
    let world = interrupted(Outage::Suspend);
    let expected = [
        (5_001, Saw::Timer(0)),
        (50_000, Saw::Timer(2)),
        (50_000, Saw::Done(7)),
        (50_000, Saw::Timer(1)),
        (55_001, Saw::Message(1, 2)),
        (80_001, Saw::Timer(3)),
    ];
    assert_eq!(world.nodes()[0].saw, expected.map(|(at, saw)| (Time(at), saw)));
}

#[test]
fn a_crashed_node_loses_them_and_restarts() {
    let world = interrupted(Outage::Crash);
    let expected = [(5_001, Saw::Timer(0)), (50_000, Saw::Restart), (55_001, Saw::Message(1, 2))];
    assert_eq!(world.nodes()[0].saw, expected.map(|(at, saw)| (Time(at), saw)));
}

#[test]
fn a_crash_outweighs_a_suspension() {
    let mut world = witnesses(1);
    world.act(0, |_, cx| cx.timer(millis(20), 1));
    world.kill(Time(10_000), 0, Outage::Suspend);
    world.kill(Time(30_000), 0, Outage::Crash);
    world.revive(Time(40_000), 0);
    world.revive(Time(50_000), 0);
    world.run_until(Time(SECOND));
    assert_eq!(world.nodes()[0].saw, [(Time(40_000), Saw::Restart)]);
}

#[test]
fn one_killed_before_it_started_restarts_once() {
    let mut world = World::new(setting(1, constant(10)), Vec::new());
    world.kill(Time(0), 0, Outage::Suspend);
    let node = world.join(Witness::default());
    world.revive(Time(10), node);
    world.run_until(Time(SECOND));
    assert_eq!(world.nodes()[0].saw, [(Time(10), Saw::Restart)]);
    let late = world.join(Witness::default());
    world.run_for(millis(1));
    assert_eq!(world.node(late).unwrap().saw, [(Time(SECOND), Saw::Start)]);
}

fn churning(outage: Outage, seconds: u64) -> World<Chatter> {
    let means = Churn::new(Duration::from_secs(14), Duration::from_secs(6));
    let churn = Some(Churn { outage, spared: [0].into(), ..means });
    let setting = Setting { churn, ..setting(1, constant(10)) };
    let mut world = World::new(setting, vec![Chatter::default(); 1_000]);
    world.run_until(Time(seconds * SECOND));
    world
}

#[test]
fn sessions_have_their_means() {
    let mut world = churning(Outage::Suspend, 60);
    let (mut up, mut changes) = (0, 0);
    let mut before: Vec<bool> = (0..1_000).map(|node| world.is_up(node)).collect();
    for _ in 0..600 {
        world.run_for(millis(100));
        for (node, before) in before.iter_mut().enumerate() {
            let now = world.is_up(node as u32);
            up += u32::from(now);
            changes += u32::from(now != *before);
            *before = now;
        }
        assert!(world.is_up(0));
    }
    // Up 14 s in 20 s; two changes in 20 s, few of them too short to be seen.
    assert!(up.abs_diff(420_000) < 8_000, "{up}");
    assert!(changes.abs_diff(6_000) < 300, "{changes}");
}

#[test]
fn periodic_nodes_survive_either_outage() {
    // Suspended, the one timer is held and goes on; crashed, `restart` sets it anew. In the end all still chat.
    for outage in [Outage::Suspend, Outage::Crash] {
        let mut world = churning(outage, 100);
        let before: Vec<usize> = world.nodes().iter().map(|node| node.drawn.len()).collect();
        world.run_for(Duration::from_secs(100));
        let drawn: Vec<usize> =
            world.nodes().iter().zip(before).map(|(node, before)| node.drawn.len() - before).collect();
        assert!(drawn.iter().all(|&drawn| (10..=101).contains(&drawn)));
        // About one a second of uptime: a timer that survived a crash would double it.
        let mean = drawn.iter().sum::<usize>() / drawn.len();
        assert!((64..=78).contains(&mean), "{outage:?}: {mean}");
    }
}
