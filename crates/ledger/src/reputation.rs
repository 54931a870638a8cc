//! Reputation: what the ledger has seen somebody do.
//!
//! A first form. It moves by events of the ledger only, so a replay from genesis gives the same numbers. With value v,
//! M = 65,535 and p points earned, capped for each epoch:
//!
//! ```text
//! gain: v + ⌈p·(M − v)/M⌉     epoch's end: v − ⌈v/d⌉     late: v − ⌈v/16⌉     false: ⌊v/4⌋     double: 0
//! ```
//!
//! A new name begins at 0, so nothing is gained by taking one. Reputation is worth at most a quarter of weight; what
//! deters is the bond and the stake.

use crate::State;
use crate::params::ReputationParams;
use bitneuron_core::{NodeId, Reputation};
use serde::{Deserialize, Serialize};

/// What is known of one node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its reputation.
    pub value: Reputation,
    /// Points gained in this epoch.
    pub gained: u16,
    /// Turns rewarded in this epoch.
    pub turns: u32,
}

/// How far reputation falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fall {
    /// Late with what was promised.
    Late,
    /// Signed something false.
    False,
    /// Contradicted itself.
    Double,
}

impl Standing {
    pub(crate) fn gain(&mut self, points: u16, params: &ReputationParams) {
        let points = points.min(params.cap.saturating_sub(self.gained));
        self.gained = self.gained.saturating_add(points);
        let (max, value) = (u32::from(Reputation::MAX.0), u32::from(self.value.0));
        let step = u32::from(points).saturating_mul(max.saturating_sub(value)).div_ceil(max);
        self.value = Reputation(u16::try_from(value.saturating_add(step)).unwrap_or(Reputation::MAX.0));
    }

    pub(crate) fn fall(&mut self, fall: Fall) {
        let value = self.value.0;
        self.value = Reputation(match fall {
            Fall::Late => value.saturating_sub(value.div_ceil(16)),
            Fall::False => value >> 2,
            Fall::Double => 0,
        });
    }

    /// The end of an epoch.
    fn fade(self, params: &ReputationParams) -> Self {
        let lost = self.value.0.div_ceil(params.decay.max(1));
        Self { value: Reputation(self.value.0.saturating_sub(lost)), gained: 0, turns: 0 }
    }
}

impl State {
    pub(crate) fn with_standing(
        &mut self,
        id: NodeId,
        change: impl FnOnce(&mut Standing, &ReputationParams),
    ) {
        let mut standing = self.standings.get(&id).copied().unwrap_or_default();
        change(&mut standing, &self.params.reputation);
        if standing == Standing::default() {
            self.standings.unset(&id);
        } else {
            self.standings.set(id, standing);
        }
    }

    pub(crate) fn gain(&mut self, id: NodeId, points: u16) {
        self.with_standing(id, |standing, params| standing.gain(points, params));
    }

    pub(crate) fn fall(&mut self, id: NodeId, fall: Fall) {
        self.with_standing(id, |standing, _| standing.fall(fall));
    }

    /// The end of an epoch for everybody.
    pub(crate) fn fade(&mut self) {
        let known: Vec<NodeId> = self.standings.keys().copied().collect();
        for id in known {
            self.with_standing(id, |standing, params| *standing = standing.fade(params));
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::Params;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn gains_are_capped_and_falls_fall(value in any::<u16>(), points in prop::collection::vec(any::<u16>(), 0..40)) {
            let params = Params::devnet().reputation;
            let mut standing = Standing { value: Reputation(value), ..Standing::default() };
            for points in points {
                let before = standing.value;
                standing.gain(points, &params);
                prop_assert!(standing.value >= before);
            }
            prop_assert!(standing.gained <= params.cap);
            prop_assert!(u32::from(standing.value.0) <= u32::from(value) + u32::from(params.cap) + 40);
            for fall in [Fall::Late, Fall::False, Fall::Double] {
                let mut fallen = standing;
                fallen.fall(fall);
                prop_assert!(fallen.value < standing.value || standing.value.0 == 0);
            }
            let faded = standing.fade(&params);
            prop_assert!(faded.value < standing.value || standing.value.0 == 0);
        }
    }

    #[test]
    fn a_newcomer_at_work_rises_slowly_and_a_liar_falls_at_once() {
        let params = Params::devnet().reputation;
        let mut standing = Standing::default();
        for _ in 0..40 {
            for _ in 0..100 {
                standing.gain(params.turn, &params);
            }
            standing = standing.fade(&params);
        }
        let risen = standing.value.0;
        assert!((30_000..50_000).contains(&risen), "{risen}");
        standing.fall(Fall::False);
        assert_eq!(standing.value.0, risen / 4);
    }
}
