//! The way of a validator: in by two borders, out by one, few at a time; frozen before taken; jailed for being away.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod world;

use bitneuron_consensus::vote::Stage;
use bitneuron_consensus::{Evidence, Vote};
use bitneuron_core::{Amount, Digest, Epoch, Height, NodeId};
use bitneuron_ledger::{
    Action, Event, Fate, Genesis, Offence, Params, Phase, Refused, State, Tally, key as entry,
};
use std::collections::{BTreeMap, BTreeSet};
use world::*;

fn bond(world: &mut World, v: usize, tokens: u64) {
    let tx = world.by_validator(v, Action::Bond(Amount::tokens(tokens)));
    world.block(&[tx]);
}

fn unbond(world: &mut World, v: usize, tokens: u64) {
    let tx = world.by_validator(v, Action::Unbond(Amount::tokens(tokens)));
    world.block(&[tx]);
}

fn phase(world: &World, v: usize) -> Phase {
    world.state.phase_of(world.validator(v))
}

/// Whether a validator was elected for an epoch.
fn elected(world: &World, v: usize, epoch: u64) -> bool {
    world.state.elected(Epoch(epoch)).is_some_and(|voters| voters.weight_of(world.validator(v)).is_some())
}

fn accuse(world: &mut World, v: usize, height: u64, by: usize) -> Vec<Event> {
    let key = &world.validators[v];
    let vote = |block: &str| {
        let block = Some(digest(block));
        Vote { height: Height(height), round: 0, stage: Stage::Precommit, block, by: key.id() }
            .sign(key, world.state.chain())
    };
    let evidence = Evidence::votes(vote("a"), vote("b")).unwrap();
    let tx = world.by_user(by, Action::Accuse(evidence));
    world.block(&[tx])
}

#[test]
fn one_enters_by_two_borders_running_and_leaves_by_one() {
    let mut world = World::new();
    assert_eq!((phase(&world, 4), phase(&world, 0)), (Phase::Idle, Phase::Active));
    bond(&mut world, 4, 1);
    assert_eq!(phase(&world, 4), Phase::Idle, "1,000 tokens, but no border yet");
    world.until(19);
    assert_eq!(phase(&world, 4), Phase::Queued);
    assert!(!elected(&world, 4, 2));
    // Below at the second border: the count begins again.
    unbond(&mut world, 4, 1);
    world.until(39);
    assert_eq!(phase(&world, 4), Phase::Idle);
    bond(&mut world, 4, 1);
    world.until(59);
    assert!(!elected(&world, 4, 4) && phase(&world, 4) == Phase::Queued);
    world.until(79);
    assert!(elected(&world, 4, 5) && phase(&world, 4) == Phase::Active);
    // It stays with less than it took to enter, and leaves with less than it takes to stay.
    unbond(&mut world, 4, 200);
    world.until(99);
    assert!(elected(&world, 4, 6));
    unbond(&mut world, 4, 1);
    world.until(119);
    assert!(!elected(&world, 4, 7) && phase(&world, 4) == Phase::Idle);
    unbond(&mut world, 4, 799);
    assert_eq!(phase(&world, 4), Phase::Unbonding);
    world.until(299);
    assert_eq!(phase(&world, 4), Phase::Withdrawn);
    assert!(world.state.stake(world.validator(4)).is_none());
}

/// A chain on which so many more wait for a seat, with this stake and a little more each.
fn crowd(waiting: u64, tokens: u64, change: impl FnOnce(&mut Params)) -> World {
    let mut world = World::new();
    let mut genesis = genesis(Params::devnet());
    change(&mut genesis.params);
    genesis.accounts.extend((0..waiting).map(|n| (key(200 + n).id(), Amount::tokens(3_000))));
    genesis.accounts.sort_unstable();
    world.state = State::genesis(&genesis).unwrap();
    world.genesis = genesis;
    let bond = |n| Action::Bond(Amount::tokens(tokens + n));
    let txs: Vec<_> = (0..waiting).map(|n| world.tx(&key(200 + n), bond(n))).collect();
    world.validators.extend((0..waiting).map(|n| key(200 + n)));
    world.block(&txs);
    world
}

fn members(state: &State, epoch: u64) -> BTreeSet<NodeId> {
    state.elected(Epoch(epoch)).unwrap().members().iter().map(|member| member.id).collect()
}

/// Who is elected for an epoch and was not for the one before, with what it has at stake.
fn entered(world: &World, epoch: u64) -> Vec<Amount> {
    let before = members(&world.state, epoch - 1);
    let fresh = members(&world.state, epoch).into_iter().filter(|id| !before.contains(id));
    fresh.map(|id| world.state.stake(id).unwrap().bonded).collect()
}

