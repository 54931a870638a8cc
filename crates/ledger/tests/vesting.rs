//! Vesting through blocks: Table 1 in a genesis, what locked tokens can do, and a chain whose vesting begins with it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod world;

use bitneuron_consensus::vote::Stage;
use bitneuron_consensus::{Evidence, Vote};
use bitneuron_core::{Amount, Height};
use bitneuron_ledger::{
    Action, Allocation, AttendanceFault, Event, Genesis, Grant, Holder, Lock, Params, Refused, State, Tx,
    emission, key as entry,
};
use world::*;

const YEAR: u64 = 31_557_600;

fn tokens(tokens: u64) -> Amount {
    Amount::tokens(tokens)
}

/// The main network with one owner for each named row of Table 1; the team's stakes half of it.
fn table_1(elapsed: u64) -> Genesis {
    let [team, sale, partners] = [0, 100, 101].map(|n| key(n).id());
    let mut params = Params::mainnet();
    params.vesting.elapsed = elapsed;
    let mut accounts =
        vec![(team, tokens(1_000_000_000)), (sale, tokens(2_000_000_000)), (partners, tokens(500_000_000))];
    accounts.sort_unstable();
    let grant = |allocation: Allocation, owner| Grant { allocation, owner, amount: allocation.amount() };
    Genesis {
        params,
        accounts,
        validators: vec![(team, tokens(1_000_000_000))],
        grants: vec![
            grant(Allocation::Team, team),
            grant(Allocation::PrivateSale, sale),
            grant(Allocation::Partners, partners),
        ],
        goals: Vec::new(),
        data: Vec::new(),
        ..genesis(Params::devnet())
    }
}

#[test]
fn the_main_network_begins_with_table_1_to_the_unit() {
    let good = table_1(YEAR);
    let state = State::genesis(&good).unwrap();
    assert_eq!(state.pools().treasury, Allocation::Ecosystem.amount());
    assert_eq!(state.pools().rewards, Allocation::Rewards.amount());
    for allocation in Allocation::ALL {
        assert_eq!(good.allocated(allocation).unwrap(), allocation.amount());
    }
    let refused = |change: &dyn Fn(&mut Genesis)| {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(matches!(State::genesis(&bad), Err(Refused::Genesis(_))));
    };
    refused(&|g| g.grants[0].amount.0 -= 1);
    refused(&|g| g.grants[0].amount.0 += 1);
    refused(&|g| g.grants.truncate(2));
    refused(&|g| g.grants.swap(0, 1));
    refused(&|g| g.grants[1].allocation = Allocation::Team);
    refused(&|g| g.grants[1].owner = key(555).id());
    refused(&|g| g.grants[2].allocation = Allocation::Ecosystem);
    refused(&|g| g.accounts[0].1.0 -= 1);
    refused(&|g| g.params.rewards.pool.0 -= 1);
    refused(&|g| {
        g.accounts[0].1.0 -= 1;
        g.params.rewards.pool.0 += 1;
    });
    // A devnet gives tokens away, but no row more than it has.
    let mut devnet = genesis(Params::devnet());
    devnet.grants =
        vec![Grant { allocation: Allocation::Partners, owner: key(0).id(), amount: tokens(7_000) }];
    assert!(State::genesis(&devnet).is_ok());
    devnet.grants[0].amount = Amount(tokens(7_000).0 + 1);
    assert!(matches!(State::genesis(&devnet), Err(Refused::Genesis(_))), "more than its owner holds");
    devnet.grants[0].amount = Amount(u128::MAX);
    assert!(State::genesis(&devnet).is_err());
    let mut rich = genesis(Params::devnet());
    rich.params.vesting.free = tokens(42_000);
    assert!(matches!(State::genesis(&rich), Err(Refused::Genesis(_))), "too much without a grant");
}

/// The supply that could change hands after so many years of the chain, in units.
fn circulating(years: u64, elapsed: u64) -> Amount {
    let mut world = World::of(table_1(elapsed), goal("test"));
    // The second before any year has no block of its own here: the block is at the second itself.
    world.skipped = years * YEAR;
    let mut header = world.header();
    header.time.0 = (years * YEAR * 1_000_000).max(1);
    world.state.build(header, &[], &Scripted).unwrap().state.circulating()
}

