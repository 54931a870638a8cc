//! Lies about metrics and improvements.

use super::{Attempt, Class, Lies, forge, moved};
use crate::statements::Rows;
use crate::suite::Case;
use crate::suite::world::bumped;
use crate::{Computation, Improvement, Metric};
use std::sync::Arc;

/// Every lie about the metric `honest`.
pub fn attempts(honest: &Case<Metric>) -> Vec<Attempt<Metric>> {
    let mut lies = Lies::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut Metric)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    lies.tell("one more", Class::False, but(&|metric| metric.value += 1), witness);
    lies.tell("one less", Class::False, but(&|metric| metric.value -= 1), witness);
    lies.tell("beyond all numbers", Class::False, but(&|metric| metric.value = i64::MIN), witness);
    let mut other = witness.clone();
    other.model = bumped(&witness.model);
    lies.tell("another model", Class::Unrelated, public.clone(), &other);
    let mut easier = witness.clone();
    easier.data = other_rows(&witness.data);
    lies.tell("another test set", Class::Unrelated, public.clone(), &easier);
    lies.tell("no rows", Class::Malformed, but(&|metric| metric.test.data.rows = 0), witness);
    let columns = but(&|metric| metric.test.data.columns += 1);
    lies.tell("columns that the set does not have", Class::Malformed, columns, witness);
    let rows = but(&|metric| metric.test.data.rows = u32::MAX);
    lies.tell("endless rows", Class::Malformed, rows, witness);
    let proof = forge::<Metric>(context, public, &Metric::witness(witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}

/// Every lie about the improvement `honest`.
pub fn improvements(honest: &Case<Improvement>) -> Vec<Attempt<Improvement>> {
    let mut lies = Lies::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut Improvement)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    lies.tell("better than it is", Class::False, but(&|better| better.values[1] += 1), witness);
    lies.tell("worse before than it was", Class::False, but(&|better| better.values[0] -= 1), witness);
    let shifted = but(&|better| better.values.iter_mut().for_each(|value| *value += 1));
    lies.tell("the right difference of wrong values", Class::False, shifted, witness);
    let mut swapped = witness.clone();
    swapped.models.swap(0, 1);
    lies.tell("models swapped", Class::Unrelated, public.clone(), &swapped);
    let mut easier = witness.clone();
    easier.data = other_rows(&witness.data);
    lies.tell("another test set", Class::Unrelated, public.clone(), &easier);
    let absurd = but(&|better| better.values = [i64::MIN, i64::MAX]);
    lies.tell("a difference beyond all numbers", Class::Malformed, absurd, witness);
    let columns = but(&|better| better.test.data.columns += 1);
    lies.tell("columns that the set does not have", Class::Malformed, columns, witness);
    let proof = forge::<Improvement>(context, public, &Improvement::witness(witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}

/// Rows with one feature changed.
fn other_rows(honest: &Rows) -> Arc<Rows> {
    Arc::new(Rows { features: bumped(&honest.features), targets: honest.targets.clone() })
}
