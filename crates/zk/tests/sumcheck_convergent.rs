//! Commitments that whoever holds a tensor can make again: the laws of provers and verifiers, and what a proof shows.
#![cfg(feature = "sumcheck")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_core::claim::{CheckClaim, Demand, Refused, Score, Turn};
use bitneuron_core::exact::Tensor;
use bitneuron_core::{ChainId, Digest, Seed, encode};
use bitneuron_zk::backend::sumcheck::{Convergent, Geometry};
use bitneuron_zk::suite::{Case, World, check};
use bitneuron_zk::{
    Backend, Library, NormBound, Optimistic, Proof, Prover, Registry, Verifier, VerifyError, ZeroKnowledge,
    binding, claim, liar, pack,
};
use std::sync::Arc;

const GEOMETRY: Geometry = Geometry { rows: 10, openings: 4, ..Geometry::TINY };

fn world() -> World {
    World::new(Seed::from_number(1))
}

fn convergent() -> Convergent {
    Convergent::new(GEOMETRY, Arc::new(Library::new())).unwrap()
}

/// With the metric set known.
fn informed(world: &World) -> Convergent {
    let mut library = Library::new();
    library.insert_data(&world.metric_set);
    Convergent::new(GEOMETRY, Arc::new(library)).unwrap()
}

#[test]
fn the_laws_are_kept_for_turns() {
    // What the verifier beneath stumbles over is contained, and need not be told.
    std::panic::set_hook(Box::new(|_| {}));
    let (world, backend) = (world(), informed(&world()));
    let verdict = check::<Turn>(&backend, &|case| liar::sumcheck::converged(&backend, case), &world.turns());
    drop(std::panic::take_hook());
    verdict.unwrap();
}

#[test]
fn the_laws_are_kept_for_scores() {
    let (world, backend) = (world(), convergent());
    check::<Score>(&backend, &|case| liar::sumcheck::converged(&backend, case), &world.scores()).unwrap();
}

#[test]
fn a_tensor_has_one_commitment_on_a_chain() {
    let tensor = Tensor::vector((0..40).collect());
    let other = Tensor::vector((1..41).collect());
    let [here, there] = [1, 2].map(|byte| ChainId(Digest([byte; 32])));
    let (first, second) = (convergent(), convergent());
    let own = first.commitment(&tensor, here).unwrap();
    assert_eq!(own, first.commitment(&tensor, here).unwrap());
    assert_eq!(own, second.commitment(&tensor, here).unwrap(), "whoever holds it finds it");
    assert_ne!(own, first.commitment(&tensor, there).unwrap());
    assert_ne!(own, first.commitment(&other, here).unwrap());
    let larger = Convergent::new(Geometry::TINY, Arc::default()).unwrap();
    assert_ne!(own, larger.commitment(&tensor, here).unwrap(), "another budget");
}

/// The case with both models in groups.
fn hidden(backend: &Convergent, case: &Case<NormBound>) -> Case<NormBound> {
    let commit = |model: &Tensor| backend.commitment(model, case.context.chain).unwrap();
    let models = case.witness.each_ref().map(commit);
    Case { public: NormBound { models, ..case.public.clone() }, ..case.clone() }
}

fn prove(backend: &Convergent, case: &Case<NormBound>) -> Proof {
    Prover::<NormBound>::prove(backend, &case.context, &case.public, &case.witness, Seed::from_number(1))
        .unwrap()
}

fn verify(case: &Case<NormBound>, proof: &Proof) -> Result<(), VerifyError> {
    Verifier::<NormBound>::verify(&convergent(), &case.context, &case.public, proof)
}

fn with(bytes: Vec<u8>) -> Proof {
    Proof { backend: bitneuron_zk::Backend::SUMCHECK, body: bytes.into() }
}

#[test]
fn models_in_groups_are_proved_and_not_shown() {
    let backend = convergent();
    let case = hidden(&backend, &world().norm_bound());
    let proof = prove(&backend, &case);
    verify(&case, &proof).unwrap();
    for model in &case.witness {
        let shown = pack::pack(model);
        assert!(!proof.body.windows(shown.len()).any(|window| window == shown));
    }
    let mut longer = proof.body.to_vec();
    longer.push(0);
    assert!(verify(&case, &with(longer)).is_err());
    let mut elsewhere = case.clone();
    elsewhere.context.chain = ChainId(Digest([2; 32]));
    assert!(verify(&elsewhere, &proof).is_err());
    // There the same models have other names, and nobody can prove of these.
    let lost = Prover::<NormBound>::prove(
        &backend,
        &elsewhere.context,
        &elsewhere.public,
        &elsewhere.witness,
        Seed::default(),
    );
    assert!(lost.is_err());
}

