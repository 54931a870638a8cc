//! Whole runs of the reference engine: progress, crashes, loss, catching up, determinism.

use bitneuron_consensus::{
    ConsensusEngine, Malachite, Message, Timeouts,
    suite::{
        engine::examine,
        network::{Network, Plan},
    },
};
use bitneuron_core::{ChainId, Keypair, decode};
use std::{cell::Cell, collections::BTreeSet, sync::Arc, time::Duration};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

fn make(key: Keypair, chain: ChainId) -> Box<dyn ConsensusEngine> {
    Box::new(Malachite::new(key, chain, Timeouts::default()))
}

fn safe(network: &Network<'_>) {
    assert_eq!(examine(network, &BTreeSet::new()), Ok(()));
    for node in &network.nodes {
        assert_eq!((node.offences.as_slice(), node.refused.as_slice()), ([].as_slice(), [].as_slice()));
        assert!(node.evidence.is_empty());
    }
}

#[test]
fn four_unequal_voters_decide_a_hundred_heights_in_three_hops_each() {
    let mut network = Network::new(Plan::new(1, 100), &make);
    assert!(network.run(100, 10 * MINUTE));
    safe(&network);
    // Three hops of 40 to 60 ms, plus building and judging of 5 ms each.
    let millis = network.now.0 / 1000 / 100;
    assert!((130..=185).contains(&millis), "{millis} ms for each height");
    let rounds = network.nodes[0].commits.iter().map(|(_, certificate)| certificate.round).max();
    assert_eq!(rounds, Some(0));
    assert!(network.nodes[0].records > 0);
    // The heavier a voter, the more blocks are its own.
    let built = |place: usize| {
        let id = network.nodes[place].id;
        network.nodes[0].commits.iter().filter(|(block, _)| block.header.proposer == id).count()
    };
    let shares: Vec<_> = (0..4).map(built).collect();
    assert!(shares[0] > shares[3] && shares.iter().all(|share| *share > 3), "{shares:?}");
}

#[test]
fn weights_move_at_epoch_borders() {
    let mut network = Network::new(Plan { rotate: 3, ..Plan::new(2, 20) }, &make);
    assert!(network.run(20, 5 * MINUTE));
    safe(&network);
}

#[test]
fn less_than_a_third_may_die() {
    for victim in [2, 3] {
        let mut network = Network::new(Plan::new(4, 45), &make);
        assert!(network.run(5, MINUTE));
        network.kill(victim);
        assert!(network.run(45, 5 * MINUTE), "without node {victim}");
        assert_eq!(examine(&network, &BTreeSet::new()), Ok(()));
        let late = network.nodes[0].commits.iter().any(|(_, certificate)| certificate.round > 0);
        assert!(late, "the dead proposer costs a round now and then");
    }
}

/// 500 seeds: with more than a third dead no height is decided, and none ever twice.
fn halts(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let plan = Plan { loss: seed % 3 * 20, ..Plan::new(seed, 1000) };
        let mut network = Network::new(plan, &make);
        assert!(network.run(1, MINUTE), "seed {seed}");
        network.kill(0);
        // What the dead had signed before may still decide the height it died in, and no other.
        network.run(1000, SECOND);
        let before: Vec<_> = network.nodes.iter().map(|node| node.commits.len()).collect();
        network.run(1000, 4 * SECOND);
        let after: Vec<_> = network.nodes.iter().map(|node| node.commits.len()).collect();
        let highest = before.iter().max().expect("nodes");
        assert!(after.iter().all(|height| height <= highest), "seed {seed}: {before:?} to {after:?}");
        assert_eq!(examine(&network, &BTreeSet::new()), Ok(()), "seed {seed}");
    }
}

#[test]
fn more_than_a_third_dead_halts_without_a_fork_first_half() {
    halts(0..250);
}

#[test]
fn more_than_a_third_dead_halts_without_a_fork_second_half() {
    halts(250..500);
}

#[test]
fn loss_slows_but_stops_nothing() {
    let plan =
        Plan { loss: 20, delay: (Duration::from_millis(5), Duration::from_millis(80)), ..Plan::new(5, 60) };
    let mut network = Network::new(plan, &make);
    assert!(network.run(60, 5 * MINUTE));
    safe(&network);
}

#[test]
fn heavy_loss_is_survived() {
    let mut network = Network::new(Plan { loss: 300, ..Plan::new(6, 15) }, &make);
    assert!(network.run(15, 20 * MINUTE), "{network:?}");
    safe(&network);
}

#[test]
fn a_late_node_catches_up_from_the_first_block() {
    let mut network = Network::new(Plan::new(7, 70), &make);
    network.kill(3);
    assert!(network.run(40, 2 * MINUTE));
    // It never voted before, so it may start afresh.
    network.start(3);
    let (behind, then) = (network.nodes[0].commits.len(), network.now);
    assert!(network.run(70, MINUTE), "{network:?}");
    assert!(behind >= 40 && network.now.since(then) < 30 * SECOND);
    safe(&network);
}

