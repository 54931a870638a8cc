//! The laws of updating `f32` parameters.

use super::{Violation, demand};
use crate::eval;
use crate::model::Model;
use crate::update::Update;
use bitneuron_core::{Dataset, Layout, Params, Seed};
use ndarray::Array2;
use rand::RngExt as _;
use std::fmt;
use std::sync::Arc;

/// A law of [`Update`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateLaw {
    /// Equal parameters, data and seed give equal bytes, whatever was updated before.
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

type Verdict = Result<(), Violation<UpdateLaw>>;

/// Judges an update of a classifier by the laws of [`Update`].
///
/// `model` is what the update trains and has at least two classes; softmax regression makes the problem convex. The
/// toy data are clusters, one for each class, with features of size about 1.
///
/// # Errors
/// The first law found broken.
pub fn update(rule: &mut dyn Update, model: &dyn Model) -> Verdict {
    for number in 0..8 {
        let seed = Seed::from_number(number);
        let data = clusters(model, seed);
        let start = model.init(seed.derive("start"));
        replay(rule, &start, &data, seed)?;
        refusal(rule, model, &start, &data, seed)?;
        progress(rule, model, &start, &data, seed)?;
    }
    Ok(())
}

fn violation(law: UpdateLaw, why: impl Into<String>) -> Violation<UpdateLaw> {
    Violation { law, why: why.into() }
}

/// Eight rows of each class around a corner of its own.
fn clusters(model: &dyn Model, seed: Seed) -> Dataset {
    let (inputs, classes) = (model.inputs(), model.outputs());
    let mut rng = seed.derive("clusters").rng();
    let centres: Vec<f32> = (0..inputs * classes).map(|_| rng.random::<f32>()).collect();
    let labels: Vec<u32> = (0..8 * classes as u32).map(|row| row % classes as u32).collect();
    let features = Array2::from_shape_fn((labels.len(), inputs), |(row, column)| {
        centres[labels[row] as usize * inputs + column] + 0.1 * (rng.random::<f32>() - 0.5)
    });
    Dataset::new(features, labels).unwrap_or_else(|_| unreachable!("one label for each row"))
}

fn bits(params: &Params) -> Vec<u32> {
    params.values().iter().map(|value| value.to_bits()).collect()
}

fn replay(rule: &mut dyn Update, start: &Params, data: &Dataset, seed: Seed) -> Verdict {
    let law = UpdateLaw::Replay;
    let mut run = |seed: Seed| {
        let mut params = start.clone();
        match rule.update(&mut params, data, seed) {
            Ok(progress) => Ok((bits(&params), progress)),
            Err(error) => Err(violation(law, format!("honest data were refused: {error}"))),
        }
    };
    let first = run(seed)?;
    run(seed.derive("something else in between"))?;
    let second = run(seed)?;
    demand(first == second, law, || "one seed gave two results".into())
}

/// Each input is unusable in one way; an update may also cope with it, but not fail and leave a trace.
fn refusal(rule: &mut dyn Update, model: &dyn Model, start: &Params, data: &Dataset, seed: Seed) -> Verdict {
    let law = UpdateLaw::Refusal;
    let refit = |features: Array2<f32>, labels: Vec<u32>| Dataset::new(features, labels).ok();
    let mut late_label = data.labels().to_vec();
    if let Some(last) = late_label.last_mut() {
        *last = model.outputs() as u32;
    }
    let mut late_nan = data.features().clone();
    if let Some(last) = late_nan.last_mut() {
        *last = f32::NAN;
    }
    let narrow = Array2::zeros((data.len(), model.inputs() + 1));
    let hostile = [
        ("a label that names no class", refit(data.features().clone(), late_label)),
        ("a feature that is no number", refit(late_nan, data.labels().to_vec())),
        ("rows of another width", refit(narrow, data.labels().to_vec())),
        ("rows of extreme size", refit(data.features() * f32::MAX, data.labels().to_vec())),
        ("no rows", Some(data.select(&[]))),
    ];
    for (what, data) in hostile {
        let Some(data) = data else { continue };
        let mut params = start.clone();
        if rule.update(&mut params, &data, seed).is_err() {
            demand(bits(&params) == bits(start), law, || {
                format!("{what}: refused, but the parameters changed")
            })?;
        } else {
            demand(params.is_finite(), law, || {
                format!("{what}: accepted, and the parameters are no numbers")
            })?;
        }
    }
    let layout = Layout::of(&[("other", &[start.values().len() as u32])]).ok().map(Arc::new);
    let Some(mut foreign) = layout.map(Params::zeros) else { return Ok(()) };
    let before = bits(&foreign);
    let refused = rule.update(&mut foreign, data, seed).is_err();
    demand(refused && bits(&foreign) == before, law, || "parameters of another layout went through".into())
}

fn progress(rule: &mut dyn Update, model: &dyn Model, start: &Params, data: &Dataset, seed: Seed) -> Verdict {
    let loss = |params: &Params| {
        eval::cross_entropy(model, params.values(), data)
            .map_err(|error| violation(UpdateLaw::Honesty, error.to_string()))
    };
    let mut params = start.clone();
    let before = loss(&params)?;
    let told = rule
        .update(&mut params, data, seed)
        .map_err(|error| violation(UpdateLaw::Progress, format!("honest data were refused: {error}")))?;
    let after = loss(&params)?;
    demand(after < before, UpdateLaw::Progress, || format!("the loss went from {before} to {after}"))?;
    demand(told.samples > 0, UpdateLaw::Honesty, || "the loss fell, but no row was learned from".into())?;
    let close = |told: f64, seen: f64| (told - seen).abs() <= 1e-3 + 0.5 * (before - after).abs();
    demand(close(told.loss_before, before) && close(told.loss_after, after), UpdateLaw::Honesty, || {
        format!("it tells of {} → {}, seen were {before} → {after}", told.loss_before, told.loss_after)
    })
}
