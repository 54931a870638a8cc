//! Lies about a norm bound.

use super::{Attempt, Class, Lies, forge, moved};
use crate::suite::Case;
use crate::suite::world::bumped;
use crate::{Computation, NormBound};
use bitneuron_core::exact::Tensor;
use bitneuron_core::exact::fixed::WEIGHT_LIMIT;

/// Every lie about the norm bound `honest`, which its update reaches exactly.
pub fn attempts(honest: &Case<NormBound>) -> Vec<Attempt<NormBound>> {
    let mut lies = Lies::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut NormBound)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    lies.tell("a square shorter", Class::False, but(&|norm| norm.bound.square -= 1), witness);
    lies.tell("a reach shorter", Class::False, but(&|norm| norm.bound.reach -= 1), witness);
    lies.tell("no update at all", Class::False, but(&|norm| norm.bound.square = 0), witness);
    // One coordinate all the way across: its square fits no bound of the others.
    let far = |sign: i64| {
        let [before, after] = witness.each_ref().map(|model| model.data().to_vec());
        let at = |mut values: Vec<i64>, to: i64| {
            values.iter_mut().take(1).for_each(|value| *value = to);
            Tensor::vector(values)
        };
        [at(before, -sign * WEIGHT_LIMIT), at(after, sign * WEIGHT_LIMIT)]
    };
    for (lie, sign) in [("a leap up", 1), ("a leap down", -1)] {
        let leap = far(sign);
        let models = leap.each_ref().map(Tensor::commitment);
        lies.tell(lie, Class::False, but(&|norm| norm.models = models), &leap);
    }
    let [before, after] = witness.clone();
    lies.tell("models swapped", Class::Unrelated, public.clone(), &[after.clone(), before.clone()]);
    lies.tell("another update", Class::Unrelated, public.clone(), &[before, bumped(&after)]);
    let vast = but(&|norm| norm.parameters = u32::MAX);
    lies.tell("more parameters than there are", Class::Malformed, vast, witness);
    let proof = forge::<NormBound>(context, public, &NormBound::witness(witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}
