//! Hostile proofs: every byte, random mutants, spliced and re-ordered parts, other statements and contexts. None is accepted,
//! none panics, none costs more memory than it brings.
#![cfg(feature = "sumcheck")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_core::exact::{Binding, Builder, Interval, Program, Relation, Tensor, execute};
use bitneuron_core::{ChainId, Context, Digest, Height, NodeId, Seed};
use bitneuron_zk::backend::sumcheck::mutant::{Part, mutants, parts, reordered, splice};
use bitneuron_zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron_zk::{Backend, Library, Proof, VerifyError};
use std::sync::{Arc, OnceLock};

fn context() -> Context {
    Context {
        chain: ChainId(Digest([3; 32])),
        height: Height(4),
        by: NodeId([5; 32]),
        subject: Digest([6; 32]),
    }
}

/// One of every kind of constraint: a product, a rescale with its ranges, a known table of weights.
fn program() -> Program {
    let mut b = Builder::new();
    let x = b.input(&[3, 2], Interval::symmetric(100)).unwrap();
    let w = b.input(&[2, 2], Interval::symmetric(100)).unwrap();
    let z = b.einsum("ik,kj->ij", x, w).unwrap();
    let z = b.rescale(z, 3).unwrap();
    b.output(z);
    b.build().unwrap()
}

fn inputs(seed: i64) -> Vec<Tensor> {
    vec![
        Tensor::new(&[3, 2], (0..6).map(|i| (i * 7 + seed) % 31 - 15).collect()).unwrap(),
        Tensor::new(&[2, 2], (0..4).map(|i| (i * 5 + seed) % 23 - 11).collect()).unwrap(),
    ]
}

/// Both inputs in one group, the output in another.
fn relation(backend: &Sumcheck, seed: i64) -> Relation {
    let (program, inputs) = (program(), inputs(seed));
    let run = execute(&program, &inputs).unwrap();
    let own = Seed::from_number(seed.unsigned_abs());
    let sides = [inputs.iter().collect::<Vec<_>>(), run.outputs().into_iter().collect()];
    let [inputs, outputs] = sides.map(|side| {
        let all = backend.commit(&side, &context(), own).unwrap();
        all.into_iter().map(Binding::Committed).collect::<Vec<_>>()
    });
    Relation { program, inputs, outputs }
}

struct Scene {
    backend: Sumcheck,
    relation: Relation,
    proof: Proof,
    /// The same statement proved again.
    again: Proof,
    /// Another true statement of the same program.
    other: Relation,
    foreign: Proof,
}

fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        // What the verifier beneath stumbles over is contained, and need not be told.
        std::panic::set_hook(Box::new(|_| {}));
        let backend = Sumcheck::new(Geometry::TINY, Arc::new(Library::new())).unwrap();
        let (relation, other) = (relation(&backend, 1), relation(&backend, 2));
        let prove = |relation: &Relation, seed: i64, entropy| {
            backend.prove_relation(&context(), relation, inputs(seed), Seed::from_number(entropy)).unwrap()
        };
        let (proof, again) = (prove(&relation, 1, 1), prove(&relation, 1, 2));
        let foreign = prove(&other, 2, 1);
        Scene { backend, relation, proof, again, other, foreign }
    })
}

fn check(proof: &Proof) -> Result<(), VerifyError> {
    let scene = scene();
    scene.backend.verify_relation(&context(), &scene.relation, proof)
}

fn with(bytes: Vec<u8>) -> Proof {
    Proof { backend: Backend::SUMCHECK, body: bytes.into() }
}

#[test]
fn what_is_not_changed_is_accepted() {
    let scene = scene();
    check(&scene.proof).unwrap();
    check(&scene.again).unwrap();
    scene.backend.verify_relation(&context(), &scene.other, &scene.foreign).unwrap();
}

#[test]
fn no_byte_may_be_another() {
    let scene = scene();
    let mut accepted = Vec::new();
    for (part, range) in parts(&scene.proof).unwrap() {
        // Every byte of the short parts; the opening is long and mostly hashes.
        let stride = if part == Part::Opening { 211 } else { 1 };
        for at in range.step_by(stride) {
            let mut bytes = scene.proof.body.to_vec();
            bytes[at] ^= 1 << (at % 8);
            if check(&with(bytes)).is_ok() {
                accepted.push((part, at));
            }
        }
    }
    assert_eq!(accepted, Vec::new());
}

#[test]
fn the_beginning_of_an_opening_may_not_be_another() {
    let scene = scene();
    let (_, range) = parts(&scene.proof).unwrap().pop().unwrap();
    // Values, counts, tags of roots and the first messages lie here.
    for at in range.clone().take(600).chain(range.rev().take(200)) {
        let mut bytes = scene.proof.body.to_vec();
        bytes[at] = bytes[at].wrapping_add(1);
        assert!(check(&with(bytes)).is_err(), "{at}");
    }
}

#[test]
fn no_mutant_is_accepted() {
    let scene = scene();
    let accepted =
        mutants(&scene.backend, &scene.relation, &context(), &scene.proof, 2_000, Seed::from_number(1));
    assert_eq!(accepted, 0);
}

