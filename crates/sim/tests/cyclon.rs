//! Cyclon as a machine in the world: from three contacts to an even, connected graph, on lossy links, through churn.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_core::{Digest, NodeId, Seed, Time, codec::encode};
use bitneuron_net::{
    Cyclon, Sampler,
    sampling::{
        Effect, Input,
        cyclon::{Message, Sizes},
    },
};
use bitneuron_sim::{
    Address, Bridge, Chance, Churn, Context, Latency, Link, MachineNode, Network, Outage, Payload, Setting,
    World,
};
use std::{collections::BTreeSet, time::Duration};

const PERIOD: u64 = 1_000_000;

#[derive(Debug, Clone)]
struct Letter(Message);

impl Payload for Letter {
    fn size(&self) -> usize {
        encode(&self.0).len()
    }

    fn digest(&self) -> Digest {
        Digest::of("test cyclon letter", &encode(&self.0))
    }
}

/// The name of an address, and back.
fn name(address: Address) -> NodeId {
    let mut id = NodeId([0xab; 32]);
    id.0[..4].copy_from_slice(&address.to_le_bytes());
    id
}

fn address(id: NodeId) -> Address {
    Address::from_le_bytes([id.0[0], id.0[1], id.0[2], id.0[3]])
}

/// Ticks once in a period and carries messages.
#[derive(Debug, Default)]
struct Sampling {
    refusals: u32,
}

impl Bridge for Sampling {
    type Machine = Cyclon;
    type Message = Letter;

    fn start(&mut self, cx: &mut Context<'_, Letter>) -> Option<Input<Message>> {
        let offset = cx.random().below(PERIOD);
        cx.timer(Duration::from_micros(offset), 0);
        None
    }

    fn message(
        &mut self,
        _: &mut Context<'_, Letter>,
        from: Address,
        letter: Letter,
    ) -> Option<Input<Message>> {
        Some(Input::Message { from: name(from), message: letter.0 })
    }

    fn timer(&mut self, cx: &mut Context<'_, Letter>, id: u64) -> Option<Input<Message>> {
        cx.timer(Duration::from_micros(PERIOD), id);
        Some(Input::Tick)
    }

    fn effect(&mut self, cx: &mut Context<'_, Letter>, effect: Effect<Message>) -> Option<Input<Message>> {
        let Effect::Send { to, message } = effect;
        cx.send(address(to), Letter(message));
        None
    }

    fn refused(&mut self, _: &mut Context<'_, Letter>, _: bitneuron_net::SamplingError) {
        self.refusals += 1;
    }
}

type Peers = World<MachineNode<Sampling>>;

fn peers(count: Address, churn: Option<Churn>) -> Peers {
    let seed = Seed::from_number(11);
    let contacts = [0, 1, 2].map(name);
    let make = |at: Address| {
        let seed = seed.derive_number("cyclon", u64::from(at));
        MachineNode::new(
            Cyclon::new(Sizes::default(), name(at), seed, &contacts).unwrap(),
            Sampling::default(),
        )
    };
    let latency = Latency::Exponential { floor: Duration::from_millis(20), mean: Duration::from_millis(80) };
    let link = Link { loss: Chance::percent(5), ..Link::new(latency) };
    let network = Network { link, ..Network::default() };
    World::new(Setting { seed, network, churn, trace: true }, (0..count).map(make).collect())
}

fn view(world: &Peers, node: Address) -> Vec<Address> {
    world.node(node).unwrap().machine().view().into_iter().map(address).collect()
}

/// How many of these nodes are reached from the first through views among them, in either direction.
fn reached(world: &Peers, nodes: &BTreeSet<Address>) -> usize {
    let mut links = vec![Vec::new(); world.nodes().len()];
    for &node in nodes {
        for peer in view(world, node).into_iter().filter(|peer| nodes.contains(peer)) {
            links[node as usize].push(peer);
            links[peer as usize].push(node);
        }
    }
    let (mut seen, mut open) = (BTreeSet::new(), Vec::from_iter(nodes.first().copied()));
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            open.extend(&links[node as usize]);
        }
    }
    seen.len()
}

#[test]
fn five_hundred_find_each_other_from_three_contacts() {
    let mut world = peers(500, None);
    world.run_until(Time(60 * PERIOD));
    assert_eq!(reached(&world, &(0..500).collect()), 500);
    let mut degrees = vec![0_u32; 500];
    (0..500).flat_map(|node| view(&world, node)).for_each(|peer| degrees[peer as usize] += 1);
    let mean = degrees.iter().sum::<u32>() / 500;
    let variance = degrees.iter().map(|degree| degree.abs_diff(mean).pow(2)).sum::<u32>() / 500;
    // A random graph has variance 20.
    assert!((18..=20).contains(&mean) && variance < 40, "mean {mean}, variance {variance}");
    assert!(degrees.iter().all(|&degree| degree > 0));
    // Late answers are refused, and few are late.
    let refusals: u32 = world.nodes().iter().map(|node| node.bridge().refusals).sum();
    assert!(refusals < 500, "{refusals}");
    // The contacts carry no more than others: two shuffles and two answers a period, give or take.
    assert!(world.meter(0).sent_messages < 1_200, "{:?}", world.meter(0));
}

#[test]
fn the_graph_holds_through_thirty_percent_churn() {
    for outage in [Outage::Suspend, Outage::Crash] {
        let means = Churn::new(Duration::from_secs(70), Duration::from_secs(30));
        let mut world = peers(500, Some(Churn { outage, ..means }));
        world.run_until(Time(100 * PERIOD));
        for _ in 0..20 {
            world.run_for(Duration::from_secs(5));
            let up: BTreeSet<Address> = (0..500).filter(|&node| world.is_up(node)).collect();
            assert!((300..400).contains(&up.len()));
            assert_eq!(reached(&world, &up), up.len());
        }
    }
}

#[test]
fn the_dead_are_forgotten() {
    let mut world = peers(200, None);
    (150..200).for_each(|node| world.kill(Time(30 * PERIOD), node, Outage::Crash));
    world.run_until(Time(30 * PERIOD));
    let dead = |world: &Peers| {
        (0..150).flat_map(|node| view(world, node)).filter(|peer| (150..200).contains(peer)).count()
    };
    assert!(dead(&world) > 600);
    world.run_for(Duration::from_micros(40 * PERIOD));
    assert!(dead(&world) < 30, "{}", dead(&world));
    assert_eq!(reached(&world, &(0..150).collect()), 150);
}

#[test]
fn the_run_is_the_same_every_time() {
    let run = || {
        let mut world = peers(100, Some(Churn::new(Duration::from_secs(20), Duration::from_secs(5))));
        world.run_until(Time(50 * PERIOD));
        world.trace()
    };
    assert_eq!(run(), run());
}
