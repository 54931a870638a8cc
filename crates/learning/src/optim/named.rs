//! Updates of classifiers by name: a rule, and parts that harden or correct it.

use super::{
    Clipped, Correct, Decay, Descent, Gaussian, Measure, Noisy, Objective, Proximal, Rate, Reweight, Risk,
    Step,
};
use crate::model::Model;
use crate::named::{Call, NameError, Named};
use crate::robust::{ChiSquare, Cvar, GroupDro, Missing, Pgd, Tilted, Trades};
use std::sync::Arc;

/// How many of [`NAMES`] are rules.
const RULES: usize = 3;
/// Where what stands before a rule is.
pub(super) const SCAFFOLD: usize = RULES;
/// Where parts begin.
const PARTS: usize = SCAFFOLD + 1;

/// The rules, what stands before one, then the parts.
pub const NAMES: [Named; 15] = [
    Named::new(
        "sgd:rate=0.1,batch=32,epochs=1,running=0,momentum=0,nesterov=0,over=0,floor=0.1",
        "stochastic gradient descent; `over` so many updates the rate falls to `floor` of it",
    ),
    Named::new(
        "adam:rate=0.001,batch=32,epochs=1,running=0,decay=0",
        "a step for each parameter; decay apart from the gradient (AdamW)",
    ),
    Named::new(
        "pegasos:batch=32,epochs=1,running=0,lambda=0.01",
        "the rate 1/(lambda·step) under a penalty, for support vector machines",
    ),
    Named::new("scaffold:share=1+RULE", "control variates that travel with the model (SCAFFOLD)"),
    Named::new("prox:mu=0.1", "pulls back to the received model (FedProx)"),
    Named::new("decay:lambda=0.0001", "the penalty lambda/2·‖θ‖²"),
    Named::new(
        "private:norm=1,noise=0",
        "gradients of single rows clipped, with so much of the norm as noise",
    ),
    Named::new("fgsm:radius=0.1", "rows moved one step against the model"),
    Named::new("pgd:radius=0.1,steps=7", "rows moved some steps against the model"),
    Named::new("trades:radius=0.1,steps=7,beta=6", "clean accuracy weighed against robustness"),
    Named::new(
        "missing:share=0.3,most=0",
        "features go missing: a share of them, or a random share up to `most`",
    ),
    Named::new("group-dro:rate=0.1,adjustment=0", "weight for the groups of large loss"),
    Named::new("cvar:share=0.5,trim=0", "the worst share of a batch, but for the very worst"),
    Named::new("tilted:temperature=1", "bad rows more than good ones"),
    Named::new("chi2:radius=0.5", "the worst distribution within a χ² ball"),
];

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
/// assert!(refused.to_string().starts_with("there is no part of an update \"magic\"; there are prox, decay"));
/// # Ok::<(), bitneuron_learning::named::NameError>(())
/// ```
///
/// # Errors
/// A name that does not exist, a setting that it does not have or that is out of range, two parts that exclude each other.
pub fn named(text: &str, model: &Arc<dyn Model>) -> Result<Descent, NameError> {
    let parts = Call::parts(text)?;
    match parts.first().filter(|first| first.name() == NAMES[SCAFFOLD].name()) {
        Some(first) => Err(NameError::Larger { name: first.name().into(), instead: "`optim::recipe`" }),
        None => descent(parts, model),
    }
}

/// A rule and its parts.
pub(super) fn descent(parts: Vec<Call<'_>>, model: &Arc<dyn Model>) -> Result<Descent, NameError> {
    let mut parts = parts.into_iter();
    let rule = parts.next().unwrap_or_default();
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
    let named = call.find("update", &NAMES[..RULES])?;
    let plain = |rate: f32| {
        let measure = if call.get("running", 0u8, 0..=1)? == 1 { Measure::Running } else { Measure::Whole };
        let risk = Arc::new(draft.risk.clone());
        let descent = Descent::new(risk, call.get("rate", rate, 0.0..=1e6)?, call.get("batch", 32, 1..)?);
        Ok::<_, NameError>(descent.with_epochs(call.get("epochs", 1, 0..)?).with_measure(measure))
    };
    match named.name() {
        "sgd" => {
            let descent = plain(0.1)?;
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
            let descent = plain(0.001)?;
            let decay = call.get("decay", 0.0, 0.0..=1e6)?;
            Ok(descent.with_step(if decay == 0.0 { Step::Adam } else { Step::AdamW(decay) }))
        }
        _ => {
            let descent = plain(0.0)?;
            let lambda = call.get("lambda", 0.01, 1e-9..=1e6)?;
            draft.corrections.push(Arc::new(Decay { lambda }));
            Ok(descent.with_rate(Rate::Pegasos { lambda }))
        }
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
        call.find("part of an update", &NAMES[PARTS..])?;
        let radius = || call.get("radius", 0.1, 0.0..=1e6);
        match call.name() {
            "prox" => {
                self.corrections.push(Arc::new(Proximal { mu: call.get("mu", 0.1, 0.0..=1e6)? }));
            }
            "decay" => {
                self.corrections.push(Arc::new(Decay { lambda: call.get("lambda", 1e-4, 0.0..=1e6)? }));
            }
            "private" => {
                let (norm, multiplier) =
                    (call.get("norm", 1.0, 1e-9..=1e9)?, call.get("noise", 0.0, 0.0..=1e6)?);
                self.weights(call.name(), Clipped { norm })?;
                if multiplier > 0.0 {
                    self.corrections.push(Arc::new(Noisy { norm, multiplier, source: Arc::new(Gaussian) }));
                }
            }
            "fgsm" => self.perturb(Pgd::fgsm(radius()?)),
            "pgd" => {
                let radius = radius()?;
                self.perturb(Pgd::new(radius, call.get("steps", 7, 1..=1000)?));
            }
            "trades" => {
                let radius = radius()?;
                self.alone(call.name())?;
                self.trades = Some(Trades {
                    model: Arc::clone(&self.risk.model),
                    attack: Pgd::new(radius, call.get("steps", 7, 1..=1000)?),
                    beta: call.get("beta", 6.0, 0.0..=1e6)?,
                });
            }
            "missing" => {
                let most = call.get("most", 0.0, 0.0..=1.0)?;
                let share = call.get("share", 0.3, 0.0..=1.0)?;
                self.perturb(if most > 0.0 { Missing::up_to(most) } else { Missing::new(share) });
            }
            _ => return self.reweight(call),
        }
        // TRADES looks for its own rows.
        match &self.trades {
            Some(_) if !self.risk.perturbations.is_empty() => {
                Err(NameError::Together("trades".into(), call.name().into()))
            }
            _ => Ok(()),
        }
    }

    fn reweight(&mut self, call: &Call<'a>) -> Result<(), NameError> {
        match call.name() {
            "group-dro" => {
                let rate = call.get("rate", 0.1, 0.0..=1e3)?;
                self.weights(
                    call.name(),
                    GroupDro { rate, adjustment: call.get("adjustment", 0.0, 0.0..=1e6)? },
                )
            }
            "cvar" => {
                let (share, trim) = (call.get("share", 0.5, 1e-6..=1.0)?, call.get("trim", 0.0, 0.0..1.0)?);
                self.weights(call.name(), Cvar { share, trim })
            }
            "tilted" => {
                self.weights(call.name(), Tilted { temperature: call.get("temperature", 1.0, 1e-6..=1e9)? })
            }
            _ => self.weights(call.name(), ChiSquare { radius: call.get("radius", 0.5, 0.0..=1e9)? }),
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