#[test]
fn a_node_cut_off_keeps_its_machine_and_catches_up() {
    let mut network = Network::new(Plan::new(8, 40), &make);
    assert!(network.run(5, MINUTE));
    (0..3).for_each(|other| network.link(3, other, false));
    assert!(!network.run(40, 5 * SECOND));
    let behind = network.nodes[3].commits.len();
    assert!(behind + 10 < network.nodes[0].commits.len(), "{network:?}");
    (0..3).for_each(|other| network.link(3, other, true));
    assert!(network.run(40, MINUTE), "{network:?}");
    safe(&network);
}

#[test]
fn halves_without_a_quorum_wait_and_then_go_on() {
    let mut network = Network::new(Plan::new(9, 20), &make);
    assert!(network.run(5, MINUTE));
    let halves = [(0, 1), (0, 2), (3, 1), (3, 2)];
    halves.iter().for_each(|(a, b)| network.link(*a, *b, false));
    network.run(20, 10 * SECOND);
    let highest = network.nodes.iter().map(|node| node.commits.len()).max();
    assert!(highest <= Some(7), "no half has two thirds");
    halves.iter().for_each(|(a, b)| network.link(*a, *b, true));
    assert!(network.run(20, 2 * MINUTE), "{network:?}");
    safe(&network);
}

#[test]
fn a_driver_may_pace_the_heights() {
    let pace = Duration::from_millis(350);
    let mut network = Network::new(Plan { pace, ..Plan::new(10, 20) }, &make);
    assert!(network.run(20, MINUTE));
    safe(&network);
    let millis = network.now.0 / 1000 / 20;
    assert!((450..=550).contains(&millis), "{millis} ms for each height");
}

#[test]
fn slow_judging_costs_rounds_but_no_safety() {
    // Longer than the first proposal timeouts: rounds grow until they fit.
    let work = Duration::from_millis(700);
    let mut network = Network::new(Plan { work, ..Plan::new(11, 4) }, &make);
    assert!(network.run(4, 5 * MINUTE), "{network:?}");
    safe(&network);
    assert!(network.nodes[0].commits.iter().any(|(_, certificate)| certificate.round > 0));
}

#[test]
fn equal_seeds_give_equal_traces_and_others_do_not() {
    let trace = |seed| {
        let mut network = Network::new(Plan { loss: 20, ..Plan::new(seed, 20) }, &make);
        assert!(network.run(20, 5 * MINUTE));
        (network.trace(), network.now)
    };
    assert_eq!(trace(12), trace(12));
    assert_ne!(trace(12).0, trace(13).0);
}

#[test]
fn seven_voters_decide_240_heights() {
    let weights = vec![22, 18, 16, 14, 12, 10, 8];
    let plan = Plan { weights, pace: Duration::from_millis(350), ..Plan::new(14, 240) };
    let mut network = Network::new(plan, &make);
    assert!(network.run(240, 10 * MINUTE));
    safe(&network);
}

#[test]
fn a_block_crosses_each_link_from_its_proposer_once() {
    let (weights, bodies) = (vec![22, 18, 16, 14, 12, 10, 8], Cell::new(0));
    let count = |_: usize, _: usize, bytes: &Arc<[u8]>| {
        bodies.set(bodies.get() + u32::from(matches!(decode(bytes), Ok(Message::Proposal { .. }))));
        vec![Arc::clone(bytes)]
    };
    let mut network = Network::new(Plan { weights, ..Plan::new(15, 40) }, &make).tampered(count);
    assert!(network.run(40, MINUTE));
    safe(&network);
    assert_eq!(bodies.get(), 40 * 6);
}

#[test]
fn who_is_left_out_by_proposers_fetches_their_blocks() {
    // No proposer sends its block to node 0, without which there is no quorum, and node 1 gives no block to anybody who asks.
    let plan = Plan::new(16, 30);
    let names: Vec<_> = (0..4).map(|node| plan.key(node).id()).collect();
    let leave_out = move |from: usize, to: usize, bytes: &Arc<[u8]>| match decode(bytes) {
        Ok(Message::Proposal { signed, .. }) if signed.proposal.by == names[from] && to == 0 => Vec::new(),
        Ok(Message::Proposal { signed, .. }) if signed.proposal.by != names[from] && from == 1 => Vec::new(),
        _ => vec![Arc::clone(bytes)],
    };
    let mut network = Network::new(plan, &make).tampered(leave_out);
    assert!(network.run(30, MINUTE));
    safe(&network);
    let rounds = network.nodes[0].commits.iter().map(|(_, certificate)| certificate.round).max();
    assert_eq!(rounds, Some(0), "nobody waits for a second round");
}

#[test]
fn a_committee_of_seven_decides_three_times_as_fast_as_one_of_a_hundred() {
    // Hops of 2 to 8 ms, a millisecond to build and to judge an answer, and for each message what a signature costs.
    let span = |voters: usize| {
        let delay = (Duration::from_millis(2), Duration::from_millis(8));
        let (work, handling) = (Duration::from_millis(1), Duration::from_micros(55));
        let plan = Plan { weights: vec![10; voters], delay, work, handling, ..Plan::new(17, 2) };
        let mut network = Network::new(plan, &make);
        assert!(network.run(2, MINUTE), "{network:?}");
        safe(&network);
        network.now.0 as f64 / 2_000.0
    };
    let (few, many) = (span(7), span(100));
    assert!(many > 3.0 * few, "{few} ms and {many} ms for each height");
}