#[test]
fn the_circulating_supply_year_by_year() {
    println!("| years | vesting begins with the chain | a year before it |\n|---|---|---|");
    let percent = |amount: Amount| amount.0 as f64 / Amount::SUPPLY.0 as f64 * 100.0;
    for (years, first, second) in
        [(0, 0, 200), (1, 253, 453), (2, 498, 698), (4, 963, 963), (7, 1_000, 1_000)]
    {
        let [at_once, before] = [0, YEAR].map(|elapsed| circulating(years, elapsed));
        println!("| {years} | {:.1} % | {:.1} % |", percent(at_once), percent(before));
        for (found, permille) in [(at_once, first), (before, second)] {
            assert_eq!((percent(found) * 10.0).round() as u32, permille, "{years}: {found}");
        }
        // To the unit: four rows vest by one law, the fifth by its own.
        let seconds = years * YEAR;
        let vested = [Allocation::Team, Allocation::PrivateSale, Allocation::Partners, Allocation::Ecosystem]
            .map(|row| Lock::Vesting.schedule(&Params::mainnet().vesting).vested(row.amount(), seconds));
        let rewards =
            if years == 0 { Amount::ZERO } else { emission(tokens(2_000_000_000), seconds, 7 * YEAR) };
        assert_eq!(at_once, Amount::sum(vested.into_iter().chain([rewards])).unwrap());
    }
}

/// A devnet on which a validator holds 7,000 tokens, 2,000 of them as stake, of which 6,000 vest, and a user 1,000, all vesting.
fn world(elapsed: u64) -> World {
    let mut params = Params::devnet();
    params.vesting.elapsed = elapsed;
    let mut genesis = genesis(params);
    let grant = |allocation, n: u64, amount| Grant { allocation, owner: key(n).id(), amount: tokens(amount) };
    genesis.grants = vec![grant(Allocation::Team, 0, 6_000), grant(Allocation::Partners, 100, 1_000)];
    World::of(genesis, goal("test"))
}

#[test]
fn what_is_locked_can_be_bonded_and_not_spent() {
    let cliff = Params::devnet().vesting.cliff;
    let mut world = world(cliff);
    let (rich, poor) = (world.validator(0), world.user(0));
    // A quarter of 6,000 has vested.
    assert_eq!(world.state.locked(Holder::Account(rich)), tokens(4_500));
    assert_eq!((world.state.spendable(rich), world.state.spendable(poor)), (tokens(2_500), tokens(250)));
    let pay = |world: &mut World, amount| {
        let to = world.validator(1);
        world.by_user(0, Action::Transfer { to, amount })
    };
    let all = pay(&mut world, tokens(250));
    assert!(matches!(world.refused(&all), Refused::Locked { .. }), "there is the fee too");
    // Neither fees nor bids nor bonds of challengers are paid with locked tokens.
    let bid = world.bid(0, 2_600, 1);
    assert!(matches!(world.refused(&bid), Refused::Balance { .. }));
    let bid = world.bid(0, 2_400, 1);
    world.block(&[bid]);
    let bond = world.by_validator(0, Action::Bond(tokens(2_599)));
    world.block(&[bond]);
    assert_eq!(world.state.stake(rich).unwrap().bonded, tokens(4_599));
    assert!(world.state.spendable(rich) < Amount::TOKEN, "what is bonded is locked, the rest is free");
    let key = entry::grant(Lock::Vesting, Holder::Account(poor));
    let proved = world.state.prove(&key).verify(world.state.root(), &key).unwrap().unwrap();
    assert_eq!(proved.read(), Some(tokens(1_000)));
}

