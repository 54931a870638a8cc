//! The security dial: how many seats a committee needs, for so many bits.
//!
//! A committee is drawn from a pool of weight W, with replacement and by weight, so each seat is the adversary's with
//! probability f = F/W, independent of the others and of how it splits its weight over names. F is all that the adversary is
//! assumed to hold anywhere: in the worst case it is all in this pool.
//!
//! *Unanimous or escalate.* The answer of c seats counts when all of them give it; any dissent escalates to a dispute that
//! the dissenter or the others pay for. It is wrong only when every seat is the adversary's, with probability f^c:
//!
//! ```text
//! bits(c) = c·log₂(W/F)          c = ⌈k·2¹⁶ / ⌊2¹⁶·log₂(W/F)⌋⌉
//! ```
//!
//! *A vote instead.* The answer that more than two thirds of the seats give counts. It is wrong when the adversary holds so many,
//! a tail of the binomial law. That takes two to three times the seats, and goes on without the silent and the dissenting.
//!
//! All of it is integer arithmetic, rounded against the adversary's disadvantage: the same seats on every machine, never too few.

use crate::Refused;
use bitneuron_core::Weight;

/// One, in 16 fractional bits.
const ONE: u64 = 1 << 16;

/// A demanded security against an assumed adversary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityDial {
    /// The chance of a wrong answer is at most 2^−bits.
    pub bits: u8,
    /// All the weight that the adversary is assumed to hold.
    pub adversary: Weight,
}

/// Seats of a committee that votes, and how many of them decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    /// The seats.
    pub seats: u32,
    /// The least number above two thirds of them.
    pub needed: u32,
}

impl SecurityDial {
    /// The most seats of a committee.
    pub const MAX_SEATS: u32 = 512;

    /// What each seat of a unanimous committee is worth, in units of 2⁻¹⁶ bits, rounded down.
    ///
    /// # Errors
    /// The pool is not heavier than 1.2 times the adversary: no committee of it says anything.
    pub fn bits_per_seat(&self, pool: Weight) -> Result<u64, Refused> {
        let (w, f) = (u128::from(pool.0), u128::from(self.adversary.0));
        if w.saturating_mul(5) <= f.saturating_mul(6) {
            return Err(Refused::Pool { pool, adversary: self.adversary });
        }
        Ok(log2(pool.0, self.adversary.0.max(1)))
    }

    /// The smallest committee from a pool of this weight that answers unanimously.
    ///
    /// # Errors
    /// The pool is too light, or takes more than [`SecurityDial::MAX_SEATS`].
    pub fn unanimous(&self, pool: Weight) -> Result<u32, Refused> {
        let each = self.bits_per_seat(pool)?;
        let seats = u64::from(self.bits.max(1)).saturating_mul(ONE).div_ceil(each);
        u32::try_from(seats).ok().filter(|seats| *seats <= Self::MAX_SEATS).ok_or(Refused::Seats(seats))
    }

    /// The smallest committee from a pool of this weight in which more than two thirds of the seats decide; at most 64 bits.
    ///
    /// # Errors
    /// Half of the pool may be the adversary's, or it takes more than [`SecurityDial::MAX_SEATS`].
    pub fn vote(&self, pool: Weight) -> Result<Quorum, Refused> {
        if u128::from(self.adversary.0).saturating_mul(2) >= u128::from(pool.0) {
            return Err(Refused::Pool { pool, adversary: self.adversary });
        }
        let mut law = Binomial::new(self.adversary, pool);
        for seats in 1..=Self::MAX_SEATS {
            law.seat();
            let needed = seats.saturating_mul(2).saturating_div(3).saturating_add(1);
            if law.at_least(needed) <= Binomial::ONE >> self.bits.min(64) {
                return Ok(Quorum { seats, needed });
            }
        }
        Err(Refused::Seats(u64::from(Self::MAX_SEATS).saturating_add(1)))
    }
}

/// `⌊2¹⁶·log₂(a/b)⌋` for a ≥ b > 0, bit by bit: squaring a number doubles its logarithm. Never too large; 0 below one.
pub fn log2(a: u64, b: u64) -> u64 {
    const POINT: u32 = 63;
    if b == 0 || a < b {
        return 0;
    }
    // a/b = 2^whole · x with 1 ≤ x < 2, x in 63 fractional bits.
    let mut whole = a.ilog2().saturating_sub(b.ilog2());
    if u128::from(a) < u128::from(b) << whole {
        whole = whole.saturating_sub(1);
    }
    // a < 2^(whole + 1)·b, so the quotient is below 2⁶⁴.
    let shift = POINT.saturating_sub(whole);
    let quotient = (u128::from(a) << shift).checked_div(u128::from(b));
    let mut x = quotient.unwrap_or(0);
    let mut log = u64::from(whole);
    for _ in 0..16 {
        x = x.saturating_mul(x) >> POINT;
        let bit = u64::from(x >> POINT > 1);
        x >>= bit;
        log = log << 1 | bit;
    }
    log
}

/// How many of the seats so far are the adversary's: upper bounds of the probabilities, in 96 fractional bits.
#[derive(Debug)]
struct Binomial {
    /// The adversary's share of the pool, in 30 fractional bits, rounded up; and the rest, rounded up too.
    shares: [u128; 2],
    /// `odds[j]`: of exactly j seats.
    odds: Vec<u128>,
}

impl Binomial {
    const ONE: u128 = 1 << 96;
    const SHARE: u32 = 30;

