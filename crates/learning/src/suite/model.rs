//! The laws of models.

use super::{Violation, demand};
use crate::model::{Batch, Loss, Model, ModelError};
use bitneuron_core::Seed;
use rand::RngExt as _;
use std::fmt;

/// A law of [`Model`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelLaw {
    /// Equal arguments give equal results.
    Purity,
    /// Losses, scores and probabilities tell of one function.
    Agreement,
    /// Both gradients are the slopes of the loss.
    Gradient,
    /// A slice of a wrong length and a label out of range are refused.
    Refusal,
}

impl fmt::Display for ModelLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

type Verdict = Result<(), Violation<ModelLaw>>;

/// Rows of a case.
const ROWS: usize = 5;
/// The step of the differences; single precision hides a smaller one.
const STEP: f32 = 1e-2;
/// The error of a slope that single precision and curvature excuse.
const SLOPE: f64 = 3e-3;

/// Judges a model by the laws of [`Model`], on rows and parameters of size about one half.
///
/// Slopes are compared with differences of the model's own losses, so a small model is judged in less time.
///
/// # Errors
/// The first law found broken.
pub fn model(model: &dyn Model) -> Verdict {
    for number in 0..4 {
        let case = Case::draw(model, number);
        purity(model, &case)?;
        agreement(model, &case)?;
        gradient(model, &case)?;
        refusal(model, &case)?;
    }
    Ok(())
}

struct Case {
    params: Vec<f32>,
    features: Vec<f32>,
    labels: Vec<u32>,
    weights: Option<Vec<f32>>,
}

impl Case {
    fn draw(model: &dyn Model, number: u64) -> Self {
        let mut rng = Seed::from_number(number).derive("model").rng();
        let mut draw = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random::<f32>() - 0.4).collect() };
        let (params, features) = (draw(model.layout().len()), draw(ROWS * model.inputs()));
        let weights = (number % 2 == 1).then(|| draw(ROWS).into_iter().map(f32::abs).collect());
        let labels = (0..ROWS as u32).map(|row| row * 7 % (model.outputs() as u32).max(1)).collect();
        Self { params, features, labels, weights }
    }

    fn batch<'a>(&'a self, features: &'a [f32]) -> Batch<'a> {
        Batch { features, labels: &self.labels, weights: self.weights.as_deref() }
    }

    /// The loss of the batch, from the losses of its rows.
    fn loss(&self, model: &dyn Model, params: &[f32], features: &[f32]) -> Result<f64, ModelError> {
        let mut losses = vec![0.0; ROWS];
        model.losses(params, &self.batch(features), &mut losses)?;
        let weight = |row: usize| self.weights.as_ref().map_or(1.0 / ROWS as f64, |w| f64::from(w[row]));
        Ok(losses.iter().enumerate().map(|(row, loss)| weight(row) * f64::from(*loss)).sum())
    }
}

/// What an honest call must not refuse.
fn sound<R>(law: ModelLaw, result: Result<R, ModelError>) -> Result<R, Violation<ModelLaw>> {
    result.map_err(|error| Violation { law, why: format!("an honest batch was refused: {error}") })
}

/// Both gradients with the losses told beside them.
type Slopes = [(f64, Vec<f32>); 2];

fn slopes(model: &dyn Model, case: &Case, law: ModelLaw) -> Result<Slopes, Violation<ModelLaw>> {
    let (mut by_params, mut by_features) =
        (vec![f32::NAN; case.params.len()], vec![f32::NAN; case.features.len()]);
    let batch = case.batch(&case.features);
    let first = sound(law, model.loss_and_gradient(&case.params, &batch, &mut by_params))?;
    let second = sound(law, model.input_gradient(&case.params, &batch, &mut by_features))?;
    Ok([(first, by_params), (second, by_features)])
}

fn purity(model: &dyn Model, case: &Case) -> Verdict {
    let law = ModelLaw::Purity;
    let bits = |slopes: Slopes| {
        slopes.map(|(loss, slope)| (loss.to_bits(), slope.into_iter().map(f32::to_bits).collect::<Vec<_>>()))
    };
    let (first, second) = (slopes(model, case, law)?, slopes(model, case, law)?);
    demand(bits(first) == bits(second), law, || "two equal calls gave two results".into())?;
    let start = || model.init(Seed::from_number(1)).values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    demand(start() == start(), law, || "one seed gave two starts".into())
}