#[test]
fn what_is_shown_is_what_is_stated() {
    let case = world().norm_bound();
    let proof = prove(&convergent(), &case);
    verify(&case, &proof).unwrap();
    // Two models of one shape, in the order of their commitments.
    let mut rest: &[u8] = &proof.body;
    let shape = case.witness[0].shape();
    let shown = [(); 2].map(|()| pack::read(&mut rest, shape).unwrap());
    let mut sorted = case.witness.clone();
    sorted.sort_by_key(Tensor::commitment);
    assert_eq!(shown, sorted);
    let body = |tensors: &[&Tensor], more: &[u8], rest: &[u8]| {
        let tensors: Vec<u8> = tensors.iter().flat_map(|tensor| pack::pack(tensor)).collect();
        with([&tensors, more, rest].concat())
    };
    let [first, second] = &shown;
    assert_eq!(body(&[first, second], &[], rest), proof);
    let mut data = first.data().to_vec();
    data[0] += 1;
    let other = Tensor::vector(data);
    let not = |tensors: &[&Tensor], place| {
        let refused = verify(&case, &body(tensors, &[], rest)).unwrap_err();
        assert!(matches!(refused, VerifyError::NotCommitted(own) if own == place), "{refused}");
    };
    not(&[&other, second], 0);
    not(&[first, &other], 1);
    not(&[second, first], 0);
    not(&[first, first], 1);
    let long = Tensor::vector([first.data(), &[0]].concat());
    let malformed = [
        body(&[first], &[], rest),
        body(&[&long, second], &[], rest),
        body(&[first, second, second], &[], rest),
        body(&[first, second], &[0], rest),
        body(&[first, second], &[], &[rest, &[0]].concat()),
        body(&[first, second], &[], &[]),
        with(rest.to_vec()),
        with(Vec::new()),
    ];
    for (number, proof) in malformed.iter().enumerate() {
        assert!(matches!(verify(&case, proof), Err(VerifyError::Malformed(_))), "{number}");
    }
}

/// Who shows models does not say that they are hidden.
#[test]
fn guarantees_tell_what_is_shown() {
    let backend = convergent();
    let case = world().norm_bound();
    let says = |case: &Case<NormBound>| {
        let guarantees = Verifier::<NormBound>::guarantees(&backend, &case.public);
        (guarantees.zero_knowledge, guarantees.succinct)
    };
    assert_eq!(says(&hidden(&backend, &case)), (ZeroKnowledge::Full, true));
    assert_eq!(says(&case), (ZeroKnowledge::None, false), "and what is shown is as long as the witness");
}

/// A claim that was believed for the time being, answered for by a whole proof: that is what opens its groups.
#[test]
fn an_answer_to_an_audit_says_what_it_opens() {
    let (world, backend) = (world(), convergent());
    let case = hidden(&backend, &world.norm_bound());
    let registry = |limit| {
        let registry = Registry::new().with::<NormBound>(Optimistic::default()).limit(limit);
        registry.answering::<NormBound>(Backend::SUMCHECK, convergent())
    };
    let judge = registry(Registry::DEFAULT_LIMIT);
    let bound = binding::<NormBound>(Backend::OPTIMISTIC, &case.context, &case.public);
    let believed = Proof { backend: Backend::OPTIMISTIC, body: [bound.0, [0; 32]].concat().into() };
    let claim = claim::<NormBound>(&world.key, case.context, &case.public, &believed);
    assert_eq!(judge.check(&claim), Ok(()));
    assert_eq!(judge.openings(&claim), []);
    let (beacon, demand) = (Digest([4; 32]), Demand::Proof(Backend::SUMCHECK.0));
    let answer = encode(&prove(&backend, &case));
    assert_eq!(judge.audit(&claim, beacon, demand, &answer), Ok(()));
    assert_eq!(judge.audit_openings(&claim, demand, &answer).len(), 2);
    assert_eq!(judge.audit_openings(&claim, Demand::Openings, &answer), []);
    assert_eq!(judge.audit_openings(&claim, Demand::Proof(9), &answer), []);
    assert_eq!(judge.audit_openings(&claim, demand, &[]), []);
    let mut wrong = answer;
    *wrong.last_mut().unwrap() ^= 1;
    assert!(judge.audit(&claim, beacon, demand, &wrong).is_err());
    // Nobody is let owe an answer that is dearer than a check may be.
    let gas = judge.audit_gas(&claim, demand, &[]);
    assert_eq!(registry(gas).check(&claim), Ok(()));
    assert_eq!(registry(gas - 1).check(&claim), Err(Refused::TooCostly { gas, limit: gas - 1 }));
}

/// Who counts openings reads them off the proof: a group for each hidden model, none for what is shown.
#[test]
fn a_proof_says_what_it_opens() {
    let backend = convergent();
    let shown = world().norm_bound();
    let case = hidden(&backend, &shown);
    let opened = |case: &Case<NormBound>, proof: &Proof| {
        Verifier::<NormBound>::openings(&backend, &case.public, proof)
    };
    assert_eq!(opened(&shown, &prove(&backend, &shown)), []);
    let openings = opened(&case, &prove(&backend, &case));
    let named: Vec<_> = openings.iter().map(|opening| opening.tensors.clone()).collect();
    assert_eq!(named, case.public.models.map(|model| vec![model]));
    assert_ne!(openings[0].group, openings[1].group);
    // Another proof of another holder opens the same groups.
    let mut again = case.clone();
    again.context.height.0 += 1;
    assert_eq!(opened(&again, &prove(&convergent(), &again)), openings);
    assert_eq!(opened(&case, &with(Vec::new())), []);
}
