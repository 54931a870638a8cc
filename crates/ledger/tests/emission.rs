//! Rewards: released by the schedule, divided into slices, earned by presence and proofs, carried where they are not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod world;

use bitneuron_core::{Amount, NodeId};
use bitneuron_ledger::{Action, Event, Merit, Params, emission};
use proptest::prelude::*;
use std::collections::BTreeMap;
use world::*;

/// What was paid to whom for this.
fn paid(events: &[Event], wanted: Merit) -> BTreeMap<NodeId, Amount> {
    let rewards = events.iter().filter_map(|event| match event {
        Event::Rewarded { who, merit, amount } if *merit == wanted => Some((*who, *amount)),
        _ => None,
    });
    rewards.collect()
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    Amount::sum(amounts).unwrap()
}

fn all_rewards(world: &World) -> Amount {
    let pools = world.state.pools();
    sum([pools.carry, pools.consensus, pools.gradient, pools.data])
}

/// An epoch of empty blocks but for its last one, of which the events are given.
fn epoch(world: &mut World) -> Vec<Event> {
    let mut events = world.block(&[]);
    while !events.iter().any(|event| matches!(event, Event::EpochStarted { .. })) {
        events = world.block(&[]);
    }
    events
}

#[test]
fn each_block_releases_what_is_due_into_three_slices() {
    let mut world = World::new();
    let params = world.state.params().rewards.clone();
    for height in 1..19 {
        world.block(&[]);
        // Half a second for each height, and whole seconds count.
        let due = emission(params.pool, height / 2, params.duration);
        assert_eq!(world.state.released(), due);
        let pools = *world.state.pools();
        assert_eq!(sum([pools.consensus, pools.gradient, pools.data]), due);
        let near =
            |held: Amount, percent: u128| held.0.abs_diff(due.0 * percent / 100) < u128::from(2 * height);
        assert!(near(pools.consensus, 30) && near(pools.data, 30) && near(pools.gradient, 40), "{pools:?}");
    }
}

#[test]
fn an_epoch_pays_its_voters_by_weight_and_carries_what_builders_did_not_earn() {
    let mut world = World::new();
    while world.state.height().0 < 18 {
        world.attended(&[0, 1, 2, 3]);
    }
    let carry = world.state.pools().carry;
    let events = world.attended(&[0, 1, 2, 3]);
    let slice = world.state.released().mul_div(3, 10).unwrap();
    let (built, voted) = (paid(&events, Merit::Block), paid(&events, Merit::Vote));
    assert_eq!(
        (built.len(), voted.len(), carry),
        (0, 4, Amount::ZERO),
        "a block without proofs earns nothing"
    );
    for (v, stake) in [2_000u128, 3_000, 4_000, 5_000].into_iter().enumerate() {
        let part = slice.0 * 7 / 8 * stake / 14_000;
        assert!(voted[&world.validator(v)].0.abs_diff(part) < 100, "{v}");
    }
    let pools = world.state.pools();
    assert_eq!(pools.consensus, Amount::ZERO);
    let rest = slice.saturating_sub(sum(voted.into_values()));
    assert!(pools.carry.0.abs_diff(rest.0) < 100 && rest.0 > slice.0 / 9);
    // What is carried comes back slowly, in all slices.
    let before = *world.state.pools();
    let (data, released) = (before.data, world.state.released());
    epoch(&mut world);
    let fresh = world.state.released().saturating_sub(released);
    let back = before.carry.0 / 64;
    let gained = world.state.pools().data.saturating_sub(data).0;
    assert!(gained.abs_diff((fresh.0 + back) * 3 / 10) < 100, "{gained}");
}

#[test]
fn a_block_that_moved_a_head_earns_the_part_of_its_height() {
    let mut world = World::new();
    world.play(1, "after", (3, 6));
    let builder = world.blocks.last().unwrap().header.proposer;
    assert!(world.state.standing(builder).merit == world.state.params().rewards.block);
    let events = epoch(&mut world);
    let part = Amount(world.state.released().0 * 3 / 10 / 8 / 20);
    let built = paid(&events, Merit::Block);
    assert_eq!(built.keys().collect::<Vec<_>>(), [&builder]);
    assert!(built[&builder].0.abs_diff(part.0) < 10, "{built:?}, {part}");
    assert_eq!(world.state.standing(builder).merit, Amount::ZERO);
}

