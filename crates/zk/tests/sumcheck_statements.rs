//! The standard statements under sumcheck, with models and data committed in groups: what is true is proved, what is false is
//! refused as re-execution refuses it, and no liar is believed.
#![cfg(feature = "sumcheck")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use bitneuron_core::claim::{Inference, Score, Turn};
use bitneuron_core::exact::programs::merge::MergeRule;
use bitneuron_core::exact::programs::metric::Measure;
use bitneuron_core::exact::{Binding, Relation, Tensor, execute};
use bitneuron_core::{Commitment, Context, Seed, Wire, decode, encode};
use bitneuron_zk::backend::sumcheck::{Geometry, Sumcheck, Vault};
use bitneuron_zk::liar::{self, Attempt};
use bitneuron_zk::statements::Several;
use bitneuron_zk::suite::{Case, World};
use bitneuron_zk::{
    Batch, Both, Chain, Computation, Improvement, Library, Merge, Metric, NormBound, Prediction, Proof,
    Prover, Replay, Step, Verifier, VerifyError, pack,
};
use rand_chacha::rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const GEOMETRY: Geometry = Geometry { rows: 10, openings: 4, ..Geometry::TINY };
/// Mutants of each public part.
const MUTANTS: usize = 300;

/// A backend that knows the world's metric set, and the tensors of one statement by their Merkle commitments.
struct Scene {
    backend: Sumcheck,
    library: Arc<Library>,
    tensors: BTreeMap<Commitment, Tensor>,
}

fn world() -> World {
    let mut world = World::new(Seed::from_number(1));
    // A goal names the tensor that it begins with by a Merkle tree, and no other tensor of it is that one.
    world.goal.initial = Tensor::scalar(1).commitment();
    world
}

/// The committed tensors of one side.
fn committed<'a>(
    bindings: &'a [Binding],
    tensors: impl IntoIterator<Item = &'a Tensor>,
) -> Vec<(Commitment, &'a Tensor)> {
    let commitment = |(binding, tensor): (&Binding, &'a Tensor)| match binding {
        Binding::Committed(commitment) => Some((*commitment, tensor)),
        Binding::Public(_) => None,
    };
    bindings.iter().zip(tensors).filter_map(commitment).collect()
}

/// What the program gives, or zeros where a lie is such that it does not run.
fn outputs(relation: &Relation, inputs: &[Tensor]) -> Vec<Tensor> {
    let program = &relation.program;
    let zeros = |shape: &[u32]| Tensor::new(shape, vec![0; shape.iter().product::<u32>() as usize]).unwrap();
    match execute(program, inputs) {
        Ok(run) => run.outputs().into_iter().cloned().collect(),
        Err(_) => program.outputs().iter().map(|id| zeros(program.shape(*id).unwrap())).collect(),
    }
}

/// As many numbers as there are, the first one higher.
fn bumped(tensor: &Tensor) -> Tensor {
    let mut data = tensor.data().to_vec();
    data[0] += 1;
    Tensor::new(tensor.shape(), data).unwrap()
}

/// The public part with Merkle commitments replaced by those in groups, wherever it has them.
fn renamed<P: Wire>(public: &P, groups: &BTreeMap<Commitment, Commitment>) -> P {
    let written =
        |commitment: &Commitment| [&commitment.scheme.to_le_bytes()[..], &commitment.root.0].concat();
    let mut bytes = encode(public);
    for (merkle, grouped) in groups {
        let (old, new) = (written(merkle), written(grouped));
        while let Some(at) = bytes.windows(old.len()).position(|window| *window == old) {
            bytes.splice(at..at + old.len(), new.iter().copied());
        }
    }
    decode(&bytes).unwrap()
}

impl Scene {
    fn new<S: Computation>(world: &World, cases: &[Case<S>]) -> Self {
        let mut tensors = BTreeMap::new();
        for case in cases {
            let relation = S::relation(&case.public).unwrap();
            let witness: Vec<Tensor> = S::witness(&case.witness).into_iter().cloned().collect();
            let inputs = relation.assemble(witness).unwrap();
            let all = inputs.iter().cloned().chain(outputs(&relation, &inputs));
            tensors.extend(all.map(|tensor| (tensor.commitment(), tensor)));
        }
        let mut library = Library::new();
        library.insert_data(&world.metric_set);
        let library = Arc::new(library);
        Self { backend: Sumcheck::new(GEOMETRY, library.clone()).unwrap(), library, tensors }
    }

