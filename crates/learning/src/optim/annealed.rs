//! A learning rate that falls: steps that are large at first and small at the end let averages settle.

use super::{Rate, Sgd};
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};

/// SGD whose rate falls linearly with the round, from its own rate to a part of it; what a user of the network runs.
///
/// The rate follows from the round that it is told, so it holds no state and keeps the law of replay.
#[derive(Debug, Clone)]
pub struct Annealed {
    sgd: Sgd,
    over: u64,
    floor: f32,
}

impl Annealed {
    /// Starts, in round 0, at the rate of `sgd` and ends, from round `over` on, at `floor` times that rate.
    pub const fn new(sgd: Sgd, over: u64, floor: f32) -> Self {
        Self { sgd, over, floor }
    }

    /// The learning rate of a round.
    pub fn rate(&self, round: u64) -> f32 {
        Rate::Falling { from: self.sgd.rate, over: self.over, floor: self.floor }.at(round, 1, 0)
    }
}

impl Update for Annealed {
    fn update(
        &mut self,
        params: &mut Params,
        data: &Dataset,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        Sgd { rate: self.rate(round), ..self.sgd.clone() }.update(params, data, round, seed)
    }
}