    fn new(adversary: Weight, pool: Weight) -> Self {
        let (f, w) = (u128::from(adversary.0), u128::from(pool.0).max(1));
        let share = |part: u128| (part << Self::SHARE).div_ceil(w);
        Self { shares: [share(f), share(w.saturating_sub(f))], odds: vec![Self::ONE] }
    }

    /// Draws one seat more.
    fn seat(&mut self) {
        let [bad, good] = self.shares;
        let part = |odds: u128, share: u128| odds.saturating_mul(share).div_ceil(1 << Self::SHARE);
        let mut before = 0;
        for odds in &mut self.odds {
            let now = *odds;
            *odds = part(now, good).saturating_add(part(before, bad));
            before = now;
        }
        self.odds.push(part(before, bad));
    }

    fn at_least(&self, needed: u32) -> u128 {
        let from = self.odds.iter().skip(usize::try_from(needed).unwrap_or(usize::MAX));
        from.fold(0, |sum: u128, odds| sum.saturating_add(*odds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dial(bits: u8, adversary: u64) -> SecurityDial {
        SecurityDial { bits, adversary: Weight(adversary) }
    }

    /// Seats for 10, 20, 30, 40, 64 and 80 bits, by the inverse share of the adversary: economy's table.
    #[test]
    fn seats_of_unanimous_committees() {
        let table = [
            (5, [5, 9, 13, 18, 28, 35]),
            (4, [5, 10, 15, 20, 32, 40]),
            (3, [7, 13, 19, 26, 41, 51]),
            (2, [10, 20, 30, 40, 64, 80]),
        ];
        for (inverse, seats) in table {
            let found = [10, 20, 30, 40, 64, 80].map(|k| dial(k, 1 << 40).unanimous(Weight(inverse << 40)));
            assert_eq!(found, seats.map(Ok), "a share of 1/{inverse}");
        }
    }

    #[test]
    fn seats_of_committees_that_vote() {
        let table = [(5, [9, 21, 33, 48]), (4, [12, 27, 45, 63]), (3, [18, 48, 75, 105])];
        for (inverse, seats) in table {
            let found = [10, 20, 30, 40].map(|k| {
                let quorum = dial(k, 1 << 40).vote(Weight(inverse << 40)).expect("enough");
                assert_eq!(quorum.needed, quorum.seats * 2 / 3 + 1);
                quorum.seats
            });
            assert_eq!(found, seats, "a share of 1/{inverse}");
        }
        let half = dial(10, 1 << 40).vote(Weight(2 << 40));
        assert!(matches!(half, Err(Refused::Pool { .. })));
    }

    #[test]
    fn a_pool_that_the_adversary_nearly_fills_says_nothing() {
        assert!(matches!(dial(10, 100).unanimous(Weight(120)), Err(Refused::Pool { .. })));
        assert_eq!(dial(10, 100).unanimous(Weight(121)), Ok(37));
        assert!(matches!(dial(255, 100).unanimous(Weight(121)), Err(Refused::Seats(_))));
        assert_eq!(dial(0, 100).unanimous(Weight(400)), Ok(1), "nobody is not enough");
        assert_eq!(dial(80, 0).unanimous(Weight(u64::MAX / 3)), Ok(2), "a whole adversary of one unit");
    }

    /// The same tail by floating point, in logarithms.
    fn tail(seats: u32, needed: u32, share: f64) -> f64 {
        let (n, mut log) = (f64::from(seats), f64::from(seats) * (1.0 - share).ln());
        let mut sum = 0.0;
        for j in 0..=seats {
            sum += if j >= needed { log.exp() } else { 0.0 };
            log += ((n - f64::from(j)) / f64::from(j + 1)).ln() + (share / (1.0 - share)).ln();
        }
        sum
    }

    proptest! {
        #[test]
        fn the_logarithm_is_never_too_large(a in 1..u64::MAX, b in 1..u64::MAX) {
            let (a, b) = (a.max(b), a.min(b));
            let (log, true_log) = (log2(a, b) as f64, (a as f64).log2() - (b as f64).log2());
            prop_assert!(log <= true_log * 65_536.0 + 1e-6 && log + 1.0 + 1e-6 > true_log * 65_536.0);
        }

        #[test]
        fn a_committee_is_just_large_enough(bits in 1..60u8, f in 1_000..1u64 << 40, more in 1_201..20_000u64) {
            let pool = Weight(f * more / 1_000);
            let odds = f as f64 / pool.0 as f64;
            if let Ok(seats) = dial(bits, f).unanimous(pool) {
                prop_assert!(odds.powi(seats as i32) <= 2f64.powi(-i32::from(bits)) * (1.0 + 1e-9));
                // One seat fewer is too few, but for what rounding costs.
                let fewer = odds.powi(seats as i32 - 1).log2();
                prop_assert!(-fewer < f64::from(bits) * 1.001 + 0.01);
            }
            if let Ok(Quorum { seats, needed }) = dial(bits, f).vote(pool) {
                let limit = 2f64.powi(-i32::from(bits));
                prop_assert!(tail(seats, needed, odds) <= limit * (1.0 + 1e-9));
                for seats in 1..seats {
                    prop_assert!(tail(seats, seats * 2 / 3 + 1, odds) > limit * (1.0 - 1e-6));
                }
            }
        }

        #[test]
        fn more_bits_and_a_stronger_adversary_take_more_seats(bits in 1..80u8, f in 1..1u64 << 30, w in 1..1u64 << 32) {
            let (pool, weak, strong) = (Weight(w), dial(bits, f), dial(bits + 1, f + f / 8));
            if let (Ok(few), Ok(many)) = (weak.unanimous(pool), strong.unanimous(pool)) {
                prop_assert!(few <= many);
            }
        }
    }
}