fn agreement(model: &dyn Model, case: &Case) -> Verdict {
    let law = ModelLaw::Agreement;
    let loss = sound(law, case.loss(model, &case.params, &case.features))?;
    for (told, _) in slopes(model, case, law)? {
        demand((told - loss).abs() <= 1e-4 * loss.abs().max(1.0), law, || {
            format!("a gradient comes with the loss {told}, the losses of the rows make {loss}")
        })?;
    }
    let classes = model.outputs();
    let (mut probabilities, mut losses) = (vec![0.0; ROWS * classes], vec![0.0; ROWS]);
    sound(law, model.predict(&case.params, &case.features, &mut probabilities))?;
    sound(law, model.losses(&case.params, &case.batch(&case.features), &mut losses))?;
    for ((row, label), loss) in probabilities.chunks_exact(classes).zip(&case.labels).zip(losses) {
        let sum: f32 = row.iter().sum();
        demand((sum - 1.0).abs() < 1e-4, law, || format!("probabilities sum to {sum}"))?;
        let p = row[*label as usize];
        let one = model.loss() != Loss::CrossEntropy || (p.ln() + loss).abs() < 1e-3 * loss.abs().max(1.0);
        demand(one, law, || format!("the label has probability {p}, but the loss {loss}"))?;
    }
    Ok(())
}

fn gradient(model: &dyn Model, case: &Case) -> Verdict {
    let law = ModelLaw::Gradient;
    let [(_, by_params), (_, by_features)] = slopes(model, case, law)?;
    let params = |params: &[f32]| case.loss(model, params, &case.features);
    let features = |features: &[f32]| case.loss(model, &case.params, features);
    compare("parameter", &by_params, &case.params, &params)?;
    compare("feature", &by_features, &case.features, &features)
}

/// Compares slopes with central differences, coordinate by coordinate.
///
/// Where the differences to both sides disagree the function bends or breaks; as much as they do, the slope may differ.
fn compare(
    what: &str,
    slopes: &[f32],
    at: &[f32],
    loss: &dyn Fn(&[f32]) -> Result<f64, ModelError>,
) -> Verdict {
    let law = ModelLaw::Gradient;
    let middle = sound(law, loss(at))?;
    for (index, slope) in slopes.iter().enumerate() {
        let moved = |by: f32| {
            let mut moved = at.to_vec();
            moved[index] += by;
            let span = f64::from(moved[index]) - f64::from(at[index]);
            sound(law, loss(&moved)).map(|loss| (loss - middle) / span)
        };
        let (up, down) = (moved(STEP)?, moved(-STEP)?);
        let off = (f64::from(*slope) - f64::midpoint(up, down)).abs();
        demand(off <= SLOPE + 0.6 * (up - down).abs(), law, || {
            format!("{what} {index} has the slope {slope}; the differences are {up} and {down}")
        })?;
    }
    Ok(())
}

fn refusal(model: &dyn Model, case: &Case) -> Verdict {
    let law = ModelLaw::Refusal;
    let mut late = case.labels.clone();
    if let Some(last) = late.last_mut() {
        *last = model.outputs() as u32;
    }
    let (p, x) = (case.params.as_slice(), case.features.as_slice());
    let short = |values: &[f32]| values[..values.len() - 1].to_vec();
    let (short_p, short_x) = (short(p), short(x));
    let few = [0.5; ROWS - 1];
    let fine = case.batch(x);
    let cases = [
        ("too few parameters", short_p.as_slice(), fine),
        ("too few features", p, Batch { features: &short_x, ..fine }),
        ("a label that names no class", p, Batch { labels: &late, ..fine }),
        ("too few weights", p, Batch { weights: Some(&few), ..fine }),
    ];
    let (mut by_params, mut by_features) = (vec![0.0; p.len()], vec![0.0; x.len()]);
    for (what, params, batch) in cases {
        by_features.resize(batch.features.len(), 0.0);
        let refused = model.loss_and_gradient(params, &batch, &mut by_params).is_err()
            && model.input_gradient(params, &batch, &mut by_features).is_err()
            && model.losses(params, &batch, &mut [0.0; ROWS]).is_err();
        demand(refused, law, || format!("{what} went through"))?;
    }
    let refused = model.loss_and_gradient(p, &fine, &mut short(p)).is_err()
        && model.input_gradient(p, &fine, &mut short(x)).is_err()
        && model.losses(p, &fine, &mut [0.0; ROWS - 1]).is_err();
    demand(refused, law, || "a result of another length went through".into())
}
