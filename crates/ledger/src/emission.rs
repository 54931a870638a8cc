//! Emission: how the pool of rewards is released, and into which slices. Nothing is minted.
//!
//! With T the pool at genesis and D its duration, by second t after the genesis
//!
//! ```text
//! E(t) = T − ⌈T·(D − t)² / D²⌉
//! ```
//!
//! has been released: the rate falls linearly to zero. Each block releases E(t) − E(t of the block before), which sums to E for
//! any spacing of blocks, into three slices:
//!
//! ```text
//! consensus 30 %   who builds and votes: paid at the end of each epoch (`dividend`)
//! gradient  40 %   what is learned: paid at the end of each contest ([`crate::contest`])
//! data      30 %   whoever's data made a model better: paid with it
//! ```
//!
//! What a slice cannot pay is *carried*: in each epoch one part in 64 of what is carried is released again, as new. So no more than
//! E(t) is ever paid, and what an idle epoch does not earn is neither lost nor a prize for the next.

use crate::account::Pocket;
use crate::{Refused, State};
use bitneuron_core::Amount;

/// What has been released after this many seconds.
pub fn emission(pool: Amount, seconds: u64, duration: u64) -> Amount {
    let (duration, left) = (u128::from(duration), u128::from(duration.saturating_sub(seconds)));
    // pool < 2⁶⁴ and duration ≤ 2²⁸, so the product stays below 2¹²⁰.
    let (squared, all) = (left.saturating_mul(left), duration.saturating_mul(duration));
    let product = pool.0.saturating_mul(squared);
    let kept = product.checked_div(all).unwrap_or(0);
    let odd = product.checked_rem(all).unwrap_or(0) > 0;
    pool.saturating_sub(Amount(kept.saturating_add(u128::from(odd))))
}

impl State {
    /// Seconds since the genesis, by the last block's time.
    pub(crate) fn seconds(&self) -> u64 {
        self.clock.time.0 / 1_000_000
    }

    /// What has been released out of the pool of rewards.
    pub fn released(&self) -> Amount {
        self.params.rewards.pool.saturating_sub(self.pools.rewards)
    }

    /// Releases what is due by now.
    pub(crate) fn release_rewards(&mut self) -> Result<(), Refused> {
        let params = &self.params.rewards;
        let due = emission(params.pool, self.seconds(), params.duration);
        self.fill_slices(Pocket::Rewards, due.saturating_sub(self.released()))
    }

    /// The end of an epoch: a part of what was carried is released again.
    pub(crate) fn release_carry(&mut self) -> Result<(), Refused> {
        let part = self.pools.carry.mul_div(1, u128::from(self.params.rewards.carry));
        self.fill_slices(Pocket::Carry, part.unwrap_or_default())
    }

    /// Divides an amount among the slices; the units left over are the gradient's.
    fn fill_slices(&mut self, from: Pocket, amount: Amount) -> Result<(), Refused> {
        let params = &self.params.rewards;
        let (consensus, data) = (params.consensus.floor_of(amount), params.data.floor_of(amount));
        self.shift(from, Pocket::Consensus, consensus)?;
        self.shift(from, Pocket::Data, data)?;
        self.shift(from, Pocket::Gradient, amount.saturating_sub(consensus).saturating_sub(data))
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POOL: Amount = Amount(2_000_000_000_000_000_000);
    const YEARS_7: u64 = 220_903_200;
    const HOUR: u64 = 3_600;

    #[test]
    fn the_schedule_is_that_of_seven_years() {
        assert_eq!(emission(POOL, 0, YEARS_7), Amount::ZERO);
        assert_eq!(emission(POOL, YEARS_7, YEARS_7), POOL);
        assert_eq!(emission(POOL, u64::MAX, YEARS_7), POOL);
        // The first year releases 13/49 of the pool: 26.5 %.
        assert_eq!(emission(POOL, YEARS_7 / 7, YEARS_7), POOL.mul_div(13, 49).expect("bounded"));
    }

    #[test]
    fn each_hour_releases_less_than_the_one_before_and_all_hours_the_pool() {
        let at = |hour: u64| emission(POOL, hour * HOUR, YEARS_7).0;
        let hours = YEARS_7.div_ceil(HOUR);
        assert_eq!(hours, 61_362);
        let (mut sum, mut before, mut fall) = (0, u128::MAX, u128::MAX);
        for hour in 0..hours {
            let released = at(hour + 1) - at(hour);
            fall = fall.min(before.checked_sub(released).expect("it falls"));
            (sum, before) = (sum + released, released);
        }
        assert_eq!(Amount(sum), POOL);
        assert!(fall > 1_060_000_000, "each is smaller by more than a token: {fall}");
    }

    proptest! {
        #[test]
        fn irregular_epochs_release_the_same(steps in prop::collection::vec(1..20_000_000u64, 1..40)) {
            let (mut now, mut sum) = (0, 0);
            for step in steps {
                let before = emission(POOL, now, YEARS_7).0;
                now += step;
                sum += emission(POOL, now, YEARS_7).0 - before;
                prop_assert_eq!(sum, emission(POOL, now, YEARS_7).0);
                prop_assert!(sum <= POOL.0);
            }
        }

        #[test]
        fn the_rate_falls(a in 0..YEARS_7, step in 1u64..100_000) {
            let at = |t: u64| emission(POOL, t, YEARS_7).0;
            let (first, second) = (at(a + step) - at(a), at(a + 2 * step) - at(a + step));
            prop_assert!(second <= first + 1);
        }
    }
}
