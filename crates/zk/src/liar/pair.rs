//! Lies about a merge and the steps from what it gave, proved as one.

use super::{Attempt, Class, Lies, but, forge, moved, with};
use crate::statements::{Both, Pair, State, StepWitness};
use crate::suite::Case;
use crate::suite::world::{bumped, run};
use crate::{Computation, Merge, Statement, Step};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{Digest, Seed};

type MergeAndStep = Both<Merge, Step>;
type Public = Pair<Merge, Step>;
type Witness = Pair<Vec<Tensor>, StepWitness>;

/// Every lie about the pair `honest`: the plain mean of at least three different models, and steps without momentum from it.
pub fn attempts(honest: &Case<MergeAndStep>) -> Vec<Attempt<MergeAndStep>> {
    let mut lies = Lies::new(honest.context);
    links(honest, &mut lies);
    results(honest, &mut lies);
    witnesses(honest, &mut lies);
    shapes(honest, &mut lies);
    let mut attempts = lies.attempts;
    attempts.extend(others(honest));
    attempts
}

/// The halves do not meet: what the merge gives is not where the steps begin.
fn links(honest: &Case<MergeAndStep>, lies: &mut Lies<MergeAndStep>) {
    let Some(own) = honest.witness.first.first() else { return };
    let elsewhere = with(honest, |witness| witness.second.before = own.clone());
    let begun = |all: &mut Public| all.second.before.model = own.commitment();
    lies.tell("steps that begin at one of the models", Class::False, but(honest, begun), &elsewhere);
    // True steps from there, so that the merge alone is false.
    let onward = but(honest, |all| {
        begun(all);
        let stepped = run(Step::relation(&all.second).ok(), Step::witness(&elsewhere.second));
        stepped.iter().for_each(|after| all.second.after.model = after.commitment());
        all.first.merged = own.commitment();
    });
    lies.tell("halves that meet at one of the models", Class::False, onward, &elsewhere);
    let bent = but(honest, |all| all.first.merged = own.commitment());
    lies.tell("a merge that leads to one of the models", Class::False, bent, &honest.witness);
}

/// Right ingredients, wrong results; or the results of other ingredients.
fn results(honest: &Case<MergeAndStep>, lies: &mut Lies<MergeAndStep>) {
    let mut tell = |lie, change: &dyn Fn(&mut Public)| {
        lies.tell(lie, Class::False, but(honest, change), &honest.witness);
    };
    tell("results exchanged", &|all| std::mem::swap(&mut all.first.merged, &mut all.second.after.model));
    tell("what was merged as what was stepped to", &|all| all.second.after = all.second.before);
    tell("shares swapped", &|all| all.first.shares.swap(0, 2));
    tell("half the rate", &|all| all.second.training.rate_shift += 1);
    tell("a step fewer", &|all| all.second.training.steps -= 1);
    // Some draws give the same batches; the liar needs one that gives others.
    let drawn = (0..64)
        .map(|n| but(honest, |all| all.second.batch_seed = Digest(Seed::from_number(n).0)))
        .find(|public| !MergeAndStep::holds(public, &honest.witness));
    if let Some(drawn) = drawn {
        lies.tell("another batch seed", Class::False, drawn, &honest.witness);
    }
}

/// The honest public part, proved from another witness.
fn witnesses(honest: &Case<MergeAndStep>, lies: &mut Lies<MergeAndStep>) {
    let mut tell = |lie, change: &dyn Fn(&mut Witness)| {
        lies.tell(lie, Class::Unrelated, honest.public.clone(), &with(honest, change));
    };
    tell("models in another order", &|witness| witness.first.swap(0, 2));
    tell("steps from another model", &|witness| witness.second.before = bumped(&witness.second.before));
}

/// Public parts that state nothing.
fn shapes(honest: &Case<MergeAndStep>, lies: &mut Lies<MergeAndStep>) {
    let mut tell = |lie, change: &dyn Fn(&mut Public)| {
        lies.tell(lie, Class::Malformed, but(honest, change), &honest.witness);
    };
    tell("shares above one", &|all| all.first.shares.iter_mut().take(1).for_each(|share| share.0 += 1));
    tell("a batch that is no power of two", &|all| all.second.training.batch = 3);
    tell("a velocity where there is no momentum", &|all| {
        all.second.after = State { velocity: Some(all.first.merged), ..all.second.after };
    });
}

/// Proofs of something else: of a half, of the halves in the other order, of the pair in another place.
fn others(honest: &Case<MergeAndStep>) -> Vec<Attempt<MergeAndStep>> {
    let Case { context, public, witness } = honest;
    let Pair { first, second } = public.clone();
    let turned = Pair { first: second, second: first };
    let turned_witness = Pair { first: witness.second.clone(), second: witness.first.clone() };
    let proofs = [
        (
            "the proof of the merge alone",
            forge::<Merge>(context, &public.first, &Merge::witness(&witness.first)),
        ),
        (
            "the proof of the steps alone",
            forge::<Step>(context, &public.second, &Step::witness(&witness.second)),
        ),
        (
            "the proof of the halves in the other order",
            forge::<Both<Step, Merge>>(context, &turned, &Both::<Step, Merge>::witness(&turned_witness)),
        ),
    ];
    let shown = proofs.map(|(lie, proof)| Attempt {
        lie,
        context: *context,
        public: public.clone(),
        proof,
        class: Class::Unrelated,
    });
    let whole = forge::<MergeAndStep>(context, public, &MergeAndStep::witness(witness));
    shown.into_iter().chain(moved(*context, &whole, || public.clone())).collect()
}
