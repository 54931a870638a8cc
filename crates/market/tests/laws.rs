//! The reference book and a plain one keep the laws; for each law there is a wrong book that it refuses.
#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

mod naive;

use bitneuron_core::Seed;
use bitneuron_market::{
    MarketParams, PriceTime,
    suite::{Violation, check},
};
use naive::{Fault, Naive};
use std::cell::Cell;

#[test]
fn price_time_keeps_the_laws() {
    for seed in 0..4 {
        assert_eq!(check(|params| PriceTime::new(params).unwrap(), Seed::from_number(seed)), Ok(()));
    }
}

fn verdict(fault: Fault) -> Result<(), Violation> {
    check(|params: MarketParams| Naive::new(params, fault), Seed::from_number(7))
}

#[test]
fn a_plain_book_keeps_the_laws() {
    assert_eq!(verdict(Fault::None), Ok(()));
}

macro_rules! refused {
    ($($name:ident: $fault:ident breaks $law:pat,)*) => {$(
        #[test]
        fn $name() {
            let verdict = verdict(Fault::$fault);
            assert!(matches!(verdict, Err($law)), "{verdict:?}");
        }
    )*};
}

refused! {
    losing_the_surplus: LosesSurplus breaks Violation::Conservation(_) | Violation::Imbalance(_),
    filling_too_much: Overfills breaks Violation::Limits(_),
    ignoring_consent: IgnoresConsent breaks Violation::Fit(_),
    selling_one_model_twice: SellsTwice breaks Violation::Fit(_),
    serving_the_worst_first: WorstFirst breaks Violation::Price(_),
    serving_the_latest_first: LatestFirst breaks Violation::Time(_),
    stopping_after_one_deal: OneDealAtATime breaks Violation::Exhaustion(_),
    keeping_half_on_cancel: KeepsHalf breaks Violation::Return(_),
    letting_anybody_cancel: AnybodyCancels breaks Violation::Return(_),
    forgetting_nonces: ForgetsNonces breaks Violation::Replay(_),
    locking_before_checking: LocksBeforeChecking breaks Violation::Refusal(_),
    paying_on_delivery: PaysOnDelivery breaks Violation::Merit(_),
    hiding_deals_from_the_root: HidesDeals breaks Violation::Binding(_),
    refusing_odd_nonces: RefusesOdd breaks Violation::Service(_),
    refusing_when_full: RefusesWhenFull breaks Violation::Service(_),
    never_being_full: IsNeverFull breaks Violation::Service(_) | Violation::Return(_),
    evicting_the_best: EvictsTheBest breaks Violation::Return(_),
    keeping_what_is_evicted: KeepsWhatItEvicts breaks Violation::Return(_),
}

#[test]
fn differing_from_run_to_run() {
    let runs = Cell::new(0);
    let make = |params: MarketParams| {
        runs.set(runs.get() + 1);
        Naive::new(params, Fault::Salted(runs.get()))
    };
    assert!(matches!(check(make, Seed::from_number(7)), Err(Violation::Determinism(_))));
}
