//! The second prover keeps the laws, agrees with replay on what is true and what is false, and believes no liar.
#![cfg(feature = "spartan")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod executed;

use bitneuron_core::exact::{
    Builder, Comparison, Interval, Op, Program, ProgramError, Table, Tensor, ValueId,
};
use bitneuron_core::{Commitment, Digest, Seed};
use bitneuron_zk::backend::spartan::{self, Spartan, SpartanError, Vault};
use bitneuron_zk::suite::{Case, check};
use bitneuron_zk::{
    Assumption, Backend, Proof, ProveError, Prover, Replay, Statement, Verifier, VerifyError, ZeroKnowledge,
    liar,
};
use executed::{Bound, Executed, Scene, numbers};
use std::sync::Arc;

fn prove(spartan: &Spartan, case: &Case<Executed>) -> Result<Proof, ProveError> {
    Prover::<Executed>::prove(spartan, &case.context, &case.public, &case.witness, Seed::from_number(1))
}

fn verify(
    verifier: &dyn Verifier<Executed>,
    case: &Case<Executed>,
    proof: &Proof,
) -> Result<(), VerifyError> {
    verifier.verify(&case.context, &case.public, proof)
}

/// A case with its prover; false cases are made from it.
fn sealed(scene: &Scene) -> (Spartan, Vault, Case<Executed>) {
    let mut vault = Vault::new();
    let case = scene.sealed(&mut vault).unwrap();
    (Spartan::new(Arc::new(vault.clone())), vault, case)
}

fn bumped(tensor: &Tensor) -> Tensor {
    let mut data = tensor.data().to_vec();
    data[0] += 1;
    Tensor::new(tensor.shape(), data).unwrap()
}

/// The same with another first output: stated, or committed to under a seed that the liar knows.
fn with_wrong_output(case: &Case<Executed>, scene: &Scene, vault: &mut Vault) -> Case<Executed> {
    let mut lie = case.clone();
    let run = bitneuron_core::exact::execute(&scene.program, &scene.inputs).unwrap();
    let wrong = bumped(run.outputs()[0]);
    lie.public.outputs[0] = match &case.public.outputs[0] {
        Bound::Public(_) => Bound::Public(wrong),
        Bound::Hidden(_) => {
            let seed = Seed::from_number(77);
            lie.witness.seeds.push(seed);
            Bound::Hidden(vault.commit(&wrong, seed))
        }
    };
    lie
}

#[test]
fn it_keeps_the_laws() {
    let scene = Scene::norm_bound(3, 1 << 30).unwrap();
    let (_, mut vault, truth) = sealed(&scene);
    let wrong_output = with_wrong_output(&truth, &scene, &mut vault);
    let mut wrong_witness = truth.clone();
    wrong_witness.witness.inputs[0] = bumped(&truth.witness.inputs[0]);
    let spartan = Spartan::new(Arc::new(vault));
    let cases = [truth, wrong_output, wrong_witness];
    check::<Executed>(&spartan, &|case| liar::spartan::sealed(&spartan, case), &cases).unwrap();
}

#[test]
fn the_statements_it_is_for_are_proved_and_their_lies_are_not() {
    let scenes = [
        Scene::linear(6, 8).unwrap(),
        Scene::step(&[5, 4, 3], 9, 4).unwrap(),
        Scene::norm_bound(40, 1 << 30).unwrap(),
        // So long an update that the answer is no.
        Scene::norm_bound(40, 1 << 10).unwrap(),
    ];
    for scene in scenes {
        agree(&scene);
    }
}

