//! True and false cases of statements made of several.

use super::cases::outputs;
use super::{Case, World};
use crate::Statement;
use crate::statements::batch::UNSTATED;
use crate::statements::{Batch, Both, Chain, Merge, Metric, Pair, Several, State, Step};
use bitneuron_core::claim::Turn;
use bitneuron_core::exact::Tensor;
use bitneuron_core::exact::programs::metric::Measure;
use bitneuron_core::exact::programs::step::{Loss, Training};

/// One case of several, in the context of the first.
fn together<S: Statement, B>(cases: Vec<Case<S>>) -> Option<Case<B>>
where
    B: Statement<Public = Several<S::Public>, Witness = Vec<S::Witness>>,
{
    let context = cases.first()?.context;
    let (parts, witness) = cases.into_iter().map(|case| (case.public, case.witness)).unzip();
    Some(Case { context, public: Several { parts }, witness })
}

impl World {
    /// Two metrics on one test set, proved as one.
    pub fn batch(&self) -> Case<Batch<Metric>> {
        let cases =
            vec![self.metric(Measure::Accuracy, true), self.metric(Measure::Loss(Loss::CrossEntropy), false)];
        together(cases).unwrap_or_else(|| unreachable!("two cases"))
    }

    /// A merge and the steps from what it gave, proved as one.
    pub fn both(&self) -> Case<Both<Merge, Step>> {
        let (merge, mut step) =
            (self.merge(None), self.step(self.net(), Training { batch: 4, ..self.goal.training }));
        for merged in outputs::<Merge>(&merge.public, &merge.witness) {
            (step.public.before.model, step.witness.before) = (merged.commitment(), merged);
        }
        for after in outputs::<Step>(&step.public, &step.witness) {
            step.public.after.model = after.commitment();
        }
        Case {
            context: merge.context,
            public: Pair { first: merge.public, second: step.public },
            witness: Pair { first: merge.witness, second: step.witness },
        }
    }

    /// Three consecutive steps with momentum; what is between them is stated nowhere.
    pub fn chain(&self) -> Case<Chain<Step>> {
        let training = Training { steps: 1, momentum: 200, ..self.goal.training };
        let mut cases = vec![self.step(self.net(), training)];
        for number in 0..2 {
            let Some(last) = cases.last() else { unreachable!("a first case") };
            let after = outputs::<Step>(&last.public, &last.witness);
            let [model, velocity] = after.as_slice() else { unreachable!("a model and a velocity") };
            let mut next = self.step(self.net(), training);
            next.public.batch_seed = self.digest(&format!("batch {number}"));
            next.public.before = last.public.after;
            (next.witness.before, next.witness.velocity) = (model.clone(), Some(velocity.clone()));
            let commitments: Vec<_> =
                outputs::<Step>(&next.public, &next.witness).iter().map(Tensor::commitment).collect();
            if let [model, velocity] = *commitments {
                next.public.after = State { model, velocity: Some(velocity) };
            }
            cases.push(next);
        }
        let unstated = State { model: UNSTATED, velocity: Some(UNSTATED) };
        cases.iter_mut().skip(1).for_each(|case| case.public.before = unstated);
        cases.iter_mut().take(2).for_each(|case| case.public.after = unstated);
        together(cases).unwrap_or_else(|| unreachable!("three cases"))
    }

    /// Two consecutive turns; the head between them is stated nowhere.
    pub fn turn_chain(&self) -> Case<Chain<Turn>> {
        let mut first = self.turn();
        let mut second = self.turn();
        let after = outputs::<Turn>(&first.public, &first.witness);
        if let Some(head) = after.first() {
            (second.public.before, second.witness.before) = (head.commitment(), head.clone());
        }
        second.public.batch_seed = self.digest("second batch");
        if let [after, before_right, after_right, kept] =
            outputs::<Turn>(&second.public, &second.witness).as_slice()
        {
            second.public.after = after.commitment();
            second.public.right_before = super::world::count(before_right);
            second.public.right_after = super::world::count(after_right);
            second.public.kept = kept.data().iter().map(|kept| *kept == 1).collect();
        }
        (first.public.after, second.public.before) = (UNSTATED, UNSTATED);
        together(vec![first, second]).unwrap_or_else(|| unreachable!("two cases"))
    }

    /// A true batch, and one with a false part.
    pub fn batches(&self) -> [Case<Batch<Metric>>; 2] {
        let truth = self.batch();
        let mut lie = truth.clone();
        lie.public.parts.iter_mut().skip(1).for_each(|part| part.value += 1);
        [truth, lie]
    }

    /// A true pair, and ones with a false half.
    pub fn boths(&self) -> [Case<Both<Merge, Step>>; 3] {
        let truth = self.both();
        let (mut first, mut second) = (truth.clone(), truth.clone());
        first.public.first.merged = truth.public.second.after.model;
        second.public.second.after = truth.public.second.before;
        [truth, first, second]
    }

    /// A true chain, and one of which the second part is false.
    pub fn chains(&self) -> [Case<Chain<Step>>; 2] {
        let truth = self.chain();
        let mut lie = truth.clone();
        lie.public.parts.iter_mut().skip(1).take(1).for_each(|part| part.training.momentum = 100);
        [truth, lie]
    }

    /// A true chain of turns, and one with a false score in the middle.
    pub fn turn_chains(&self) -> [Case<Chain<Turn>>; 2] {
        let truth = self.turn_chain();
        let mut lie = truth.clone();
        lie.public.parts.iter_mut().take(1).for_each(|part| part.right_after ^= 1);
        [truth, lie]
    }
}
