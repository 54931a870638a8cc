//! An own machine as a role of the world: what it asks for is done, and a crash ends it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::{Machine, NodeId, Outbox, Seed, Time};
use bitneuron_net::{Channel, frame::HEADER};
use bitneuron_role::{Effect, Input, Report};
use bitneuron_sim::role_node::{Directory, RoleNode};
use bitneuron_sim::{Network, Outage, Setting, World};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Tells its friend every second that it lives, and counts what it hears.
#[derive(Debug)]
struct Pulse {
    friend: NodeId,
    heard: u64,
}

impl Machine for Pulse {
    type Input = Input;
    type Effect = Effect;
    type Error = Infallible;

    fn step(&mut self, _: Time, input: Input, out: &mut Outbox<Effect>) -> Result<(), Infallible> {
        match input {
            Input::Start | Input::Timer(7) => {
                let bytes: Arc<[u8]> = Arc::from([1, 2, 3].as_slice());
                out.push(Effect::Send { to: self.friend, channel: Channel::VOTE, bytes });
                out.push(Effect::Timer { id: 7, after: Duration::from_secs(1) });
            }
            Input::Received { from, .. } if from == self.friend => self.heard += 1,
            _ => {}
        }
        Ok(())
    }
}

fn world() -> World<RoleNode<Pulse>> {
    let names = [NodeId([1; 32]), NodeId([2; 32])];
    let directory = Arc::new(Directory::new(names.to_vec()));
    let node = |friend| RoleNode::new(Pulse { friend, heard: 0 }, directory.clone());
    let setting =
        Setting { seed: Seed::from_number(1), network: Network::default(), churn: None, trace: false };
    World::new(setting, vec![node(names[1]), node(names[0])])
}

fn heard(world: &World<RoleNode<Pulse>>) -> [u64; 2] {
    [0, 1].map(|node: usize| world.nodes()[node].role().heard)
}

const LONG: Time = Time(10_500_000);

#[test]
fn any_machine_that_speaks_the_alphabet_plays() {
    let mut world = world();
    world.run_until(LONG);
    assert_eq!(heard(&world), [11, 11]);
    let meter = world.meter(0);
    assert_eq!(meter.sent_bytes, meter.sent_messages * (3 + HEADER as u64), "as long as the frame");
}

#[test]
fn a_crashed_role_says_so_once_and_stays_silent() {
    let mut world = world();
    for at in [3_500_000, 6_500_000] {
        world.kill(Time(at), 1, Outage::Crash);
        world.revive(Time(at + 1_000_000), 1);
    }
    world.run_until(LONG);
    assert_eq!(heard(&world), [4, 4], "sent at 0, 1, 2 and 3 seconds");
    let said = world.nodes_mut()[1].take_reports();
    assert!(matches!(&said[..], [(Time(4_500_000), Report::Refused { .. })]), "{said:?}");
}

#[test]
fn a_role_sleeps_through_a_suspension() {
    let mut world = world();
    world.kill(Time(3_500_000), 1, Outage::Suspend);
    world.revive(Time(4_200_000), 1);
    world.run_until(LONG);
    let [first, second] = heard(&world);
    assert!(first >= 10 && second >= 10, "{first} {second}");
}
