//! The laws of [`Weigh`], over stakes of all sizes drawn from a seed.

use super::{Law, Violation, require};
use crate::Weigh;
use bitneuron_core::{Amount, Reputation, Seed};

const CASES: u64 = 2_000;

/// Draws a stake of a random magnitude up to the supply, and a reputation.
fn case(seed: Seed, number: u64) -> (Amount, Amount, Reputation, Reputation) {
    let draw = |label| {
        let [a, b, c, d, e, f, g, h, ..] = seed.derive_number(label, number).0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    };
    let stake = |size, value| Amount((u128::from(draw(value)) >> (draw(size) % 64)) % (Amount::SUPPLY.0 / 2));
    let (r, q) = (draw("r") as u16, draw("q") as u16);
    let (r, q) = if number.is_multiple_of(16) { (0, u16::MAX) } else { (r.min(q), r.max(q)) };
    (stake("a size", "a"), stake("b size", "b"), Reputation(r), Reputation(q))
}

/// Tests a rule.
///
/// # Errors
/// The first law that does not hold.
pub fn check(rule: &dyn Weigh) -> Result<(), Violation> {
    let seed = Seed::from_number(0x0077_6569_6768);
    for number in 0..CASES {
        let (a, b, low, high) = case(seed, number);
        let sum = Amount(a.0 + b.0);
        let show =
            || format!("{}: stakes {a:?} and {b:?}, reputations {} and {}", rule.name(), low.0, high.0);
        let weigh = |stake, reputation| rule.weigh(stake, reputation).0;
        let more_stake = weigh(sum, low) >= weigh(a, low).max(weigh(b, low));
        require(more_stake && weigh(a, high) >= weigh(a, low), Law::Monotone, show)?;
        let parts = u128::from(weigh(a, low)) + u128::from(weigh(b, low));
        let neutral = !rule.sybil_neutral() || parts <= u128::from(weigh(sum, low));
        require(neutral, Law::SybilNeutral, show)?;
        let (base, best) = (u128::from(weigh(a, Reputation(0))), u128::from(weigh(a, Reputation::MAX)));
        require(best * 4 <= base * 5, Law::Bounded, show)?;
    }
    Ok(())
}
