//! A part of a program computes what the whole computes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bitneuron_core::Seed;
use bitneuron_core::exact::programs::{Mlp, step, step::Training};
use bitneuron_core::exact::{Program, ProgramError, Run, Tensor, ValueId, execute};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Two steps of a small model, run once.
fn steps() -> (Program, Run) {
    let mlp = Mlp::new(&[5, 4, 3]).unwrap();
    let program =
        step::sgd(&mlp, 6, Training { steps: 2, batch: 4, rate_shift: 2, ..Training::default() }).unwrap();
    let numbers = |count: i64, modulus: i64| (0..count).map(move |at| (at * 37 + 11) % modulus).collect();
    let inputs: Vec<Tensor> = program
        .inputs()
        .iter()
        .enumerate()
        .map(|(place, input)| {
            let count = input.shape.iter().product::<u32>().into();
            let model = mlp.init(Seed::from_number(1)).tensor();
            let most = input.interval.hi.min(200) + 1;
            if place == 0 { model } else { Tensor::new(&input.shape, numbers(count, most)).unwrap() }
        })
        .collect();
    let run = execute(&program, &inputs).unwrap();
    (program, run)
}

proptest! {
    #[test]
    fn a_part_computes_what_the_whole_computes(
        targets in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        given in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let (program, run) = steps();
        let id = |at: &prop::sample::Index| ValueId(at.index(run.values().len()) as u32);
        let targets: Vec<ValueId> = targets.iter().map(id).collect();
        let given: BTreeSet<ValueId> = given.iter().map(id).collect();
        let slice = program.slice(&targets, &given).unwrap();
        prop_assert!(slice.inputs.iter().all(|input| given.contains(input) || (input.0 as usize) < program.inputs().len()));
        let inputs: Vec<Tensor> = slice.inputs.iter().map(|id| run.values()[id.0 as usize].clone()).collect();
        let part = execute(&slice.program, &inputs).unwrap();
        let expected: Vec<&Tensor> = targets.iter().map(|id| &run.values()[id.0 as usize]).collect();
        prop_assert_eq!(part.outputs(), expected);
        prop_assert!(slice.program.gas() <= program.gas());
    }
}

#[test]
fn nothing_more_than_needed_is_in_a_part() {
    let (program, run) = steps();
    let all: BTreeSet<ValueId> = (0..run.values().len() as u32).map(ValueId).collect();
    for (at, node) in program.nodes().iter().enumerate() {
        let id = ValueId((program.inputs().len() + at) as u32);
        let others: BTreeSet<ValueId> = all.iter().copied().filter(|other| *other != id).collect();
        let slice = program.slice(&[id], &others).unwrap();
        assert_eq!(slice.program.nodes().len(), 1, "one operation");
        assert_eq!(
            slice.inputs,
            node.op.operands().into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        );
    }
    let passed = program.slice(&[ValueId(20)], &all).unwrap();
    assert_eq!((passed.inputs, passed.program.nodes().len()), (vec![ValueId(20)], 0));
    let missing = ValueId(run.values().len() as u32);
    assert_eq!(program.slice(&[missing], &all).unwrap_err(), ProgramError::Missing(missing));
}
