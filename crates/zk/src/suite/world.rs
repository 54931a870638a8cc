//! A small goal with true and false cases of every standard statement.

use super::Case;
use crate::{ScoreWitness, TurnWitness};
use bitneuron_core::claim::{Holding, Inference, Score, Source, Turn, TurnInput};
use bitneuron_core::exact::programs::{Mlp, merge::MergeRule, step::Training};
use bitneuron_core::exact::{ExactData, Relation, Tensor, execute};
use bitneuron_core::goal::{Goal, Metric};
use bitneuron_core::{ChainId, Context, Digest, Height, Keypair, NodeId, Seed, Share};
use rand_chacha::rand_core::Rng;
use std::sync::Arc;

/// Sizes of the model.
const SIZES: [u32; 3] = [4, 3, 2];

/// A goal, its author and its data, all from one seed.
#[derive(Debug, Clone)]
pub struct World {
    /// The author of all claims.
    pub key: Keypair,
    /// The goal.
    pub goal: Goal,
    /// Its metric set of 8 rows.
    pub metric_set: Arc<ExactData>,
    /// The author's data of 6 rows.
    pub data: Arc<ExactData>,
    /// A head, and models near and far from it.
    pub models: Vec<Tensor>,
    pub(super) seed: Seed,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: Seed) -> Self {
        let mlp = Mlp::new(&SIZES).unwrap_or_else(|_| unreachable!("three sizes"));
        let head = numbers(seed.derive("head"), mlp.parameters(), 4000);
        let near = |name: &str, by: i64| {
            let change = numbers(seed.derive(name), mlp.parameters(), by);
            Tensor::vector(head.iter().zip(change).map(|(value, change)| value + change).collect())
        };
        let models = vec![near("own", 0), near("first", 200), near("second", 260), near("far", 4000)];
        let metric_set = Arc::new(data(seed.derive("metric"), 8));
        let goal = Goal {
            name: "small".into(),
            initial: Tensor::vector(head.clone()).commitment(),
            net: mlp.into(),
            metric: Metric::Accuracy,
            metric_set: metric_set.root(),
            drawn: 5,
            training: Training { steps: 2, batch: 4, rate_shift: 1, ..Training::default() },
            merge: MergeRule::default(),
            max_inputs: 4,
        };
        let data = Arc::new(data(seed.derive("data"), 6));
        Self { key: Keypair::from_seed(seed.derive("key")), goal, metric_set, data, models, seed }
    }

    /// The context of a claim about `subject`.
    pub fn context(&self, subject: Digest) -> Context {
        let chain = ChainId(Digest(self.seed.derive("chain").0));
        Context { chain, height: Height(9), by: self.key.id(), subject }
    }

    pub(super) fn digest(&self, name: &str) -> Digest {
        Digest(self.seed.derive(name).0)
    }

    /// A true turn that merges three models, drops the far one and steps.
    pub fn turn(&self) -> Case<Turn> {
        let [before, models @ ..] = self.models.as_slice() else { unreachable!("four models") };
        let sources = [
            Source::Deal(self.digest("deal")),
            Source::Deal(self.digest("sale")),
            Source::Head(NodeId([7; 32])),
        ];
        let inputs = sources.into_iter().zip(models).zip([20_000, 12_000, 9_000]);
        let witness = TurnWitness {
            before: before.clone(),
            models: models.to_vec(),
            data: self.data.clone(),
            metric_set: self.metric_set.clone(),
        };
        let mut public = Turn {
            goal: self.goal.clone(),
            before: before.commitment(),
            inputs: inputs
                .map(|((source, model), share)| TurnInput {
                    source,
                    model: model.commitment(),
                    share: Share(share),
                })
                .collect(),
            data: self.data.root(),
            batch_seed: self.digest("batch"),
            score_seed: self.digest("score"),
            after: before.commitment(),
            right_before: 0,
            right_after: 0,
            kept: vec![true; models.len()],
        };
        let outputs = run(public.relation().ok(), <Turn as crate::Computation>::witness(&witness));
        if let [after, right_before, right_after, kept] = outputs.as_slice() {
            public.after = after.commitment();
            public.right_before = count(right_before);
            public.right_after = count(right_after);
            public.kept = kept.data().iter().map(|kept| *kept == 1).collect();
        }
        Case { context: self.context(self.goal.id().0), public, witness }
    }

    /// A true score.
    pub fn score(&self) -> Case<Score> {
        let model = self.model().clone();
        let mut public = Score { goal: self.goal.clone(), model: model.commitment(), right: 0 };
        let witness = ScoreWitness { model, metric_set: self.metric_set.clone() };
        let outputs = run(public.relation().ok(), <Score as crate::Computation>::witness(&witness));
        public.right = outputs.first().map_or(0, count);
        Case { context: self.context(self.digest("deal")), public, witness }
    }

    /// A true inference over three rows.
    pub fn inference(&self) -> Case<Inference> {
        let model = self.model().clone();
        let mut public = Inference {
            goal: self.goal.clone(),
            model: model.commitment(),
            features: data(self.seed.derive("query"), 3).features().clone(),
            classes: Tensor::vector(Vec::new()),
            logits: Tensor::vector(Vec::new()),
        };
        if let [classes, logits] = run(public.relation().ok(), vec![&model]).as_slice() {
            (public.classes, public.logits) = (classes.clone(), logits.clone());
        }
        Case { context: self.context(self.digest("query")), public, witness: model }
    }

    /// A true holding: four parts of sixteen are challenged.
    pub fn holding(&self) -> Case<Holding> {
        let held = Tensor::vector(numbers(self.seed.derive("held"), 16 * Tensor::CHUNK as u32, 30_000));
        let public = Holding {
            tensor: held.commitment(),
            shape: held.shape().to_vec(),
            challenge: self.digest("challenge"),
            samples: 4,
        };
        Case { context: self.context(self.digest("deal")), public, witness: held }
    }

    /// A true and a false turn.
    pub fn turns(&self) -> [Case<Turn>; 2] {
        let truth = self.turn();
        let mut lie = truth.clone();
        lie.public.right_after ^= 1;
        [truth, lie]
    }

    /// A true and a false score.
    pub fn scores(&self) -> [Case<Score>; 2] {
        let truth = self.score();
        let mut lie = truth.clone();
        lie.public.right ^= 1;
        [truth, lie]
    }

    /// A true and a false inference.
    pub fn inferences(&self) -> [Case<Inference>; 2] {
        let truth = self.inference();
        let mut lie = truth.clone();
        lie.public.logits = bumped(&truth.public.logits);
        [truth, lie]
    }

    /// A true and a false holding.
    pub fn holdings(&self) -> [Case<Holding>; 2] {
        let truth = self.holding();
        let mut lie = truth.clone();
        lie.witness = bumped(&truth.witness);
        [truth, lie]
    }

    pub(super) fn model(&self) -> &Tensor {
        self.models.first().unwrap_or_else(|| unreachable!("four models"))
    }
}

