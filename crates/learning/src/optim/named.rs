//! Updates of classifiers by name: a rule, and parts that harden or correct it.

use super::{
    Clipped, Correct, Decay, Descent, Gaussian, Measure, Noisy, Objective, Proximal, Rate, Reweight, Risk,
    Step,
};
use crate::model::Model;
use crate::named::{Call, NameError};
use crate::robust::{ChiSquare, Cvar, GroupDro, Missing, Pgd, Tilted, Trades};
use std::sync::Arc;

/// The rules and parts, each with what it does and its settings with their defaults.
pub const NAMES: &[(&str, &str)] = &[
    ("sgd", "stochastic gradient descent; momentum=0, nesterov=0, over=0 and floor=0.1 for a falling rate"),
    ("adam", "a step for each parameter; decay=0 apart from the gradient (AdamW)"),
    ("pegasos", "the rate 1/(lambda·step) under the penalty lambda=0.01, for support vector machines"),
    ("prox", "pulls back to the received model (FedProx); mu=0.1"),
    ("decay", "the penalty lambda/2·‖θ‖²; lambda=0.0001"),
    ("private", "gradients of single rows clipped to norm=1, with noise=0 times that on their sum"),
    ("fgsm", "rows moved one step against the model; radius=0.1"),
    ("pgd", "rows moved steps=7 times against the model; radius=0.1"),
    ("trades", "clean accuracy weighed against robustness; radius=0.1, steps=7, beta=6"),
    ("missing", "features go missing; share=0.3, or a random share up to most=0.3"),
    ("group-dro", "weight for the groups of large loss; rate=0.1, adjustment=0"),
    ("cvar", "the worst share=0.5 of a batch, but for the very worst trim=0"),
    ("tilted", "bad rows more than good ones; temperature=1"),
    ("chi2", "the worst distribution within a χ² ball; radius=0.5"),
];

const ALL: [&str; 4] = ["rate", "batch", "epochs", "running"];

/// The update of this name: a rule (`sgd`, `adam`, `pegasos`), then any parts, as in
/// `sgd:rate=0.1,batch=16,epochs=2,momentum=0.9+pgd:radius=0.1+cvar:share=0.5`.
///
/// All rules have `rate` (0.1; but `pegasos`), `batch` (32), `epochs` (1), and `running=1` for losses that cost nothing
/// ([`Measure::Running`]). [`NAMES`] has the others. Perturbations happen in the order they are named.
///
/// ```
/// use bitneuron_learning::{model, optim};
/// let model = model::named("mlp:64-32-10")?;
/// let update = optim::named("adam:rate=0.001+prox:mu=0.01+group-dro", &model)?;
/// assert_eq!((update.batch, update.corrections.len()), (32, 1));
/// let refused = optim::named("adam+magic", &model).unwrap_err();
/// assert!(refused.to_string().starts_with("there is no update \"magic\"; there are sgd, adam, pegasos, prox"));
/// # Ok::<(), bitneuron_learning::named::NameError>(())
/// ```
///
/// # Errors
/// A name that does not exist, a setting that it does not have or that is out of range, two parts that exclude each other.
pub fn named(text: &str, model: &Arc<dyn Model>) -> Result<Descent, NameError> {
    let mut parts = Call::parts(text);
    let rule = parts.next().unwrap_or_else(|| unreachable!("a split has a first part"));
    let mut draft =
        Draft { risk: Risk::new(Arc::clone(model)), trades: None, corrections: Vec::new(), part: "" };
    let base = base(&rule, &mut draft)?;
    parts.try_for_each(|part| draft.add(&part))?;
    let Draft { risk, trades, corrections, .. } = draft;
    let objective: Arc<dyn Objective> = match trades {
        Some(trades) => Arc::new(trades),
        None => Arc::new(risk),
    };
    Ok(Descent { objective, corrections, ..base })
}

/// The loop with its steps and rate.
fn base(call: &Call<'_>, draft: &mut Draft<'_>) -> Result<Descent, NameError> {
    let plain = |own: &[&str], rate: f32| {
        call.check(&[&ALL, own].concat())?;
        let measure = if call.get("running", 0u8, 0..=1)? == 1 { Measure::Running } else { Measure::Whole };
        let risk = Arc::new(draft.risk.clone());
        let descent = Descent::new(risk, call.get("rate", rate, 0.0..=1e6)?, call.get("batch", 32, 1..)?);
        Ok::<_, NameError>(descent.with_epochs(call.get("epochs", 1, 0..)?).with_measure(measure))
    };
    match call.name {
        "sgd" => {
            let descent = plain(&["momentum", "nesterov", "over", "floor"], 0.1)?;
            let momentum = call.get("momentum", 0.0, 0.0..1.0)?;
            let step = match call.get("nesterov", 0u8, 0..=1)? {
                _ if momentum == 0.0 => Step::Plain,
                0 => Step::Momentum(momentum),
                _ => Step::Nesterov(momentum),
            };
            let from = call.get("rate", 0.1, 0.0..=1e6)?;
            let rate = match call.get("over", 0u64, 0..)? {
                0 => Rate::Constant(from),
                over => Rate::Falling { from, over, floor: call.get("floor", 0.1, 0.0..=1.0)? },
            };
            Ok(descent.with_step(step).with_rate(rate))
        }
        "adam" => {
            let descent = plain(&["decay"], 0.001)?;
            let decay = call.get("decay", 0.0, 0.0..=1e6)?;
            Ok(descent.with_step(if decay == 0.0 { Step::Adam } else { Step::AdamW(decay) }))
        }
        "pegasos" => {
            let descent = plain(&["lambda"], 0.0)?;
            let lambda = call.get("lambda", 0.01, 1e-9..=1e6)?;
            draft.corrections.push(Arc::new(Decay { lambda }));
            Ok(descent.with_rate(Rate::Pegasos { lambda }))
        }
        _ => Err(call.unknown("update", NAMES)),
    }
}

