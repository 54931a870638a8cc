//! The statements about nets and those made of several: replay keeps the laws for each, and their parts mean what they say.

use bitneuron_core::exact::programs::merge::MergeRule;
use bitneuron_core::exact::programs::metric::Measure;
use bitneuron_core::exact::programs::norm::Bound;
use bitneuron_core::exact::programs::step::{Loss, Training};
use bitneuron_core::exact::{Binding, Tensor};
use bitneuron_core::{Seed, Share, claim::Turn, goal::Goal};
use bitneuron_zk::statements::batch::{MAX_PARTS, UNSTATED};
use bitneuron_zk::statements::{Pair, Several};
use bitneuron_zk::suite::{World, check};
use bitneuron_zk::{
    Batch, Both, Chain, Computation, Improvement, Merge, Metric, NormBound, Prediction, Replay, Statement,
    StatementError, Step, liar,
};

fn world() -> World {
    World::new(Seed::from_number(1))
}

#[test]
fn replay_keeps_the_laws_for_every_statement_about_nets() {
    let (world, replay) = (world(), Replay::default());
    check::<Merge>(&replay, &liar::replayed, &world.merges()).unwrap();
    check::<Step>(&replay, &liar::replayed, &world.steps()).unwrap();
    check::<Metric>(&replay, &liar::replayed, &world.metrics()).unwrap();
    check::<Improvement>(&replay, &liar::replayed, &world.improvements()).unwrap();
    check::<NormBound>(&replay, &liar::replayed, &world.norm_bounds()).unwrap();
    check::<Prediction>(&replay, &liar::replayed, &world.predictions()).unwrap();
}

#[test]
fn replay_keeps_the_laws_for_statements_made_of_several() {
    let (world, replay) = (world(), Replay::default());
    check::<Batch<Metric>>(&replay, &liar::replayed, &world.batches()).unwrap();
    check::<Both<Merge, Step>>(&replay, &liar::replayed, &world.boths()).unwrap();
    check::<Chain<Step>>(&replay, &liar::replayed, &world.chains()).unwrap();
    check::<Chain<Turn>>(&replay, &liar::replayed, &world.turn_chains()).unwrap();
}

/// What is a case's truth: as many true as the suite says, in every world.
#[test]
fn cases_are_as_true_as_they_say() {
    for seed in 1..=5 {
        let world = World::new(Seed::from_number(seed));
        let count = |truths: usize, found: Vec<bool>| {
            assert_eq!(found.iter().filter(|truth| **truth).count(), truths, "world {seed}: {found:?}");
        };
        count(2, world.merges().iter().map(|case| Merge::holds(&case.public, &case.witness)).collect());
        count(4, world.steps().iter().map(|case| Step::holds(&case.public, &case.witness)).collect());
        count(4, world.metrics().iter().map(|case| Metric::holds(&case.public, &case.witness)).collect());
        count(
            4,
            world.improvements().iter().map(|case| Improvement::holds(&case.public, &case.witness)).collect(),
        );
        count(
            1,
            world.norm_bounds().iter().map(|case| NormBound::holds(&case.public, &case.witness)).collect(),
        );
        count(
            2,
            world.predictions().iter().map(|case| Prediction::holds(&case.public, &case.witness)).collect(),
        );
        count(
            1,
            world.chains().iter().map(|case| Chain::<Step>::holds(&case.public, &case.witness)).collect(),
        );
    }
}

#[test]
fn names_tell_what_is_joined() {
    assert_eq!(Batch::<Metric>::DOMAIN, "bitneuron batch of [bitneuron metric v1] v1");
    assert_eq!(
        <Both<Merge, Chain<Step>>>::DOMAIN,
        "bitneuron both [bitneuron merge v1] and [bitneuron chain of [bitneuron step v1] v1] v1"
    );
    assert_ne!(<Both<Merge, Step>>::DOMAIN, <Both<Step, Merge>>::DOMAIN);
}

/// Two metrics on one test set read it once, and a chain commits to its ends alone.
#[test]
fn shared_tensors_are_inputs_once() {
    let world = world();
    let batch = world.batch();
    let committed = |relation: &bitneuron_core::exact::Relation| {
        relation.inputs.iter().filter(|input| matches!(input, Binding::Committed(_))).count()
    };
    let joined = Batch::<Metric>::relation(&batch.public).unwrap();
    assert_eq!((committed(&joined), Batch::<Metric>::witness(&batch.witness).len()), (3, 3));
    let chain = world.chain();
    let joined = Chain::<Step>::relation(&chain.public).unwrap();
    // Model, velocity, features, labels; of outputs only the last model and velocity.
    assert_eq!((committed(&joined), joined.outputs.len()), (4, 2));
}

/// A chain of steps ends where the same steps in one program end.
#[test]
fn a_chain_is_one_long_step() {
    let world = world();
    let chain = world.chain();
    let last = chain.public.parts.last().unwrap().after;
    let mut state = (chain.witness[0].before.clone(), chain.witness[0].velocity.clone().unwrap());
    for (public, witness) in chain.public.parts.iter().zip(&chain.witness) {
        assert_eq!((&witness.before, witness.velocity.as_ref().unwrap()), (&state.0, &state.1));
        let inputs = [
            state.0,
            state.1,
            witness.data.features.clone(),
            witness.data.targets.clone(),
            Tensor::vector(bitneuron_core::exact::data::draw(public.batch_seed, public.data.rows, 4)),
        ];
        let program =
            bitneuron_core::exact::programs::step::sgd(&public.net, public.data.rows, public.training)
                .unwrap();
        let run = bitneuron_core::exact::execute(&program, &inputs).unwrap();
        state = (run.outputs()[0].clone(), run.outputs()[1].clone());
    }
    assert_eq!(last.model, state.0.commitment());
    assert_eq!(last.velocity, Some(state.1.commitment()));
}