#[test]
fn in_an_epoch_one_key_enters_or_so_much_weight() {
    let mut world = crowd(6, 1_200, |_| {});
    for epoch in 3..8 {
        world.until(20 * (epoch - 1) - 1);
        assert_eq!(entered(&world, epoch), [Amount::tokens(1_208 - epoch)], "one, the heaviest that waits");
    }
    // Through a wide door as many as have an eighth of 14,999 tokens together.
    let mut world = crowd(6, 500, |params| {
        params.stake.churn = 8;
        (params.stake.threshold, params.stake.stay) = (Amount::tokens(500), Amount::tokens(400));
    });
    for (epoch, count) in [(3, 3), (4, 3), (5, 0)] {
        world.until(20 * (epoch - 1) - 1);
        assert_eq!(entered(&world, epoch).len(), count, "epoch {epoch}");
    }
}

#[test]
fn the_lightest_gives_its_seat_to_who_is_heavier() {
    let mut world = crowd(2, 1_200, |params| params.stake.seats = 4);
    let lightest = world.validator(0);
    let rich = key(200);
    let tx = world.tx(&rich, Action::Bond(Amount::tokens(1_500)));
    world.block(&[tx]);
    world.until(39);
    assert_eq!(members(&world.state, 3).len(), 4);
    assert!(members(&world.state, 3).contains(&rich.id()) && !members(&world.state, 3).contains(&lightest));
    assert_eq!(world.state.phase_of(lightest), Phase::Queued, "it has what it takes, but no seat");
}

#[test]
fn voters_leave_a_few_at_a_time() {
    let mut world = World::new();
    unbond(&mut world, 3, 5_000);
    let tally: Tally = world
        .state
        .prove(&entry::tally())
        .verify(world.state.root(), &entry::tally())
        .unwrap()
        .unwrap()
        .read()
        .unwrap();
    assert_eq!((tally.left, &tally), (Amount::tokens(5_000), world.state.tally()));
    let second = world.by_validator(2, Action::Unbond(Amount::tokens(4_000)));
    assert!(matches!(world.refused(&second), Refused::Churn { .. }));
    let little = world.by_validator(2, Action::Unbond(Amount::QUANTUM));
    assert!(matches!(world.refused(&little), Refused::Churn { .. }));
    // Who has no seat comes and goes as it likes, and in the next epoch others may leave.
    unbond(&mut world, 4, 999);
    world.until(20);
    unbond(&mut world, 2, 4_000);
}

#[test]
fn what_is_frozen_is_taken_when_all_who_took_part_are_known() {
    let mut world = World::new();
    world.block(&[]);
    let (first, second) = (world.validator(0), world.validator(3));
    let frozen = |world: &World, id| world.state.stake(id).unwrap().frozen;
    accuse(&mut world, 0, 1, 0);
    let alone = frozen(&world, first);
    // 2,000 of 14,000 tokens are 1,428 bp: 500 + 3 · 1,428.
    assert_eq!(alone, Amount::tokens(2_000).mul_div(4_784, 10_000).unwrap());
    world.until(30);
    accuse(&mut world, 3, 1, 1);
    // 7,000 of 14,000: everything.
    assert_eq!(frozen(&world, second), Amount::tokens(5_000));
    let events: Vec<Event> = (world.state.height().0..=139).flat_map(|_| world.block(&[])).collect();
    let taken: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Slashed { who, amount, frozen, .. } => Some((*who, *amount, *frozen)),
            _ => None,
        })
        .collect();
    assert!(taken.contains(&(first, Amount::tokens(2_000), alone)), "weighed anew: {taken:?}");
    assert!(taken.contains(&(second, Amount::tokens(5_000), Amount::tokens(5_000))));
    assert_eq!(world.state.phase_of(first), Phase::Tombstoned);
    assert!(world.state.misdeeds().all(|(_, misdeed)| misdeed.fate == Fate::Taken));
}

#[test]
fn nobody_leaves_before_his_contradiction_is_weighed() {
    let mut world = World::new();
    unbond(&mut world, 0, 2_000);
    world.until(39);
    // In the electorate until height 39, so its last vote is punishable until 159; what is proven at 151 is taken at 219.
    world.until(150);
    accuse(&mut world, 0, 39, 0);
    let left = world.state.stake(world.validator(0)).unwrap().slashable();
    assert!(left > Amount::ZERO);
    // Free at height 161, but for the misdeed.
    world.until(218);
    assert_eq!(world.state.stake(world.validator(0)).unwrap().slashable(), left);
    let balance = world.state.balance(world.validator(0));
    world.until(219);
    assert_eq!(world.state.stake(world.validator(0)).unwrap().held(), Amount::ZERO);
    assert!(world.state.balance(world.validator(0)) >= balance.checked_add(left).unwrap());
    // Too late for anything else: what is gone is gone, and evidence is not heard any more.
    world.until(220);
    let key = world.validators[1].clone();
    let vote = |block: &str| {
        let block = Some(digest(block));
        Vote { height: Height(39), round: 0, stage: Stage::Prevote, block, by: key.id() }
            .sign(&key, world.state.chain())
    };
    let late = Evidence::votes(vote("a"), vote("b")).unwrap();
    let tx = world.by_user(0, Action::Accuse(late));
    assert!(matches!(world.refused(&tx), Refused::Age(_)));
}

