//! What the default network must learn, on three seeds. It plays for minutes, so it is asked for by name:
//!
//! ```text
//! cargo test --workspace --test accuracy -- --ignored
//! ```
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bitneuron_sim::scenario::{Adversaries, Scenario};

/// One of each adversary, against the bars and against the same network without any.
fn judge(seed: u64) {
    let play = |adversaries| {
        let scenario = Scenario { seed, adversaries, ..Scenario::default() };
        scenario.run(&mut |_| ()).unwrap().accuracy
    };
    let (attacked, honest) = (play(Adversaries::default()), play(Adversaries::NONE));
    let figures = format!("{attacked:?} with adversaries, {honest:?} without");
    assert!(attacked.validators_mean >= attacked.centralised - 0.02, "{figures}");
    assert!(attacked.validators_worst >= honest.validators_worst - 0.03, "{figures}");
    assert!(attacked.validators_mean >= 0.96, "{figures}");
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
