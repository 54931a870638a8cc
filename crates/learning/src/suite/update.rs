//! The laws of updating.

use super::{Value, Violation, demand};
use crate::eval;
use crate::exact::score;
use crate::model::Model;
use crate::update::Update;
use bitneuron_core::exact::{ExactData, ExactParams, Tensor, programs::Mlp};
use bitneuron_core::{Dataset, Layout, Params, Seed};
use ndarray::Array2;
use rand::RngExt as _;
use std::fmt;
use std::sync::Arc;

/// A law of [`Update`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateLaw {
    /// Equal parameters, data, round and seed give equal bytes, whatever was updated before.
    Replay,
    /// On an error the parameters are untouched.
    Refusal,
    /// On a convex problem the loss falls.
    Progress,
    /// The progress tells the truth.
    Honesty,
}

impl fmt::Display for UpdateLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A small problem that an update is judged on.
///
/// Every `dyn Model` is one for `f32` updates, and the integer [`Mlp`] for exact ones; both lay clusters, one for each
/// class, with features of size about 1.
pub trait Problem<T, D> {
    /// Parameters to start from.
    fn start(&self, seed: Seed) -> T;

    /// Data that can be learned.
    fn data(&self, seed: Seed) -> D;

    /// The loss, measured apart from the update; `None` where parameters and data do not fit.
    fn loss(&self, params: &T, data: &D) -> Option<f64>;

    /// Data that are unusable in one way each, with a name for it.
    fn hostile(&self, data: &D) -> Vec<(&'static str, D)>;
}

impl Problem<Params, Dataset> for dyn Model + '_ {
    fn start(&self, seed: Seed) -> Params {
        self.init(seed)
    }

    fn data(&self, seed: Seed) -> Dataset {
        clusters(self.inputs(), self.outputs(), seed)
    }

    fn loss(&self, params: &Params, data: &Dataset) -> Option<f64> {
        eval::mean_loss(self, params.values(), data).ok()
    }

    fn hostile(&self, data: &Dataset) -> Vec<(&'static str, Dataset)> {
        let refit = |features: Array2<f32>, labels: Vec<u32>| Dataset::new(features, labels).ok();
        let mut late_label = data.labels().to_vec();
        if let Some(last) = late_label.last_mut() {
            *last = self.outputs() as u32;
        }
        let mut late_nan = data.features().clone();
        if let Some(last) = late_nan.last_mut() {
            *last = f32::NAN;
        }
        let narrow = Array2::zeros((data.len(), self.inputs() + 1));
        let hostile = [
            ("a label that names no class", refit(data.features().clone(), late_label)),
            ("a feature that is no number", refit(late_nan, data.labels().to_vec())),
            ("rows of another width", refit(narrow, data.labels().to_vec())),
            ("rows of extreme size", refit(data.features() * f32::MAX, data.labels().to_vec())),
            ("no rows", Some(data.select(&[]))),
        ];
        hostile.into_iter().filter_map(|(what, data)| Some((what, data?))).collect()
    }
}

impl Problem<ExactParams, ExactData> for Mlp {
    fn start(&self, seed: Seed) -> ExactParams {
        self.init(seed)
    }

    fn data(&self, seed: Seed) -> ExactData {
        let last = self.sizes().last().copied().unwrap_or(0);
        let rows = clusters(self.features() as usize, last as usize, seed);
        ExactData::from_dataset(&rows).unwrap_or_else(|_| unreachable!("a few small rows"))
    }

    /// The share of rows classified wrongly.
    fn loss(&self, params: &ExactParams, data: &ExactData) -> Option<f64> {
        score(self, params, data).ok().map(|right| 1.0 - f64::from(right) / data.rows() as f64)
    }

    fn hostile(&self, data: &ExactData) -> Vec<(&'static str, ExactData)> {
        let rows = data.rows() as u32;
        let mut late_label = data.labels().data().to_vec();
        if let Some(last) = late_label.last_mut() {
            *last = i64::from(u16::MAX);
        }
        let refit = |features: Option<Tensor>, labels: Tensor| ExactData::new(features?, labels);
        let wide =
            Tensor::new(&[rows, self.features() + 1], vec![0; data.features().len() + rows as usize]).ok();
        let none = Tensor::new(&[0, self.features()], Vec::new()).ok();
        let hostile = [
            ("a label that names no class", refit(Some(data.features().clone()), Tensor::vector(late_label))),
            ("rows of another width", refit(wide, data.labels().clone())),
            ("no rows", refit(none, Tensor::vector(Vec::new()))),
        ];
        hostile.into_iter().filter_map(|(what, data)| Some((what, data?))).collect()
    }
}

type Verdict = Result<(), Violation<UpdateLaw>>;

