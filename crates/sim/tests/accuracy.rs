//! What the default network must learn, on three seeds. It plays for minutes, so it is asked for by name:
//!
//! ```text
//! cargo test --workspace --test accuracy -- --ignored
//! ```
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_sim::scenario::{Adversaries, Scenario};

/// One of each adversary, against the bars and against the same network without any.
fn judge(seed: u64) {
    let scenario = Scenario { seed, ..Scenario::default() };
    let accuracy = scenario.run(&mut |_| ()).unwrap().accuracy;
    assert!(accuracy.validators_mean >= 0.96, "{accuracy:?}");
    assert!(accuracy.validators_mean >= accuracy.centralised - 0.02, "{accuracy:?}");
    let honest = Scenario { adversaries: Adversaries::NONE, ..scenario }.run(&mut |_| ()).unwrap().accuracy;
    assert!(
        accuracy.validators_worst >= honest.validators_worst - 0.03,
        "{accuracy:?} with adversaries, {honest:?} without"
    );
}

#[test]
#[ignore = "plays the default network twice"]
fn seed_1() {
    judge(1);
}

#[test]
#[ignore = "plays the default network twice"]
fn seed_2() {
    judge(2);
}

#[test]
#[ignore = "plays the default network twice"]
fn seed_3() {
    judge(3);
}
