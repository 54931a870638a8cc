//! What builders draw: proved in every header, folded into seeds, and out of reach of whoever holds stakes or builds blocks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod world;

use bitneuron_consensus::chance::{first_seed, fold, next_beacon, next_seed};
use bitneuron_consensus::{Block, Header};
use bitneuron_core::{Amount, Digest, Epoch, Height, Time, vrf};
use bitneuron_ledger::{Action, HeaderFault, Refused};
use world::{Scripted, World};

fn fault(world: &World, header: Header) -> HeaderFault {
    match world.state.execute(&Block::new(header, Vec::new()), &Scripted) {
        Err(Refused::Header(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_block_without_its_builders_own_draw_for_this_slot_is_invalid() {
    let mut world = World::new();
    world.block(&[]);
    let built = world.build(&[]).block.header;
    let slot = world.state.next_slot().unwrap();
    let builder = world.validators.iter().find(|key| key.id() == built.proposer).unwrap();
    let other = world.validators.iter().find(|key| key.id() != built.proposer).unwrap();
    let elsewhere = [
        vrf::Proof::NONE,
        slot.draw(other),
        bitneuron_consensus::Slot { height: Height(3), ..slot }.draw(builder),
        bitneuron_consensus::Slot { seed: Digest([1; 32]), ..slot }.draw(builder),
    ];
    for draw in elsewhere {
        assert_eq!(fault(&world, Header { draw, ..built.clone() }), HeaderFault::Draw(built.proposer));
        assert!(world.state.build(Header { draw, ..built.clone() }, &[], &Scripted).is_err());
    }
    for changed in [
        Header { voters: Digest([1; 32]), ..built.clone() },
        Header { next_voters: Digest([1; 32]), ..built.clone() },
    ] {
        assert_eq!(fault(&world, changed), HeaderFault::Voters);
    }
    assert!(world.state.execute(&Block::new(built, Vec::new()), &Scripted).is_ok());
}

#[test]
fn whatever_a_builder_puts_into_its_block_the_beacon_is_the_same() {
    let mut world = World::new();
    world.block(&[]);
    let pay = world.by_user(0, Action::Transfer { to: world.user(1), amount: Amount(5) });
    let later = Header { time: Time(world.header().time.0 + 7), ..world.header() };
    let plain = world.build(&[]).state;
    let full = world.build(&[pay]).state;
    let late = world.state.build(later, &[], &Scripted).unwrap().state;
    assert!(plain.tip() != full.tip() && plain.tip() != late.tip());
    let height = plain.height();
    assert_eq!(plain.beacon(height), full.beacon(height));
    assert_eq!(plain.beacon(height), late.beacon(height));
    assert_ne!(plain.beacon(height), world.state.beacon(world.state.height()));
}

#[test]
fn seeds_and_beacons_follow_from_the_decided_draws() {
    let mut world = World::new();
    let length = world.state.params().epoch;
    let mut seed = first_seed(world.state.chain());
    let mut beacon = world.state.beacon(Height(0)).unwrap();
    for epoch in 0..3 {
        assert_eq!(world.state.electorate(Epoch(epoch)).unwrap().seed(), seed);
        let mut folded = Digest::ZERO;
        loop {
            let slot = world.state.next_slot().unwrap();
            assert_eq!(slot.seed, seed);
            world.block(&[]);
            let header = &world.blocks.last().unwrap().header;
            let output = slot.output(header.proposer, &header.draw).unwrap();
            (folded, beacon) = (fold(folded, output), next_beacon(beacon, output));
            assert_eq!(world.state.beacon(header.height), Some(beacon));
            let [own, next] = [header.height, header.height.next()].map(|height| height.epoch(length));
            let digest = |epoch| world.state.electorate(epoch).unwrap().digest();
            assert_eq!((header.voters, header.next_voters), (digest(own), digest(next)));
            if own != next {
                break;
            }
        }
        seed = next_seed(seed, folded);
    }
}

#[test]
fn no_weight_can_be_fitted_to_a_seed() {
    let mut world = World::new();
    let last = world.state.params().epoch - 2;
    world.until(last);
    // In the last block of an epoch its builder knows the next seed. It bonds what would suit it.
    let plain = world.build(&[]).state;
    let bond = world.by_validator(0, Action::Bond(Amount::tokens(7)));
    let bonded = world.build(&[bond]).state;
    let next = plain.electorate(Epoch(1)).unwrap();
    assert_eq!(bonded.electorate(Epoch(1)), Some(next), "voters and seed are what they were");
    assert_ne!(bonded.elected(Epoch(2)), plain.elected(Epoch(2)), "but for an epoch without a seed");
    assert_eq!(plain.electorate(Epoch(2)), None);
    assert_eq!(plain.elected(Epoch(2)).unwrap().seed(), Digest::ZERO);
}
