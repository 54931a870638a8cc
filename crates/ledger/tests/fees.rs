//! Fees: where they go, what tips do, what junk costs, and what a builder gets of what it stuffs its blocks with.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::{Amount, Height, NodeId};
use bitneuron_ledger::{Action, Cause, Event, Merit, Params, Refused, SignedTx, Tx, next_base_fee};
use world::*;

/// A transfer of a unit with a tip, by whom and to whom.
fn tipped(world: &World, n: usize, salt: u64, tip: u128) -> SignedTx {
    let (by, to) = (world.user(n), world.user(n));
    let action = Action::Transfer { to, amount: Amount(1) };
    let expires = Height(world.state.height().0 + 10);
    Tx { by, expires, salt, tip: Amount(tip), action }.sign(&world.users[n], world.state.chain())
}

fn cost(world: &World, at: usize) -> (u64, Amount, Amount) {
    match world.state.changes().receipts[at].cause {
        Cause::Transaction { gas, fee, tip, .. } => (gas, fee, tip),
        Cause::Block => panic!("no transaction"),
    }
}

#[test]
fn half_of_a_fee_is_the_voters_a_fifth_the_treasurys_and_the_rest_the_users() {
    let mut world = World::new();
    let (before, balance) = (*world.state.pools(), world.state.balance(world.user(0)));
    let pay = world.by_user(0, Action::Transfer { to: world.user(1), amount: Amount::tokens(1) });
    world.block(&[pay]);
    let (gas, fee, tip) = cost(&world, 0);
    assert_eq!((fee, tip), (Amount(u128::from(gas) * 10), Amount::ZERO));
    let (voters, users) = (Amount(fee.0 / 2), Amount(fee.0 * 3 / 10));
    let pools = world.state.pools();
    assert_eq!((pools.voters, pools.users), (voters, users));
    let treasury = pools.treasury.saturating_sub(before.treasury);
    assert_eq!(treasury.0, fee.0 - voters.0 - users.0, "with what is left over");
    let spent = balance.saturating_sub(world.state.balance(world.user(0)));
    assert_eq!(spent.0, fee.0 + Amount::TOKEN.0);
}

#[test]
fn a_tip_is_the_builders_for_each_gas() {
    let mut world = World::new();
    let builder = world.header().proposer;
    let before = world.state.balance(builder);
    let tx = tipped(&world, 0, 1, 3);
    world.block(&[tx]);
    let (gas, fee, tip) = cost(&world, 0);
    assert_eq!((fee.0, tip.0), (u128::from(gas) * 10, u128::from(gas) * 3));
    assert_eq!(world.state.balance(builder).saturating_sub(before), tip);
    // A tip beyond what somebody owns, or beyond all numbers.
    for tip in [Amount::tokens(1).0, u128::MAX] {
        let tx = tipped(&world, 0, 2, tip);
        assert!(matches!(world.refused(&tx), Refused::Balance { .. } | Refused::Overflow), "{tip}");
        assert!(world.state.admits(&tx, &Scripted).is_err());
        assert!(world.state.least_cost(&tx, 200) > world.state.balance(world.user(0)));
    }
}

#[test]
fn fees_of_an_epoch_are_paid_at_the_end_of_the_next() {
    let mut world = World::new();
    for _ in 0..5 {
        let pay = world.by_user(0, Action::Transfer { to: world.user(1), amount: Amount(1) });
        world.block(&[pay]);
    }
    let pool = world.state.pools().voters;
    assert!(pool > Amount(200_000), "{pool}");
    world.until(19);
    assert_eq!((world.state.pools().voters, world.state.pools().due), (Amount::ZERO, pool));
    while world.state.height().0 < 38 {
        world.attended(&[0, 1, 2, 3]);
    }
    let since = world.state.pools().voters;
    let events = world.attended(&[0, 1, 2, 3]);
    let paid: Vec<u128> = (0..5)
        .map(|v| {
            let of = |event: &Event| match event {
                Event::Rewarded { who, merit: Merit::Fees, amount } if *who == world.validator(v) => {
                    Some(amount.0)
                }
                _ => None,
            };
            events.iter().find_map(of).unwrap_or_default()
        })
        .collect();
    for (paid, stake) in paid.iter().zip([2_000, 3_000, 4_000, 5_000, 0]) {
        assert_eq!(*paid, pool.0 * stake / 14_000);
    }
    let left = pool.0 - paid.iter().sum::<u128>();
    // What is left over waits with the fees of the epoch that has ended, the last block's among them.
    let last = cost(&world, 0).1.0 / 2;
    assert_eq!(
        (world.state.pools().due.0, world.state.pools().voters),
        (since.0 + left + last, Amount::ZERO)
    );
}

