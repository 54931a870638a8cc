//! Trials of Proof of Gradient: contests among learners of real models on real images, honest and not, in exact integers.
//!
//! A [`Trial`] plays one contest after the other by the ledger's own functions ([`bitneuron_ledger::contest`]): every player trains
//! from the parent in its own way, hidden shards score what comes out, stake × score × uniqueness is paid, and the parent moves.
//! What it leaves out is the chain around it; a test plays one trial through [`State::execute`](bitneuron_ledger::State::execute) as
//! well and finds the same pay to the unit.
//!
//! Half of the images are trained on, half are hidden. In each contest an honest player learns from so many images that it has
//! not necessarily seen before, as somebody who buys data does; who has more takes more steps.

mod player;
mod table;

pub use player::{Conduct, Player};
pub use table::{Figure, figures};

use crate::digits;
use bitneuron_core::exact::data::draw;
use bitneuron_core::exact::programs::step::Training;
use bitneuron_core::exact::programs::{Mlp, filter::Filter, merge::MergeRule};
use bitneuron_core::exact::{ExactData, ExactParams, Tensor};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{Amount, Dataset, Digest, Seed};
use bitneuron_learning::Update;
use bitneuron_learning::data::SplitRule;
use bitneuron_learning::exact::{ExactSgd, score};
use bitneuron_ledger::ContestParams;
use bitneuron_ledger::contest::{Entrant, Judged, Ranked, Tests, Verdict, judge, middle_mean, successor};
use player::Round;
use std::collections::BTreeSet;
use thiserror::Error;

/// Why a trial cannot be played.
#[derive(Debug, Error)]
#[error("trial: {0}")]
pub struct TrialError(String);

fn failed(error: impl std::fmt::Display) -> TrialError {
    TrialError(error.to_string())
}

/// Where the hidden shards come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// Each shard is drawn anew from all hidden images, as from a large population: 60 shards.
    Population,
    /// The hidden images are dealt out once, eight to a shard, so that no image is in two shards. What was opened is public, for
    /// everybody to train on, and never a test again: after seven contests too few are left. Some may be known to a player.
    Dealt,
}

/// Contests to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The seed of everything random.
    pub seed: u64,
    /// How many contests, unless there are shards for fewer.
    pub rounds: u32,
    /// The sizes of the model.
    pub sizes: Vec<u32>,
    /// Who takes part, in the order in which they enter.
    pub players: Vec<Player>,
    /// Where the hidden shards come from.
    pub hidden: Hidden,
    /// Of each hundred shards so many have false labels.
    pub flipped: u32,
    /// What is earned before this contest does not count: while the parent is the first model, anything is better.
    pub counted: u32,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// What each player earned in the contests that count.
    pub pay: Vec<Amount>,
    /// In how many contests each player's model was called a copy.
    pub copies: Vec<u32>,
    /// In how many contests the parent moved.
    pub moved: u32,
    /// How many honest shards were paid, said nothing, and lost their bond.
    pub honest: [u32; 3],
    /// The same of shards with false labels.
    pub false_shards: [u32; 3],
    /// Of a thousand hidden images so many are classified rightly by the last parent.
    pub accuracy: u32,
}

/// What a contest is played with.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The goal.
    pub goal: Goal,
    /// Its first model.
    pub parent: ExactParams,
    /// What the players enter.
    pub models: Vec<ExactParams>,
    /// All shards.
    pub shards: Vec<ExactData>,
}

/// What a contest may pay to candidates.
pub const POT: Amount = Amount::tokens(1_000);

impl Trial {
    /// Softmax regression for 25 contests.
    pub fn new(seed: u64, players: Vec<Player>) -> Self {
        Self {
            seed,
            rounds: 25,
            sizes: vec![64, 10],
            players,
            hidden: Hidden::Population,
            flipped: 0,
            counted: 0,
        }
    }

