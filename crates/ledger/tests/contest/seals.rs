//! Junk seals: neither many nor cheap ones crowd out who puts up more.

use crate::stage::{Stage, contests, model, params, rows};
use crate::world::{digest, key};
use bitneuron_core::{Amount, Digest, GoalId, NodeId};
use bitneuron_ledger::contest::{Window, lots};
use bitneuron_ledger::{ContestAction, ContestEvent, ContestFault, ContestParams, Params, Refused, ShardId};
use proptest::prelude::*;
use std::collections::BTreeSet;

const GOAL: GoalId = GoalId(Digest([3; 32]));

fn shard(n: u64) -> ShardId {
    ShardId { examiner: NodeId([1; 32]), seal: digest(&format!("shard {n}")) }
}

fn beacon(n: u64) -> Digest {
    Digest::of("bitneuron seals test", &n.to_le_bytes())
}

proptest! {
    #[test]
    fn lots_are_drawn_without_putting_any_back(bonds in prop::collection::vec(0..20u64, 0..40), count in 0..50usize, seed in any::<u64>()) {
        let shards: Vec<_> = (0..).zip(&bonds).map(|(n, bond)| (shard(n), Amount(u128::from(*bond)))).collect();
        let drawn = lots(beacon(seed), GOAL, &shards, count);
        prop_assert_eq!(drawn.len(), count.min(bonds.iter().filter(|bond| **bond > 0).count()));
        prop_assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len());
        let fewer = lots(beacon(seed), GOAL, &shards, count / 2);
        prop_assert!(drawn.starts_with(&fewer), "who stands by comes after who is called");
    }
}

/// χ² of the first of the order, and the same capital in many parts.
#[test]
fn a_bond_is_drawn_by_its_size_in_however_many_parts() {
    let whole = [10u64, 20, 30, 40].map(u128::from);
    let shards: Vec<_> = (0..).zip(whole).map(|(n, bond)| (shard(n), Amount(bond))).collect();
    // The last bond in forty parts.
    let mut parts = shards[..3].to_vec();
    parts.extend((100..140).map(|n| (shard(n), Amount(1))));
    let (mut counts, mut split) = ([0f64; 4], 0f64);
    let draws = 20_000u64;
    for n in 0..draws {
        let first = lots(beacon(n), GOAL, &shards, 1)[0];
        counts[shards.iter().position(|(shard, _)| *shard == first).expect("one of them")] += 1.0;
        let first = lots(beacon(n), GOAL, &parts, 1)[0];
        split += f64::from(u8::from(parts[3..].iter().any(|(shard, _)| *shard == first)));
    }
    let expected = |bond: u128| draws as f64 * bond as f64 / 100.0;
    let chi: f64 =
        counts.iter().zip(whole).map(|(found, bond)| (found - expected(bond)).powi(2) / expected(bond)).sum();
    assert!(chi < 16.3, "{chi}: above it once in a thousand");
    assert!((split - expected(40)).abs() < 4.0 * (draws as f64 * 0.24).sqrt(), "{split}");
}

/// The main network's numbers: 452 junk seals of 10 tokens, and 60 honest ones of the same bond, of ten times, of fifty times. In
/// how many of 2,000 contests are so few opened that they are void, with spare ones?
#[test]
fn junk_voids_no_contest_of_examiners_who_put_up_more() {
    let ContestParams { called, spare, .. } = Params::mainnet().contest;
    let least = Params::mainnet().contest.least_opened();
    let voids = |times: u64| {
        let junk = (1_000..1_452).map(|n| (shard(n), Amount::tokens(10)));
        let honest = (0..60).map(|n| (shard(n), Amount::tokens(10 * times)));
        let all: Vec<_> = honest.chain(junk).collect();
        let opens = |drawn: &ShardId| all[..60].iter().any(|(shard, _)| shard == drawn);
        let void = |n: &u64| {
            let drawn = lots(beacon(*n), GOAL, &all, (called + spare) as usize);
            let (first, rest) = drawn.split_at(called as usize);
            let opened = first.iter().filter(|shard| opens(shard)).count();
            let replaced = rest.iter().take(first.len() - opened).filter(|shard| opens(shard)).count();
            opened + replaced < least
        };
        (0..2_000u64).filter(void).count()
    };
    assert!(voids(1) > 1_900, "as many as there are seals");
    assert!(voids(20) < 200, "{}", voids(20));
    assert!(voids(50) < 5, "{}", voids(50));
}

