//! A machine in the world: effects in order, answers after them, refusals told.

use crate::{Note, SECOND, constant, note, setting};
use bitneuron_core::{Machine, Outbox, Time};
use bitneuron_sim::{Address, Bridge, Context, MachineNode, World};
use std::time::Duration;
use thiserror::Error;

#[derive(Debug, Error)]
#[error("odd")]
struct Odd;

#[derive(Debug, PartialEq)]
enum Effect {
    Persist(u64),
    Send(u64),
    Prove(u64),
}

/// Of an even number: persists it, sends it, persists the next, proves it; of a multiple of a thousand: sends it. Refuses odd ones.
#[derive(Debug, Default)]
struct Even(u64);

impl Machine for Even {
    type Input = u64;
    type Effect = Effect;
    type Error = Odd;

    fn step(&mut self, _: Time, input: u64, out: &mut Outbox<Effect>) -> Result<(), Odd> {
        if !input.is_multiple_of(2) {
            return Err(Odd);
        }
        self.0 += input;
        if input.is_multiple_of(1_000) {
            out.push(Effect::Send(input));
        } else {
            out.extend([
                Effect::Persist(input),
                Effect::Send(input),
                Effect::Persist(input + 2),
                Effect::Prove(input),
            ]);
        }
        Ok(())
    }
}

/// Answers a write at once with a thousandfold number, a proof after 20 ms with ten thousandfold.
#[derive(Debug, Default)]
struct Log {
    listens: bool,
    log: Vec<(u64, String)>,
}

impl Bridge for Log {
    type Machine = Even;
    type Message = Note;

    fn start(&mut self, cx: &mut Context<'_, Note>) -> Option<u64> {
        cx.timer(Duration::from_secs(2), 8);
        None
    }

    fn message(&mut self, cx: &mut Context<'_, Note>, _: Address, message: Note) -> Option<u64> {
        self.log.push((cx.now().0, format!("heard {}", message.number)));
        self.listens.then_some(message.number)
    }

    fn timer(&mut self, _: &mut Context<'_, Note>, id: u64) -> Option<u64> {
        Some(id)
    }

    fn done(&mut self, _: &mut Context<'_, Note>, id: u64) -> Option<u64> {
        Some(id * 10_000)
    }

    fn effect(&mut self, cx: &mut Context<'_, Note>, effect: Effect) -> Option<u64> {
        self.log.push((cx.now().0, format!("{effect:?}")));
        match effect {
            Effect::Persist(number) => return Some(number * 1_000),
            Effect::Send(number) => cx.send(1 - cx.me(), note(number)),
            Effect::Prove(number) => cx.work(Duration::from_millis(20), number),
        }
        None
    }

    fn refused(&mut self, cx: &mut Context<'_, Note>, error: Odd) {
        self.log.push((cx.now().0, error.to_string()));
    }
}

#[test]
fn effects_are_performed_in_order_and_answers_come_after() {
    let log = |listens| Log { listens, log: Vec::new() };
    let nodes = vec![MachineNode::new(Even(0), log(true)), MachineNode::new(Even(0), log(false))];
    let mut world = World::new(setting(1, constant(10)), nodes);
    world.run_until(Time(SECOND));
    world.act(0, |node, cx| node.feed(cx, 2));
    world.act(1, |_, cx| cx.send(0, note(7)));
    world.run_until(Time(2 * SECOND));
    let log = |node: usize| -> Vec<(u64, &str)> {
        let log = &world.nodes()[node].bridge().log;
        log.iter().map(|(at, what)| (at - SECOND, what.as_str())).collect()
    };
    let expected = [
        (0, "Persist(2)"),
        (0, "Send(2)"),
        (0, "Persist(4)"),
        (0, "Prove(2)"),
        (0, "Send(2000)"),
        (0, "Send(4000)"),
        (10_000, "heard 7"),
        (10_000, "odd"),
        (20_000, "Send(20000)"),
        (SECOND, "Persist(8)"),
        (SECOND, "Send(8)"),
        (SECOND, "Persist(10)"),
        (SECOND, "Prove(8)"),
        (SECOND, "Send(8000)"),
        (SECOND, "Send(10000)"),
    ];
    assert_eq!(log(0), expected);
    let expected =
        [(10_000, "heard 2"), (10_000, "heard 2000"), (10_000, "heard 4000"), (30_000, "heard 20000")];
    assert_eq!(log(1)[..4], expected);
    assert_eq!(world.nodes()[0].machine().0, 2 + 2_000 + 4_000 + 20_000 + 8 + 8_000 + 10_000);
}
