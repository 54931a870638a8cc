//! A validator that is killed again and again, and opened again.
//!
//! It runs in a process of its own: engine, log, ledger over redb and the tokio driver, as a real node. This process plays the
//! other three validators, brings it their letters through a socket and kills it with SIGKILL at random moments. The witness is
//! here and forgets nothing: two different statements of one kind by the killed one would meet in its pool.

#![allow(clippy::panic, reason = "a test fails by panicking")]

#[path = "../drivers/fixture.rs"]
#[expect(dead_code, reason = "users stay at home")]
mod fixture;

mod child;
mod others;
mod wire;

use others::{HEIGHTS, Moment, Outcome, Trial, kill};

#[test]
fn a_validator_killed_at_random_loses_nothing_and_contradicts_nothing() {
    let outcome = kill(Trial { kills: 20, seed: 1, moment: Moment::Random, keeps: true });
    let Outcome { conflicts, lives, heights, .. } = outcome;
    assert_eq!(conflicts, 0);
    assert!(lives > 20 && heights >= HEIGHTS, "{lives} lives, {heights} heights");
}

#[test]
fn a_validator_killed_after_it_proposed_proposes_the_same_again() {
    let outcome = kill(Trial { kills: 3, seed: 4, moment: Moment::Proposing, keeps: true });
    assert_eq!(outcome.conflicts, 0);
    assert!(outcome.proposals > 3 && outcome.replayed >= 3, "{outcome:?}");
}

/// So the witness sees whoever comes back without its log.
#[test]
fn whoever_forgets_what_it_proposed_is_found_out() {
    let outcome = kill(Trial { kills: 3, seed: 5, moment: Moment::Proposing, keeps: false });
    assert!(outcome.conflicts > 0, "{outcome:?}");
}

#[test]
#[ignore = "takes minutes"]
fn two_hundred_kills() {
    let outcome = kill(Trial { kills: 200, seed: 2, moment: Moment::Random, keeps: true });
    println!("{outcome:?}");
    assert_eq!(outcome.conflicts, 0);
    assert!(outcome.replayed > 50, "many lives began with records of the open height");
}

/// The same at random moments, if lives are long enough to say something.
#[test]
#[ignore = "depends on how fast the machine is"]
fn whoever_forgets_what_it_said_is_found_out() {
    let outcome = kill(Trial { kills: 100, seed: 3, moment: Moment::Random, keeps: false });
    assert!(outcome.conflicts > 0, "{outcome:?}");
}

/// What the tests above start in a process of its own; for anybody else it does nothing.
#[test]
fn child() {
    child::live_if_asked();
}
