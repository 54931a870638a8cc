//! Lies about a score.

use super::turn::others;
use super::{Attempt, Class, Lies, forge, moved};
use crate::suite::Case;
use crate::suite::world::bumped;
use crate::{Computation, ScoreWitness};
use bitneuron_core::Digest;
use bitneuron_core::claim::Score;

/// Every lie about the score `honest`.
pub fn attempts(honest: &Case<Score>) -> Vec<Attempt<Score>> {
    let mut lies = Lies::new(honest.context);
    let Case { context, public, witness } = honest;
    let but = |change: &dyn Fn(&mut Score)| {
        let mut public = public.clone();
        change(&mut public);
        public
    };
    lies.tell("one row too many", Class::False, but(&|score| score.right += 1), witness);
    lies.tell("one row off", Class::False, but(&|score| score.right ^= 1), witness);
    let other = ScoreWitness { model: bumped(&witness.model), ..witness.clone() };
    lies.tell("another model", Class::Unrelated, public.clone(), &other);
    let easier = ScoreWitness { metric_set: others(&witness.metric_set), ..witness.clone() };
    lies.tell("another metric set", Class::Unrelated, public.clone(), &easier);
    let fewer = but(&|score| score.goal.metric_set.rows -= 1);
    lies.tell("a metric set said to be smaller", Class::Malformed, fewer, witness);
    let wider = but(&|score| score.goal.metric_set.columns += 1);
    lies.tell("a metric set of other columns", Class::Malformed, wider, witness);
    let endless = but(&|score| score.goal.training.steps = u32::MAX);
    lies.tell("a goal of endless steps", Class::Malformed, endless, witness);

    // An honest proof under the public part of another claim.
    let proof = forge::<Score>(context, public, &Score::witness(witness));
    let renamed = but(&|score| score.goal.name.push('x'));
    let class = Class::Unrelated;
    let shown = Attempt {
        lie: "shown for another goal",
        context: *context,
        public: renamed,
        proof: proof.clone(),
        class,
    };
    let model = but(&|score| score.model.root = Digest([9; 32]));
    let sold = Attempt {
        lie: "shown for another model",
        context: *context,
        public: model,
        proof: proof.clone(),
        class,
    };
    let mut attempts = lies.attempts;
    attempts.extend([shown, sold]);
    attempts.extend(moved(*context, &proof, || public.clone()));
    attempts
}
