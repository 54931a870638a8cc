//! Rewards: moves out of a pool that was filled once; nothing is minted.
//!
//! With T the pool at genesis and D its duration, at most
//!
//! ```text
//! E(t) = T − ⌈T·(D − t)² / D²⌉
//! ```
//!
//! is paid out by second t: the rate falls linearly to zero, and what is not earned stays. Learning is paid by contests
//! ([`crate::contest`]). The builder of a block is rewarded when a claim in it moved a head of a listed goal; else with no more than the treasury took of the
//! deals that it settled, so that nothing is gained by trading with oneself.

use crate::account::Pocket;
use crate::event::{Event, Merit};
use crate::reputation::Channel;
use crate::{Refused, State, draft::Draft};
use bitneuron_core::{Amount, NodeId};

/// What may have been paid out after this many seconds.
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
    /// What may still be paid out now.
    pub fn reward_budget(&self) -> Amount {
        let params = &self.params.rewards;
        let seconds = self.clock.time.0 / 1_000_000;
        let paid = params.pool.saturating_sub(self.pools.rewards);
        emission(params.pool, seconds, params.duration).saturating_sub(paid)
    }
}

impl Draft<'_> {
    /// Pays out of the pool what it may give; says how much.
    pub(crate) fn reward(&mut self, who: NodeId, merit: Merit, amount: Amount) -> Result<Amount, Refused> {
        let amount = amount.min(self.state.reward_budget());
        if amount > Amount::ZERO {
            self.state.shift(Pocket::Rewards, Pocket::Account(who), amount)?;
            match merit {
                // Who builds is drawn by weight.
                Merit::Block => self.state.yielded(amount),
                Merit::Gradient => self.state.gain(who, Channel::Metric, Amount(amount.0 / 4)),
                Merit::Examination | Merit::Royalty => {}
            }
            self.events.push(Event::Rewarded { who, merit, amount });
        }
        Ok(amount)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POOL: Amount = Amount(2_000_000_000_000_000_000);
    const YEARS_7: u64 = 220_903_200;

    #[test]
    fn the_schedule_is_that_of_seven_years() {
        assert_eq!(emission(POOL, 0, YEARS_7), Amount::ZERO);
        assert_eq!(emission(POOL, YEARS_7, YEARS_7), POOL);
        assert_eq!(emission(POOL, u64::MAX, YEARS_7), POOL);
        // The first year releases 13/49 of the pool: 26.5 %.
        assert_eq!(emission(POOL, YEARS_7 / 7, YEARS_7), POOL.mul_div(13, 49).expect("bounded"));
    }

    proptest! {
        #[test]
        fn the_rate_falls(a in 0..YEARS_7, step in 1u64..100_000) {
            let at = |t: u64| emission(POOL, t, YEARS_7).0;
            let (first, second) = (at(a + step) - at(a), at(a + 2 * step) - at(a + step));
            prop_assert!(second <= first + 1);
        }
    }
}
