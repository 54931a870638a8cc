//! Lies about a merge.

use super::{Attempt, Class, Lies, forge, moved};
use crate::suite::Case;
use crate::suite::world::bumped;
use crate::{Computation, Merge};
use bitneuron_core::Share;
use bitneuron_core::exact::Tensor;
use bitneuron_core::exact::fixed::WEIGHT_LIMIT;
use bitneuron_core::exact::programs::merge::MergeRule;

/// Every lie about the merge `honest` of at least three different models with different shares.
pub fn attempts(honest: &Case<Merge>) -> Vec<Attempt<Merge>> {
    let mut lies = Lies::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut Merge)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    let theirs = but(&|merge| merge.merged = merge.models.last().copied().unwrap_or(merge.merged));
    lies.tell("one of the models as the mean", Class::False, theirs, witness);
    let shares = but(&|merge| merge.shares.swap(0, 2));
    lies.tell("shares swapped", Class::False, shares, witness);
    let all = |merge: &mut Merge| {
        merge.shares.iter_mut().for_each(|share| *share = Share(0));
        merge.shares.iter_mut().skip(1).take(1).for_each(|share| *share = Share::ONE);
    };
    lies.tell("all the weight for one", Class::False, but(&all), witness);
    let mut swapped = witness.clone();
    swapped.swap(0, 2);
    let order = but(&|merge| merge.models.swap(0, 2));
    lies.tell("models between shares swapped", Class::False, order, &swapped);
    lies.tell("the honest models in another order", Class::Unrelated, public.clone(), &swapped);
    let mut beyond = witness.clone();
    let far = Tensor::vector(vec![WEIGHT_LIMIT + 1; public.parameters as usize]);
    beyond.iter_mut().take(1).for_each(|model| *model = far.clone());
    let outside = but(&|merge| merge.models.iter_mut().take(1).for_each(|model| *model = far.commitment()));
    lies.tell("a model outside the interval of weights", Class::False, outside, &beyond);
    let other: Vec<Tensor> = witness.iter().map(bumped).collect();
    lies.tell("other models", Class::Unrelated, public.clone(), &other);
    let rule = |merge: &mut Merge| {
        let filtered = merge.rule.is_none();
        let others = merge.models.len().saturating_sub(1);
        merge.rule = filtered.then(MergeRule::default);
        merge.kept = if filtered { vec![true; others] } else { Vec::new() };
    };
    lies.tell("another rule", Class::False, but(&rule), witness);
    let more = but(&|merge| merge.shares.iter_mut().take(1).for_each(|share| share.0 += 1));
    lies.tell("shares above one", Class::Malformed, more, witness);
    let flags = but(&|merge| merge.kept.push(true));
    lies.tell("a kept flag too many", Class::Malformed, flags, witness);
    let nobody = |merge: &mut Merge| {
        merge.models.clear();
        merge.shares.clear();
    };
    lies.tell("a merge of nothing", Class::Malformed, but(&nobody), witness);
    let proof = forge::<Merge>(context, public, &Merge::witness(witness));
    let mut attempts = lies.attempts;
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}
