//! The corpus under sumcheck: what is true is proved, what is false is not believed, whoever makes the proof.
#![cfg(feature = "sumcheck")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_core::exact::{Binding, Relation, Tensor, execute};
use bitneuron_core::{ChainId, Context, Digest, Height, NodeId, Seed};
use bitneuron_zk::Library;
use bitneuron_zk::backend::sumcheck::forge::Tamper;
use bitneuron_zk::backend::sumcheck::{Geometry, Sumcheck};
use bitneuron_zk::suite::{Example, corpus, lies};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn context() -> Context {
    Context {
        chain: ChainId(Digest([3; 32])),
        height: Height(4),
        by: NodeId([5; 32]),
        subject: Digest([6; 32]),
    }
}

fn backend() -> Sumcheck {
    Sumcheck::new(Geometry { rows: 10, openings: 4, ..Geometry::TINY }, Arc::new(Library::new())).unwrap()
}

/// The relation with everything that was committed by Merkle trees committed in groups; `outputs` are the tensors stated.
fn grouped(backend: &Sumcheck, relation: &Relation, witness: &[Tensor], outputs: &[Tensor]) -> Relation {
    let mut seed = 0;
    let mut commit = |tensor: &Tensor| {
        seed += 1;
        Binding::Committed(backend.commit(&[tensor], &context(), Seed::from_number(seed)).unwrap()[0])
    };
    let mut witness = witness.iter();
    let inputs = relation.inputs.iter().map(|binding| match binding {
        Binding::Public(_) => binding.clone(),
        Binding::Committed(_) => commit(witness.next().unwrap()),
    });
    let inputs = inputs.collect();
    let outputs = relation.outputs.iter().zip(outputs).map(|(binding, tensor)| match binding {
        Binding::Public(_) => binding.clone(),
        Binding::Committed(_) => commit(tensor),
    });
    Relation { program: relation.program.clone(), inputs, outputs: outputs.collect() }
}

fn outputs(relation: &Relation, witness: &[Tensor]) -> Option<Vec<Tensor>> {
    let inputs = relation.assemble(witness.to_vec()).ok()?;
    let run = execute(&relation.program, &inputs).ok()?;
    Some(run.outputs().into_iter().cloned().collect())
}

fn hidden(example: &Example) -> (Sumcheck, Relation) {
    let backend = backend();
    let outputs = outputs(&example.relation, &example.witness).unwrap();
    let relation = grouped(&backend, &example.relation, &example.witness, &outputs);
    (backend, relation)
}

#[test]
fn everything_true_is_proved() {
    for example in corpus() {
        let (backend, relation) = hidden(&example);
        let proof = backend
            .prove_relation(&context(), &relation, example.witness.clone(), Seed::from_number(1))
            .unwrap_or_else(|error| panic!("{}: {error}", example.name));
        backend
            .verify_relation(&context(), &relation, &proof)
            .unwrap_or_else(|error| panic!("{}: {error}", example.name));
    }
}

/// How many of an example's lies are told.
const LIES: usize = 4;
/// How many cells of each kind are tampered with.
const CELLS: usize = 8;

#[test]
fn nothing_false_is_proved_and_no_forged_proof_of_it_is_believed() {
    let mut forged = 0;
    for example in corpus() {
        // Some of each example's lies, from all over the list: Replay is told every one.
        let lies = lies(&example);
        let step = lies.len().div_ceil(LIES).max(1);
        for (lie, relation, witness) in lies.into_iter().step_by(step) {
            let backend = backend();
            let another = lie.contains("another witness");
            let held = if another { &example.witness } else { &witness };
            let honest = outputs(&example.relation, &example.witness).unwrap();
            let name = format!("{}: {lie}", example.name);
            // A committed output of a lie is one off.
            let stated: Vec<Tensor> = relation
                .outputs
                .iter()
                .zip(&honest)
                .map(|(binding, tensor)| {
                    if binding.admits(tensor) {
                        return tensor.clone();
                    }
                    let mut data = tensor.data().to_vec();
                    data[0] += 1;
                    Tensor::new(tensor.shape(), data).unwrap()
                })
                .collect();
            let relation = grouped(&backend, &relation, held, &stated);
            let seed = Seed::from_number(1);
            assert!(backend.prove_relation(&context(), &relation, witness.clone(), seed).is_err(), "{name}");
            let Ok(Some(proof)) = backend.forge(&context(), &relation, witness, None, seed) else { continue };
            forged += 1;
            assert!(backend.verify_relation(&context(), &relation, &proof).is_err(), "{name}");
        }
    }
    assert!(forged > 100, "{forged}");
}

/// The first word of a hint: its kind.
fn kind(hint: &str) -> String {
    hint.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn every_kind_of_cell_is_held_to_its_value() {
    // The library's prover stops loudly where fractions do not cancel.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut shown, mut stopped, mut accepted) = (0, 0, Vec::new());
    let mut tampered: BTreeMap<String, usize> = BTreeMap::new();
    for example in corpus() {
        let (backend, relation) = hidden(&example);
        let mut seen = BTreeSet::new();
        for (node, (hint, elements)) in backend.own_cells(&relation).unwrap().iter().enumerate() {
            // What stands in for the inverse of 0 is free, and nothing depends on it.
            let times = tampered.entry(kind(hint)).or_default();
            if kind(hint) == "Inverse" || *times == CELLS || !seen.insert(kind(hint)) {
                continue;
            }
            *times += 1;
            for (element, by, thorough) in [(0, 1, true), (elements - 1, -1, false)] {
                // One opening for each forgery.
                let (backend, relation) = hidden(&example);
                let tamper = Tamper { node, element, by, thorough };
                let seed = Seed::from_number(2);
                let forged = backend
                    .forge(&context(), &relation, example.witness.clone(), Some(tamper), seed)
                    .unwrap();
                let Some(proof) = forged else {
                    stopped += 1;
                    continue;
                };
                shown += 1;
                if backend.verify_relation(&context(), &relation, &proof).is_ok() {
                    accepted.push(format!("{}: {hint} {tamper:?}", example.name));
                }
            }
        }
    }
    drop(std::panic::take_hook());
    assert_eq!(accepted, Vec::<String>::new());
    assert!(shown > 60, "{shown} shown, {stopped} stopped");
}