#[test]
fn a_builder_that_stuffs_its_blocks_gets_back_at_most_half_its_share() {
    // The heaviest of four with 5/14 of the weight.
    let mut world = World::new();
    let stuffer = world.validator(3);
    let mut spent = 0;
    while world.state.height().0 < 19 {
        let stuffing: Vec<_> = (0..40)
            .map(|_| world.by_validator(3, Action::Transfer { to: stuffer, amount: Amount(1) }))
            .collect();
        let mine = world.header().proposer == stuffer;
        world.block(if mine { &stuffing } else { &[] });
        if mine {
            spent += (0..40).map(|at| cost(&world, at).1.0).sum::<u128>();
        }
    }
    while world.state.height().0 < 38 {
        world.attended(&[0, 1, 2, 3]);
    }
    let events = world.attended(&[0, 1, 2, 3]);
    let back = events.iter().find_map(|event| match event {
        Event::Rewarded { who, merit: Merit::Fees, amount } if *who == stuffer => Some(amount.0),
        _ => None,
    });
    let back = back.unwrap();
    println!(
        "of {spent} units {back} came back: {:.3} at a share of {:.3}",
        back as f64 / spent as f64,
        5.0 / 14.0
    );
    assert!(spent > 0 && back > 0 && back * 28 <= spent * 5, "no more than 5/28");
}

#[test]
fn junk_gets_dear_and_the_fee_comes_back() {
    let params = Params::mainnet().fees;
    let (mut base, mut cost) = (params.floor, 0);
    let world = World::new();
    let size = bitneuron_core::encode(&tipped(&world, 0, 1, 0)).len();
    let gas = bitneuron_ledger::plain_gas(&tipped(&world, 0, 1, 0), size);
    let room = params.limit / gas;
    let (mut junk, mut blocks) = (100_000, 0);
    while junk > 0 {
        let now = junk.min(room);
        cost += base.0 * u128::from(now * gas);
        base = next_base_fee(base, now * gas, &params);
        (junk, blocks) = (junk - now, blocks + 1);
    }
    println!(
        "{gas} gas a transfer, {room} in a block: 100,000 cost {:.1} tokens in {blocks} blocks",
        cost as f64 / 1e9
    );
    assert!(cost >= Amount::tokens(21).0);
    println!("| full blocks | all they cost, tokens |\n|---|---|");
    let (mut base, mut cost, mut full) = (params.floor, Amount::ZERO, 0);
    while cost < Amount::SUPPLY {
        let block = base.mul_div(u128::from(params.limit), 1).unwrap();
        cost = cost.checked_add(block).unwrap();
        base = next_base_fee(base, params.limit, &params);
        full += 1;
        if [50, 100, 150].contains(&full) {
            println!("| {full} | {} |", cost.0 / Amount::TOKEN.0);
        }
    }
    println!("| {full} | more than there are |");
    assert!(full < 200);
    let mut base = (0..150).fold(params.floor, |base, _| next_base_fee(base, params.limit, &params));
    let mut empty = 0;
    while base > params.floor {
        base = next_base_fee(base, 0, &params);
        empty += 1;
    }
    println!("after 150 full blocks the fee is back at its floor in {empty} empty ones");
    assert!(empty < 200);
}

#[test]
fn a_transaction_that_is_dropped_has_paid_nothing() {
    let mut world = World::new();
    let builder = world.header().proposer;
    let tip = Amount(9);
    let action = Action::Transfer { to: NodeId([7; 32]), amount: Amount::SUPPLY };
    let expires = Height(world.state.height().0 + 10);
    let tx =
        Tx { by: world.user(0), expires, salt: 1, tip, action }.sign(&world.users[0], world.state.chain());
    let (before, held) = (world.state.balance(builder), world.state.balance(world.user(0)));
    let built = world.build(&[tx]);
    assert_eq!(built.dropped.len(), 1);
    world.accept(built);
    assert_eq!((world.state.balance(builder), world.state.balance(world.user(0))), (before, held));
}
