//! Learning at a server: in each round every worker sends a gradient with momentum, the server merges them by a rule and steps.
//!
//! ```text
//! mᵢ ← β·mᵢ + (1 − β)·∇L_Bᵢ(θ)          worker i, on a batch of its own rows
//! θ  ← θ − η · merge(m₁, …, mₙ)
//! ```
//!
//! This is the setting of most papers on Byzantine robustness (Karimireddy, He and Jaggi, *Learning from History*, 2021, algorithm 2).
//! It is here to compare rules with what others published; the network itself has no server. The value of the first honest worker
//! plays the part of the own one, so that a rule sees exactly n vectors.

use super::{Assault, Course, LabError, Point, neighbourhood::alias};
use crate::{
    attack::{Coven, drawn},
    rows::Rows,
};
use bitneuron_compress::{Compressor, Limits};
use bitneuron_core::{Dataset, Params, Seed, Share, Weight};
use bitneuron_learning::{
    Contribution, Merge, MergeError, Merged, Model,
    eval::{Spread, accuracy},
    model::Batch,
};
use rand::seq::index::sample;
use std::{fmt, sync::Arc};

/// A set-up of learning at a server.
#[derive(Clone)]
pub struct ServerLab {
    /// Workers, the liars among them.
    pub workers: u32,
    /// Rounds, which are steps.
    pub rounds: u64,
    /// Who holds which rows.
    pub rows: Rows,
    /// What is trained.
    pub model: Arc<dyn Model>,
    /// η.
    pub rate: f32,
    /// β.
    pub momentum: f32,
    /// Rows in a batch.
    pub batch: usize,
    /// How gradients become one.
    pub merge: Arc<dyn Merge>,
    /// How gradients travel; the model comes back as it is.
    pub compressor: Arc<dyn Compressor>,
    /// The liars.
    pub assault: Option<Assault>,
    /// After how many rounds the model is judged, and at the end.
    pub judged_each: u64,
}

impl fmt::Debug for ServerLab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLab")
            .field("workers", &self.workers)
            .field("rounds", &self.rounds)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// A worker: its rows and its momentum.
struct Worker {
    rows: Dataset,
    momentum: Params,
    lies: bool,
}

/// Counters of a run.
#[derive(Default)]
struct Sums {
    bytes: u64,
    messages: u64,
    offences: u64,
    discarded: u64,
    lied: u64,
}

impl ServerLab {
    /// Plays all rounds: workers learn from `train` and the model is judged on `test`.
    ///
    /// # Errors
    /// No workers, rows that cannot be spread, data that do not fit the model, or a codec that refuses a gradient.
    pub fn run(&self, train: &Dataset, test: &Dataset, seed: Seed) -> Result<Course, LabError> {
        if self.workers == 0 {
            return Err(LabError::Setting("nodes"));
        }
        let partition = self.rows.spread(train.labels(), self.workers as usize, 1, seed)?;
        let label_entropy = partition.mean_label_entropy(train.labels());
        let mut theta = self.model.init(seed.derive("init"));
        let shards: Vec<Dataset> = partition.nodes.iter().map(|rows| train.select(rows)).collect();
        let mut workers = self.workers(&shards, seed);
        let lies = workers.iter().filter(|worker| worker.lies).count();
        let mut coven = self.assault.as_ref().map(|assault| {
            let meeting = (workers.len() - lies, lies);
            let (attack, rule) = (Arc::clone(&assault.attack), Arc::clone(&self.merge));
            Coven::new(attack, rule, meeting, None, seed.derive("coven"))
        });
        let (mut points, mut sums) = (Vec::new(), Sums::default());
        for round in 0..self.rounds {
            for (place, worker) in (0..).zip(&mut workers) {
                self.train(
                    worker,
                    &theta,
                    seed.derive_number("worker", place).derive_number("round", round),
                )?;
            }
            self.step(&mut theta, &workers, coven.as_mut(), round, seed, &mut sums)?;
            let last = round + 1 == self.rounds;
            if last || (round + 1).is_multiple_of(self.judged_each.max(1)) {
                let figure = accuracy(self.model.as_ref(), theta.values(), test)?;
                points.push(Point::new(round + 1, Spread::of([figure]), (sums.messages, sums.bytes)));
            }
        }
        let trigger = self.assault.as_ref().and_then(|assault| assault.attack.trigger());
        let triggered = trigger.and_then(|trigger| {
            let stamped = trigger.stamped(test);
            let wanted = vec![trigger.target; stamped.len()];
            let wanted = Dataset::new(stamped.features().clone(), wanted).ok()?;
            accuracy(self.model.as_ref(), theta.values(), &wanted).ok()
        });
        let whole = self.rounds.max(1) as f64 * f64::from(Share::ONE.0);
        Ok(Course {
            points,
            offences: sums.offences,
            discarded: sums.discarded,
            influence: sums.lied as f64 / whole,
            triggered,
            label_entropy,
        })
    }