/// Replay and Spartan say the same about a scene and about lies made of it.
fn agree(scene: &Scene) {
    let (spartan, mut vault, truth) = sealed(scene);
    let verifier = Prover::<Executed>::verifier(&spartan);
    let proof = prove(&spartan, &truth).unwrap();
    verify(&*verifier, &truth, &proof).unwrap();
    let hashed = scene.hashed().unwrap();
    let replayed = Prover::<Executed>::prove(
        &Replay::default(),
        &hashed.context,
        &hashed.public,
        &hashed.witness,
        Seed::from_number(1),
    );
    verify(&Replay::default(), &hashed, &replayed.unwrap()).unwrap();

    let lie = with_wrong_output(&truth, scene, &mut vault);
    let liar = spartan.with_vault(Arc::new(vault.clone()));
    assert!(!Executed::holds(&lie.public, &lie.witness));
    assert!(matches!(prove(&liar, &lie), Err(ProveError::Relation(_))));
    let forged = liar::spartan::sealed(&liar, &lie);
    // A whole proof, and not only because it is bound to something else.
    assert_eq!(forged.body.len(), proof.body.len());
    assert!(matches!(verify(&*verifier, &lie, &forged), Err(VerifyError::False(_))));
    assert!(matches!(verify(&*verifier, &lie, &proof), Err(VerifyError::Unbound)));
    let rebound = [&forged.body[..32], &proof.body[32..]].concat();
    let rebound = Proof { body: rebound.into(), ..forged };
    assert!(matches!(verify(&*verifier, &lie, &rebound), Err(VerifyError::False(_))));
    let lie = with_wrong_output(&hashed, scene, &mut vault);
    assert!(verify(&Replay::default(), &lie, &liar::replayed(&lie)).is_err());

    // Another witness under the same commitments.
    for input in 0..truth.witness.inputs.len() {
        let mut lie = truth.clone();
        lie.witness.inputs[input] = bumped(&truth.witness.inputs[input]);
        assert!(matches!(prove(&spartan, &lie), Err(ProveError::Relation(_))));
        let forged = liar::spartan::sealed(&spartan, &lie);
        assert!(matches!(verify(&*verifier, &lie, &forged), Err(VerifyError::NotCommitted(_))));
    }
}

/// A program of one operation on small hidden tensors, its results public.
fn of(
    inputs: Vec<(Tensor, Interval)>,
    write: impl FnOnce(&mut Builder, &[ValueId]) -> Result<ValueId, ProgramError>,
) -> Scene {
    let mut b = Builder::new();
    let ids: Vec<ValueId> =
        inputs.iter().map(|(tensor, interval)| b.input(tensor.shape(), *interval).unwrap()).collect();
    let out = write(&mut b, &ids).unwrap();
    b.output(out);
    let hidden = vec![true; inputs.len()];
    let inputs = inputs.into_iter().map(|(tensor, _)| tensor).collect();
    Scene { program: b.build().unwrap(), inputs, hidden, hidden_outputs: false }
}

fn small(name: &str, shape: &[u32]) -> (Tensor, Interval) {
    (numbers(name, shape, 50).unwrap(), Interval::symmetric(60))
}

#[test]
fn it_agrees_with_replay_on_every_operation() {
    let table = Table { first: -60, values: (0..121).map(|at| at * at).collect() };
    let divisors = (Tensor::vector(vec![1, 7, 60]), Interval { lo: 1, hi: 60 });
    let mut indexed =
        of(vec![small("a", &[3, 2]), (Tensor::vector(vec![2, 0, 2]), Interval { lo: 0, hi: 2 })], |b, v| {
            let index = b.slice(v[1], 1, &[2])?;
            b.gather(v[0], index)
        });
    indexed.hidden[1] = false;
    let scenes = [
        of(vec![small("a", &[4, 3]), small("b", &[3, 5])], |b, v| b.einsum("ij,jk->ik", v[0], v[1])),
        of(vec![small("a", &[2, 3, 4]), small("b", &[2, 4, 3])], |b, v| b.einsum("bij,bjk->bik", v[0], v[1])),
        of(vec![small("a", &[2, 3]), small("b", &[3])], |b, v| {
            let sum = b.add(v[0], v[1])?;
            let gap = b.sub(sum, v[0])?;
            let scaled = b.scale(gap, -7)?;
            b.sum(scaled, 0)
        }),
        of(vec![small("a", &[5])], |b, v| b.rescale(v[0], 3)),
        of(vec![small("a", &[5])], |b, v| b.op(Op::Relu(v[0]))),
        of(vec![small("a", &[5]), small("b", &[5])], |b, v| b.mask(v[0], v[1])),
        of(vec![small("a", &[6])], |b, v| b.clamp(v[0], Interval { lo: -9, hi: 20 })),
        of(vec![small("a", &[4]), small("a", &[4])], |b, v| b.compare(v[0], Comparison::Equal, v[1])),
        of(vec![small("a", &[4]), small("b", &[4])], |b, v| b.compare(v[0], Comparison::AtMost, v[1])),
        of(vec![small("a", &[2, 4])], |b, v| b.op(Op::Argmax(v[0]))),
        of(vec![small("a", &[2, 4])], |b, v| b.op(Op::RowMax(v[0]))),
        of(vec![small("a", &[4])], |b, v| b.lookup(v[0], &table)),
        of(vec![small("a", &[3]), divisors], |b, v| b.divide(v[0], v[1])),
        of(vec![small("a", &[2, 3]), small("b", &[2])], |b, v| {
            let flat = b.reshape(v[0], &[6])?;
            let part = b.slice(flat, 1, &[4])?;
            b.concat(&[part, v[1]])
        }),
        indexed,
    ];
    for scene in scenes {
        agree(&scene);
    }
}

