//! Who takes part in a trial, and what each enters.

use super::{Shard, Stage, TrialError, failed, joined, mislabelled, select};
use bitneuron_core::exact::data::draw;
use bitneuron_core::exact::{ExactData, ExactParams, fixed};
use bitneuron_core::{Amount, Digest, Seed};
use rand::RngExt as _;

/// How a player comes by its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// Trains from the parent on so many images.
    Honest(u32),
    /// Enters the parent.
    Parent,
    /// Enters the parent with noise, in hundredths of the length of the last winner's step.
    NoisyParent(u32),
    /// Enters the winner of the contest before with noise, in hundredths of the length of its step.
    NoisyWinner(u32),
    /// Enters what another player of this contest enters, with noise in hundredths of the length of its step: one more key of
    /// somebody, or a thief who looked over a shoulder.
    Copy {
        /// Whose.
        of: usize,
        /// How much noise.
        noise: u32,
    },
    /// Trains on so many images with false labels.
    Flipper(u32),
    /// Enters a random model.
    Random,
    /// Trains on the same so many images until it knows them by heart.
    Overfit(u32),
    /// Trains on so many images, all out of this part of the hidden shards in per cent, which somebody leaked.
    Leaked {
        /// How many images.
        rows: u32,
        /// Of a hundred shards so many are known.
        known: u32,
    },
    /// Sawtooth: in every second contest trains on so many images with false labels, to be paid for mending in the others.
    Sawtooth(u32),
    /// Sandbagging: trains honestly on so many images, but shows only this part of its step, to be paid for the rest later.
    Sandbag {
        /// How many images.
        rows: u32,
        /// Of a hundred parts of the step so many are shown.
        part: u32,
    },
    /// Hoarding: enters the parent, and in every so many contests trains on the images of all of them together.
    Hoard {
        /// How many images come in a contest.
        rows: u32,
        /// For so many contests they are held back.
        contests: u32,
    },
}

/// A player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Player {
    /// How it comes by its model.
    pub conduct: Conduct,
    /// What it has at stake.
    pub stake: Amount,
}

impl Player {
    /// Everybody's stake unless it is split.
    pub const STAKE: Amount = Amount::tokens(1_000_000);

    /// A player with everybody's stake.
    pub const fn new(conduct: Conduct) -> Self {
        Self { conduct, stake: Self::STAKE }
    }

    /// Ten honest players with 20, 40, … 200 images.
    pub fn crowd() -> Vec<Self> {
        (1..=10).map(|n| Self::new(Conduct::Honest(20 * n))).collect()
    }

    pub(super) fn model(&self, round: &Round<'_>) -> Result<ExactParams, TrialError> {
        let stage = round.stage;
        let parent = &stage.parent;
        match self.conduct {
            Conduct::Honest(rows) => {
                stage.train(parent, &round.images(&stage.known, rows)?, PASSES, round.seed)
            }
            Conduct::Parent => Ok(parent.clone()),
            Conduct::NoisyParent(noise) => {
                let step = stage.winner.as_ref().map_or(0.0, |(winner, before)| length(winner, before));
                noisy(parent, step * f64::from(noise) / 100.0, round.seed)
            }
            Conduct::NoisyWinner(noise) => match &stage.winner {
                Some((winner, before)) => {
                    noisy(winner, length(winner, before) * f64::from(noise) / 100.0, round.seed)
                }
                None => Ok(parent.clone()),
            },
            Conduct::Copy { of, noise } => {
                let model = round.before.get(of).ok_or_else(|| failed("a copy of nothing"))?;
                noisy(model, length(model, parent) * f64::from(noise) / 100.0, round.seed)
            }
            Conduct::Flipper(rows) => {
                let images = mislabelled(&round.images(&stage.known, rows)?, 10)?;
                stage.train(parent, &images, PASSES, round.seed)
            }
            Conduct::Random => Ok(stage.goal.net.init(round.seed)),
            Conduct::Overfit(rows) => {
                let images = select(&stage.known, &(0..i64::from(rows)).collect::<Vec<_>>())?;
                let learn = |model: ExactParams, n| {
                    stage.train(&model, &images, PASSES, round.seed.derive_number("pass", n))
                };
                (0..HEART).try_fold(parent.clone(), learn)
            }
            Conduct::Leaked { rows, known } => {
                let leaked = round.leaks.len() * known as usize / 100;
                let shards: Vec<&ExactData> =
                    round.leaks.iter().take(leaked).map(|shard| &shard.rows).collect();
                stage.train(parent, &round.images(&joined(&shards)?, rows)?, PASSES, round.seed)
            }
            Conduct::Sawtooth(rows) => {
                let conduct = if round.number.is_multiple_of(2) {
                    Conduct::Flipper(rows)
                } else {
                    Conduct::Honest(rows)
                };
                Self { conduct, ..*self }.model(round)
            }
            Conduct::Sandbag { rows, part } => {
                let whole = Self { conduct: Conduct::Honest(rows), ..*self }.model(round)?;
                let shown = |(from, to): (&i32, &i32)| from + (to - from) * part.min(100) as i32 / 100;
                let values = parent.values().iter().zip(whole.values()).map(shown).collect();
                ExactParams::new(values, parent.layout().clone()).map_err(failed)
            }
            Conduct::Hoard { rows, contests } => {
                let contests = contests.max(1);
                let conduct = if (round.number + 1).is_multiple_of(contests) {
                    Conduct::Honest(rows * contests)
                } else {
                    Conduct::Parent
                };
                Self { conduct, ..*self }.model(round)
            }
        }
    }
}

/// How often honest players go over their images.
const PASSES: u32 = 2;
/// How many trainings it takes to know images by heart.
const HEART: u64 = 60;

/// What a player sees of a contest.
pub(super) struct Round<'a> {
    pub(super) stage: &'a Stage,
    /// The contest, from 0.
    pub(super) number: u32,
    pub(super) seed: Seed,
    /// All hidden shards, of which some may be known.
    pub(super) leaks: &'a [Shard],
    /// What others enter.
    pub(super) before: &'a [ExactParams],
}

impl Round<'_> {
    /// So many images of these, all different as far as there are enough.
    fn images(&self, of: &ExactData, rows: u32) -> Result<ExactData, TrialError> {
        let all = u32::try_from(of.rows()).map_err(failed)?;
        select(of, &draw(Digest(self.seed.derive("images").0), all, rows.min(all) as usize))
    }
}

/// The length of the way between two models, in quanta of weights.
fn length(to: &ExactParams, from: &ExactParams) -> f64 {
    let squares = to.values().iter().zip(from.values()).map(|(a, b)| f64::from(a - b) * f64::from(a - b));
    squares.sum::<f64>().sqrt()
}

/// A model moved by a random step of this length.
fn noisy(model: &ExactParams, by: f64, seed: Seed) -> Result<ExactParams, TrialError> {
    let mut rng = seed.derive("noise").rng();
    // Twelve uniform numbers are as good as one of a bell curve.
    let noise: Vec<f64> =
        model.values().iter().map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0).collect();
    let scale = by / noise.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    let limit = fixed::WEIGHT_LIMIT as i32;
    let moved = |(value, noise): (&i32, &f64)| (value + (noise * scale).round() as i32).clamp(-limit, limit);
    let values = model.values().iter().zip(&noise).map(moved).collect();
    ExactParams::new(values, model.layout().clone()).map_err(failed)
}
