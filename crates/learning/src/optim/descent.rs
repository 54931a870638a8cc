//! Stochastic descent: one loop for every objective, every step and every correction.
//!
//! ```text
//! for each epoch, for each batch B of the shuffled cases:   g ← ∇L_B(θ), corrected;   θ ← step(θ, g, η)
//! ```
//!
//! An update is a function of its arguments: shuffles come from the seed, and velocities, moments and the objective's
//! memory begin anew in every update.

use super::correct::{Correct, Point};
use super::objective::{Objective, Risk, Session};
use super::{Rate, Step};
use crate::merge::admit::is_finite;
use crate::model::Model;
use crate::scratch;
use crate::update::{Progress, Update, UpdateError};
use bitneuron_core::{Dataset, Params, Seed};
use rand::seq::SliceRandom as _;
use std::fmt;
use std::sync::Arc;

/// How the losses of a [`Progress`] are measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Measure {
    /// Over all rows, before and after: two more passes over the data.
    #[default]
    Whole,
    /// The loss of the first and of the last batch, each just before its step: free, but a stale sample.
    ///
    /// Such a report does not keep the law of honesty; it is for simulations that do not read it. The parameters are
    /// the same to the bit.
    Running,
}

/// Descent on any objective.
///
/// ```
/// use bitneuron_core::{Dataset, Seed};
/// use bitneuron_learning::model::{Mlp, Model};
/// use bitneuron_learning::optim::{Descent, Proximal, Risk, Step};
/// use bitneuron_learning::robust::{Cvar, Pgd};
/// use bitneuron_learning::Update;
/// use std::sync::Arc;
/// // Adversarial training on the worst half of each batch, not far from where it began.
/// let model = Arc::new(Mlp::new(&[2, 8, 2])?);
/// let risk = Risk::new(model.clone()).perturbed(Pgd::fgsm(0.05)).reweighted(Cvar::new(0.5));
/// let mut descent = Descent::new(Arc::new(risk), 0.1, 2).with_step(Step::Nesterov(0.9)).corrected(Proximal { mu: 0.01 });
/// let data = Dataset::new(ndarray::array![[0.0, 1.0], [1.0, 0.0], [0.2, 0.9]], vec![0, 1, 0])?;
/// let mut params = model.init(Seed::from_number(1));
/// let progress = descent.update(&mut params, &data, 0, Seed::from_number(2))?;
/// assert_eq!(progress.samples, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Descent<D = Dataset> {
    /// What is minimised.
    pub objective: Arc<dyn Objective<D>>,
    /// What is done with a gradient.
    pub step: Step,
    /// The learning rate η.
    pub rate: Rate,
    /// How often all cases are gone through.
    pub epochs: u32,
    /// Cases in a batch; the last batch of an epoch may be smaller.
    pub batch: usize,
    /// How the losses are measured.
    pub measure: Measure,
    /// What changes a gradient before its step, in this order.
    pub corrections: Vec<Arc<dyn Correct>>,
}

impl<D> Clone for Descent<D> {
    fn clone(&self) -> Self {
        Self { objective: Arc::clone(&self.objective), corrections: self.corrections.clone(), ..*self }
    }
}

impl<D> fmt::Debug for Descent<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descent")
            .field("step", &self.step)
            .field("rate", &self.rate)
            .field("epochs", &self.epochs)
            .field("batch", &self.batch)
            .field("measure", &self.measure)
            .field("corrections", &self.corrections)
            .finish_non_exhaustive()
    }
}

impl Descent {
    /// Plain descent on the mean loss of a classifier.
    pub fn of(model: Arc<dyn Model>, rate: f32, batch: usize) -> Self {
        Self::new(Arc::new(Risk::new(model)), rate, batch)
    }
}

impl<D> Descent<D> {
    /// One epoch of plain steps, losses measured over all cases.
    pub fn new(objective: Arc<dyn Objective<D>>, rate: f32, batch: usize) -> Self {
        Self {
            objective,
            step: Step::Plain,
            rate: Rate::Constant(rate),
            epochs: 1,
            batch,
            measure: Measure::Whole,
            corrections: Vec::new(),
        }
    }

    /// The same with other steps.
    #[must_use]
    pub fn with_step(self, step: Step) -> Self {
        Self { step, ..self }
    }

    /// The same with another rate.
    #[must_use]
    pub fn with_rate(self, rate: Rate) -> Self {
        Self { rate, ..self }
    }

    /// The same with another number of epochs.
    #[must_use]
    pub fn with_epochs(self, epochs: u32) -> Self {
        Self { epochs, ..self }
    }