/// What the parts make of the plain risk.
struct Draft<'a> {
    risk: Risk,
    trades: Option<Trades>,
    corrections: Vec<Arc<dyn Correct>>,
    /// The part that has chosen the weights or the objective.
    part: &'a str,
}

impl<'a> Draft<'a> {
    fn add(&mut self, call: &Call<'a>) -> Result<(), NameError> {
        let radius = |known: &[&str]| {
            call.check(known)?;
            call.get("radius", 0.1, 0.0..=1e6)
        };
        match call.name {
            "prox" => {
                call.check(&["mu"])?;
                self.corrections.push(Arc::new(Proximal { mu: call.get("mu", 0.1, 0.0..=1e6)? }));
            }
            "decay" => {
                call.check(&["lambda"])?;
                self.corrections.push(Arc::new(Decay { lambda: call.get("lambda", 1e-4, 0.0..=1e6)? }));
            }
            "private" => {
                call.check(&["norm", "noise"])?;
                let (norm, multiplier) =
                    (call.get("norm", 1.0, 1e-9..=1e9)?, call.get("noise", 0.0, 0.0..=1e6)?);
                self.weights(call.name, Clipped { norm })?;
                if multiplier > 0.0 {
                    self.corrections.push(Arc::new(Noisy { norm, multiplier, source: Arc::new(Gaussian) }));
                }
            }
            "fgsm" => self.perturb(Pgd::fgsm(radius(&["radius"])?)),
            "pgd" => {
                let radius = radius(&["radius", "steps"])?;
                self.perturb(Pgd::new(radius, call.get("steps", 7, 1..=1000)?));
            }
            "trades" => {
                let radius = radius(&["radius", "steps", "beta"])?;
                self.alone(call.name)?;
                self.trades = Some(Trades {
                    model: Arc::clone(&self.risk.model),
                    attack: Pgd::new(radius, call.get("steps", 7, 1..=1000)?),
                    beta: call.get("beta", 6.0, 0.0..=1e6)?,
                });
            }
            "missing" => {
                call.check(&["share", "most"])?;
                let most = call.get("most", 0.0, 0.0..=1.0)?;
                let share = call.get("share", 0.3, 0.0..=1.0)?;
                self.perturb(if most > 0.0 { Missing::up_to(most) } else { Missing::new(share) });
            }
            _ => return self.reweight(call),
        }
        // TRADES looks for its own rows.
        match &self.trades {
            Some(_) if !self.risk.perturbations.is_empty() => {
                Err(NameError::Together("trades".into(), call.name.into()))
            }
            _ => Ok(()),
        }
    }

    fn reweight(&mut self, call: &Call<'a>) -> Result<(), NameError> {
        match call.name {
            "group-dro" => {
                call.check(&["rate", "adjustment"])?;
                let rate = call.get("rate", 0.1, 0.0..=1e3)?;
                self.weights(
                    call.name,
                    GroupDro { rate, adjustment: call.get("adjustment", 0.0, 0.0..=1e6)? },
                )
            }
            "cvar" => {
                call.check(&["share", "trim"])?;
                let (share, trim) = (call.get("share", 0.5, 1e-6..=1.0)?, call.get("trim", 0.0, 0.0..1.0)?);
                self.weights(call.name, Cvar { share, trim })
            }
            "tilted" => {
                call.check(&["temperature"])?;
                self.weights(call.name, Tilted { temperature: call.get("temperature", 1.0, 1e-6..=1e9)? })
            }
            "chi2" => {
                call.check(&["radius"])?;
                self.weights(call.name, ChiSquare { radius: call.get("radius", 0.5, 0.0..=1e9)? })
            }
            _ => Err(call.unknown("update", NAMES)),
        }
    }

    fn perturb(&mut self, perturbation: impl super::Perturb + 'static) {
        self.risk.perturbations.push(Arc::new(perturbation));
    }

    fn weights(&mut self, part: &'a str, weights: impl Reweight + 'static) -> Result<(), NameError> {
        self.alone(part)?;
        self.risk.weights = Some(Arc::new(weights));
        Ok(())
    }

    /// Only one part has a say in what the rows of a batch count.
    fn alone(&mut self, part: &'a str) -> Result<(), NameError> {
        match std::mem::replace(&mut self.part, part) {
            "" => Ok(()),
            other => Err(NameError::Together(other.into(), part.into())),
        }
    }
}