#[test]
fn a_full_registry_gives_the_place_of_the_least_bond_to_a_higher_one() {
    let mut stage = Stage::new();
    let found = stage.by_user(0, ContestAction::Found(model(0).to_bytes()));
    let mut txs = vec![found];
    // Eight seals of junk, before any contest.
    for n in 0..8u64 {
        txs.push(stage.by_user(3, stage.sealing(digest(&format!("junk {n}")))));
    }
    stage.world.block(&txs);
    let flooder = stage.world.state.balance(stage.world.user(3));
    let least = stage.world.state.params().contest.shard_bond;
    let seal = stage.seal_of(&key(100), 0, &rows(0));
    let same = stage.by_user(0, ContestAction::Seal { seal, bond: least });
    assert_eq!(stage.fault(&same), ContestFault::Bond(least));
    let cheap = stage.by_user(0, ContestAction::Seal { seal, bond: Amount(least.0 - 1) });
    assert_eq!(stage.fault(&cheap), ContestFault::Bond(Amount(least.0 - 1)));
    let more = Amount(least.0 * 20);
    let mut honest = Vec::new();
    for user in 0..2 {
        for n in 0..2u64 {
            let n = 2 * user + n;
            let seal = stage.seal_of(&key(100 + user), n, &rows(n));
            honest.push(seal);
            let tx = stage.by_user(user as usize, ContestAction::Seal { seal, bond: more });
            let events = contests(&stage.world.block(&[tx]));
            let [ContestEvent::Displaced(gone), ContestEvent::Sealed(come)] = events[..] else {
                panic!("{events:?}")
            };
            assert_eq!((gone.examiner, come.seal), (stage.world.user(3), seal));
        }
    }
    assert_eq!(stage.world.state.test_shards(stage.world.goal_id()).count(), 8);
    let back = stage.world.state.balance(stage.world.user(3)).0 - flooder.0;
    assert_eq!(back, 4 * least.0, "what makes room is given back");
    // The contest that is on keeps what may test it.
    stage.until(1, Window::Commit);
    stage.world.block(&[]);
    let late = stage.by_user(2, ContestAction::Seal { seal: digest("late"), bond: more });
    assert!(matches!(stage.world.refused(&late), Refused::Full("test shards")));
    // It goes on: of three called ones two are enough, and what is called and not opened costs its bond.
    let events = stage.shown(1, &[model(2_000)]);
    let mut called = Stage::called(&events);
    let sealed: &[&[u64]] = &[&[0, 1], &[2, 3]];
    let mut opened = 0;
    while !called.is_empty() {
        let ours: Vec<_> = called.drain(..).filter(|shard| honest.contains(&shard.seal)).collect();
        let mut txs = Vec::new();
        for shard in ours {
            let (user, n) = stage.find(sealed, shard);
            txs.push(stage.open(user, n, &rows(n)));
        }
        opened += txs.len();
        stage.world.block(&txs);
        for _ in 0..2 {
            called.extend(Stage::called(&stage.world.block(&[])));
        }
    }
    assert!(opened >= 2, "{opened} of {} are honest", params().contest.called);
    let events = contests(&stage.until(2, Window::Commit));
    assert!(events.iter().any(|event| matches!(event, ContestEvent::Paid { contest: 1, .. })), "{events:?}");
}