    /// An owner's backend, and the group commitments of all that is stated: of the first input alone, of the other ones
    /// together, of the outputs together. A tensor that nobody has seen is one off what the program takes or gives.
    fn commit(
        &self,
        context: &Context,
        relation: &Relation,
        witness: &[Tensor],
    ) -> Option<(Sumcheck, BTreeMap<Commitment, Commitment>)> {
        let inputs = relation.assemble(witness.to_vec()).ok()?;
        let outputs = outputs(relation, &inputs);
        let inputs = committed(&relation.inputs, &inputs);
        let (first, others) = inputs.split_at(inputs.len().min(1));
        let owner = self.backend.with_vault(Vault::new());
        let mut groups = BTreeMap::new();
        let sides = [first.to_vec(), others.to_vec(), committed(&relation.outputs, &outputs)];
        for (number, side) in sides.into_iter().enumerate() {
            let fresh: BTreeMap<Commitment, Tensor> = side
                .into_iter()
                .filter(|(own, _)| !groups.contains_key(own) && self.library.get(own).is_none())
                .map(|(own, tensor)| {
                    let stated = self.tensors.get(&own).filter(|stated| stated.shape() == tensor.shape());
                    let own_or_other =
                        if tensor.commitment() == own { tensor.clone() } else { bumped(tensor) };
                    let stated = stated.cloned().unwrap_or(own_or_other);
                    (own, stated)
                })
                .collect();
            if fresh.is_empty() {
                continue;
            }
            let tensors: Vec<&Tensor> = fresh.values().collect();
            let made = owner.commit(&tensors, context, Seed::from_number(number as u64)).unwrap();
            groups.extend(fresh.into_keys().zip(made));
        }
        Some((owner, groups))
    }

    /// A case with its commitments in groups, as its owner has it.
    fn grouped<S: Computation>(&self, case: &Case<S>) -> (Sumcheck, S::Public) {
        let witness: Vec<Tensor> = S::witness(&case.witness).into_iter().cloned().collect();
        let relation = S::relation(&case.public).unwrap();
        let (owner, groups) = self.commit(&case.context, &relation, &witness).unwrap();
        (owner, renamed(&case.public, &groups))
    }
}

/// Whoever checks: an empty vault.
fn verify<S: Computation>(
    scene: &Scene,
    context: &Context,
    public: &S::Public,
    proof: &Proof,
) -> Result<(), VerifyError> {
    Verifier::<S>::verify(&scene.backend, context, public, proof)
}

/// Proves what is true of the cases and nothing else, as re-execution does.
fn agrees<S: Computation>(world: &World, cases: &[Case<S>])
where
    S::Witness: Clone,
{
    let (scene, replay) = (Scene::new(world, cases), Replay::default());
    let mut truths = 0;
    for (number, case) in cases.iter().enumerate() {
        let name = format!("{} {number}", S::DOMAIN);
        let Case { context, public, witness } = case;
        let truth = S::holds(public, witness);
        let seed = Seed::from_number(number as u64);
        assert_eq!(Prover::<S>::prove(&replay, context, public, witness, seed).is_ok(), truth, "{name}");
        let (owner, public) = scene.grouped(case);
        let hidden = Case::<S> { context: *context, public, witness: witness.clone() };
        let proved = Prover::<S>::prove(&owner, context, &hidden.public, witness, seed);
        if truth {
            let proof = proved.unwrap_or_else(|error| panic!("{name}: {error}"));
            let verdict = verify::<S>(&scene, context, &hidden.public, &proof);
            verdict.unwrap_or_else(|error| panic!("{name}: {error}"));
            if truths == 0 {
                // The liar knows how proofs are made.
                let made = liar::sumcheck::sealed(&owner, &hidden);
                assert_eq!(verify::<S>(&scene, context, &hidden.public, &made).ok(), Some(()), "{name}");
                elsewhere(&scene, &hidden, &proof);
            }
            truths += 1;
        } else {
            assert!(proved.is_err(), "{name}");
            let forged = liar::sumcheck::sealed(&owner, &hidden);
            assert!(verify::<S>(&scene, context, &hidden.public, &forged).is_err(), "{name}");
        }
    }
    assert!(truths > 0 && truths < cases.len(), "{}: {truths} of {}", S::DOMAIN, cases.len());
}