#[test]
fn models_chain_from_proof_to_proof() {
    let scene = Scene::linear(3, 4).unwrap();
    let mut vault = Vault::new();
    let first = scene.sealed(&mut vault).unwrap();
    let run = bitneuron_core::exact::execute(&scene.program, &scene.inputs).unwrap();
    let inputs = [vec![run.outputs()[0].clone()], scene.inputs[1..].to_vec()].concat();
    let mut second = Scene { inputs, ..scene }.sealed(&mut vault).unwrap();
    // What the first step committed to is what the second begins with.
    second.public.inputs[0] = first.public.outputs[0].clone();
    second.witness.seeds.extend(&first.witness.seeds);
    let spartan = Spartan::new(Arc::new(vault));
    for case in [first, second] {
        verify(&spartan, &case, &prove(&spartan, &case).unwrap()).unwrap();
    }
}

#[test]
fn what_it_cannot_do_is_refused_by_name() {
    fn reason(result: Result<Proof, ProveError>) -> SpartanError {
        match result {
            Err(ProveError::Rule(why)) => *why.downcast::<SpartanError>().unwrap(),
            other => unreachable!("{other:?}"),
        }
    }
    let scene = of(vec![small("a", &[3])], |b, v| b.op(Op::Order(v[0])));
    let (spartan, vault, case) = sealed(&scene);
    assert!(matches!(reason(prove(&spartan, &case)), SpartanError::Unsupported(_)));
    // Commitments by hash are not half proved.
    let hashed = scene.hashed().unwrap();
    assert_eq!(reason(prove(&spartan, &hashed)), SpartanError::Scheme(Commitment::BLAKE3_MERKLE));
    let proof = liar::spartan::sealed(&spartan, &hashed);
    assert!(matches!(verify(&spartan, &hashed, &proof), Err(VerifyError::Rule(_))));
    // Who has no seed proves nothing.
    let (_, _, case) = sealed(&of(vec![small("a", &[3])], |b, v| b.rescale(v[0], 1)));
    let empty = Spartan::default();
    assert!(matches!(reason(prove(&empty, &case)), SpartanError::Sealed(_)));
    // A hidden index would need another circuit.
    let mut hidden =
        of(vec![small("a", &[3, 2]), (Tensor::vector(vec![1]), Interval { lo: 0, hi: 2 })], |b, v| {
            b.gather(v[0], v[1])
        });
    hidden.hidden[1] = true;
    let (spartan, _, case) = sealed(&hidden);
    assert!(matches!(reason(prove(&spartan, &case)), SpartanError::Unsupported(_)));
    assert!(format!("{vault:?}").contains("Commitment"));
}

