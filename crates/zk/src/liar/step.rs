//! Lies about steps.

use super::{Attempt, Class, Lies, but, forge, moved, with};
use crate::statements::Rows;
use crate::suite::Case;
use crate::suite::world::bumped;
use crate::{Computation, Step, StepWitness};
use bitneuron_core::exact::Tensor;
use bitneuron_core::exact::fixed::WEIGHT_LIMIT;
use std::sync::Arc;

/// Every lie about the steps `honest`.
pub fn attempts(honest: &Case<Step>) -> Vec<Attempt<Step>> {
    let mut lies = Lies::new(honest.context);
    results(honest, &mut lies);
    witnesses(honest, &mut lies);
    shapes(honest, &mut lies);
    let proof = forge::<Step>(&honest.context, &honest.public, &Step::witness(&honest.witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(honest.context, &proof, || honest.public.clone()));
    attempts
}

/// Right ingredients, wrong results; or the results of other ingredients.
fn results(honest: &Case<Step>, lies: &mut Lies<Step>) {
    let mut tell = |lie, change: &dyn Fn(&mut Step)| {
        lies.tell(lie, Class::False, but(honest, change), &honest.witness);
    };
    tell("no work done", &|step| step.after = step.before);
    tell("half the rate", &|step| step.training.rate_shift += 1);
    tell("half the batch", &|step| step.training.batch /= 2);
    tell("a step fewer", &|step| step.training.steps -= 1);
    tell("decay said to be done", &|step| step.training.decay = 3000);
    let free = with(honest, |witness| witness.before = bumped(&witness.before));
    let start = but(honest, |step| step.before.model = free.before.commitment());
    lies.tell("another start to the same end", Class::False, start, &free);
    let far = Tensor::vector(vec![WEIGHT_LIMIT + 1; honest.witness.before.len()]);
    let outside = with(honest, |witness| witness.before = far.clone());
    let start = but(honest, |step| step.before.model = far.commitment());
    lies.tell("a start outside the interval of weights", Class::False, start, &outside);
    let zeros = zeroed(&honest.witness.data.features);
    let data = Arc::new(Rows { features: zeros, targets: honest.witness.data.targets.clone() });
    let emptied = with(honest, |witness| witness.data = data.clone());
    let blind = but(honest, |step| step.data = data.root());
    lies.tell("data said to be blank", Class::False, blind, &emptied);
}

/// The honest public part, proved from another witness.
fn witnesses(honest: &Case<Step>, lies: &mut Lies<Step>) {
    let mut tell = |lie, change: &dyn Fn(&mut StepWitness)| {
        lies.tell(lie, Class::Unrelated, honest.public.clone(), &with(honest, change));
    };
    tell("another model", &|witness| witness.before = bumped(&witness.before));
    tell("other features", &|witness| {
        let features = bumped(&witness.data.features);
        witness.data = Arc::new(Rows { features, targets: witness.data.targets.clone() });
    });
    if honest.public.training.has_velocity() {
        tell("another velocity", &|witness| witness.velocity = witness.velocity.as_ref().map(bumped));
    }
}

/// Public parts that state nothing.
fn shapes(honest: &Case<Step>, lies: &mut Lies<Step>) {
    let mut tell = |lie, change: &dyn Fn(&mut Step)| {
        lies.tell(lie, Class::Malformed, but(honest, change), &honest.witness);
    };
    tell("a batch that is no power of two", &|step| step.training.batch = 3);
    tell("endless steps", &|step| step.training.steps = u32::MAX);
    tell("columns that the data do not have", &|step| step.data.columns += 1);
    tell("no rows", &|step| step.data.rows = 0);
    tell("a velocity that is not where momentum is", &|step| {
        step.after.velocity = match step.after.velocity {
            None => Some(step.after.model),
            Some(_) => None,
        };
    });
}

fn zeroed(tensor: &Tensor) -> Tensor {
    Tensor::new(tensor.shape(), vec![0; tensor.len()]).unwrap_or_else(|_| tensor.clone())
}