#[test]
fn each_second_unlocks_its_part_and_the_last_one_all() {
    let vesting = Params::devnet().vesting;
    let (cliff, end) = (vesting.cliff, vesting.duration);
    for elapsed in [cliff - 1, cliff, cliff + 1, 2 * cliff + 5, end - 1, end] {
        let mut world = world(elapsed);
        let user = world.user(0);
        let vested = if elapsed < cliff {
            0
        } else {
            tokens(1_000).0 * u128::from(elapsed.min(end)) / u128::from(end)
        };
        assert_eq!(world.state.spendable(user), Amount(vested), "second {elapsed}");
        if elapsed < cliff {
            continue;
        }
        // To the unit, with the fee of a transfer: half a second later, so in the same second.
        let dry = world.by_user(0, Action::Transfer { to: user, amount: Amount(1) });
        let fee = world.state.least_cost(&dry, bitneuron_core::encode(&dry).len());
        let to = world.user(1);
        let over = Action::Transfer { to, amount: Amount(vested + 1 - fee.0) };
        let over = world.by_user(0, over);
        let wanted = world.refused(&over);
        assert!(matches!(wanted, Refused::Locked { .. } | Refused::Balance { .. }), "{wanted}");
        let exact = world.by_user(0, Action::Transfer { to, amount: Amount(vested - fee.0) });
        world.block(&[exact]);
        assert_eq!(world.state.spendable(user), Amount::ZERO);
    }
}

#[test]
fn the_grants_of_a_lock_are_forgotten_when_it_is_open() {
    let end = Params::devnet().vesting.duration;
    let mut world = world(end - 9);
    world.until(18);
    assert_eq!(world.state.grants().count(), 3);
    world.block(&[]);
    assert_eq!(world.state.grants().count(), 0);
    assert_eq!(world.state.spendable(world.user(0)), tokens(1_000));
}

#[test]
fn a_slash_takes_the_locks_with_it() {
    let mut world = world(Params::devnet().vesting.cliff);
    world.block(&[]);
    let (who, informer) = (world.validator(0), world.user(1));
    let granted = |world: &World| Amount::sum(world.state.grants().map(|(_, _, amount)| amount)).unwrap();
    let before = granted(&world);
    let vote = |block: &str| {
        let (by, block) = (&world.validators[0], Some(digest(block)));
        Vote { height: Height(1), round: 0, stage: Stage::Precommit, block, by: by.id() }
            .sign(by, world.state.chain())
    };
    let evidence = Evidence::votes(vote("a"), vote("b")).unwrap();
    let tx = world.by_user(1, Action::Accuse(evidence));
    world.block(&[tx]);
    world.until(138);
    let (grant, free) =
        (world.state.grant(Lock::Vesting, Holder::Account(who)), world.state.unlocked(Holder::Account(who)));
    assert_eq!(grant, tokens(6_000), "frozen is still his");
    let events = world.block(&[]);
    let taken = events.iter().find_map(|event| match event {
        Event::Slashed { amount, .. } => Some(*amount),
        _ => None,
    });
    let taken = taken.unwrap();
    let told = Amount(taken.0 / 20);
    assert_eq!(world.state.stake(informer).unwrap().held(), told);
    // All that was taken was locked; it still is.
    let now = |holder| (world.state.held(holder), world.state.locked(holder), world.state.unlocked(holder));
    let (held, locked, unlocked) = now(Holder::Account(informer));
    // A part of a grant may be a unit more.
    assert!(locked.0.abs_diff(told.0) <= 1, "{locked} of {held}, {unlocked} unlocked");
    assert!(now(Holder::Account(who)).2.0.abs_diff(free.0) < tokens(1).0, "he may spend as much as before");
    assert_eq!(granted(&world), before);
}

/// A transaction of a chain on which nothing has vested.
fn send(world: &World, v: usize, action: Action) -> bitneuron_ledger::SignedTx {
    let salt = world.state.standing(world.validator(v)).sent;
    let (by, expires) = (world.validator(v), Height(world.state.height().0 + 10));
    Tx { by, expires, salt: (u64::from(salt) << 32) | expires.0, tip: Amount::ZERO, action }
        .sign(&world.validators[v], world.state.chain())
}