    /// The parameters of the contests: those of the main network, with the shards there are.
    pub fn params(&self) -> ContestParams {
        let main = bitneuron_ledger::Params::mainnet().contest;
        match self.hidden {
            Hidden::Population => main,
            Hidden::Dealt => ContestParams { rows: 8, live: 20, ..main },
        }
    }

    /// What the first contest is played with.
    ///
    /// # Errors
    /// A model or players that fit no images.
    pub fn opening(&self) -> Result<Opening, TrialError> {
        let stage = Stage::new(self)?;
        let models = stage.models(self, 0)?;
        let shards = stage.shards(self, 0)?.into_iter().map(|shard| shard.rows).collect();
        Ok(Opening { goal: stage.goal, parent: stage.parent, models, shards })
    }

    /// Plays all contests.
    ///
    /// # Errors
    /// A model or players that fit no images.
    pub fn run(&self) -> Result<Played, TrialError> {
        let mut stage = Stage::new(self)?;
        let players = self.players.len();
        let mut played = Played {
            pay: vec![Amount::ZERO; players],
            copies: vec![0; players],
            moved: 0,
            honest: [0; 3],
            false_shards: [0; 3],
            accuracy: 0,
        };
        for round in 0..self.rounds {
            if stage.shards(self, round)?.len() < stage.params.live as usize {
                break;
            }
            stage.play(self, round, &mut played)?;
        }
        played.accuracy = stage.accuracy()?;
        Ok(played)
    }
}

/// The images and the models of a trial.
pub(crate) struct Stage {
    pub(crate) goal: Goal,
    params: ContestParams,
    seed: Seed,
    /// What anybody may train on.
    known: ExactData,
    hidden: ExactData,
    /// The numbers of the shards that were opened.
    opened: BTreeSet<usize>,
    pub(crate) parent: ExactParams,
    /// The last winner, and the parent that it won against.
    winner: Option<(ExactParams, ExactParams)>,
}

/// A sealed shard.
pub(crate) struct Shard {
    /// Its number, by which it is known while it is sealed.
    number: usize,
    pub(crate) rows: ExactData,
    /// Whether its labels are false.
    is_false: bool,
}

impl Stage {
    pub(crate) fn new(trial: &Trial) -> Result<Self, TrialError> {
        let seed = Seed::from_number(trial.seed).derive("contest trial");
        let rule = SplitRule { report: 897, metric: 0, public: 0 };
        let split = rule.split(&digits::all().map_err(failed)?, seed.derive("split")).map_err(failed)?;
        let exact = |data: &Dataset| ExactData::from_dataset(data).map_err(failed);
        let (known, hidden) = (exact(&split.private)?, exact(&split.report)?);
        let mlp = Mlp::new(&trial.sizes).map_err(failed)?;
        let parent = first(&mlp, seed)?;
        let goal = Goal {
            name: "digits".into(),
            initial: parent.commitment(),
            metric: Metric::Accuracy,
            metric_set: known.root(),
            drawn: 1,
            training: Training::default(),
            merge: MergeRule::Filtered(Filter { ratio: 5, ..Filter::default() }),
            max_inputs: 16,
            net: mlp.into(),
        };
        let (params, opened) = (trial.params(), BTreeSet::new());
        Ok(Self { goal, params, seed, known, hidden, opened, parent, winner: None })
    }

