//! Proofs by sumcheck: programs, one operation at a time and together.
#![cfg(feature = "sumcheck")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_core::exact::{Binding, Builder, Interval, Program, Relation, Tensor, execute};
use bitneuron_core::{ChainId, Context, Digest, Height, NodeId, Seed};
use bitneuron_zk::Library;
use bitneuron_zk::backend::sumcheck::{Geometry, Sumcheck};
use std::sync::Arc;

fn context() -> Context {
    Context {
        chain: ChainId(Digest([3; 32])),
        height: Height(4),
        by: NodeId([5; 32]),
        subject: Digest([6; 32]),
    }
}

/// Everything committed: inputs each in a group of their own, outputs too.
fn hidden(backend: &Sumcheck, program: &Program, inputs: &[Tensor]) -> Relation {
    let run = execute(program, inputs).unwrap();
    let mut seed = 0;
    let mut commit = |tensor: &Tensor| {
        seed += 1;
        Binding::Committed(backend.commit(&[tensor], &context(), Seed::from_number(seed)).unwrap()[0])
    };
    Relation {
        program: program.clone(),
        inputs: inputs.iter().map(&mut commit).collect(),
        outputs: run.outputs().into_iter().map(&mut commit).collect(),
    }
}

#[test]
fn a_matrix_product_is_proved() {
    let mut b = Builder::new();
    let x = b.input(&[3, 5], Interval::symmetric(100)).unwrap();
    let w = b.input(&[5, 2], Interval::symmetric(100)).unwrap();
    let z = b.einsum("ik,kj->ij", x, w).unwrap();
    let z = b.rescale(z, 3).unwrap();
    b.output(z);
    let program = b.build().unwrap();
    let backend = Sumcheck::new(Geometry::TINY, Arc::new(Library::new())).unwrap();
    let inputs = [
        Tensor::new(&[3, 5], (0..15).map(|i| i * 7 % 31 - 15).collect()).unwrap(),
        Tensor::new(&[5, 2], (0..10).map(|i| i * 5 % 23 - 11).collect()).unwrap(),
    ];
    let relation = hidden(&backend, &program, &inputs);
    let proof = backend.prove_relation(&context(), &relation, inputs.to_vec(), Seed::from_number(1)).unwrap();
    println!("{} bytes", proof.body.len());
    backend.verify_relation(&context(), &relation, &proof).unwrap();
}
