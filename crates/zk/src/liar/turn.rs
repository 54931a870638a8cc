//! Lies about a turn.

use super::{Attempt, Class, Lies, but, forge, moved, with};
use crate::suite::Case;
use crate::suite::world::{bumped, data};
use crate::{Computation, Statement, TurnWitness};
use bitneuron_core::claim::Turn;
use bitneuron_core::exact::fixed::WEIGHT_LIMIT;
use bitneuron_core::exact::{ExactData, Tensor};
use bitneuron_core::{Context, Digest, Seed, Share};
use std::sync::Arc;

/// Every lie about the turn `honest`, which merges at least two models.
pub fn attempts(honest: &Case<Turn>) -> Vec<Attempt<Turn>> {
    let mut lies = Lies::new(honest.context);
    results(honest, &mut lies);
    ingredients(honest, &mut lies);
    witnesses(honest, &mut lies);
    shapes(honest, &mut lies);
    let proof = forge::<Turn>(&honest.context, &honest.public, &Turn::witness(&honest.witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(honest.context, &proof, || honest.public.clone()));
    attempts.push(other_subject(honest));
    attempts
}

/// Right ingredients, wrong results.
fn results(honest: &Case<Turn>, lies: &mut Lies<Turn>) {
    let after = honest_after(honest);
    let wrong = but(honest, |turn| turn.after = bumped(&after).commitment());
    lies.tell("head after one quantum off", Class::False, wrong, &honest.witness);
    let wrong = but(honest, |turn| turn.right_after += 1);
    lies.tell("score after one too high", Class::False, wrong, &honest.witness);
    let wrong = but(honest, |turn| turn.right_before ^= 1);
    lies.tell("score before one off", Class::False, wrong, &honest.witness);
    let wrong = but(honest, |turn| turn.kept.iter_mut().take(1).for_each(|kept| *kept = !*kept));
    lies.tell("kept flag flipped", Class::False, wrong, &honest.witness);
    let wrong = but(honest, |turn| turn.after = turn.before);
    lies.tell("no work done", Class::False, wrong, &honest.witness);
}

/// The results of the honest turn under other public ingredients.
fn ingredients(honest: &Case<Turn>, lies: &mut Lies<Turn>) {
    let share = |turn: &mut Turn| turn.inputs.iter_mut().take(1).for_each(|input| input.share = Share(1));
    lies.tell("another share", Class::False, but(honest, share), &honest.witness);
    let batch = but(honest, |turn| turn.batch_seed = Digest([3; 32]));
    lies.tell("another batch seed", Class::False, batch, &honest.witness);
    // Some draws give the same score; the liar needs one that gives another.
    let drawn = (0..64)
        .map(|n| but(honest, |turn| turn.score_seed = Digest(Seed::from_number(n).0)))
        .find(|turn| !Turn::holds(turn, &honest.witness));
    if let Some(drawn) = drawn {
        lies.tell("another score seed", Class::False, drawn, &honest.witness);
    }
    let models = |turn: &mut Turn| {
        if let [first, second, ..] = turn.inputs.as_mut_slice() {
            std::mem::swap(&mut first.model, &mut second.model);
        }
    };
    let swapped = with(honest, |witness| witness.models.swap(0, 1));
    lies.tell("models swapped between shares", Class::False, but(honest, models), &swapped);
    let beyond = Tensor::vector(vec![WEIGHT_LIMIT + 1; honest.witness.before.len()]);
    let model =
        |turn: &mut Turn| turn.inputs.iter_mut().take(1).for_each(|input| input.model = beyond.commitment());
    let witness =
        with(honest, |witness| witness.models.iter_mut().take(1).for_each(|model| *model = beyond.clone()));
    lies.tell("a model outside the interval of weights", Class::False, but(honest, model), &witness);
}

/// The honest public part, proved from another witness.
fn witnesses(honest: &Case<Turn>, lies: &mut Lies<Turn>) {
    let mut tell = |lie, change: &dyn Fn(&mut TurnWitness)| {
        lies.tell(lie, Class::Unrelated, honest.public.clone(), &with(honest, change));
    };
    tell("another head before", &|witness| witness.before = bumped(&witness.before));
    tell("models in another order", &|witness| witness.models.swap(0, 1));
    tell("another model", &|witness| {
        witness.models.iter_mut().take(1).for_each(|model| *model = bumped(model));
    });
    tell("other data", &|witness| witness.data = others(&witness.data));
    tell("another metric set", &|witness| witness.metric_set = others(&witness.metric_set));
}

/// Public parts that state nothing.
fn shapes(honest: &Case<Turn>, lies: &mut Lies<Turn>) {
    let mut tell = |lie, change: &dyn Fn(&mut Turn)| {
        lies.tell(lie, Class::Malformed, but(honest, change), &honest.witness);
    };
    tell("shares above one", &|turn| {
        turn.inputs.iter_mut().take(1).for_each(|input| input.share = Share::ONE);
    });
    tell("kept flags missing", &|turn| turn.kept.clear());
    tell("columns that the data do not have", &|turn| turn.data.columns += 1);
    let short = with(honest, |witness| witness.models.truncate(1));
    lies.tell("a model missing", Class::Malformed, honest.public.clone(), &short);
}

/// A proof made for a subject that is not the goal.
fn other_subject(honest: &Case<Turn>) -> Attempt<Turn> {
    let context = Context { subject: Digest([1; 32]), ..honest.context };
    let proof = forge::<Turn>(&context, &honest.public, &Turn::witness(&honest.witness));
    let public = honest.public.clone();
    Attempt {
        lie: "made for a subject that is not the goal",
        context,
        public,
        proof,
        class: Class::Unrelated,
    }
}

/// Other data of the same size.
pub(super) fn others(honest: &ExactData) -> Arc<ExactData> {
    let rows = u32::try_from(honest.rows()).unwrap_or(u32::MAX);
    Arc::new(data(Seed::from_number(99), rows))
}

/// The head after of an honest turn, computed again.
fn honest_after(honest: &Case<Turn>) -> Tensor {
    let witness = Turn::witness(&honest.witness).into_iter().cloned().collect();
    let run = honest.public.relation().ok().and_then(|relation| {
        let inputs = relation.assemble(witness).ok()?;
        bitneuron_core::exact::execute(&relation.program, &inputs).ok()
    });
    let after = run.and_then(|run| run.outputs().first().map(|after| (*after).clone()));
    after.unwrap_or_else(|| honest.witness.before.clone())
}
