//! Lies about statements made of several: one false part, parts in another order, proofs of the parts alone.

use super::{Attempt, Class, Lies, forge, moved};
use crate::statements::batch::UNSTATED;
use crate::statements::{Batch, Chain, Several};
use crate::suite::Case;
use crate::{Computation, Metric, Step};

/// Every lie about the batch `honest` of at least two metrics with different values.
pub fn batches(honest: &Case<Batch<Metric>>) -> Vec<Attempt<Batch<Metric>>> {
    let mut lies = Lies::<Batch<Metric>>::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut Several<Metric>)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    lies.tell("the first part false", Class::False, but(&|all| raise(all.parts.first_mut())), witness);
    lies.tell("the last part false", Class::False, but(&|all| raise(all.parts.last_mut())), witness);
    let swapped = but(&|all| {
        let values: Vec<i64> = all.parts.iter().rev().map(|part| part.value).collect();
        all.parts.iter_mut().zip(values).for_each(|(part, value)| part.value = value);
    });
    lies.tell("values swapped", Class::False, swapped, witness);
    let bare = but(&|all| all.parts.clear());
    lies.tell("no parts", Class::Malformed, bare, witness);
    let many = but(&|all| all.parts = all.parts.iter().cycle().take(65).cloned().collect());
    lies.tell("too many parts", Class::Malformed, many, witness);

    let proof = forge::<Batch<Metric>>(context, public, &Batch::<Metric>::witness(witness));
    let shown = |lie, public: Several<Metric>, proof| Attempt {
        lie,
        context: *context,
        public,
        proof,
        class: Class::Unrelated,
    };
    let mut attempts = lies.attempts;
    attempts.push(shown("fewer parts than were proved", but(&|all| drop(all.parts.pop())), proof.clone()));
    attempts.push(shown("parts in another order", but(&|all| all.parts.reverse()), proof.clone()));
    if let ([part, ..], [own, ..]) = (public.parts.as_slice(), witness.as_slice()) {
        let alone = forge::<Metric>(context, part, &Metric::witness(own));
        attempts.push(shown("the proof of one part for all", public.clone(), alone));
    }
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}

fn raise(part: Option<&mut Metric>) {
    part.into_iter().for_each(|part| part.value += 1);
}

/// Every lie about the chain `honest` of at least three steps with momentum.
pub fn chains(honest: &Case<Chain<Step>>) -> Vec<Attempt<Chain<Step>>> {
    let mut lies = Lies::<Chain<Step>>::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut Several<Step>)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    let shorter = but(&|all| drop(all.parts.remove(1)));
    let mut fewer = witness.clone();
    fewer.remove(1);
    lies.tell("a part left out", Class::False, shorter, &fewer);
    let rate = but(&|all| all.parts.iter_mut().skip(1).for_each(|part| part.training.rate_shift += 2));
    lies.tell("another rate in the middle", Class::False, rate, witness);
    let idle = but(&|all| {
        if let [first, .., last] = all.parts.as_mut_slice() {
            last.after = first.before;
        }
    });
    lies.tell("no work done", Class::False, idle, witness);
    let stated = but(&|all| {
        let first = all.parts.first().map(|part| part.before.model);
        all.parts.iter_mut().skip(1).take(1).for_each(|part| part.before.model = first.unwrap_or(UNSTATED));
    });
    lies.tell("a state in the middle that nobody checks", Class::Malformed, stated, witness);
    let open = but(&|all| all.parts.iter_mut().skip(1).take(1).for_each(|part| part.before.velocity = None));
    lies.tell("a velocity lost on the way", Class::Malformed, open, witness);
    let bare = but(&|all| all.parts.clear());
    lies.tell("a chain of nothing", Class::Malformed, bare, witness);
    let proof = forge::<Chain<Step>>(context, public, &Chain::<Step>::witness(witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}
