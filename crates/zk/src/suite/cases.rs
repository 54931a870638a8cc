//! True and false cases of the statements about nets: merge, step, metric, improvement, norm bound and prediction.

use super::world::{bumped, numbers, run};
use super::{Case, World};
use crate::Computation;
use crate::statements::{
    Improvement, ImprovementWitness, Merge, Metric, MetricWitness, NormBound, Prediction, Rows, Sample,
    State, Step, StepWitness, Test,
};
use bitneuron_core::exact::Tensor;
use bitneuron_core::exact::programs::merge::MergeRule;
use bitneuron_core::exact::programs::metric::Measure;
use bitneuron_core::exact::programs::norm::Bound;
use bitneuron_core::exact::programs::step::{Loss, Training};
use bitneuron_core::exact::programs::{Linear, Net, Train};
use bitneuron_core::{Commitment, Digest, Share};
use std::sync::Arc;

/// The outputs of a computation whose public part states none rightly yet.
pub(super) fn outputs<S: Computation>(public: &S::Public, witness: &S::Witness) -> Vec<Tensor> {
    run(S::relation(public).ok(), S::witness(witness))
}

/// The only element.
fn number(scalar: Option<&Tensor>) -> i64 {
    scalar.and_then(|scalar| scalar.data().first().copied()).unwrap_or(0)
}

/// Nothing, until the outputs are known.
const NOTHING: Commitment = Commitment::merkle(Digest::ZERO);

impl World {
    fn case<S: crate::Statement>(&self, public: S::Public, witness: S::Witness) -> Case<S> {
        Case { context: self.context(self.digest("case")), public, witness }
    }

    /// The net of the world's goal.
    pub fn net(&self) -> Net {
        self.goal.net.clone()
    }

    /// A net of the same features and classes with a factorised layer.
    pub fn factorised(&self) -> Net {
        Train::new(&[2, 2], &[3, 2], &[2])
            .and_then(|train| Net::new(vec![Linear::Train(train), Linear::Dense { from: 6, to: 2 }]))
            .unwrap_or_else(|_| unreachable!("a train of 4 by 6"))
    }

    /// A model of a net.
    pub fn model_of(&self, net: &Net, name: &str) -> Tensor {
        Tensor::vector(numbers(self.seed.derive(name), net.parameters(), 4000))
    }

    /// The author's rows with what a loss compares with.
    fn rows(&self, net: &Net, loss: Loss) -> Arc<Rows> {
        let labelled = Rows::from(&*self.data);
        let count = labelled.targets.len() as u32;
        let targets = match loss {
            Loss::CrossEntropy | Loss::OneHot => labelled.targets,
            Loss::Squared => {
                let values = numbers(self.seed.derive("targets"), count * net.outputs(), 300);
                Tensor::new(&[count, net.outputs()], values)
                    .unwrap_or_else(|_| unreachable!("rows of outputs"))
            }
        };
        Arc::new(Rows { features: labelled.features, targets })
    }

    /// A true merge of all models of the world, with a rule or without.
    pub fn merge(&self, rule: Option<MergeRule>) -> Case<Merge> {
        let witness = self.models.clone();
        let mut public = Merge {
            parameters: self.model().len() as u32,
            models: witness.iter().map(Tensor::commitment).collect(),
            shares: Share::divide(&[4, 3, 2, 1]),
            rule,
            kept: vec![false; rule.map_or(0, |_| witness.len() - 1)],
            merged: NOTHING,
        };
        if let [merged, kept @ ..] = outputs::<Merge>(&public, &witness).as_slice() {
            public.merged = merged.commitment();
            public.kept = kept.iter().flat_map(Tensor::data).map(|kept| *kept == 1).collect();
        }
        self.case(public, witness)
    }

    /// True steps of a net.
    pub fn step(&self, net: Net, training: Training) -> Case<Step> {
        let data = self.rows(&net, training.loss);
        let before = self.model_of(&net, "before");
        let velocity = training
            .has_velocity()
            .then(|| Tensor::vector(numbers(self.seed.derive("velocity"), net.parameters(), 300)));
        let state = |model: Commitment, velocity: Option<Commitment>| State { model, velocity };
        let mut public = Step {
            training,
            data: data.root(),
            batch_seed: self.digest("batch"),
            before: state(before.commitment(), velocity.as_ref().map(Tensor::commitment)),
            after: state(NOTHING, velocity.as_ref().map(|_| NOTHING)),
            net,
        };
        let witness = StepWitness { before, velocity, data };
        if let [model, velocity @ ..] = outputs::<Step>(&public, &witness).as_slice() {
            public.after = state(model.commitment(), velocity.first().map(Tensor::commitment));
        }
        self.case(public, witness)
    }

    /// Steps of every kind: plain, with momentum and decay, a regression, a factorised net.
    pub fn kinds_of_steps(&self) -> [Case<Step>; 4] {
        let plain = Training { steps: 2, batch: 4, rate_shift: 1, ..Training::default() };
        [
            self.step(self.net(), plain),
            self.step(self.net(), Training { momentum: 230, decay: 200, ..plain }),
            self.step(self.net(), Training { loss: Loss::Squared, ..plain }),
            self.step(self.factorised(), Training { momentum: 128, loss: Loss::OneHot, ..plain }),
        ]
    }