#[test]
fn before_the_cliff_what_is_bonded_pays_for_transactions() {
    let mut params = Params::devnet();
    params.vesting.elapsed = 0;
    params.vesting.quota = tokens(1_000);
    let mut genesis = genesis(params);
    // Nobody has a free token.
    let held = |n: usize| {
        genesis.accounts[n].1.0
            + genesis
                .validators
                .iter()
                .filter(|(id, _)| *id == genesis.accounts[n].0)
                .map(|(_, amount)| amount.0)
                .sum::<u128>()
    };
    let mut grants: Vec<_> = (0..genesis.accounts.len())
        .map(|n| Grant {
            allocation: Allocation::Team,
            owner: genesis.accounts[n].0,
            amount: Amount(held(n)),
        })
        .collect();
    grants.sort_unstable();
    genesis.grants = grants;
    let mut world = World::of(genesis, goal("test"));
    assert!(world.state.is_before_cliff());
    assert_eq!((world.state.base_fee(), world.state.circulating()), (Amount::ZERO, Amount::ZERO));
    // Two for 2,000 bonded tokens, and one more for what the transaction itself bonds.
    for sent in 0..3 {
        let bond = send(&world, 0, Action::Bond(tokens(if sent < 2 { 1 } else { 998 })));
        world.block(&[bond]);
    }
    let fourth = send(&world, 0, Action::Bond(tokens(1)));
    assert!(matches!(world.refused(&fourth), Refused::Quota { sent: 3, most: 3 }));
    assert!(matches!(world.state.admits(&fourth, &Scripted), Err(Refused::Quota { .. })));
    // What a voter brings of votes does not count: nobody is left unpaid because it has said all that it may say. Others' does.
    let roll = world.state.attendance().rolls.last().cloned().expect("within an epoch");
    let brought = send(&world, 0, world.precommits(&roll, 0, &[0, 1]));
    world.block(&[brought]);
    assert_eq!(world.state.standing(world.validator(0)).sent, 3);
    let again = send(&world, 0, world.precommits(&roll, 0, &[0, 1]));
    assert!(matches!(world.refused(&again), Refused::Attendance(AttendanceFault::Known)));
    let stranger = world.by_user(0, world.precommits(&roll, 0, &[2]));
    assert!(matches!(world.refused(&stranger), Refused::Quota { sent: 0, most: 0 }));
    // Who has bonded nothing may begin, with enough.
    let little = world.by_user(0, Action::Bond(tokens(999)));
    assert!(matches!(world.refused(&little), Refused::Quota { sent: 0, most: 0 }));
    let enough = world.by_user(0, Action::Bond(tokens(1_000)));
    world.block(&[enough]);
    assert_eq!(world.state.pools().unpaid_fees(), Amount::ZERO, "nothing costs a fee");
    // Nobody can give anything away.
    let pay = send(&world, 1, Action::Transfer { to: world.user(0), amount: Amount(1) });
    assert!(matches!(world.refused(&pay), Refused::Locked { .. }));
    // Rewards are locked to the cliff second, and in the next epoch one may send again.
    let heard = world.state.attendance().rolls.last().map(|roll| world.precommits(roll, 0, &[0, 1, 2, 3]));
    let attend = world.by_validator(1, heard.expect("within an epoch"));
    world.block(&[attend]);
    world.until(20);
    let voter = Holder::Account(world.validator(3));
    let reward = world.state.grant(Lock::Cliff, voter);
    assert!(reward > tokens(1) && world.state.unlocked(voter) == Amount::ZERO, "{reward}");
    let again = send(&world, 0, Action::Bond(tokens(1)));
    world.block(&[again]);
    // At the cliff the rewards are free and a quarter of the rest, and fees are back.
    let cliff = world.state.params().vesting.cliff;
    world.skipped = cliff - 12;
    world.until(23);
    assert!(world.state.is_before_cliff() && world.state.vesting_time() == cliff - 1);
    assert_eq!(world.state.circulating(), Amount::ZERO);
    world.block(&[]);
    assert_eq!((world.state.vesting_time(), world.state.base_fee()), (cliff, Amount(10)));
    let (held, locked) = (world.state.held(voter), world.state.locked(voter));
    assert_eq!(locked, tokens(7_500), "three quarters of 10,000");
    assert!(held > Amount(tokens(10_000).0 + reward.0 - 1));
    let pay = send(&world, 3, Action::Transfer { to: world.user(0), amount: tokens(2_400) });
    world.block(&[pay]);
    assert!(world.state.pools().unpaid_fees() > Amount::ZERO);
}
