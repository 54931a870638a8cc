//! Blocks executed while the next ones are looked at: the same states, and the same refusals.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod world;

use bitneuron_consensus::{Block, Header};
use bitneuron_core::vrf;
use bitneuron_ledger::{Action, HeaderFault, Refused, State};
use world::storm::{Words, anything};
use world::*;

/// A hundred blocks over five epochs, in which much happens.
fn played() -> World {
    let mut world = World::new();
    let mut words = Words(77);
    for _ in 0..100 {
        let txs: Vec<_> = (0..6).map(|_| anything(&mut world, words.pick())).collect();
        let built = world.build(&txs);
        world.accept(built);
    }
    world
}

fn genesis_of(world: &World) -> State {
    State::genesis(&world.genesis).unwrap()
}

#[test]
fn many_blocks_lead_where_they_lead_one_by_one() {
    let world = played();
    for count in [0, 1, 63, 64, 65, 100] {
        let mut one_by_one = genesis_of(&world);
        for block in &world.blocks[..count] {
            one_by_one = one_by_one.execute(block, &Scripted).unwrap().0;
        }
        let all = genesis_of(&world).execute_all(&world.blocks[..count], &Scripted).unwrap();
        assert_eq!((all.root(), all.tip()), (one_by_one.root(), one_by_one.tip()));
        assert_eq!(all.changes(), one_by_one.changes());
    }
    let later = genesis_of(&world).execute_all(&world.blocks[..30], &Scripted).unwrap();
    let all = later.execute_all(&world.blocks[30..], &Scripted).unwrap();
    assert_eq!(all.root(), world.state.root());
}

#[test]
fn what_is_refused_alone_is_refused_among_many() {
    let world = played();
    let refused = |at: usize, block: Block| {
        let mut blocks = world.blocks.clone();
        blocks[at] = block;
        genesis_of(&world).execute_all(&blocks, &Scripted).expect_err("refused")
    };
    for at in [5, 70] {
        let block = &world.blocks[at];
        // Another draw, another builder's draw, and none.
        for draw in [vrf::Proof::NONE, world.blocks[at - 1].header.draw] {
            let header = Header { draw, ..block.header.clone() };
            let why = refused(at, Block::new(header, block.transactions.clone()));
            assert!(matches!(why, Refused::Header(HeaderFault::Draw(_))), "{why}");
        }
        // A draw that was looked at with other voters than the header names.
        let header = Header { voters: digest("others"), ..block.header.clone() };
        let why = refused(at, Block::new(header, block.transactions.clone()));
        assert!(matches!(why, Refused::Header(HeaderFault::Voters)), "{why}");
        let header = Header { state: digest("another"), ..block.header.clone() };
        let why = refused(at, Block::new(header, block.transactions.clone()));
        assert!(matches!(why, Refused::Header(HeaderFault::Root { .. })), "{why}");
        let mut body = block.clone();
        body.transactions.push(vec![1].into());
        assert!(matches!(refused(at, body), Refused::Header(HeaderFault::Body)));
    }
}

/// One signature that does not hold fails its block, wherever the blocks are that were verified with it.
#[test]
fn a_forged_signature_is_found_in_a_batch() {
    let mut world = World::new();
    for n in 0..40usize {
        let to = world.user((n + 1) % 4);
        let tx = world.by_user(n % 4, Action::Transfer { to, amount: bitneuron_core::Amount(7) });
        world.block(&[tx]);
    }
    let mut blocks = world.blocks.clone();
    let mut forged: bitneuron_ledger::SignedTx = bitneuron_core::decode(&blocks[20].transactions[0]).unwrap();
    forged.signature =
        bitneuron_core::decode::<bitneuron_ledger::SignedTx>(&blocks[21].transactions[0]).unwrap().signature;
    blocks[20] = Block::new(blocks[20].header.clone(), vec![bitneuron_core::encode(&forged).into()]);
    let why = genesis_of(&world).execute_all(&blocks, &Scripted).expect_err("forged");
    assert!(
        matches!(&why, Refused::Transaction { at: 0, why } if matches!(**why, Refused::Signature(_))),
        "{why}"
    );
    // Blocks before it are what they were.
    assert!(genesis_of(&world).execute_all(&blocks[..20], &Scripted).is_ok());
}
