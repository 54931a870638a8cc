//! The laws of [`Weigh`], over stakes of all sizes drawn from a seed, and what splitting a stake gains.

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

/// A stake divided over many names: its weight before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// What it weighs under one name.
    pub whole: u128,
    /// What its parts weigh together.
    pub parts: u128,
}

impl Split {
    /// A stake in so many parts, as equal as units allow; all names have the same reputation.
    pub fn new(rule: &dyn Weigh, stake: Amount, reputation: Reputation, names: u64) -> Self {
        let names = u128::from(names.max(1));
        let (part, larger) = (stake.0 / names, stake.0 % names);
        let weigh = |amount| u128::from(rule.weigh(Amount(amount), reputation).0);
        let parts = weigh(part + 1) * larger + weigh(part) * (names - larger);
        Self { whole: weigh(stake.0), parts }
    }

    /// The weight after as a multiple of that before.
    pub fn power(&self) -> f64 {
        self.parts as f64 / self.whole as f64
    }

    /// The chance to propose after as a multiple of that before, beside voters of this weight.
    pub fn odds(&self, others: u128) -> f64 {
        let chance = |own: u128| own as f64 / (own + others) as f64;
        chance(self.parts) / chance(self.whole)
    }
}

/// Into how many names a stake is split, and the least stake of which the law speaks: a thousand quanta for each.
const NAMES: u64 = 1_000;
const SPLIT: Amount = Amount(NAMES as u128 * 1_000 * Amount::QUANTUM.0);

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
        let split = Split::new(rule, Amount(a.0.max(SPLIT.0)), low, NAMES);
        let even = split.parts <= split.whole && (split.whole - split.parts) * 1_000 <= split.whole;
        let neutral = !rule.sybil_neutral() || even;
        require(neutral, Law::SybilNeutral, || format!("{} in {NAMES} names: {split:?}", show()))?;
        let (base, best) = (u128::from(weigh(a, Reputation(0))), u128::from(weigh(a, Reputation::MAX)));
        require(best * 4 <= base * 5, Law::Bounded, show)?;
    }
    Ok(())
}
