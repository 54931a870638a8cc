//! Each tactic does what it says, and honest players are the nodes themselves.

use crate::{Chatter, Note, SECOND, constant, note, setting};
use bitneuron_core::Time;
use bitneuron_sim::{
    Address, Chance, Context, Node, Parcel, Player, Scene, Setting, Tactic, World,
    adversary::{Delay, Mute, Omit, Tamper, Twist},
};
use std::time::Duration;

/// Broadcasts 0, 1, 2, … every 10 ms, a hundred times; hears others.
#[derive(Debug, Default)]
struct Speaker {
    speaks: bool,
    said: u64,
    heard: Vec<(u64, u64)>,
}

impl Node for Speaker {
    type Message = Note;

    fn start(&mut self, cx: &mut Context<'_, Note>) {
        if self.speaks {
            cx.timer(Duration::from_millis(10), 0);
        }
    }

    fn message(&mut self, cx: &mut Context<'_, Note>, _: Address, message: Note) {
        self.heard.push((cx.now().0, message.number));
    }

    fn timer(&mut self, cx: &mut Context<'_, Note>, id: u64) {
        cx.broadcast(&note(self.said));
        self.said += 1;
        if self.said < 100 {
            cx.timer(Duration::from_millis(10), id);
        }
    }
}

/// What nodes 1 to 3 hear from node 0 with this tactic: (microsecond, number).
fn heard(tactic: impl Tactic<Note> + 'static) -> Vec<Vec<(u64, u64)>> {
    let speaker = Speaker { speaks: true, ..Speaker::default() };
    let mut nodes = vec![Player::with(speaker, tactic)];
    nodes.extend((0..3).map(|_| Player::honest(Speaker::default())));
    assert!(!nodes[0].is_honest() && nodes[1].is_honest());
    let mut world = World::new(setting(1, constant(10)), nodes);
    world.run_until(Time(10 * SECOND));
    // Its timers are its own: the node inside said everything.
    assert_eq!(world.nodes()[0].node().said, 100);
    world.into_nodes().into_iter().skip(1).map(|player| player.node().heard.clone()).collect()
}

/// What everybody hears from an honest speaker, `late` microseconds later.
fn plain(late: u64) -> Vec<(u64, u64)> {
    (0..100).map(|number| ((number + 1) * 10_000 + 10_000 + late, number)).collect()
}

#[test]
fn mute_and_delay() {
    assert_eq!(heard(Mute), [[], [], []]);
    assert_eq!(heard(Delay(Duration::from_millis(700))), [plain(700_000), plain(700_000), plain(700_000)]);
    assert_eq!(heard(Delay(Duration::ZERO)), [plain(0), plain(0), plain(0)]);
}

#[test]
fn omit_keeps_back_its_share_of_each_receiver() {
    assert_eq!(heard(Omit(Chance::NEVER)), [plain(0), plain(0), plain(0)]);
    let omitted = heard(Omit(Chance::percent(50)));
    assert!(omitted.iter().all(|heard| (30..70).contains(&heard.len())));
    assert_ne!(omitted[0], omitted[1]);
    assert!(omitted.iter().flatten().all(|heard| plain(0).contains(heard)));
}

#[test]
fn tamper_changes_what_it_will() {
    let tampered = heard(Tamper(|to: Address, note: &mut Note| {
        if to == 2 {
            note.number += 1_000;
        }
    }));
    assert_eq!((&tampered[0], &tampered[2]), (&plain(0), &plain(0)));
    assert!(tampered[1].iter().zip(plain(0)).all(|(heard, plain)| heard.1 == plain.1 + 1_000));
}

#[test]
fn twist_equivocates() {
    // Odd receivers hear another number, node 2 hears both, in that order.
    let twist = |parcel: Parcel<Note>, _: &mut Scene<'_>, emit: &mut Vec<Parcel<Note>>| {
        let lie = Parcel { message: note(parcel.message.number + 500), ..parcel.clone() };
        match parcel.to {
            2 => emit.extend([parcel, lie]),
            to if to % 2 == 1 => emit.push(lie),
            _ => emit.push(parcel),
        }
    };
    let twisted = heard(Twist(twist));
    assert!(twisted[0].iter().all(|(_, number)| *number >= 500) && twisted[0] == twisted[2]);
    let numbers: Vec<u64> = twisted[1].iter().take(4).map(|(_, number)| *number).collect();
    assert_eq!(numbers, [0, 500, 1, 501]);
}

#[test]
fn the_honest_play_as_they_are() {
    let setting = Setting { trace: true, ..setting(1, constant(10)) };
    let mut bare = World::new(setting.clone(), vec![Chatter::default(); 10]);
    let mut cast =
        World::new(setting, (0..10).map(|_| Player::honest(Chatter::default())).collect::<Vec<_>>());
    bare.run_until(Time(20 * SECOND));
    cast.run_until(Time(20 * SECOND));
    assert_eq!(bare.trace(), cast.trace());
    // Nodes behind pointers are the same again.
    let boxed = |_| Box::new(Chatter::default()) as Box<dyn Node<Message = Note>>;
    let mut boxed = World::new(
        Setting { trace: true, ..crate::setting(1, constant(10)) },
        (0..10).map(boxed).collect::<Vec<_>>(),
    );
    boxed.run_until(Time(20 * SECOND));
    assert_eq!(bare.trace(), boxed.trace());
}
