//! The law at its boundaries, and what force does to locks.
#![expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use super::*;
use crate::{Allocation, Genesis, Grant, Params};
use bitneuron_core::{Height, Time};
use proptest::prelude::*;

const LAW: Schedule = Schedule { cliff: YEAR, duration: 4 * YEAR };

#[test]
fn the_law_holds_at_every_boundary_second() {
    let grant = Amount(2_000_000_000_000_000_003);
    for (seconds, vested) in [
        (0, 0),
        (YEAR - 1, 0),
        // A quarter at the second of the cliff.
        (YEAR, 500_000_000_000_000_000),
        (YEAR + 1, 500_000_015_844_043_907),
        (2 * YEAR, 1_000_000_000_000_000_001),
        (4 * YEAR - 1, 1_999_999_984_155_956_095),
        (4 * YEAR, grant.0),
        (u64::MAX, grant.0),
    ] {
        assert_eq!(LAW.vested(grant, seconds), Amount(vested), "second {seconds}");
        assert_eq!(LAW.locked(grant, seconds), Amount(grant.0 - vested));
    }
}

proptest! {
    #[test]
    fn a_grant_in_parts_lags_the_whole_by_less_than_their_number(
        parts in prop::collection::vec(0..=Amount::SUPPLY.0 / 8, 1..8),
        seconds in 0..5 * YEAR,
    ) {
        let whole = LAW.vested(Amount(parts.iter().sum()), seconds).0;
        let sum: u128 = parts.iter().map(|part| LAW.vested(Amount(*part), seconds).0).sum();
        prop_assert!(sum <= whole && whole - sum < parts.len() as u128);
        prop_assert!(seconds < LAW.duration || whole == sum);
    }

    #[test]
    fn the_largest_grant_with_so_much_locked(
        grant in 1..=Amount::SUPPLY.0,
        part in any::<u64>(),
        seconds in 0..4 * YEAR,
    ) {
        let locked = LAW.locked(Amount(grant), seconds);
        let rest = Amount(u128::from(part) % locked.0);
        let kept = LAW.grant(rest, seconds);
        prop_assert!(LAW.locked(kept, seconds) <= rest && kept.0 < grant);
        prop_assert!(LAW.locked(Amount(kept.0 + 1), seconds) > rest);
    }
}

const NAMES: [NodeId; 4] = [NodeId([1; 32]), NodeId([2; 32]), NodeId([3; 32]), NodeId([4; 32])];

/// A chain on which three of four own locked tokens, two of them in stake.
fn state() -> State {
    let tokens = |tokens: [u64; 4]| NAMES.into_iter().zip(tokens.map(Amount::tokens));
    let grants = [(Allocation::Team, [3_000, 0, 900, 0]), (Allocation::Partners, [0, 4_000, 100, 0])];
    let grants = grants.into_iter().flat_map(|(allocation, amounts)| {
        let held = tokens(amounts).filter(|(_, amount)| *amount > Amount::ZERO);
        held.map(move |(owner, amount)| Grant { allocation, owner, amount })
    });
    let genesis = Genesis {
        name: "locks".into(),
        time: 0,
        params: Params::devnet(),
        accounts: tokens([500, 1_000, 2_000, 3_000]).collect(),
        validators: tokens([2_500, 3_000, 1_000, 1_000]).collect(),
        grants: grants.collect(),
        goals: Vec::new(),
        data: Vec::new(),
    };
    State::genesis(&genesis).expect("valid")
}

/// All that was granted under a lock.
fn granted(state: &State, lock: Lock) -> Amount {
    let of = state.grants().filter(|(other, ..)| *other == lock);
    Amount::sum(of.map(|(_, _, amount)| amount)).expect("small")
}

