//! The report as data.

use crate::fixture;
use bitneuron_sim::scenario::{Adversaries, Scenario};
use serde_json::Value;

/// Every figure that a program may look for, by its path.
const KEYS: [&str; 27] = [
    "/seed",
    "/trace_hash",
    "/rounds",
    "/accuracy/validators_mean",
    "/accuracy/validators_worst",
    "/accuracy/users_mean",
    "/accuracy/local_only",
    "/accuracy/centralised",
    "/bytes/sent",
    "/bytes/dense_equivalent",
    "/bytes/sold",
    "/bytes/sold_dense",
    "/setting/parameters",
    "/blocks/height",
    "/blocks/certified",
    "/finality_ms/p50",
    "/finality_ms/p99",
    "/deals/settled",
    "/deals/refunded",
    "/proofs/made",
    "/proofs/accepted",
    "/proofs/refuted",
    "/slashed",
    "/supply/expected",
    "/supply/actual",
    "/balances",
    "/history/59/validators_mean",
];

#[test]
fn every_promised_key_is_there() {
    let value = serde_json::to_value(fixture::report()).expect("json");
    for key in KEYS {
        assert!(value.pointer(key).is_some_and(|found| !found.is_null()), "{key}");
    }
}

#[test]
fn amounts_are_decimal_strings_of_the_smallest_unit() {
    let value = serde_json::to_value(fixture::report()).expect("json");
    assert_eq!(value.pointer("/supply/expected"), Some(&Value::from("10000000000000000000")));
    assert_eq!(value.pointer("/slashed"), Some(&Value::from("620000000000")));
    assert_eq!(value.pointer("/validators/6/slashed"), Some(&Value::from("500000000000")));
    let balances = value.pointer("/balances").and_then(Value::as_object).expect("roles");
    let sum: u128 = balances
        .values()
        .map(|amount| amount.as_str().expect("string").parse::<u128>().expect("digits"))
        .sum();
    assert_eq!(sum, 10_000_000_000_000_000_000);
}

/// A formula may promise what no network keeps: the same keys of a network that really played.
#[test]
fn a_played_report_has_the_promised_keys_and_keeps_its_books() {
    let scenario = Scenario {
        validators: 1,
        users: 1,
        rounds: 1,
        adversaries: Adversaries::NONE,
        ..Scenario::default()
    };
    let report = scenario.run(&mut |_| ()).expect("plays");
    let value = serde_json::to_value(&report).expect("json");
    for key in KEYS.map(|key| key.replace("59", "0")) {
        assert!(value.pointer(&key).is_some_and(|found| !found.is_null()), "{key}");
    }
    assert_eq!(value.pointer("/supply/expected"), value.pointer("/supply/actual"));
    assert_eq!(value.pointer("/blocks/certified"), Some(&Value::from(4)));
    assert_eq!(value.pointer("/setting/without"), Some(&Value::Null));
}
