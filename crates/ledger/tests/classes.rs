//! Classes of work: pools by stake and reputation, committees by beacon, and what may be entrusted to them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_core::class::{Class, Work};
use bitneuron_core::{Amount, Digest, Keypair, NodeId, Reputation, Seed};
use bitneuron_ledger::{Genesis, Params, Refused, State};
use std::collections::BTreeSet;

fn id(n: u64) -> NodeId {
    Keypair::from_seed(Seed::from_number(n)).id()
}

/// A chain whose validators hold these stakes, in tokens; a voter needs a thousand.
fn state(stakes: &[u64], change: impl FnOnce(&mut Params)) -> State {
    let mut params = Params::devnet();
    // Nobody begins with reputation.
    params.classes.rules.iter_mut().for_each(|rule| rule.reputation = Reputation(0));
    change(&mut params);
    let mut validators: Vec<_> =
        stakes.iter().zip(0..).map(|(stake, n)| (id(n), Amount::tokens(*stake))).collect();
    validators.sort_unstable();
    let genesis = Genesis {
        name: "classes".into(),
        time: 0,
        params,
        accounts: Vec::new(),
        validators,
        grants: Vec::new(),
        goals: Vec::new(),
        data: Vec::new(),
    };
    State::genesis(&genesis).unwrap()
}

/// 10 keys of each of 4,000, 2,000, 1,000 and 250 tokens, and 10 that hold too little.
fn mixed(change: impl FnOnce(&mut Params)) -> State {
    state(&[[4_000; 10], [2_000; 10], [1_000; 10], [250; 10], [249; 10]].concat(), change)
}

#[test]
fn the_class_of_work_is_the_higher_of_its_two() {
    let state = mixed(|_| {});
    let class = |gas, bytes| state.class(Work { gas, bytes });
    assert_eq!(class(1_000_000, 1_000_000), Class::Atomic);
    assert_eq!(class(1_000_001, 0), Class::Standard);
    assert_eq!(class(0, 100_000_001), Class::Heavy);
    assert_eq!(class(10_000_000_000, 10_000_000_001), Class::Bulk);
}

#[test]
fn thresholds_make_the_pools() {
    let state = mixed(|_| {});
    let sizes = Class::ALL.map(|class| state.pool(class).unwrap().members().len());
    assert_eq!(sizes, [10, 20, 30, 40]);
    let pool = state.pool(Class::Standard).unwrap();
    let holds = |id| state.stake(id).unwrap().bonded >= Amount::tokens(2_000);
    assert!(pool.members().iter().all(|member| holds(member.id)));
    // A reputation that nobody has yet empties a pool.
    let strict = mixed(|params| params.classes.rules[0].reputation = Reputation(1));
    assert_eq!(strict.pool(Class::Atomic), None);
}

#[test]
fn a_dial_takes_the_seats_that_its_pool_needs() {
    let state = mixed(|_| {});
    // The adversary holds a quarter of 72,500 tokens; the pools weigh 40,000, 60,000, 70,000 and 72,500.
    let seats = |class, bits| state.panel(class, bits).unwrap().seats;
    let needed = |pool: f64, bits: f64| (bits / (pool / 18_125.0).log2()).ceil() as u32;
    assert_eq!(seats(Class::Atomic, None), needed(40_000.0, 10.0));
    assert_eq!(seats(Class::Standard, None), needed(60_000.0, 20.0));
    assert_eq!(seats(Class::Heavy, None), needed(70_000.0, 20.0));
    assert_eq!(seats(Class::Bulk, None), 15);
    assert_eq!(seats(Class::Bulk, Some(80)), 40);
    // A higher threshold costs seats for the same bits.
    let at_twenty = Class::ALL.map(|class| seats(class, Some(20)));
    assert!(at_twenty.is_sorted_by(|few, many| few > many), "{at_twenty:?}");
}