#[test]
fn nobody_frees_stake_by_betraying_himself() {
    // The same misdeed, told by an accomplice: what he gets is no earlier free than by unbonding.
    let mut world = World::new();
    world.block(&[]);
    let free = |world: &World| {
        let own = world.state.balance(world.validator(0)).0 + world.state.balance(world.user(0)).0;
        own + world.state.stake(world.user(0)).map_or(0, |stake| stake.bonded.0)
    };
    let before = free(&world);
    accuse(&mut world, 0, 1, 0);
    world.until(139);
    let informer = world.state.stake(world.user(0)).unwrap().clone();
    assert!(informer.held() > Amount::ZERO && informer.unbonding.iter().all(|(free, _)| free.0 >= 139 + 160));
    let fees = Amount::tokens(1).0;
    // Weight pays fees to voters, but a tombstone is paid nothing.
    assert!(free(&world) <= before + fees, "{} and {before}", free(&world));
}

#[test]
fn of_several_misdeeds_of_a_kind_and_epoch_the_largest_counts() {
    let mut world = World::new();
    // Two false turns of one author in one epoch.
    let mut amounts = Vec::new();
    for name in ["one", "two"] {
        world.until_phase(2);
        let turn = world.turn(1, name);
        let commit = world.commit(1, &turn);
        world.block(&[commit]);
        let claim = world.turn_claim(1, &turn, (3, 8), FALSE);
        let tx = world.by_user(0, Action::Refute(bitneuron_ledger::Refutation::Claim(claim)));
        let events = world.block(&[tx]);
        assert!(events.iter().any(|event| matches!(event, Event::Refuted { .. })), "each is refuted");
        amounts.push(world.state.stake(world.validator(1)).unwrap().frozen);
        // The open turn lapses, so that the next can be committed to.
        world.until(world.state.height().0 + 9);
    }
    assert!(world.state.height() < Height(40) && amounts[0] == Amount::tokens(3));
    assert_eq!(amounts[1], amounts[0], "the second costs nothing more in the same epoch");
}

#[test]
fn who_misses_most_of_its_draws_is_jailed_and_the_third_time_slashed() {
    let mut params = Params::devnet();
    params.slash.absence_span = 1_000;
    params.stake.draws = 4;
    let mut world = World::with(params);
    let away = world.validator(3);
    let mut seen = Vec::new();
    for _ in 0..260 {
        // Whenever it is drawn, somebody else builds in a later round.
        let mut round = 0;
        while world.header_after(round).proposer == away {
            round += 1;
        }
        let header = world.header_after(round);
        let built = world.state.build(header, &[], &Scripted).unwrap();
        let events = world.accept(built);
        seen.extend(events.into_iter().filter(|event| {
            matches!(event, Event::Absent { .. } | Event::Jailed { .. } | Event::Frozen { .. })
        }));
    }
    let kind = |event: &Event| match event {
        Event::Absent { who, built: 0, drawn } if *who == away && *drawn >= 4 => 'a',
        Event::Jailed { who, until: Some(_) } if *who == away => 'j',
        Event::Frozen { who, offence: Offence::Absence, .. } if *who == away => 'f',
        other => panic!("{other:?}"),
    };
    let story: String = seen.iter().map(kind).collect();
    assert!(story.starts_with("ajajafj"), "{story}");
    let honest = (0..3).map(|v| world.state.standing(world.validator(v)).presence);
    assert!(honest.clone().all(|presence| presence.drawn == presence.built && presence.absent == [None; 2]));
}