#[test]
fn a_public_input_out_of_range_is_refused_in_the_clear() {
    let mut scene = of(vec![small("a", &[3])], |b, v| b.rescale(v[0], 1));
    scene.hidden[0] = false;
    let (spartan, _, mut case) = sealed(&scene);
    case.public.inputs[0] = Bound::Public(Tensor::vector(vec![61, 0, 0]));
    assert!(prove(&spartan, &case).is_err());
    let forged = liar::spartan::sealed(&spartan, &case);
    assert!(verify(&spartan, &case, &forged).is_err());
    // A proof in range, shown for what is not.
    let (_, _, honest) = sealed(&scene);
    let bound = bitneuron_zk::binding::<Executed>(Backend::SPARTAN, &case.context, &case.public);
    let mut proof = prove(&spartan, &honest).unwrap();
    proof.body.0.splice(..32, bound.0);
    assert!(matches!(verify(&spartan, &case, &proof), Err(VerifyError::False(_))));
    // Tensors of another shape state nothing true.
    case.public.inputs[0] = Bound::Public(Tensor::vector(vec![0; 4]));
    let bound = bitneuron_zk::binding::<Executed>(Backend::SPARTAN, &case.context, &case.public);
    proof.body.0.splice(..32, bound.0);
    assert!(matches!(verify(&spartan, &case, &proof), Err(VerifyError::False(_))));
}

#[test]
fn commitments_hide_and_bind() {
    let tensor = numbers("t", &[3000], 1 << 20).unwrap();
    let seed = Seed::from_number(1);
    let commitment = spartan::commit(&tensor, seed);
    assert_eq!(commitment, spartan::commit(&tensor, seed));
    assert_ne!(commitment, spartan::commit(&tensor, Seed::from_number(2)));
    assert_ne!(commitment, spartan::commit(&bumped(&tensor), seed));
    let shaped = Tensor::new(&[3, 1000], tensor.data().to_vec()).unwrap();
    assert_ne!(commitment, spartan::commit(&shaped, seed));
    assert_eq!(commitment.scheme, spartan::SCHEME);
    // Golden: the form of commitments is agreed.
    let known = spartan::commit(&Tensor::vector(vec![1, -2, 3]), Seed::from_number(9));
    assert_eq!(known.root.to_string()[..16], *"7f749105b66bf110");
}

#[test]
fn proofs_are_fresh_and_say_what_they_are_worth() {
    let (spartan, _, case) = sealed(&Scene::norm_bound(3, 1 << 30).unwrap());
    let (one, other) = (prove(&spartan, &case).unwrap(), prove(&spartan, &case).unwrap());
    assert_ne!(one, other);
    assert!(!Prover::<Executed>::reproducible(&spartan));
    let guarantees = Verifier::<Executed>::guarantees(&spartan, &case.public);
    assert_eq!(guarantees.zero_knowledge, ZeroKnowledge::Full);
    assert_eq!(guarantees.soundness.under, Assumption::DiscreteLogarithm);
    assert_eq!(guarantees.contradiction(), None);
    assert!(!guarantees.post_quantum && !guarantees.succinct && !guarantees.trusted_setup);
    // Nothing but the binding, the lengths and the commitments is the same in both.
    let same = one.body.iter().zip(&other.body[..]).filter(|(one, other)| one == other).count();
    assert!(same < 1500, "{same} of {}", one.body.len());
}

#[test]
fn a_foreign_program_is_bounded() {
    let mut b = Builder::new();
    let x = b.input(&[1 << 20], Interval::symmetric(1)).unwrap();
    let y = b.add(x, x).unwrap();
    let z = b.add(y, y).unwrap();
    b.output(z);
    let program: Program = b.build().unwrap();
    let commitment = Commitment { scheme: spartan::SCHEME, root: Digest::ZERO };
    let public = Executed {
        program,
        inputs: vec![Bound::Hidden(commitment)],
        outputs: vec![Bound::Hidden(commitment)],
    };
    let refused = Spartan::default().constraints::<Executed>(&public);
    assert!(matches!(refused, Err(ProveError::Rule(_))));
    assert!(Verifier::<Executed>::gas(&Spartan::default(), &public) > 0);
}