/// The proof is of this public part in this context and of nothing else.
fn elsewhere<S: Computation>(scene: &Scene, case: &Case<S>, proof: &Proof) {
    let bytes = encode(&case.public);
    for moved in liar::moved::<S>(case.context, proof, || decode(&bytes).unwrap()) {
        assert!(
            verify::<S>(scene, &moved.context, &moved.public, proof).is_err(),
            "{}: {}",
            S::DOMAIN,
            moved.lie
        );
    }
    let mut rng = Seed::from_number(9).rng();
    let mut below = |limit: usize| (rng.next_u64() % limit as u64) as usize;
    let mut reached = 0;
    for number in 0..MUTANTS {
        let mut mutant = bytes.clone();
        let at = below(bytes.len());
        match number % 3 {
            0 => mutant[at] ^= 1 << below(8),
            1 => mutant[at] = [0, 1, 0x7f, 0xff][below(4)],
            _ => {
                let other = below(bytes.len());
                mutant.swap(at, other);
            }
        }
        let Ok(public) = decode::<S::Public>(&mutant) else { continue };
        if mutant != bytes {
            reached += 1;
            assert!(verify::<S>(scene, &case.context, &public, proof).is_err(), "{}: {mutant:?}", S::DOMAIN);
        }
    }
    assert!(reached > MUTANTS / 10, "only {reached} mutants of {} decode", S::DOMAIN);
}

/// The witness that a liar wrote into its replay proof.
fn written(relation: &Relation, proof: &Proof) -> Option<Vec<Tensor>> {
    let mut body = proof.body.get(32..)?;
    let inputs = relation.inputs.iter().zip(relation.program.inputs());
    inputs
        .filter(|(binding, _)| matches!(binding, Binding::Committed(_)))
        .map(|(_, input)| {
            body = body.strip_prefix(&[0])?;
            pack::read(&mut body, &input.shape).ok()
        })
        .collect()
}

/// Tells the liar's lies to sumcheck: each with a forged proof of its own and with the honest one.
fn refused<S: Computation>(world: &World, honest: &Case<S>, attempts: &[Attempt<S>])
where
    S::Witness: Clone,
{
    let scene = Scene::new(world, std::slice::from_ref(honest));
    let (owner, public) = scene.grouped(honest);
    let proof =
        Prover::<S>::prove(&owner, &honest.context, &public, &honest.witness, Seed::from_number(1)).unwrap();
    verify::<S>(&scene, &honest.context, &public, &proof).unwrap();
    let (own, mut forged) = (encode(&public), 0);
    for attempt in attempts {
        let name = format!("{}: {}", S::DOMAIN, attempt.lie);
        let Ok(relation) = S::relation(&attempt.public) else {
            assert!(
                matches!(
                    verify::<S>(&scene, &attempt.context, &attempt.public, &proof),
                    Err(VerifyError::Statement(_))
                ),
                "{name}"
            );
            continue;
        };
        let witness = written(&relation, &attempt.proof);
        let laid = witness.as_ref().and_then(|witness| scene.commit(&attempt.context, &relation, witness));
        let Some((liar, groups)) = laid else {
            assert!(verify::<S>(&scene, &attempt.context, &attempt.public, &proof).is_err(), "{name}");
            continue;
        };
        let public: S::Public = renamed(&attempt.public, &groups);
        // A lie about the witness alone states what is true.
        if attempt.context != honest.context || encode(&public) != own {
            let shown = verify::<S>(&scene, &attempt.context, &public, &proof);
            assert!(shown.is_err(), "{name}, the honest proof");
        }
        let witness = witness.unwrap_or_default();
        if relation.holds(witness.clone()).is_ok() {
            // True, but elsewhere: a lie about the proof alone.
            continue;
        }
        let witness: Vec<&Tensor> = witness.iter().collect();
        let made = liar.forge_claim::<S>(&attempt.context, &public, &witness, Seed::from_number(3));
        if let Ok(Some(made)) = made {
            forged += 1;
            assert!(verify::<S>(&scene, &attempt.context, &public, &made).is_err(), "{name}, forged");
        }
    }
    assert!(forged >= 2, "{}: {forged} forgeries of {} lies", S::DOMAIN, attempts.len());
}

#[test]
fn about_turns_scores_and_inferences() {
    let world = world();
    agrees::<Turn>(&world, &world.turns());
    agrees::<Score>(&world, &world.scores());
    agrees::<Inference>(&world, &world.inferences());
}

#[test]
fn about_nets() {
    let world = world();
    agrees::<Merge>(&world, &world.merges());
    agrees::<Step>(&world, &world.steps());
    agrees::<NormBound>(&world, &world.norm_bounds());
    agrees::<Prediction>(&world, &world.predictions());
}

