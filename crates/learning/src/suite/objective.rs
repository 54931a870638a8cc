//! The laws of objectives.

use super::{Violation, demand};
use crate::model::ModelError;
use crate::optim::{Objective, Session};
use bitneuron_core::Seed;
use std::fmt;

/// A law of [`Objective`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectiveLaw {
    /// Equal arguments and sessions give equal results.
    Purity,
    /// The gradient of all cases comes with their mean loss.
    Agreement,
    /// The gradient is the slope of the loss.
    Gradient,
    /// A slice of a wrong length is refused, and a case that does not exist counts for nothing.
    Refusal,
}

impl fmt::Display for ObjectiveLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

type Verdict = Result<(), Violation<ObjectiveLaw>>;

/// The step of the differences; single precision hides a smaller one.
const STEP: f32 = 1e-2;
/// The error of a slope that single precision and curvature excuse.
const SLOPE: f64 = 3e-3;

/// Judges an objective by the laws of [`Objective`] at these parameters and on these data, of which a small number of cases
/// is enough. It neither perturbs nor reweights.
///
/// # Errors
/// The first law found broken.
pub fn objective<D>(objective: &dyn Objective<D>, params: &[f32], data: &D) -> Verdict {
    let cases = sound(ObjectiveLaw::Refusal, objective.cases(data))?;
    let all: Vec<usize> = (0..cases).collect();
    let run = |law, chosen: &[usize]| {
        let mut gradient = vec![f32::NAN; params.len()];
        let mut rng = Seed::from_number(1).rng();
        let mut session = Session::new(&mut rng);
        let loss = sound(law, objective.gradient(params, data, chosen, &mut session, &mut gradient))?;
        Ok::<_, Violation<ObjectiveLaw>>((loss, gradient))
    };
    let law = ObjectiveLaw::Purity;
    let (loss, gradient) = run(law, &all)?;
    let (again, second) = run(law, &all)?;
    let same = gradient.iter().zip(&second).all(|(a, b)| a.to_bits() == b.to_bits());
    demand(loss.to_bits() == again.to_bits() && same, law, || "two equal calls gave two results".into())?;

    let law = ObjectiveLaw::Agreement;
    let mean = |params: &[f32], law| sound(law, objective.loss(params, data));
    let told = mean(params, law)?;
    demand((told - loss).abs() <= 1e-4 * told.abs().max(1.0), law, || {
        format!("the gradient comes with the loss {loss}, the mean is {told}")
    })?;

    let law = ObjectiveLaw::Gradient;
    for (index, slope) in gradient.iter().enumerate() {
        let moved = |by: f32| {
            let mut moved = params.to_vec();
            moved[index] += by;
            let span = f64::from(moved[index]) - f64::from(params[index]);
            mean(&moved, law).map(|loss| (loss - told) / span)
        };
        let (up, down) = (moved(STEP)?, moved(-STEP)?);
        let off = (f64::from(*slope) - f64::midpoint(up, down)).abs();
        demand(off <= SLOPE + 0.6 * (up - down).abs(), law, || {
            format!("parameter {index} has the slope {slope}; the differences are {up} and {down}")
        })?;
    }
    refusal(objective, params, data, &all)?;
    let beyond: Vec<usize> = all.iter().copied().chain([cases, usize::MAX]).collect();
    let (loss, _) = run(ObjectiveLaw::Refusal, &beyond)?;
    demand((told - loss).abs() <= 1e-4 * told.abs().max(1.0), ObjectiveLaw::Refusal, || {
        "cases that do not exist count".into()
    })
}

fn refusal<D>(objective: &dyn Objective<D>, params: &[f32], data: &D, all: &[usize]) -> Verdict {
    let law = ObjectiveLaw::Refusal;
    let count = params.len();
    demand(objective.layout().len() == count, law, || "parameters of another layout came".into())?;
    let long = [params, &[0.0]].concat();
    for (given, room) in
        [(&params[..count - 1], count), (&long, count), (params, count - 1), (params, count + 1)]
    {
        let mut rng = Seed::from_number(1).rng();
        let mut gradient = vec![0.0; room];
        let found = objective.gradient(given, data, all, &mut Session::new(&mut rng), &mut gradient);
        demand(found.is_err(), law, || {
            format!("{} parameters and room for {room} slopes went through", given.len())
        })?;
    }
    demand(objective.loss(&long, data).is_err(), law, || "too many parameters have a loss".into())
}

/// What an honest call must not refuse.
fn sound<R>(law: ObjectiveLaw, result: Result<R, ModelError>) -> Result<R, Violation<ObjectiveLaw>> {
    result.map_err(|error| Violation { law, why: format!("honest cases were refused: {error}") })
}