    /// The same with another way to measure losses.
    #[must_use]
    pub fn with_measure(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    /// The same with one more correction, behind those there are.
    #[must_use]
    pub fn corrected(mut self, correction: impl Correct + 'static) -> Self {
        self.corrections.push(Arc::new(correction));
        self
    }

    pub(super) fn course<'a>(&'a self, corrections: &'a [Arc<dyn Correct>]) -> Course<'a, D> {
        Course {
            objective: self.objective.as_ref(),
            step: self.step,
            rate: self.rate,
            epochs: self.epochs,
            batch: self.batch,
            measure: self.measure,
            corrections,
        }
    }
}

impl<D> Update<Params, D> for Descent<D> {
    fn update(
        &mut self,
        params: &mut Params,
        data: &D,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        self.course(&self.corrections).run(params, data, round, seed)
    }
}

/// All that a run of the loop reads.
pub(super) struct Course<'a, D> {
    pub(super) objective: &'a dyn Objective<D>,
    pub(super) step: Step,
    pub(super) rate: Rate,
    pub(super) epochs: u32,
    pub(super) batch: usize,
    pub(super) measure: Measure,
    pub(super) corrections: &'a [Arc<dyn Correct>],
}

impl<D> Course<'_, D> {
    /// Checks the settings, and counts the cases.
    fn check(&self, params: &Params, data: &D) -> Result<usize, UpdateError> {
        self.rate.check()?;
        self.step.check()?;
        if self.batch == 0 {
            return Err(UpdateError::Setting("batch"));
        }
        let layout = self.objective.layout();
        if !Arc::ptr_eq(params.layout(), layout) && params.layout() != layout {
            return Err(UpdateError::Layout);
        }
        match self.objective.cases(data)? {
            0 => Err(UpdateError::Empty),
            cases => Ok(cases),
        }
    }

    /// The loss over all cases, if it is to be measured.
    fn whole(&self, theta: &[f32], data: &D, step: u64) -> Result<Option<f64>, UpdateError> {
        match self.measure {
            Measure::Running => Ok(None),
            Measure::Whole => match self.objective.loss(theta, data)? {
                loss if loss.is_finite() => Ok(Some(loss)),
                _ => Err(UpdateError::Diverged { step }),
            },
        }
    }

    /// One update. On `Err` the parameters are untouched.
    pub(super) fn run(
        &self,
        params: &mut Params,
        data: &D,
        round: u64,
        seed: Seed,
    ) -> Result<Progress, UpdateError> {
        let cases = self.check(params, data)?;
        let loss_before = self.whole(params.values(), data, 0)?;
        scratch::with(params.values().len(), |theta| {
            theta.copy_from_slice(params.values());
            let running = self.descend(params.values(), theta, data, (cases, round, seed))?;
            let loss_after = self.whole(theta, data, running.samples.div_ceil(self.batch as u64))?;
            params.values_mut().copy_from_slice(theta);
            Ok(Progress {
                loss_before: loss_before.unwrap_or(running.loss_before),
                loss_after: loss_after.unwrap_or(running.loss_after),
                ..running
            })
        })
    }

    /// Moves `theta` from `start`; the progress has running losses.
    fn descend(
        &self,
        start: &[f32],
        theta: &mut [f32],
        data: &D,
        (cases, round, seed): (usize, u64, Seed),
    ) -> Result<Progress, UpdateError> {
        let width = theta.len();
        let size = self.batch.min(cases);
        let steps = u64::from(self.epochs).saturating_mul(cases.div_ceil(size) as u64);
        let mut order: Vec<usize> = (0..cases).collect();
        let mut rng = seed.derive("shuffle").rng();
        let mut session = Session::new(&mut rng);
        let (mut step, mut progress) = (0, Progress::default());
        scratch::with(width + self.step.memory(width), |buffer| {
            let (gradient, memory) = buffer.split_at_mut(width);
            for _ in 0..self.epochs {
                order.shuffle(&mut *session.rng);
                for chosen in order.chunks(size) {
                    let loss = self.objective.gradient(theta, data, chosen, &mut session, gradient)?;
                    if !loss.is_finite() {
                        return Err(UpdateError::Diverged { step });
                    }
                    let at = Point { start, params: theta, cases: chosen.len() };
                    for correction in self.corrections {
                        correction.correct(&at, &mut *session.rng, gradient);
                    }
                    self.step.take(step + 1, self.rate.at(round, steps, step), theta, gradient, memory);
                    if step == 0 {
                        progress.loss_before = loss;
                    }
                    progress.loss_after = loss;
                    progress.samples += chosen.len() as u64;
                    step += 1;
                }
            }
            if is_finite(theta) { Ok(progress) } else { Err(UpdateError::Diverged { step }) }
        })
    }
}