/// A long random history in which validators come, go, lie and stay away; gives all that was seen of each one's way.
fn ways(seed: u64) -> (BTreeMap<(Phase, Phase), u32>, World) {
    let mut params = Params::devnet();
    (params.epoch, params.stake.unbonding, params.stake.evidence_age, params.stake.trust) = (4, 40, 24, 12);
    params.stake.draws = 4;
    let mut world = World::with(params);
    let mut seen = BTreeMap::new();
    let mut count = seed << 32;
    let mut word = || {
        count += 1;
        Digest::of("bitneuron ways", &u64::to_le_bytes(count)).to_u64()
    };
    let mut before: Vec<Phase> = (0..5).map(|v| phase(&world, v)).collect();
    for _ in 0..300 {
        let (pick, v, amount) = (word() % 12, (word() % 5) as usize, word() % 3);
        let amount = Amount::tokens([300, 1_000, 2_000][amount as usize]);
        let held = world.state.stake(world.validator(v)).map(|stake| stake.bonded).unwrap_or_default();
        let tx = match pick {
            0..4 => world.by_validator(v, Action::Bond(amount)),
            4..6 => world.by_validator(v, Action::Unbond(amount)),
            6 if held > Amount::ZERO => world.by_validator(v, Action::Unbond(held)),
            7 if word() % 12 == 0 => {
                let key = &world.validators[v];
                let vote = |block: &str| {
                    let (height, block) = (world.state.height(), Some(digest(block)));
                    Vote { height, round: 0, stage: Stage::Prevote, block, by: key.id() }
                        .sign(key, world.state.chain())
                };
                let evidence = Evidence::votes(vote("a"), vote("b")).unwrap();
                world.by_user(0, Action::Accuse(evidence))
            }
            _ => world.by_user(1, Action::Transfer { to: world.validator(v), amount: Amount(1) }),
        };
        let header = world.header_after((word() % 3) as u32);
        let built = world.state.build(header, &[tx.into()], &Scripted).unwrap();
        world.accept(built);
        for (v, before) in before.iter_mut().enumerate() {
            let now = phase(&world, v);
            *seen.entry((*before, now)).or_default() += 1;
            *before = now;
        }
    }
    (seen, world)
}

#[test]
fn every_way_is_a_legal_one_and_every_place_is_reached() {
    use Phase::{Active, Idle, Jailed, Queued, Tombstoned, Unbonding, Withdrawn};
    let mut seen = BTreeMap::new();
    for seed in 0..8 {
        let (ways, world) = ways(seed);
        assert_eq!(world.state.total(), Amount::SUPPLY);
        ways.into_iter().for_each(|(way, count)| *seen.entry(way).or_insert(0) += count);
        let mut state = State::genesis(&world.genesis).unwrap();
        for block in &world.blocks {
            state = state.execute(block, &Scripted).unwrap().0;
        }
        let numbers = |state: &State| {
            let of = |v| {
                (
                    state.reputation(key(v).id()),
                    state.standing(key(v).id()),
                    state.stake(key(v).id()).cloned(),
                )
            };
            (0..5).map(of).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&state), numbers(&world.state), "a replay gives the same numbers");
    }
    for (from, to) in seen.keys() {
        assert!(from.leads_to(*to), "{from:?} to {to:?}");
    }
    let reached: BTreeSet<Phase> = seen.keys().map(|(_, to)| *to).collect();
    assert_eq!(reached, Phase::ALL.into(), "{seen:?}");
    for way in [
        (Idle, Queued),
        (Queued, Active),
        (Active, Jailed),
        (Jailed, Active),
        (Active, Tombstoned),
        (Active, Unbonding),
        (Active, Idle),
        (Unbonding, Withdrawn),
    ] {
        assert!(seen.contains_key(&way), "{way:?} was never gone: {seen:?}");
    }
}

#[test]
fn bounds_hold_for_stakes_and_penalties() {
    let good = |change: &dyn Fn(&mut Params)| {
        let mut params = Params::devnet();
        change(&mut params);
        params.validate().is_ok()
    };
    assert!(good(&|_| {}) && Params::mainnet().validate().is_ok());
    let bad: &[&dyn Fn(&mut Params)] = &[
        &|p| p.stake.stay = Amount::tokens(1_001),
        &|p| p.stake.stay = Amount::tokens(499),
        &|p| p.stake.reputation.0 = 16_385,
        &|p| p.stake.stay_reputation.0 = 1,
        &|p| p.stake.borders = 1,
        &|p| p.stake.seats = 3,
        &|p| p.stake.churn = 4,
        &|p| p.stake.draws = 3,
        &|p| (p.stake.trust, p.stake.evidence_age, p.stake.unbonding) = (120, 160, 179),
        &|p| p.slash.freeze = 0,
        &|p| p.slash.freeze = 7,
        &|p| p.slash.window = 7,
        &|p| p.slash.jail_absence = 0,
        &|p| p.slash.double_vote.0 = 99,
        &|p| p.slash.absence.0 = 101,
        &|p| p.reputation.safety = 1,
        &|p| p.reputation.weights[0] += 1,
        &|p| p.reputation.decay = 32,
        &|p| p.reputation.cap = 3,
    ];
    for (at, change) in bad.iter().enumerate() {
        assert!(!good(*change), "bound {at}");
    }
}

#[test]
fn a_genesis_seats_its_validators_at_once() {
    let genesis: Genesis = genesis(Params::devnet());
    let state = State::genesis(&genesis).unwrap();
    let phases: Vec<Phase> = (0..5).map(|n| state.phase_of(key(n).id())).collect();
    assert_eq!(phases, [Phase::Active, Phase::Active, Phase::Active, Phase::Active, Phase::Idle]);
}