#[test]
fn chains_that_state_what_is_between_or_use_its_name_are_refused() {
    let world = world();
    let honest = world.chain().public;
    let refused = |change: &dyn Fn(&mut Several<Step>)| {
        let mut chain = honest.clone();
        change(&mut chain);
        assert!(matches!(Chain::<Step>::relation(&chain), Err(StatementError::Malformed(_))));
    };
    assert!(Chain::<Step>::relation(&honest).is_ok());
    refused(&|chain| chain.parts[1].before.model = chain.parts[0].before.model);
    refused(&|chain| chain.parts[0].after.model = chain.parts[0].before.model);
    refused(&|chain| chain.parts[0].after.velocity = Some(chain.parts[0].data.features));
    // The name of the tensor between the first two parts, in the place of another tensor.
    let mut hasher = bitneuron_core::hash::Hasher::new("bitneuron chain link v1");
    let name = bitneuron_core::Commitment::merkle(hasher.number(0).number(0).finish());
    refused(&|chain| chain.parts[0].before.model = name);
    refused(&|chain| chain.parts[0].data.features = name);
    refused(&|chain| chain.parts[2].data.features = name);
    refused(&|chain| chain.parts[2].after.model = name);
    refused(&|chain| chain.parts.clear());
    // Of the right shape: the head between two turns as a model that the second one merges.
    let mut turns = world.turn_chain().public;
    assert!(Chain::<Turn>::relation(&turns).is_ok());
    turns.parts[1].inputs[0].model = name;
    assert!(matches!(Chain::<Turn>::relation(&turns), Err(StatementError::Malformed(_))));
    // Two parts of which one has no momentum.
    refused(&|chain| {
        chain.parts[1].training.momentum = 0;
        (chain.parts[1].before.velocity, chain.parts[1].after.velocity) = (None, None);
    });
    let one =
        Several { parts: vec![world.step(world.net(), Training { batch: 4, ..Training::default() }).public] };
    assert!(Chain::<Step>::relation(&one).is_ok());
    assert_eq!(UNSTATED.root, bitneuron_core::Digest::ZERO);
}

#[test]
fn sizes_are_refused_before_anything_is_built() {
    let world = world();
    let metric = world.metric(Measure::Accuracy, true).public;
    let many = Several { parts: vec![metric.clone(); MAX_PARTS + 1] };
    assert!(matches!(Batch::<Metric>::relation(&many), Err(StatementError::TooLarge { what: "parts", .. })));
    let mut wide = metric.clone();
    wide.test.data.rows = u32::MAX;
    assert!(matches!(Metric::relation(&wide), Err(StatementError::TooLarge { what: "rows", .. })));
    let mut greedy = metric;
    greedy.test.sample.as_mut().unwrap().count = u32::MAX;
    assert!(matches!(Metric::relation(&greedy), Err(StatementError::TooLarge { what: "drawn rows", .. })));
    greedy.test.sample.as_mut().unwrap().count = Goal::MAX_ROWS;
    let greedy = Several { parts: vec![greedy; MAX_PARTS] };
    assert!(matches!(Batch::<Metric>::relation(&greedy), Err(StatementError::TooLarge { .. })));
    let step = world.step(world.net(), Training { batch: 4, ..Training::default() }).public;
    for training in [
        Training { steps: u32::MAX, ..step.training },
        Training { batch: u32::MAX, ..step.training },
        Training { batch: 2048, ..step.training },
    ] {
        let endless = Step { training, ..step.clone() };
        assert!(matches!(Step::relation(&endless), Err(StatementError::TooLarge { .. })));
    }
    let merge = world.merge(None).public;
    let crowd = Merge { models: vec![merge.merged; 257], shares: vec![Share(0); 257], ..merge.clone() };
    assert!(matches!(Merge::relation(&crowd), Err(StatementError::TooLarge { what: "models", .. })));
    let vast = Merge { parameters: u32::MAX, ..merge };
    assert!(matches!(Merge::relation(&vast), Err(StatementError::Program(_))));
    let bound = Bound { square: u64::MAX, reach: u32::MAX };
    let vast = NormBound { parameters: u32::MAX, bound, ..world.norm_bound().public };
    assert!(matches!(NormBound::relation(&vast), Err(StatementError::Program(_))));
}

/// A rule's own share and the models' order are part of what is said.
#[test]
fn a_filtered_merge_drops_the_far_model() {
    let merge = world().merge(Some(MergeRule::default()));
    assert_eq!(merge.public.kept, [true, true, false]);
    let plain = Merge { rule: None, kept: Vec::new(), ..merge.public };
    assert!(!Merge::holds(&plain, &merge.witness));
}

#[test]
fn a_pair_needs_both_halves() {
    let world = world();
    let [truth, ..] = world.boths();
    let halves = Pair {
        first: world.merge(None).witness,
        second: world.step(world.factorised(), Training::default()).witness,
    };
    assert!(<Both<Merge, Step>>::holds(&truth.public, &truth.witness));
    assert!(!<Both<Merge, Step>>::holds(&truth.public, &halves));
}

/// Squared errors of a regression, by hand.
#[test]
fn a_regression_is_measured_in_whole_numbers() {
    let world = world();
    let case = world.improvement(Measure::Loss(Loss::Squared), false);
    assert!(case.public.values.iter().all(|value| *value > 0));
    assert_eq!(case.public.difference(), Some(case.public.values[1] - case.public.values[0]));
    let absurd = Improvement { values: [i64::MIN, i64::MAX], ..case.public };
    assert!(matches!(Improvement::relation(&absurd), Err(StatementError::Malformed(_))));
}