/// The same tensor with its first element one quantum higher.
pub(crate) fn bumped(tensor: &Tensor) -> Tensor {
    let mut values = tensor.data().to_vec();
    values.iter_mut().take(1).for_each(|value| *value = value.saturating_add(1));
    Tensor::new(tensor.shape(), values).unwrap_or_else(|_| tensor.clone())
}

/// `rows` rows of features within ±1 and labels.
pub(crate) fn data(seed: Seed, rows: u32) -> ExactData {
    let [columns, .., classes] = SIZES;
    let features = numbers(seed.derive("features"), rows * columns, 256);
    let labels =
        numbers(seed.derive("labels"), rows, 1000).into_iter().map(|x| x.rem_euclid(i64::from(classes)));
    Tensor::new(&[rows, columns], features)
        .ok()
        .and_then(|features| ExactData::new(features, Tensor::vector(labels.collect())))
        .unwrap_or_else(|| unreachable!("features and labels of the same rows"))
}

/// `count` numbers within ±`limit`.
pub(super) fn numbers(seed: Seed, count: u32, limit: i64) -> Vec<i64> {
    let mut rng = seed.rng();
    let span = limit.unsigned_abs().saturating_mul(2).saturating_add(1);
    (0..count).map(|_| (rng.next_u64() % span) as i64 - limit).collect()
}

/// The outputs of a relation's program on this witness; none where it does not run.
pub(crate) fn run(relation: Option<Relation>, witness: Vec<&Tensor>) -> Vec<Tensor> {
    let witness = witness.into_iter().cloned().collect();
    let run = relation.and_then(|relation| {
        let inputs = relation.assemble(witness).ok()?;
        execute(&relation.program, &inputs).ok()
    });
    run.map_or_else(Vec::new, |run| run.outputs().into_iter().cloned().collect())
}

pub(super) fn count(scalar: &Tensor) -> u32 {
    scalar.data().first().and_then(|count| u32::try_from(*count).ok()).unwrap_or(0)
}