#[test]
fn a_block_earns_no_more_than_the_treasury_took_of_its_deals() {
    for ask in [2, 10, 100, 900] {
        let mut world = World::new();
        world.until_phase(0);
        let txs = [world.offer(0, "model", 12, ask), world.bid(1, ask, 1)];
        let made = world.block(&txs).into_iter().find_map(|event| match event {
            Event::DealMade(deal) => Some(deal),
            _ => None,
        });
        world.settle(0, 1, &made.unwrap());
        let events = epoch(&mut world);
        // Five percent of the price.
        let kept = Amount::tokens(ask).0 / 20;
        let earned = sum(paid(&events, Merit::Block).into_values()).0;
        assert!(earned > kept / 4 && earned <= kept, "{earned} of {kept}");
    }
}

#[test]
fn who_does_not_vote_is_not_paid_and_nobody_gains_by_it() {
    let pay = |away: Option<usize>| {
        let mut world = World::new();
        let there: Vec<usize> = (0..4).filter(|v| Some(*v) != away).collect();
        let mut last = Vec::new();
        while world.state.height().0 < 19 {
            last = world.attended(&there);
        }
        let voted = paid(&last, Merit::Vote);
        let pay: Vec<_> =
            (0..4).map(|v| voted.get(&world.validator(v)).copied().unwrap_or_default()).collect();
        (pay, world.state.pools().carry)
    };
    let ((all, carry), (some, more)) = (pay(None), pay(Some(3)));
    assert_eq!((some[3], &some[..3]), (Amount::ZERO, &all[..3]));
    assert_eq!(more, sum([carry, all[3]]), "it is carried");
}

#[test]
fn who_sits_in_jail_is_not_paid() {
    let mut world = World::new();
    world.until_phase(2);
    let turn = world.turn(3, "false");
    let commit = world.commit(3, &turn);
    world.block(&[commit]);
    let claim = world.turn_claim(3, &turn, (3, 6), LATER);
    let tx = world.by_validator(3, Action::Claim(claim));
    world.block(&[tx]);
    // The audit is not answered.
    let mut events = Vec::new();
    while !events.iter().any(|event| matches!(event, Event::EpochStarted { .. })) {
        events = world.attended(&[0, 1, 2, 3]);
    }
    let voted = paid(&events, Merit::Vote);
    assert!(world.state.stake(world.validator(3)).unwrap().jailed.0 > 0);
    assert_eq!(voted.len(), 3);
    assert!(!voted.contains_key(&world.validator(3)));
}

/// A chain of this many epochs of random length over all seven years.
fn years(steps: &[u64]) {
    let mut params = Params::devnet();
    (params.epoch, params.stake.unbonding, params.stake.evidence_age, params.stake.trust) = (2, 40, 24, 12);
    params.slash.window = 3;
    params.govern.upgrade.delay = 21;
    params.rewards.duration = 220_903_200;
    let pool = params.rewards.pool;
    let mut world = World::with(params);
    let given = |world: &World| {
        let held = (0..5).map(|v| {
            let id = world.validator(v);
            sum([
                world.state.balance(id),
                world.state.stake(id).map(bitneuron_ledger::Stake::held).unwrap_or_default(),
            ])
        });
        sum(held)
    };
    let before = given(&world);
    for step in steps {
        world.skipped += step;
        world.block(&[]);
        let seconds = world.state.clock().time.0 / 1_000_000;
        let due = emission(pool, seconds, 220_903_200);
        assert_eq!(world.state.released(), due);
        let paid = given(&world).saturating_sub(before);
        // Empty blocks pay voters only: what was released is with them or in a slice.
        assert_eq!(sum([paid, all_rewards(&world)]), due);
        assert!(paid <= due);
    }
    world.skipped += 220_903_200;
    world.block(&[]);
    assert_eq!((world.state.released(), world.state.pools().rewards), (pool, Amount::ZERO));
    assert_eq!(pool, Amount(2_000_000_000_000_000_000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn over_seven_years_the_pool_is_released_and_no_more_than_that_paid(
        steps in prop::collection::vec(1..4_000_000u64, 1..60),
    ) {
        years(&steps);
    }
}