    fn test(&self, measure: Measure, sample: bool) -> (Test, Arc<Rows>) {
        let loss = match measure {
            Measure::Accuracy => Loss::CrossEntropy,
            Measure::Loss(loss) => loss,
        };
        let data = self.rows(&self.net(), loss);
        let sample = sample.then(|| Sample { seed: self.digest("sample"), count: 5 });
        (Test { net: self.net(), measure, data: data.root(), sample }, data)
    }

    /// A true metric, over all rows or some.
    pub fn metric(&self, measure: Measure, sample: bool) -> Case<Metric> {
        let (test, data) = self.test(measure, sample);
        let witness = MetricWitness { model: self.model().clone(), data };
        let mut public = Metric { test, model: witness.model.commitment(), value: 0 };
        public.value = number(outputs::<Metric>(&public, &witness).first());
        self.case(public, witness)
    }

    /// A true improvement, for better or worse.
    pub fn improvement(&self, measure: Measure, sample: bool) -> Case<Improvement> {
        let (test, data) = self.test(measure, sample);
        let models = [self.model().clone(), self.model_of(&self.net(), "after")];
        let mut public =
            Improvement { test, models: models.each_ref().map(Tensor::commitment), values: [0, 0] };
        let witness = ImprovementWitness { models, data };
        if let [before, after, _] = outputs::<Improvement>(&public, &witness).as_slice() {
            public.values = [number(Some(before)), number(Some(after))];
        }
        self.case(public, witness)
    }

    /// A true norm bound that is reached exactly.
    pub fn norm_bound(&self) -> Case<NormBound> {
        let [before, near, ..] = self.models.as_slice() else { unreachable!("four models") };
        let witness = [before.clone(), near.clone()];
        let changes = || before.data().iter().zip(near.data()).map(|(x, y)| (y - x).unsigned_abs());
        let bound = Bound {
            square: changes().map(|change| change * change).sum(),
            reach: changes().max().and_then(|reach| u32::try_from(reach).ok()).unwrap_or(0),
        };
        let models = witness.each_ref().map(Tensor::commitment);
        self.case(NormBound { parameters: before.len() as u32, models, bound }, witness)
    }

    /// A true prediction of a net about three rows.
    pub fn prediction(&self, net: Net) -> Case<Prediction> {
        let model = self.model_of(&net, "predictor");
        let rows = numbers(self.seed.derive("rows"), 3 * net.features(), 256);
        let none = Tensor::vector(Vec::new());
        let mut public = Prediction {
            model: model.commitment(),
            features: Tensor::new(&[3, net.features()], rows).unwrap_or_else(|_| unreachable!("three rows")),
            classes: none.clone(),
            logits: none,
            net,
        };
        if let [classes, logits] = outputs::<Prediction>(&public, &model).as_slice() {
            (public.classes, public.logits) = (classes.clone(), logits.clone());
        }
        self.case(public, model)
    }

    /// A plain and a filtered merge, and a false one.
    pub fn merges(&self) -> Vec<Case<Merge>> {
        let (plain, filtered) = (self.merge(None), self.merge(Some(MergeRule::default())));
        let mut lie = plain.clone();
        lie.public.merged = filtered.public.merged;
        vec![plain, filtered, lie]
    }

    /// Steps of every kind, and a false one of each.
    pub fn steps(&self) -> Vec<Case<Step>> {
        let truths = self.kinds_of_steps();
        let lie = |truth: &Case<Step>| {
            let mut lie = truth.clone();
            lie.public.training.rate_shift += 1;
            lie
        };
        truths.iter().map(lie).chain(truths.clone()).collect()
    }

    /// Every measure, over all rows or some, and a false value of each.
    pub fn metrics(&self) -> Vec<Case<Metric>> {
        let truths = measures().map(|(measure, sample)| self.metric(measure, sample)).collect::<Vec<_>>();
        let lie = |truth: &Case<Metric>| {
            let mut lie = truth.clone();
            lie.public.value += 1;
            lie
        };
        truths.iter().map(lie).chain(truths.clone()).collect()
    }

    /// Every measure of two models, and a false difference of each.
    pub fn improvements(&self) -> Vec<Case<Improvement>> {
        let truths =
            measures().map(|(measure, sample)| self.improvement(measure, sample)).collect::<Vec<_>>();
        let lie = |truth: &Case<Improvement>| {
            let mut lie = truth.clone();
            lie.public.values[1] += 1;
            lie
        };
        truths.iter().map(lie).chain(truths.clone()).collect()
    }

    /// A bound that is kept, and tighter ones that are not.
    pub fn norm_bounds(&self) -> Vec<Case<NormBound>> {
        let truth = self.norm_bound();
        let (mut short, mut near) = (truth.clone(), truth.clone());
        short.public.bound.square -= 1;
        near.public.bound.reach -= 1;
        vec![truth, short, near]
    }

    /// Predictions of a dense and a factorised net, and false ones.
    pub fn predictions(&self) -> Vec<Case<Prediction>> {
        let truths = [self.net(), self.factorised()].map(|net| self.prediction(net));
        let lie = |truth: &Case<Prediction>| {
            let mut lie = truth.clone();
            lie.public.logits = bumped(&truth.public.logits);
            lie
        };
        truths.iter().map(lie).chain(truths.clone()).collect()
    }
}

/// Every measure, over some rows or all.
fn measures() -> impl Iterator<Item = (Measure, bool)> {
    [
        (Measure::Accuracy, true),
        (Measure::Loss(Loss::CrossEntropy), false),
        (Measure::Loss(Loss::OneHot), true),
        (Measure::Loss(Loss::Squared), false),
    ]
    .into_iter()
}