/// How much is locked at this time of vesting: of all grants as they are held, and of each lock as a whole.
fn locked_at(state: &State, seconds: u64) -> (u128, u128) {
    let schedule = |lock: Lock| lock.schedule(&state.params.vesting);
    let held = state.grants().map(|(lock, _, grant)| schedule(lock).locked(grant, seconds).0).sum();
    let whole = Lock::ALL.map(|lock| schedule(lock).locked(granted(state, lock), seconds).0);
    (held, whole.iter().sum())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever is slashed for whatever, whoever informs and whenever: at any time as much is locked as before, and
    /// nobody has paid with a locked token.
    #[test]
    fn nothing_is_unlocked_by_force(
        steps in prop::collection::vec((0..6u8, 0..4usize, 0..4usize, any::<u32>(), 0..2_000u64), 1..60),
    ) {
        let mut state = state();
        let all = Lock::ALL.map(|lock| granted(&state, lock));
        let times: Vec<u64> = (0..60).map(|n| n * 1_000).collect();
        for (kind, a, b, amount, later) in steps {
            state.clock.time = Time(state.clock.time.0 + later * 1_000_000);
            let (from, to) = (NAMES[a], NAMES[b]);
            let before = state.clone();
            let of = |held: Amount| Amount((held.0 * u128::from(amount)) >> 32);
            let stake = state.stake(from).cloned().unwrap_or_default();
            let free = Height(state.clock.height.0 + 9);
            let moved = match kind {
                0 => state.seize(Pocket::Bonded(from), Pocket::Treasury, of(stake.bonded)),
                1 => state.seize(Pocket::Bonded(from), Pocket::Unbonding(to, free), of(stake.bonded)),
                2 => state.shift(Pocket::Account(from), Pocket::Bonded(from), of(state.balance(from))),
                3 => state.shift(Pocket::Bonded(from), Pocket::Account(from), of(stake.bonded)),
                4 => state.shift(Pocket::Account(from), Pocket::Account(to), of(state.balance(from))),
                _ => state.shift(Pocket::Treasury, Pocket::Account(to), of(state.pools.treasury)),
            };
            if let Err(why) = moved {
                prop_assert!(kind >= 4, "{why}");
                let locked = matches!(why, Refused::Locked { .. });
                prop_assert!(locked);
                state = before;
                continue;
            }
            prop_assert_eq!(state.total(), Amount::SUPPLY);
            prop_assert_eq!(Lock::ALL.map(|lock| granted(&state, lock)), all);
            let parts = state.grants().count() as u128;
            for seconds in &times {
                let ((now, whole), (then, _)) = (locked_at(&state, *seconds), locked_at(&before, *seconds));
                prop_assert!(now.abs_diff(then) < 10, "second {seconds}: {then} and {now}");
                prop_assert!((whole..whole + parts.max(1)).contains(&now), "second {seconds}");
            }
            for id in NAMES {
                // A seizure may round a unit to the receiver's disadvantage, no more.
                let holder = Holder::Account(id);
                let (held, locked) = (state.held(holder).0, state.locked(holder).0);
                prop_assert!(held + 60 >= locked, "{locked} of {held}");
            }
        }
    }
}

#[test]
fn a_seizure_takes_what_is_locked_first_and_leaves_no_more_unlocked() {
    let mut state = state();
    let [team, .., free] = NAMES;
    let (loser, informer) = (Holder::Account(team), Holder::Account(free));
    // At the cliff: 2,250 of 3,000 are locked, 750 of his 3,000 he may spend.
    assert_eq!((state.locked(loser), state.unlocked(loser)), (Amount::tokens(2_250), Amount::tokens(750)));
    assert_eq!(state.spendable(team), Amount::tokens(500), "the rest is bonded");
    let told = Pocket::Unbonding(free, Height(9));
    state.seize(Pocket::Bonded(team), told, Amount::tokens(90)).expect("bonded");
    assert_eq!((state.locked(loser), state.unlocked(loser)), (Amount::tokens(2_160), Amount::tokens(750)));
    assert_eq!(
        (state.locked(informer), state.unlocked(informer)),
        (Amount::tokens(90), Amount::tokens(4_000))
    );
    assert_eq!(
        state.grant(Lock::Vesting, informer),
        Amount::tokens(120),
        "a quarter of it has vested before"
    );
    state.seize(Pocket::Bonded(team), Pocket::Treasury, Amount::tokens(2_410)).expect("bonded");
    assert_eq!((state.locked(loser), state.unlocked(loser)), (Amount::ZERO, Amount::tokens(500)));
    // Nothing of it is locked at the end, and the grants are forgotten.
    state.clock.time = Time(3 * 12_343 * 1_000_000);
    assert_eq!((state.locked(informer), state.circulating()), (Amount::ZERO, Amount::tokens(8_000_000_000)));
    state.forget_grants();
    assert_eq!(state.grants().count(), 0);
}