#[test]
fn lengths_are_not_believed() {
    let scene = scene();
    let all = parts(&scene.proof).unwrap();
    for (_, range) in all {
        // A list's length stands at its beginning; in the opening lists are nested.
        for at in range.take(64) {
            for length in [u64::MAX, 1 << 60, 1 << 40, 1 << 32, 1 << 26, 1 << 21] {
                let mut bytes = scene.proof.body.to_vec();
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&length.to_le_bytes()[..end - at]);
                assert!(check(&with(bytes)).is_err());
            }
        }
    }
    let body = scene.proof.body.to_vec();
    (0..64).for_each(|cut| assert!(check(&with(body[..body.len() * cut / 64].to_vec())).is_err()));
    assert!(check(&with([body.as_slice(), &[0]].concat())).is_err());
    assert!(check(&with(vec![0xff; Proof::MAX_BODY + 1])).is_err());
}

#[test]
fn parts_of_two_proofs_make_none() {
    let scene = scene();
    for other in [&scene.again, &scene.foreign] {
        for part in Part::ALL {
            for (to, from) in [(&scene.proof, other), (other, &scene.proof)] {
                let spliced = splice(to, from, part).unwrap();
                // The statement's own parts are alike in both proofs of it.
                let alike = spliced == scene.proof || spliced == scene.again;
                assert!(alike || check(&spliced).is_err(), "{part:?}");
            }
        }
    }
    let both =
        |first, second| splice(&splice(&scene.proof, &scene.again, first).unwrap(), &scene.again, second);
    for (at, first) in Part::ALL.into_iter().enumerate() {
        for second in Part::ALL.into_iter().skip(at + 1) {
            let spliced = both(first, second).unwrap();
            assert!(spliced == scene.proof || check(&spliced).is_err(), "{first:?} and {second:?}");
        }
    }
}

#[test]
fn nothing_may_change_places() {
    let changed = reordered(&scene().proof);
    assert!(changed.len() >= 12, "{}", changed.len());
    for (at, proof) in changed.iter().enumerate() {
        assert!(check(proof).is_err(), "change {at}");
    }
}

#[test]
fn another_statement_or_context_needs_another_proof() {
    let scene = scene();
    let verify = |context: &Context, relation: &Relation, proof: &Proof| {
        scene.backend.verify_relation(context, relation, proof)
    };
    let here = context();
    let contexts = [
        Context { chain: ChainId(Digest([4; 32])), ..here },
        Context { height: Height(5), ..here },
        Context { by: NodeId([6; 32]), ..here },
        Context { subject: Digest([7; 32]), ..here },
    ];
    for context in &contexts {
        assert!(verify(context, &scene.relation, &scene.proof).is_err());
    }
    assert!(verify(&here, &scene.other, &scene.proof).is_err());
    assert!(verify(&here, &scene.relation, &scene.foreign).is_err());
    let other_backend = Proof { backend: Backend::REPLAY, body: scene.proof.body.clone() };
    assert!(verify(&here, &scene.relation, &other_backend).is_err());
    // Outputs and inputs of one statement in the other.
    let mixed = [
        Relation { outputs: scene.other.outputs.clone(), ..scene.relation.clone() },
        Relation { inputs: scene.other.inputs.clone(), ..scene.relation.clone() },
        Relation {
            inputs: vec![scene.relation.inputs[0].clone(), scene.other.inputs[1].clone()],
            ..scene.relation.clone()
        },
        Relation { inputs: scene.relation.inputs.iter().rev().cloned().collect(), ..scene.relation.clone() },
    ];
    for relation in &mixed {
        assert!(verify(&here, relation, &scene.proof).is_err());
    }
    // What is stated in the open, one off and as it is: the proof was not made for it.
    let run = execute(&program(), &inputs(1)).unwrap();
    for by in [0, 1] {
        let mut data = run.outputs()[0].data().to_vec();
        data[0] += by;
        let stated = Binding::Public(Tensor::new(&[3, 2], data).unwrap());
        let relation = Relation { outputs: vec![stated], ..scene.relation.clone() };
        assert!(verify(&here, &relation, &scene.proof).is_err());
    }
    // Another program of the same form.
    let mut b = Builder::new();
    let x = b.input(&[3, 2], Interval::symmetric(100)).unwrap();
    let w = b.input(&[2, 2], Interval::symmetric(101)).unwrap();
    let z = b.einsum("ik,kj->ij", x, w).unwrap();
    let z = b.rescale(z, 3).unwrap();
    b.output(z);
    let relation = Relation { program: b.build().unwrap(), ..scene.relation.clone() };
    assert!(verify(&here, &relation, &scene.proof).is_err());
}

#[test]
fn a_geometry_is_agreed_upon() {
    let scene = scene();
    let tiny = Geometry::TINY;
    let others = [
        Geometry::SMALL,
        Geometry { openings: 3, ..tiny },
        Geometry { rate: 4, ..tiny },
        Geometry { mask_rate: 4, ..tiny },
    ];
    for geometry in others {
        let backend = Sumcheck::new(geometry, Arc::new(Library::new())).unwrap();
        assert!(backend.verify_relation(&context(), &scene.relation, &scene.proof).is_err(), "{geometry:?}");
    }
}

/// Integers only: the same bytes on every machine and at every number of threads.
#[test]
fn a_proof_is_the_same_everywhere() {
    let digest = |proof: &Proof| Digest::of("test transcript", &proof.body);
    let scene = scene();
    let proofs = [&scene.proof, &scene.again, &scene.foreign].map(|proof| digest(proof).to_string());
    let golden = [
        "1ee6357c106ee1eb85080c644cde294941423ae49c2ad7510d79a774454b47d8",
        "e34727f23aa37356ba75d732ec731a1ee93268cb9892ee42d49fbfd9cca51214",
        "018715041d17ad8701e7bb800a70243af2d273108f0c3be29d76c71bbf6be2d3",
    ];
    assert_eq!(proofs, golden);
}