#[test]
fn about_measures() {
    let world = world();
    agrees::<Metric>(&world, &world.metrics());
    agrees::<Improvement>(&world, &world.improvements());
}

#[test]
fn about_several() {
    let world = world();
    agrees::<Batch<Metric>>(&world, &world.batches());
    agrees::<Both<Merge, Step>>(&world, &world.boths());
    agrees::<Chain<Step>>(&world, &world.chains());
    agrees::<Chain<Turn>>(&world, &world.turn_chains());
}

#[test]
fn liars_about_turns_scores_and_inferences() {
    let world = world();
    refused(&world, &world.turn(), &liar::turn::attempts(&world.turn()));
    refused(&world, &world.score(), &liar::score::attempts(&world.score()));
    refused(&world, &world.inference(), &liar::inference::attempts(&world.inference()));
}

#[test]
fn liars_about_nets() {
    let world = world();
    let merge = world.merge(Some(MergeRule::default()));
    refused(&world, &merge, &liar::merge::attempts(&merge));
    let [_, step, _, factorised] = world.kinds_of_steps();
    refused(&world, &step, &liar::step::attempts(&step));
    refused(&world, &factorised, &liar::step::attempts(&factorised));
    refused(&world, &world.norm_bound(), &liar::norm::attempts(&world.norm_bound()));
    let prediction = world.prediction(world.factorised());
    refused(&world, &prediction, &liar::prediction::attempts(&prediction));
}

#[test]
fn liars_about_measures_and_several() {
    let world = world();
    let metric = world.metric(Measure::Accuracy, true);
    refused(&world, &metric, &liar::metric::attempts(&metric));
    let improvement = world.improvement(Measure::Accuracy, false);
    refused(&world, &improvement, &liar::metric::improvements(&improvement));
    refused(&world, &world.batch(), &liar::joined::batches(&world.batch()));
    refused(&world, &world.chain(), &liar::joined::chains(&world.chain()));
    refused(&world, &world.both(), &liar::pair::attempts(&world.both()));
    refused(&world, &world.turn_chain(), &liar::lineage::attempts(&world.turn_chain()));
}

/// Tensors that share a group are opened together, whichever of them is named.
#[test]
fn openings_are_counted_by_group() {
    let world = world();
    let bound = world.norm_bound();
    let backend = Sumcheck::new(GEOMETRY, Arc::default()).unwrap();
    let [before, after] = &bound.witness;
    let models = backend.commit(&[before, after, before], &bound.context, Seed::from_number(1)).unwrap();
    let groups: Vec<_> = [[models[0], models[1]], [models[2], models[1]]]
        .into_iter()
        .map(|models| {
            let public = NormBound { models, ..bound.public.clone() };
            let proof = Prover::<NormBound>::prove(
                &backend,
                &bound.context,
                &public,
                &bound.witness,
                Seed::from_number(2),
            );
            let openings = Verifier::<NormBound>::openings(&backend, &public, &proof.unwrap());
            let [opening] = openings.as_slice() else { panic!("{openings:?}") };
            assert_eq!(opening.tensors, BTreeSet::from(models).into_iter().collect::<Vec<_>>());
            opening.group
        })
        .collect();
    assert_eq!(groups[0], groups[1]);
    assert_eq!(backend.vault().left(&models[0]), GEOMETRY.openings - 2);
}

/// Groups hide that two tensors are equal: statements made of several take them as the two that they are said to be.
#[test]
fn equal_tensors_in_two_groups_are_two() {
    let world = world();
    let bound = world.norm_bound();
    let backend = Sumcheck::new(GEOMETRY, Arc::default()).unwrap();
    let commit = |tensor: &Tensor, seed| {
        backend.commit(&[tensor], &bound.context, Seed::from_number(seed)).unwrap()[0]
    };
    let [before, after] = &bound.witness;
    let part = |seed| NormBound { models: [commit(before, seed), commit(after, 9)], ..bound.public.clone() };
    let public = Several { parts: vec![part(1), part(2)] };
    let witness = vec![bound.witness.clone(), bound.witness.clone()];
    let proof =
        Prover::<Batch<NormBound>>::prove(&backend, &bound.context, &public, &witness, Seed::from_number(1))
            .unwrap();
    Verifier::<Batch<NormBound>>::verify(&backend, &bound.context, &public, &proof).unwrap();
}
