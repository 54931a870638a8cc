//! The learning rate, as a function of what the node has done before.

use crate::update::UpdateError;

/// A learning rate η.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// Always the same.
    Constant(f32),
    /// Falls linearly with the round, from `from` in round 0 to `floor·from` from round `over` on.
    Falling {
        /// The rate of round 0.
        from: f32,
        /// The round from which on it does not fall any more.
        over: u64,
        /// The part of the first rate that is left then.
        floor: f32,
    },
    /// `η = 1/(λ·t)` at step t of all rounds, from 1: the schedule of Pegasos (Shalev-Shwartz et al., Mathematical Programming
    /// 127, 2011), for losses with the penalty `λ/2·‖θ‖²`. In gossip t is the age of the model (Ormándi et al., CPE 25(4),
    /// 2013); here it follows from the round that the update is told.
    Pegasos {
        /// The strength λ of the penalty.
        lambda: f32,
    },
}

impl Rate {
    /// Refuses what is negative or not finite.
    pub(super) fn check(self) -> Result<(), UpdateError> {
        let fine = match self {
            Self::Constant(rate) => rate >= 0.0 && rate.is_finite(),
            Self::Falling { from, floor, .. } => {
                from >= 0.0 && from.is_finite() && floor >= 0.0 && floor.is_finite()
            }
            Self::Pegasos { lambda } => lambda > 0.0 && lambda.is_finite(),
        };
        if fine { Ok(()) } else { Err(UpdateError::Setting("rate")) }
    }

    /// The rate of step `step` (from 0) of round `round`, when each round has `steps`.
    pub fn at(self, round: u64, steps: u64, step: u64) -> f32 {
        match self {
            Self::Constant(rate) => rate,
            Self::Falling { from, over, floor } => {
                let progress = round.min(over) as f32 / over.max(1) as f32;
                from * (1.0 - (1.0 - floor) * progress)
            }
            Self::Pegasos { lambda } => {
                let age = round.saturating_mul(steps).saturating_add(step).saturating_add(1);
                1.0 / (lambda * age as f32)
            }
        }
    }
}