    /// Plays one contest.
    fn play(&mut self, trial: &Trial, number: u32, played: &mut Played) -> Result<(), TrialError> {
        let called = self.called(trial, number)?;
        let shards: Vec<ExactData> = called.iter().map(|shard| shard.rows.clone()).collect();
        let models = self.models(trial, number)?;
        let tests = Tests::new(&self.goal, &shards).map_err(failed)?;
        let base = tests.losses(&self.parent).map_err(failed)?;
        let losses: Vec<Vec<i64>> =
            models.iter().map(|model| tests.losses(model).map_err(failed)).collect::<Result<_, _>>()?;
        let entrants: Vec<Entrant<'_>> = trial
            .players
            .iter()
            .zip(&models)
            .zip(&losses)
            .map(|((player, model), losses)| Entrant { stake: player.stake, model, losses })
            .collect();
        let judged = judge(&self.parent, &base, &entrants, &self.params);
        for (at, pay) in judged.divide(POT).into_iter().enumerate() {
            if number >= trial.counted {
                played.pay[at] = Amount(played.pay[at].0 + pay.0);
            }
            played.copies[at] += u32::from(!judged.firsts[at]);
        }
        for (shard, verdict) in called.iter().zip(&judged.verdicts) {
            let counts = if shard.is_false { &mut played.false_shards } else { &mut played.honest };
            counts[match verdict {
                Verdict::Agrees => 0,
                Verdict::Silent => 1,
                Verdict::Contradicts => 2,
            }] += 1;
        }
        self.succeed(&tests, &base, &models, &judged, played)?;
        if trial.hidden == Hidden::Dealt {
            self.opened.extend(called.iter().map(|shard| shard.number));
            let public: Vec<&ExactData> = std::iter::once(&self.known).chain(&shards).collect();
            self.known = joined(&public)?;
        }
        Ok(())
    }

    /// Remembers the winner and moves the parent, as the ledger does.
    fn succeed(
        &mut self,
        tests: &Tests,
        base: &[i64],
        models: &[ExactParams],
        judged: &Judged,
        played: &mut Played,
    ) -> Result<(), TrialError> {
        let ranked: Vec<Ranked<'_>> = models
            .iter()
            .enumerate()
            .filter(|(at, _)| judged.firsts[*at])
            .map(|(at, model)| Ranked {
                model,
                score: judged.scores[at],
                gain: middle_mean(&judged.gains[at]),
            })
            .collect();
        let best =
            judged.scores.iter().enumerate().max_by_key(|(at, score)| (**score, std::cmp::Reverse(*at)));
        let next = successor(&self.goal, tests, (&self.parent, base), &ranked, self.params.merged as usize);
        if let Some((at, _)) = best.filter(|(_, score)| **score > 0) {
            self.winner = Some((models[at].clone(), self.parent.clone()));
        }
        if let Some(next) = next.map_err(failed)? {
            played.moved += 1;
            self.parent = next;
        }
        Ok(())
    }

    /// What the players enter in a contest.
    pub(crate) fn models(&self, trial: &Trial, number: u32) -> Result<Vec<ExactParams>, TrialError> {
        let leaks = self.shards(trial, number)?;
        let mut models: Vec<ExactParams> = Vec::with_capacity(trial.players.len());
        for (at, player) in (0u64..).zip(&trial.players) {
            let seed = self.seed.derive_number("player", at).derive_number("round", u64::from(number));
            let round = Round { stage: self, number, seed, leaks: &leaks, before: &models };
            models.push(player.model(&round)?);
        }
        Ok(models)
    }

    /// All sealed shards at the beginning of a contest.
    fn shards(&self, trial: &Trial, number: u32) -> Result<Vec<Shard>, TrialError> {
        let rows = self.params.rows as usize;
        let all = u32::try_from(self.hidden.rows()).map_err(failed)?;
        let count = match trial.hidden {
            Hidden::Population => self.params.live as usize,
            Hidden::Dealt => all as usize / rows,
        };
        let falsified = count * trial.flipped as usize / 100;
        let seed = self.seed.derive_number("shards", u64::from(number));
        let deal = draw(Digest(self.seed.derive("dealt").0), all, all as usize);
        (0..count)
            .filter(|at| !self.opened.contains(at))
            .map(|at| {
                let fresh = || draw(Digest(seed.derive_number("shard", at as u64).0), all, rows);
                let picks = match trial.hidden {
                    Hidden::Population => fresh(),
                    Hidden::Dealt => deal[at * rows..(at + 1) * rows].to_vec(),
                };
                let shard = select(&self.hidden, &picks)?;
                let is_false = at < falsified;
                let rows = if is_false { mislabelled(&shard, 10)? } else { shard };
                Ok(Shard { number: at, rows, is_false })
            })
            .collect()
    }

