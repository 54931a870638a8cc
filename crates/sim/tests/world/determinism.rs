//! One seed, one run; and nobody's luck depends on others.

use crate::{Chatter, Note, SECOND, Saw, Witness, constant, note, setting, witnesses};
use bitneuron_core::{Digest, Time};
use bitneuron_sim::{
    Address, Chance, Churn, Context, Latency, Link, Node, Setting, World,
    suite::{Violation, check},
};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

fn rough(seed: u64) -> Setting {
    let (floor, mean) = (Duration::from_millis(20), Duration::from_millis(80));
    let link = Link {
        loss: Chance::percent(5),
        duplicate: Chance::percent(1),
        jitter: Duration::from_millis(3),
        ..Link::new(Latency::Exponential { floor, mean })
    };
    let churn = Some(Churn::new(Duration::from_secs(20), Duration::from_secs(5)));
    Setting { churn, trace: true, ..setting(seed, link) }
}

fn trace(seed: u64) -> Digest {
    let mut world = World::new(rough(seed), vec![Chatter::default(); 100]);
    world.run_until(Time(60 * SECOND));
    assert!(world.tally().delivered > 3_000 && world.tally().missed > 300 && world.tally().lost > 100);
    world.trace().expect("the setting asks for it")
}

#[test]
fn same_seed_same_trace_other_seed_another() {
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
    // For ever the same.
    assert_eq!(trace(1).to_string(), "3f858d2b49d987bda2ecce9d9ff136f51f0b33675e1c7911cd16ef582ffdbdfb");
}

#[test]
fn the_trace_tells_who_and_when_and_what() {
    let run = |from: Address, millis, message: Note| {
        let setting = Setting { trace: true, ..setting(1, constant(millis)) };
        let mut world = World::new(setting, vec![Witness::default(); 3]);
        world.run_until(Time(1));
        world.act(2, |_, cx| cx.send_after(Duration::from_millis(1), 2, note(0)));
        world.act(from, |_, cx| cx.send(1, message));
        world.run_until(Time(SECOND));
        world.trace()
    };
    assert_eq!(run(0, 10, note(1)), run(0, 10, note(1)));
    assert_ne!(run(0, 10, note(1)), run(2, 10, note(1)));
    assert_ne!(run(0, 10, note(1)), run(0, 11, note(1)));
    assert_ne!(run(0, 10, note(1)), run(0, 10, note(2)));
    assert_ne!(run(0, 10, note(1)), run(0, 10, Note { number: 1, size: 101 }));
}

/// However the run is cut into spans, it is the same run.
#[test]
fn pauses_change_nothing() {
    let run = |span: u64| {
        let mut world = World::new(rough(3), vec![Chatter::default(); 20]);
        while world.now() < Time(20 * SECOND) {
            world.run_for(Duration::from_micros(span));
        }
        world.trace()
    };
    assert_eq!(run(20 * SECOND), run(SECOND));
    assert_eq!(run(20 * SECOND), run(125));
}

#[test]
fn streams_do_not_depend_on_other_nodes() {
    let run = |count: usize, quiet: bool| {
        let mut nodes = vec![Chatter::default(); count];
        nodes[0].quiet = quiet;
        let mut world = World::new(Setting { churn: None, ..rough(4) }, nodes);
        world.run_until(Time(30 * SECOND));
        world.into_nodes()
    };
    let (few, many, hushed) = (run(5, false), run(50, false), run(50, true));
    // What a node draws depends on the seed and its address alone.
    for (one, other) in few.iter().zip(&many) {
        assert_eq!(one.drawn, other.drawn);
    }
    let first: BTreeSet<u64> = many.iter().map(|node| node.drawn[0]).collect();
    assert_eq!(first.len(), 50);
    // When node 0 falls silent, every other message arrives when it arrived before.
    for (one, other) in many.iter().zip(&hushed) {
        let without: Vec<_> = one.heard.iter().filter(|heard| heard.1 != 0).copied().collect();
        assert_eq!(without, other.heard);
    }
    assert!(many.iter().any(|node| node.heard.iter().any(|heard| heard.1 == 0)));
}

#[test]
fn time_never_goes_back_and_ties_keep_their_order() {
    let mut world = witnesses(3);
    let now = world.now();
    // All of these are due at one moment: in the order in which they were sent, across senders.
    for number in 0..50 {
        world.act((number % 2) as Address, |_, cx| cx.send(2, note(number)));
    }
    world.run_until(Time(SECOND));
    let saw = &world.nodes()[2].saw;
    let due = now.after(Duration::from_millis(10));
    let expected: Vec<_> =
        (0..50).map(|number| (due, Saw::Message((number % 2) as Address, number))).collect();
    assert_eq!(*saw, expected);

    let mut world = World::new(rough(5), vec![Chatter::default(); 50]);
    let mut last = Time::ZERO;
    while let Some(time) = world.step(Time(20 * SECOND)) {
        assert!(time >= last && time == world.now());
        last = time;
    }
}

/// Counts across runs: what no node may do.
struct Unseeded<'a>(&'a AtomicU64);

impl Node for Unseeded<'_> {
    type Message = Note;

    fn start(&mut self, cx: &mut Context<'_, Note>) {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        cx.broadcast(&note(number));
    }

    fn message(&mut self, _: &mut Context<'_, Note>, _: Address, _: Note) {}
}

#[test]
fn the_suite_tells_seeded_from_unseeded() {
    assert_eq!(check(|| vec![Chatter::default(); 10], &rough(1), Time(5 * SECOND)), Ok(()));
    let shared = AtomicU64::new(0);
    let build = || (0..3).map(|_| Unseeded(&shared)).collect();
    assert!(matches!(check(build, &rough(1), Time(SECOND)), Err(Violation::Unequal(..))));
}