    fn workers(&self, shards: &[Dataset], seed: Seed) -> Vec<Worker> {
        let count = self.workers as usize;
        let share = self.assault.as_ref().map_or(0.0, |assault| assault.share);
        let liars = drawn(share, self.workers, seed);
        let classes = self.model.outputs() as u32;
        let worker = |(place, rows): (u32, &Dataset)| {
            let lies = liars.contains(&place);
            let attack = self.assault.as_ref().filter(|_| lies).map(|assault| &assault.attack);
            let poisoned = attack.and_then(|attack| attack.rows(rows, classes, seed.derive("rows")));
            let momentum = Params::zeros(Arc::clone(self.model.layout()));
            Worker { rows: poisoned.unwrap_or_else(|| rows.clone()), momentum, lies }
        };
        (0..).zip(shards.iter().cycle().take(count)).map(worker).collect()
    }

    /// One gradient goes into the momentum of a worker.
    fn train(&self, worker: &mut Worker, theta: &Params, seed: Seed) -> Result<(), LabError> {
        let count = worker.rows.len();
        let drawn = sample(&mut seed.rng(), count, self.batch.clamp(1, count.max(1)).min(count)).into_vec();
        let batch = worker.rows.select(&drawn);
        let features: Vec<f32> = batch.features().iter().copied().collect();
        let mut gradient = vec![0.0; theta.values().len()];
        self.model.loss_and_gradient(
            theta.values(),
            &Batch::new(&features, batch.labels()),
            &mut gradient,
        )?;
        let keep = self.momentum;
        for (speed, slope) in worker.momentum.values_mut().iter_mut().zip(&gradient) {
            *speed = keep * *speed + (1.0 - keep) * slope;
        }
        Ok(())
    }

    /// All momenta go to the server, which merges what arrives and moves the model.
    fn step(
        &self,
        theta: &mut Params,
        workers: &[Worker],
        mut coven: Option<&mut Coven>,
        round: u64,
        seed: Seed,
        sums: &mut Sums,
    ) -> Result<(), LabError> {
        let layout = theta.layout();
        if let Some(coven) = coven.as_deref_mut() {
            for (place, worker) in (0..).zip(workers).filter(|(_, worker)| !worker.lies) {
                coven.hear(place, worker.momentum.clone());
            }
        }
        let mut arrived = Vec::new();
        for (place, worker) in (0..).zip(workers) {
            let own = worker.momentum.values();
            let value = match coven.as_deref_mut().filter(|_| worker.lies) {
                None => own.to_vec(),
                Some(coven) => coven.lie(place, u32::MAX, round, own),
            };
            sums.messages += 1;
            let sent = Params::new(value, Arc::clone(layout)).ok();
            let seed = seed.derive_number("send", round).derive_number("worker", u64::from(place));
            let packet = sent.as_ref().map(|sent| self.compressor.compress(sent, seed));
            match packet {
                Some(Ok(packet)) => {
                    sums.bytes += packet.len() as u64;
                    let value = self.compressor.decompress(&packet, layout, Limits::of(layout))?;
                    arrived.push((place, worker.lies, value));
                }
                // Where liars have driven the model out of the numbers, an honest gradient is none either.
                Some(Err(error)) if !worker.lies && own.iter().all(|slope| slope.is_finite()) => {
                    return Err(error.into());
                }
                _ => sums.offences += 1,
            }
        }
        let Some(merged) = self.merge(&arrived, sums) else { return Ok(()) };
        let step: Vec<f32> = theta
            .values()
            .iter()
            .zip(merged.values())
            .map(|(value, slope)| value - self.rate * slope)
            .collect();
        // A server does not take a step out of the numbers.
        if step.iter().all(|value| value.is_finite()) {
            theta.values_mut().copy_from_slice(&step);
        } else {
            sums.discarded += 1;
        }
        Ok(())
    }

    /// What the rule makes of what arrived; nothing where it refuses, and without those whom it refuses by name.
    fn merge(&self, arrived: &[(u32, bool, Params)], sums: &mut Sums) -> Option<Params> {
        let own = arrived.iter().find(|(_, lies, _)| !lies)?;
        let voice = |(place, _, value): &(u32, bool, Params)| (*place, value.clone());
        let (own_place, own_value) = voice(own);
        let mut peers: Vec<&(u32, bool, Params)> =
            arrived.iter().filter(|(place, ..)| *place != own_place).collect();
        let weight = Weight(1);
        let own = Contribution { from: alias(own_place, 0), weight, age: 0, value: &own_value };
        loop {
            let voices: Vec<Contribution<'_>> = peers
                .iter()
                .map(|(place, _, value)| Contribution { from: alias(*place, 0), weight, age: 0, value })
                .collect();
            match self.merge.merge(&own, &voices) {
                Ok(Merged { value, influence, .. }) => {
                    let lies = peers.iter().zip(&influence).filter(|((_, lies, _), _)| *lies);
                    sums.lied += lies.map(|(_, share)| u64::from(share.0)).sum::<u64>();
                    return Some(value);
                }
                Err(error) => {
                    let culprit = MergeError::culprit(&error)
                        .and_then(|id| voices.iter().position(|voice| voice.from == id));
                    let Some(place) = culprit else {
                        sums.discarded += 1;
                        return None;
                    };
                    sums.offences += 1;
                    peers.remove(place);
                }
            }
        }
    }
}