/// Judges an update by the laws of [`Update`] on a problem that it is meant for.
///
/// A model has at least two classes; softmax regression makes its problem convex.
///
/// # Errors
/// The first law found broken.
pub fn update<T, D, P>(rule: &mut dyn Update<T, D>, problem: &P) -> Verdict
where
    T: Value,
    P: Problem<T, D> + ?Sized,
{
    for number in 0..8 {
        let seed = Seed::from_number(number);
        let data = problem.data(seed);
        let learnable = |start: &T| problem.loss(start, &data).is_none_or(|loss| loss > TO_LEARN);
        let start = (0..16).map(|number| problem.start(seed.derive_number("start", number))).find(learnable);
        let start = start.unwrap_or_else(|| problem.start(seed));
        // Late rounds as well: a schedule may end.
        let occasion = Occasion { start: &start, data: &data, round: number * number, seed };
        replay(rule, &occasion)?;
        refusal(rule, problem, &occasion)?;
        progress(rule, problem, &occasion)?;
    }
    Ok(())
}

/// A start with less loss has nothing to learn.
const TO_LEARN: f64 = 0.3;

struct Occasion<'a, T, D> {
    start: &'a T,
    data: &'a D,
    round: u64,
    seed: Seed,
}

fn violation(law: UpdateLaw, why: impl Into<String>) -> Violation<UpdateLaw> {
    Violation { law, why: why.into() }
}

/// Eight rows of each class around a corner of its own.
fn clusters(inputs: usize, classes: usize, seed: Seed) -> Dataset {
    let mut rng = seed.derive("clusters").rng();
    let centres: Vec<f32> = (0..inputs * classes).map(|_| rng.random::<f32>()).collect();
    let labels: Vec<u32> = (0..8 * classes as u32).map(|row| row % classes as u32).collect();
    let features = Array2::from_shape_fn((labels.len(), inputs), |(row, column)| {
        centres[labels[row] as usize * inputs + column] + 0.1 * (rng.random::<f32>() - 0.5)
    });
    Dataset::new(features, labels).unwrap_or_else(|_| unreachable!("one label for each row"))
}

fn replay<T: Value, D>(rule: &mut dyn Update<T, D>, at: &Occasion<'_, T, D>) -> Verdict {
    let law = UpdateLaw::Replay;
    let mut run = |round: u64, seed: Seed| {
        let mut params = at.start.clone();
        match rule.update(&mut params, at.data, round, seed) {
            Ok(progress) => Ok((params.bits(), progress)),
            Err(error) => Err(violation(law, format!("honest data were refused: {error}"))),
        }
    };
    let first = run(at.round, at.seed)?;
    run(at.round + 1, at.seed.derive("something else in between"))?;
    let second = run(at.round, at.seed)?;
    demand(first == second, law, || "one seed gave two results".into())
}

/// Each input is unusable in one way; an update may also cope with it, but not fail and leave a trace.
fn refusal<T, D, P>(rule: &mut dyn Update<T, D>, problem: &P, at: &Occasion<'_, T, D>) -> Verdict
where
    T: Value,
    P: Problem<T, D> + ?Sized,
{
    let law = UpdateLaw::Refusal;
    for (what, data) in problem.hostile(at.data) {
        let mut params = at.start.clone();
        if rule.update(&mut params, &data, at.round, at.seed).is_err() {
            demand(params.bits() == at.start.bits(), law, || {
                format!("{what}: refused, but the parameters changed")
            })?;
        } else {
            demand(params.numbers().iter().all(|value| value.is_finite()), law, || {
                format!("{what}: accepted, and the parameters are no numbers")
            })?;
        }
    }
    let size = u32::try_from(at.start.layout().len()).unwrap_or(0);
    let Ok(layout) = Layout::of(&[("other", &[size])]) else { return Ok(()) };
    let mut foreign = T::nearest(&at.start.numbers(), &Arc::new(layout));
    let before = foreign.bits();
    let refused = rule.update(&mut foreign, at.data, at.round, at.seed).is_err();
    demand(refused && foreign.bits() == before, law, || "parameters of another layout went through".into())
}

fn progress<T, D, P>(rule: &mut dyn Update<T, D>, problem: &P, at: &Occasion<'_, T, D>) -> Verdict
where
    T: Value,
    P: Problem<T, D> + ?Sized,
{
    let loss = |params: &T| {
        let loss = problem.loss(params, at.data);
        loss.ok_or_else(|| violation(UpdateLaw::Honesty, "the loss cannot be measured"))
    };
    let mut params = at.start.clone();
    let before = loss(&params)?;
    let told = rule
        .update(&mut params, at.data, at.round, at.seed)
        .map_err(|error| violation(UpdateLaw::Progress, format!("honest data were refused: {error}")))?;
    let after = loss(&params)?;
    demand(after < before, UpdateLaw::Progress, || format!("the loss went from {before} to {after}"))?;
    demand(told.samples > 0, UpdateLaw::Honesty, || "the loss fell, but no row was learned from".into())?;
    let close = |told: f64, seen: f64| (told - seen).abs() <= 1e-3 + 0.5 * (before - after).abs();
    demand(close(told.loss_before, before) && close(told.loss_after, after), UpdateLaw::Honesty, || {
        format!("it tells of {} → {}, seen were {before} → {after}", told.loss_before, told.loss_after)
    })
}
