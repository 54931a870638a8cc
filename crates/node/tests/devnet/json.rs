//! The report as data.

use crate::fixture;
use serde_json::Value;

/// Every figure that a program may look for, by its path.
const KEYS: [&str; 24] = [
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