    /// The shards that a beacon calls.
    fn called(&self, trial: &Trial, number: u32) -> Result<Vec<Shard>, TrialError> {
        let mut shards: Vec<Option<Shard>> = self.shards(trial, number)?.into_iter().map(Some).collect();
        let beacon = Digest(self.seed.derive_number("beacon", u64::from(number)).0);
        let all = u32::try_from(shards.len()).map_err(failed)?;
        let order = draw(beacon, all, self.params.called as usize);
        Ok(order.into_iter().filter_map(|at| shards[at as usize].take()).collect())
    }

    /// Of a thousand hidden images so many are classified rightly.
    fn accuracy(&self) -> Result<u32, TrialError> {
        let rows = u32::try_from(self.hidden.rows()).map_err(failed)?;
        let right = score(&self.goal.net, &self.parent, &self.hidden).map_err(failed)?;
        Ok(right * 1_000 / rows)
    }

    /// Steps of stochastic gradient descent from the parent: so many batches of eight for each pass over the rows.
    pub(crate) fn train(
        &self,
        from: &ExactParams,
        rows: &ExactData,
        passes: u32,
        seed: Seed,
    ) -> Result<ExactParams, TrialError> {
        let count = u32::try_from(rows.rows()).map_err(failed)?;
        let steps = (count * passes).div_ceil(BATCH).clamp(1, 128);
        let training = Training { steps, batch: BATCH, rate_shift: RATE, ..Training::default() };
        let mut after = from.clone();
        let mut update = ExactSgd { net: self.goal.net.clone(), training };
        update.update(&mut after, rows, 0, seed).map_err(failed)?;
        Ok(after)
    }
}

/// Rows of a batch.
const BATCH: u32 = 8;
/// The learning rate is 2 to minus this.
const RATE: u32 = 4;

/// The first model: a softmax regression begins at nothing, a deeper net must not.
fn first(mlp: &Mlp, seed: Seed) -> Result<ExactParams, TrialError> {
    if mlp.sizes().len() > 2 {
        return Ok(mlp.init(seed.derive("first model")));
    }
    ExactParams::new(vec![0; mlp.parameters() as usize], mlp.layout()).map_err(failed)
}

/// Some of the rows.
pub(crate) fn select(data: &ExactData, picks: &[i64]) -> Result<ExactData, TrialError> {
    let columns = data.features().shape()[1] as usize;
    let picks: Vec<usize> = picks.iter().map(|at| *at as usize).collect();
    let features = picks.iter().flat_map(|at| &data.features().data()[at * columns..(at + 1) * columns]);
    let features = Tensor::new(&[picks.len() as u32, columns as u32], features.copied().collect());
    let labels = Tensor::vector(picks.iter().map(|at| data.labels().data()[*at]).collect());
    ExactData::new(features.map_err(failed)?, labels).ok_or_else(|| failed("no data set"))
}

/// The same rows, each called the next class.
pub(crate) fn mislabelled(data: &ExactData, classes: i64) -> Result<ExactData, TrialError> {
    let labels = data.labels().data().iter().map(|label| (label + 1) % classes).collect();
    ExactData::new(data.features().clone(), Tensor::vector(labels)).ok_or_else(|| failed("no data set"))
}

/// Several sets of rows as one.
pub(crate) fn joined(parts: &[&ExactData]) -> Result<ExactData, TrialError> {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_bytes().0).collect();
    let columns = parts.first().map_or(0, |part| part.features().shape()[1]);
    ExactData::from_bytes(&bytes, columns).ok_or_else(|| failed("no rows"))
}