#[test]
fn committees_are_drawn_from_the_pool_by_a_beacon() {
    let state = mixed(|_| {});
    let panel = state.panel(Class::Atomic, None).unwrap();
    let [beacon, query] = [Digest([1; 32]), Digest([2; 32])];
    let seats = panel.draw(beacon, query);
    assert_eq!(seats.len(), panel.seats as usize);
    assert_eq!(seats, panel.draw(beacon, query));
    assert_ne!(seats, panel.draw(beacon, Digest([3; 32])));
    assert_ne!(seats, panel.draw(Digest([3; 32]), query));
    assert!(seats.iter().all(|seat| panel.pool.weight_of(*seat).is_some()));
}

#[test]
fn a_pool_that_is_too_small_or_too_light_hands_its_work_down() {
    // Six keys of the highest class, though they hold nearly everything.
    let few = state(&[[40_000; 6].as_slice(), &[1_000; 10]].concat(), |_| {});
    assert_eq!(few.panel(Class::Atomic, None).unwrap().class, Class::Heavy);
    // Seven keys that hold 28,000 of 94,000 tokens: not 1.2 times the quarter that the adversary may hold.
    let light = state(&[[4_000; 7].as_slice(), &[1_000; 66]].concat(), |_| {});
    assert_eq!(light.pool(Class::Atomic).unwrap().members().len(), 7);
    assert_eq!(light.panel(Class::Atomic, None).unwrap().class, Class::Heavy);
    let heavier = state(&[[4_000; 7].as_slice(), &[1_000; 64]].concat(), |_| {});
    assert_eq!(heavier.panel(Class::Atomic, None).unwrap().class, Class::Atomic);
    let nobody = state(&[1_000; 6], |_| {});
    assert!(matches!(nobody.panel(Class::Atomic, None), Err(Refused::NoPool(Class::Atomic))));
    assert!(matches!(heavier.panel(Class::Atomic, Some(255)), Ok(panel) if panel.class == Class::Heavy));
}

#[test]
fn no_committee_is_entrusted_with_more_than_it_stands_to_lose() {
    let state = mixed(|_| {});
    let panel = state.panel(Class::Atomic, None).unwrap();
    let seats = panel.draw(Digest([1; 32]), Digest([2; 32]));
    let members: BTreeSet<_> = seats.iter().collect();
    assert!(members.len() < seats.len(), "somebody sits twice");
    let held = Amount::tokens(4_000 * members.len() as u64);
    assert!(state.covers(&seats, held).is_ok());
    let refused = state.covers(&seats, Amount(held.0 + 1));
    assert!(matches!(refused, Err(Refused::Exposed { value, held: found })
        if found == held && value.0 == held.0 + 1));
    assert!(matches!(state.covers(&[id(999)], Amount(1)), Err(Refused::Exposed { .. })));
    assert!(state.covers(&[], Amount::ZERO).is_ok());
}

#[test]
fn whom_everybody_knows_beforehand_costs_a_bribe() {
    let state = mixed(|_| {});
    let pool = state.pool(Class::Bulk).unwrap();
    assert_eq!(state.corruption_cost(&pool, 7), Amount::tokens(28_000));
    assert_eq!(state.corruption_cost(&pool, 12), Amount::tokens(44_000));
    assert_eq!(state.corruption_cost(&pool, 1_000), Amount::tokens(72_500));
}

#[test]
fn the_table_has_bounds() {
    let refused = |change: &dyn Fn(&mut Params)| {
        let mut params = Params::mainnet();
        change(&mut params);
        params.validate().is_err()
    };
    assert!(!refused(&|_| {}));
    assert!(refused(&|params| params.classes.most[1].bytes = 1_000_000));
    assert!(refused(&|params| params.classes.rules[1].quarters = 17));
    assert!(refused(&|params| params.classes.rules[3].quarters = 0));
    assert!(refused(&|params| params.classes.rules[0].reputation = Reputation(16_385)));
    assert!(refused(&|params| params.classes.rules[3].reputation = Reputation(1)));
    assert!(refused(&|params| params.classes.rules[2].bits = 0));
    assert!(refused(&|params| params.classes.rules[2].bits = 81));
    assert!(refused(&|params| params.classes.adversary.0 = 3_335));
    assert!(refused(&|params| params.classes.keys = 3));
}
